//! Frames a second of finding, aligning and embedding faces, on one thread, beside Python with
//! onnxruntime on the same networks and frames:
//!
//! ```text
//! cargo bench --bench vision -- --weights DIR --networks yunet,mobileface_v2 \
//!     --peer "python3 benches/vision_peer.py"
//! ```
//!
//! Both sides run in turn, for several rounds, on one thread each. The time of a frame is that
//! thread's CPU time, the least of all rounds: on a busy machine the round least disturbed. Reading
//! frames from disk is timed on neither side.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use cpu_time::ThreadTime;
use ffrun::data::heads::stills;
use ffrun::spec::FacesSpec;
use ffrun::vision::{FaceReader, Networks, Options, Shelf};
use ffrun_models::eval::picture::Picture;
use serde_json::json;

/// Measures how fast faces are read.
#[derive(Parser)]
struct Arguments {
    /// Folder of the networks.
    #[arg(long)]
    weights: PathBuf,
    /// Names of networks: a YuNet, and recognisers that are ONNX files.
    #[arg(long, value_delimiter = ',', default_value = "yunet,mobileface_v2")]
    networks: Vec<String>,
    /// Pictures to read; rendered heads without.
    #[arg(long, num_args = 1..)]
    frames: Vec<PathBuf>,
    /// Heads to render.
    #[arg(long, default_value_t = 24)]
    heads: usize,
    /// Rounds of each side.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Command of the other side, to be run in turn with ours.
    #[arg(long)]
    peer: Option<String>,
    /// Given by `cargo bench`; without a meaning here.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What one side found, and the least CPU time of each frame in seconds.
struct Side {
    seconds: Vec<f64>,
    /// The vectors of all recognisers end to end; empty without a face.
    vectors: Vec<Vec<f32>>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    // As `ffrun eval` does it: frames are read by a thread of the pool, which hands nothing over.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    Ok(pool.install(|| compare(&arguments).map_err(|error| error.to_string()))?)
}

fn compare(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let shelf = Shelf::open(Some(&arguments.weights))?;
    let mut networks = shelf.networks(&arguments.networks)?;
    // Only what the other side runs too.
    (networks.pose, networks.features, networks.clip) = (None, None, None);
    let frames = frames(arguments)?;
    let folder = tempfile::tempdir()?;
    let job = job(&networks, &frames, folder.path())?;
    let mut reader = FaceReader::new(&networks, Options::default())?;
    let (mut ours, mut theirs) = (None, None);
    for _ in 0..arguments.rounds.max(1) {
        ours = Some(better(ours, read(&mut reader, &frames)?));
        if let Some(peer) = &arguments.peer {
            theirs = Some(better(theirs, run_peer(peer, &job)?));
        }
    }
    let ours = ours.ok_or("no round")?;
    print("ours", &ours);
    if let Some(theirs) = theirs {
        print("peer", &theirs);
        let ratio = theirs.seconds.iter().sum::<f64>() / ours.seconds.iter().sum::<f64>();
        println!(
            "ratio {ratio:.3} frames a second; least cosine {:.5}",
            agreement(&ours, &theirs)?
        );
    }
    Ok(())
}

fn frames(arguments: &Arguments) -> Result<Vec<Picture>, Box<dyn Error>> {
    let mut frames = vec![];
    for path in &arguments.frames {
        let picture = image::open(path)?.to_rgb8();
        let size = [picture.height() as usize, picture.width() as usize];
        frames.push(Picture::new(size, picture.into_raw())?);
    }
    if !frames.is_empty() {
        return Ok(frames);
    }
    let spec = FacesSpec {
        split: "test".into(),
        identities: arguments.heads,
        views: 1,
        size_px: 256,
        world: 1,
        yaw_deg: 30.0,
        yaw_least_deg: 0.0,
        pitch_deg: 15.0,
        roll_deg: 10.0,
        expression: 0.3,
        occlusion: 0.0,
        surroundings: "per_view".into(),
        pose_grid: false,
    };
    for still in stills(&spec)?.stills {
        frames.push(Picture::new([256, 256], still.pixels)?);
    }
    Ok(frames)
}

/// Writes the frames and what the other side must know, and gives the file that says so.
fn job(networks: &Networks, frames: &[Picture], folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let mut files = vec![];
    for (at, frame) in frames.iter().enumerate() {
        let path = folder.join(format!("{at}.rgb"));
        fs::write(&path, frame.values())?;
        files.push(json!({ "path": path, "size": frame.size() }));
    }
    let mut recognisers = vec![];
    for network in &networks.recognisers {
        let input = network.card.input.ok_or("a recogniser without `[input]`")?;
        let aligned = input.aligned.ok_or("a recogniser without `[input.aligned]`")?;
        recognisers.push(json!({
            "path": network.path,
            "side": input.side_px,
            "zoom": aligned.zoom,
            "bgr": format!("{:?}", input.order) == "Bgr",
            "mean": input.mean,
            "deviation": input.deviation,
            "output": network.card.output,
        }));
    }
    let path = folder.join("job.json");
    let job = json!({
        "detector": networks.detector.path, "recognisers": recognisers, "frames": files,
    });
    fs::write(&path, job.to_string())?;
    Ok(path)
}

fn read(reader: &mut FaceReader, frames: &[Picture]) -> Result<Side, Box<dyn Error>> {
    let (mut seconds, mut vectors) = (vec![], vec![]);
    let names: Vec<String> = reader.recognisers().map(str::to_owned).collect();
    for frame in frames {
        let start = ThreadTime::now();
        let seen = reader.read(frame)?;
        seconds.push(start.elapsed().as_secs_f64());
        let vector = seen.face.map(|face| {
            names.iter().flat_map(|name| face.embeddings[name].clone()).collect::<Vec<f32>>()
        });
        vectors.push(vector.unwrap_or_default());
    }
    Ok(Side { seconds, vectors })
}

fn run_peer(command: &str, job: &Path) -> Result<Side, Box<dyn Error>> {
    let mut words = command.split_whitespace();
    let program = words.next().ok_or("`--peer` names no program")?;
    let output = Command::new(program).args(words).arg(job).output()?;
    if !output.status.success() {
        return Err(format!("the peer failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let result: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let seconds = serde_json::from_value(result["seconds"].clone())?;
    Ok(Side { seconds, vectors: serde_json::from_value(result["vectors"].clone())? })
}

fn better(best: Option<Side>, side: Side) -> Side {
    let Some(best) = best else { return side };
    let seconds = best.seconds.iter().zip(&side.seconds).map(|(a, b)| a.min(*b)).collect();
    Side { seconds, ..side }
}

fn print(name: &str, side: &Side) {
    let (count, seconds) = (side.seconds.len() as f64, side.seconds.iter().sum::<f64>());
    let found = side.vectors.iter().filter(|vector| !vector.is_empty()).count();
    println!(
        "{name}  {:8.1} frames/s  {:6.3} ms a frame  {found} faces in {count} frames",
        count / seconds,
        seconds / count * 1e3
    );
}

/// The least cosine between what both sides found in a frame; an error where only one found a face.
fn agreement(ours: &Side, theirs: &Side) -> Result<f32, Box<dyn Error>> {
    let mut least = 1.0f32;
    for (at, (a, b)) in ours.vectors.iter().zip(&theirs.vectors).enumerate() {
        if a.len() != b.len() {
            return Err(format!("frame {at}: {} numbers against {}", a.len(), b.len()).into());
        }
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
        if !a.is_empty() {
            least = least.min(dot(a, b) / (dot(a, a) * dot(b, b)).sqrt());
        }
    }
    Ok(least)
}
