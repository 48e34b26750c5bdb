//! Folders of frames: which files are frames, and in which order.

use std::{
    cmp::Ordering,
    path::{Path, PathBuf},
};

use super::{VideoError, still::io};

/// Endings of frames, in small letters.
const ENDINGS: [&str; 8] = ["png", "jpg", "jpeg", "webp", "bmp", "ppm", "pgm", "gif"];

/// The frames of a folder, `frame_2` before `frame_10`. Files that are no pictures, such as labels,
/// and hidden files are no frames.
pub(super) fn frames(folder: &Path) -> Result<Vec<PathBuf>, VideoError> {
    let mut found = Vec::new();
    for item in std::fs::read_dir(folder).map_err(io(folder))? {
        let path = item.map_err(io(folder))?.path();
        if is_frame(&path) {
            found.push(path);
        }
    }
    found.sort_by(|a, b| natural(&name(a), &name(b)));
    if found.is_empty() {
        return Err(VideoError::NoFrames { path: folder.to_owned() });
    }
    Ok(found)
}

fn is_frame(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
        && !name(path).starts_with('.')
        && path.is_file()
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Order in which runs of digits count as numbers. Equal numbers of different length, `1` and `01`,
/// are told apart by their text, so that the order is total.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    while !left.is_empty() && !right.is_empty() {
        let ((x, rest_x), (y, rest_y)) = (run(left), run(right));
        let order = match (x.trim_start_matches('0'), y.trim_start_matches('0')) {
            (m, n) if digit(x) && digit(y) => m.len().cmp(&n.len()).then_with(|| m.cmp(n)),
            _ => x.cmp(y),
        };
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (rest_x, rest_y);
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// The leading run of digits or of other signs, and the rest.
fn run(text: &str) -> (&str, &str) {
    let digits = digit(text);
    let end = text.find(|sign: char| sign.is_ascii_digit() != digits).unwrap_or(text.len());
    text.split_at(end)
}

fn digit(text: &str) -> bool {
    text.starts_with(|sign: char| sign.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{VideoError, frames, natural};

    #[test]
    fn numbers_in_names_are_numbers() {
        let mut names = vec!["f10.png", "f9.png", "f1.png", "f01.png", "g1.png", "f.png"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["f01.png", "f1.png", "f9.png", "f10.png", "f.png", "g1.png"]);
    }

    #[test]
    fn labels_and_hidden_files_are_no_frames() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(frames(folder.path()), Err(VideoError::NoFrames { .. })));
        for name in ["10.PNG", "2.jpg", ".3.png", "labels.csv"] {
            std::fs::write(folder.path().join(name), b"x").unwrap();
        }
        std::fs::create_dir(folder.path().join("4.png")).unwrap();
        let found = frames(folder.path()).unwrap();
        let names: Vec<_> = found.iter().filter_map(|path| path.file_name()).collect();
        assert_eq!(names, ["2.jpg", "10.PNG"]);
    }
}
