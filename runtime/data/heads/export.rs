//! Writing pictures and their labels to a folder.

use std::path::{Path, PathBuf};

use image::RgbImage;
use rayon::prelude::*;

use super::clip::Clip;
use super::error::HeadsError;
use super::label::Label;
use super::still::{Faces, Still};

/// Columns that describe one picture, after those that name it.
const COLUMNS: [&str; 20] = [
    "yaw_deg",
    "pitch_deg",
    "roll_deg",
    "box_x",
    "box_y",
    "box_w",
    "box_h",
    "eye_left_x",
    "eye_left_y",
    "eye_right_x",
    "eye_right_y",
    "nose_x",
    "nose_y",
    "mouth_left_x",
    "mouth_left_y",
    "mouth_right_x",
    "mouth_right_y",
    "visible",
    "caption",
    "identity",
];

/// Writes `<identity>_<view>.png` for every still, and `labels.csv`, into a folder.
pub fn export_stills(faces: &Faces, out: &Path) -> Result<(), HeadsError> {
    create(out)?;
    let name = |index: usize| {
        let view = index % faces.views.max(1);
        format!("{}_{view:03}.png", faces.stills[index].label.identity)
    };
    (0..faces.stills.len()).into_par_iter().try_for_each(|index| {
        write_png(&faces.stills[index], faces.size_px, &out.join(name(index)))
    })?;
    let mut table = Table::create(out.join("labels.csv"), &["file"])?;
    for (index, still) in faces.stills.iter().enumerate() {
        table.row(&[name(index)], &still.label)?;
    }
    table.finish()
}

/// Writes a folder of PNG frames for every clip, `frames.csv` (one line a frame), `clips.csv` (one
/// line a clip) and `videos.csv`, which `ffrun eval` reads, into a folder.
pub fn export_clips(clips: &[Clip], out: &Path) -> Result<(), HeadsError> {
    create(out)?;
    let folder = |index: usize| {
        let clip = &clips[index];
        format!("{index:04}_{}_{}", clip.identity, clip.family.name())
    };
    for (index, clip) in clips.iter().enumerate() {
        create(&out.join(folder(index)))?;
        clip.frames.par_iter().enumerate().try_for_each(|(number, frame)| {
            let path = out.join(folder(index)).join(format!("{number:04}.png"));
            write_png(frame, clip.size_px, &path)
        })?;
    }
    let mut frames = Table::create(out.join("frames.csv"), &["clip", "frame", "file"])?;
    let mut list = Table::open(out.join("clips.csv"))?;
    list.record(&["clip", "identity", "family", "frames", "fps", "caption"].map(str::to_owned))?;
    for (index, clip) in clips.iter().enumerate() {
        let name = folder(index);
        list.record(&[
            name.clone(),
            clip.identity.clone(),
            clip.family.name().to_owned(),
            clip.frames.len().to_string(),
            clip.fps.to_string(),
            clip.caption.clone(),
        ])?;
        for (number, frame) in clip.frames.iter().enumerate() {
            let file = format!("{name}/{number:04}.png");
            frames.row(&[name.clone(), number.to_string(), file], &frame.label)?;
        }
    }
    list.finish()?;
    frames.finish()?;
    videos(clips, out, &folder)
}

/// `videos.csv`, a list for `ffrun eval`: every clip with its caption, and as reference the frame of
/// another of the person's clips that shows the face best.
fn videos(clips: &[Clip], out: &Path, folder: &dyn Fn(usize) -> String) -> Result<(), HeadsError> {
    let mut list = Table::open(out.join("videos.csv"))?;
    list.record(&["method", "identity", "prompt", "video", "reference"].map(str::to_owned))?;
    for (index, clip) in clips.iter().enumerate() {
        let own = || (0..clips.len()).filter(|other| clips[*other].identity == clip.identity);
        let others = own().filter(|other| *other != index);
        let frames = |clip: usize| (0..clips[clip].frames.len()).map(move |frame| (clip, frame));
        let best = others.flat_map(frames).min_by(|a, b| {
            let hidden = |at: &(usize, usize)| hidden(&clips[at.0].frames[at.1]);
            hidden(a).total_cmp(&hidden(b))
        });
        let (shown, frame) = best.unwrap_or((index, 0));
        list.record(&[
            "filmed".to_owned(),
            clip.identity.clone(),
            clip.caption.clone(),
            folder(index),
            format!("{}/{frame:04}.png", folder(shown)),
        ])?;
    }
    list.finish()
}

/// How little a still shows of its face: degrees turned away, and a right angle more for a face that
/// is covered whole.
fn hidden(still: &Still) -> f32 {
    let label = &still.label;
    label.yaw_deg.abs() + label.pitch_deg.abs() + 90.0 * (1.0 - label.visible)
}

/// The labels of all stills as CSV, a line each in their order.
pub fn labels_csv(faces: &Faces) -> Result<Vec<u8>, HeadsError> {
    let failed = |reason: &dyn std::fmt::Display| fault("write", Path::new("labels.csv"), reason);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(|error| failed(&error))?;
    for still in &faces.stills {
        writer.write_record(fields(&still.label)).map_err(|error| failed(&error))?;
    }
    writer.into_inner().map_err(|error| failed(&error))
}

/// The picture of a still.
pub(crate) fn picture(still: &Still, size_px: usize) -> RgbImage {
    let side = size_px as u32;
    RgbImage::from_fn(side, side, |x, y| {
        let at = (y as usize * size_px + x as usize) * 3;
        image::Rgb([still.pixels[at], still.pixels[at + 1], still.pixels[at + 2]])
    })
}

fn write_png(still: &Still, size_px: usize, path: &Path) -> Result<(), HeadsError> {
    picture(still, size_px).save(path).map_err(|error| fault("write", path, &error))
}

fn create(folder: &Path) -> Result<(), HeadsError> {
    std::fs::create_dir_all(folder).map_err(|error| fault("create", folder, &error))
}

fn fault(action: &'static str, path: &Path, reason: &dyn std::fmt::Display) -> HeadsError {
    HeadsError::File { action, path: path.to_owned(), reason: reason.to_string() }
}

/// A label's values, in the order of [`COLUMNS`].
fn fields(label: &Label) -> Vec<String> {
    let angles = [label.yaw_deg, label.pitch_deg, label.roll_deg];
    let marks = label.landmarks.iter().flatten();
    let numbers = angles.iter().chain(&label.face_box).chain(marks);
    let numbers = numbers.map(|number| format!("{number:.3}"));
    let visible = format!("{:.4}", label.visible);
    numbers.chain([visible, label.caption.clone(), label.identity.clone()]).collect()
}

/// A CSV file being written.
struct Table {
    path: PathBuf,
    writer: csv::Writer<std::fs::File>,
}

impl Table {
    /// A table of pictures: these columns, then those of labels.
    fn create(path: PathBuf, first: &[&str]) -> Result<Self, HeadsError> {
        let mut table = Self::open(path)?;
        let columns: Vec<String> = first.iter().chain(&COLUMNS).map(|&c| c.to_owned()).collect();
        table.record(&columns)?;
        Ok(table)
    }

    fn open(path: PathBuf) -> Result<Self, HeadsError> {
        let writer =
            csv::Writer::from_path(&path).map_err(|error| fault("write", &path, &error))?;
        Ok(Self { path, writer })
    }

    fn row(&mut self, first: &[String], label: &Label) -> Result<(), HeadsError> {
        self.record(&[first, &fields(label)].concat())
    }

    fn record(&mut self, fields: &[String]) -> Result<(), HeadsError> {
        self.writer.write_record(fields).map_err(|error| fault("write", &self.path, &error))
    }

    fn finish(mut self) -> Result<(), HeadsError> {
        self.writer.flush().map_err(|error| fault("write", &self.path, &error))
    }
}
