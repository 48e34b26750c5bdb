//! Networks that were trained on photographs: how they do on photographs, and whether the in-world
//! evaluators agree with them on renderings.

use std::fs;
use std::path::PathBuf;

use candle_core::Device;
use ffrun::data::heads::{Still, stills};
use ffrun::metrics::agreement::rank_correlation;
use ffrun::metrics::observation::FaceSeen;
use ffrun::metrics::separation;
use ffrun::spec::FacesSpec;
use ffrun::stages::evaluators::{Evaluators, Recognition};
use ffrun::vision::{FaceReader, Options, Shelf};
use ffrun_models::eval::picture::Picture;
use ffrun_models::rotation::{Euler, geodesic_angle};

/// A detector, two recognisers that are no ArcFace and no CurricularFace of any pack, and a pose
/// estimator.
const NETWORKS: [&str; 4] = ["yunet", "mobileface_v2", "faceres_vggface2", "head_pose_adas"];
/// The recognisers among them.
const RECOGNISERS: [&str; 2] = ["mobileface_v2", "faceres_vggface2"];
/// Recognisers of the embedded world.
const IN_WORLD: [(&str, Recognition); 2] = [
    ("in-world ArcFace", Recognition::ArcFace),
    ("in-world CurricularFace", Recognition::CurricularFace),
];

fn assets(folder: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/assets").join(folder);
    if !path.exists() {
        eprintln!("skipped: `{}` is absent", path.display());
        return None;
    }
    Some(path)
}

fn reader() -> Option<FaceReader> {
    let shelf = Shelf::open(Some(&assets("models")?)).unwrap();
    let networks = shelf.networks(&NETWORKS.map(str::to_owned)).unwrap();
    Some(FaceReader::new(&networks, Options::default()).unwrap())
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot =
        |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(x, y)| f64::from(x * y)).sum() };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Cosines of all pairs of vectors.
fn similarities(vectors: &[Vec<f32>]) -> Vec<f64> {
    let pairs = (0..vectors.len()).flat_map(|i| (i + 1..vectors.len()).map(move |j| (i, j)));
    pairs.map(|(i, j)| cosine(&vectors[i], &vectors[j])).collect()
}

/// Heads of 20 unseen people, turned up to `yaw_deg`.
fn heads(yaw_deg: f64) -> Vec<Still> {
    let spec = FacesSpec {
        split: "test".into(),
        identities: 20,
        views: 3,
        size_px: 128,
        world: 0,
        yaw_least_deg: 0.0,
        yaw_deg,
        pitch_deg: yaw_deg / 3.0,
        roll_deg: 10.0,
        expression: 0.6,
        occlusion: 0.0,
        surroundings: "per_view".into(),
        pose_grid: false,
    };
    stills(&spec).unwrap().stills
}

/// The agreement of identities is weak, and printed beside how the recognisers of photographs agree
/// among themselves: an in-world similarity says who of the embedded people is seen, and little about
/// how alike two of them would look to a network of photographs.
#[test]
fn in_world_evaluators_agree_with_networks_of_photographs() {
    let Some(mut reader) = reader() else { return };
    let evaluators = Evaluators::shipped(&Device::Cpu).unwrap();
    for yaw_deg in [20.0, 60.0] {
        let drawn = heads(yaw_deg);
        let mut read = |still: &Still| {
            let picture = Picture::new([128, 128], still.pixels.clone()).unwrap();
            reader.read(&picture).unwrap().face
        };
        let faces: Vec<(&Still, FaceSeen)> =
            drawn.iter().filter_map(|still| Some((still, read(still)?))).collect();
        eprintln!("up to {yaw_deg} degrees YuNet finds {} of {} heads", faces.len(), drawn.len());
        assert!(faces.len() * 10 >= drawn.len() * 9);
        for (name, by) in IN_WORLD {
            for (recogniser, found) in agreement(&evaluators, by, &faces) {
                eprintln!("{name} and {recogniser}: rank correlation {found:.2} of similarities");
                assert!(found > 0.1, "{name} {recogniser} {found}");
            }
        }
        let [a, b] = RECOGNISERS.map(|recogniser| of_photographs(recogniser, &faces));
        let found = rank_correlation(&a, &b).unwrap();
        eprintln!("the recognisers of photographs among themselves: {found:.2}");
        let mean = degrees_apart(&evaluators, &faces);
        eprintln!("in-world pose and adas: {mean:.1} degrees apart");
        assert!(mean < 15.0, "{mean}");
    }
}

fn pixels(faces: &[(&Still, FaceSeen)]) -> Vec<u8> {
    faces.iter().flat_map(|(still, _)| still.pixels.clone()).collect()
}

/// Rank correlations of similarities with those of each recogniser of photographs.
fn agreement(
    evaluators: &Evaluators,
    by: Recognition,
    faces: &[(&Still, FaceSeen)],
) -> [(&'static str, f64); 2] {
    let ours = evaluators.recognise(by, &pixels(faces), 128).unwrap();
    let ours = similarities(&ours.to_vec2::<f32>().unwrap());
    RECOGNISERS.map(|recogniser| {
        let theirs = of_photographs(recogniser, faces);
        (recogniser, rank_correlation(&ours, &theirs).unwrap())
    })
}

/// Similarities by a recogniser of photographs.
fn of_photographs(recogniser: &str, faces: &[(&Still, FaceSeen)]) -> Vec<f64> {
    let vectors: Vec<Vec<f32>> =
        faces.iter().map(|(_, face)| face.embeddings[recogniser].clone()).collect();
    similarities(&vectors)
}

/// Mean angle between the poses that both pose estimators read.
fn degrees_apart(evaluators: &Evaluators, faces: &[(&Still, FaceSeen)]) -> f64 {
    let seen = evaluators.pose(&pixels(faces), 128).unwrap();
    let angles: Vec<f64> = faces
        .iter()
        .zip(&seen)
        .filter_map(|((_, face), seen)| {
            let theirs = Euler::from_degrees(face.pitch_yaw_roll_deg?).to_rotation();
            Some(geodesic_angle(&theirs, &seen.rotation).to_degrees())
        })
        .collect();
    angles.iter().sum::<f64>() / angles.len() as f64
}

/// A photograph of the CMU faces: who, looking where.
struct Photograph {
    person: String,
    direction: &'static str,
    picture: Picture,
}

/// One photograph of each person in each of four directions, without sunglasses.
fn photographs() -> Option<Vec<Photograph>> {
    let folder = assets("data/cmu_faces")?;
    let mut people: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    people.sort();
    let mut photographs = Vec::new();
    for folder in people.iter().filter(|path| path.is_dir()) {
        let person = folder.file_name().unwrap().to_string_lossy().into_owned();
        for direction in ["straight", "left", "right", "up"] {
            let path = folder.join(format!("{person}_{direction}_neutral_open.pgm"));
            if let Ok(bytes) = fs::read(path) {
                let (person, picture) = (person.clone(), grey(&bytes));
                photographs.push(Photograph { person, direction, picture });
            }
        }
    }
    Some(photographs)
}

/// A binary PGM of at most 255: two sides and the largest value as text, then a byte a pixel.
fn grey(bytes: &[u8]) -> Picture {
    let mut rest = bytes.strip_prefix(b"P5").unwrap();
    let mut number = || {
        let start = rest.iter().position(u8::is_ascii_digit).unwrap();
        let end = start + rest[start..].iter().position(u8::is_ascii_whitespace).unwrap();
        let number: usize = std::str::from_utf8(&rest[start..end]).unwrap().parse().unwrap();
        rest = &rest[end..];
        number
    };
    let (width, height, _) = (number(), number(), number());
    let values = rest[1..].iter().flat_map(|&value| [value; 3]).collect();
    Picture::new([height, width], values).unwrap()
}

#[test]
fn networks_of_photographs_know_photographs() {
    let (Some(mut reader), Some(photographs)) = (reader(), photographs()) else { return };
    let mut seen: Vec<(&Photograph, FaceSeen)> = Vec::new();
    for photograph in &photographs {
        seen.extend(reader.read(&photograph.picture).unwrap().face.map(|face| (photograph, face)));
    }
    eprintln!("YuNet finds {} of {} photographed faces", seen.len(), photographs.len());
    assert!(seen.len() * 10 >= photographs.len() * 8);
    for recogniser in RECOGNISERS {
        let (mut genuine, mut impostor) = (Vec::new(), Vec::new());
        for (i, (first, a)) in seen.iter().enumerate() {
            for (second, b) in &seen[i + 1..] {
                let like = cosine(&a.embeddings[recogniser], &b.embeddings[recogniser]) as f32;
                if first.person == second.person { &mut genuine } else { &mut impostor }.push(like);
            }
        }
        let auc = separation(&genuine, impostor).unwrap();
        eprintln!("{recogniser}: AUC {auc:.3} on photographs of 20 people in 4 directions");
        assert!(auc > 0.7, "{recogniser} {auc}");
    }
    let mean = |direction: &str, angle: usize| {
        let of = seen.iter().filter(|(photograph, _)| photograph.direction == direction);
        let angles: Vec<f64> =
            of.filter_map(|(_, face)| Some(face.pitch_yaw_roll_deg?[angle])).collect();
        angles.iter().sum::<f64>() / angles.len() as f64
    };
    let (pitch, yaw) = (0, 1);
    let found = [mean("left", yaw), mean("straight", yaw), mean("right", yaw), mean("up", pitch)];
    eprintln!("adas reads yaw left, straight, right and pitch up as {found:.0?} degrees");
    // A person's own left is to the right of the image, which is where yaw grows to.
    assert!(found[0] > 25.0 && found[2] < -25.0 && found[1].abs() < 15.0, "{found:?}");
    assert!(found[3] > mean("straight", pitch) + 8.0, "{found:?}");
}
