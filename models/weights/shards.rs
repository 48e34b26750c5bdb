//! Which files make up a set of weights.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{WeightError, WeightResult};

/// The files behind a path: a file itself; for an index (`*.index.json`) the shards it names; for
/// one shard (`…-00002-of-00007.safetensors`) all of its set; for a folder its only index, its only
/// set of shards, or its only file of weights.
pub(super) fn shards(path: &Path) -> WeightResult<Vec<PathBuf>> {
    if path.is_dir() {
        return in_folder(path);
    }
    let name = file_name(path);
    if name.ends_with(".index.json") {
        return indexed(path);
    }
    match Numbered::parse(name) {
        Some(numbered) => numbered.set(path),
        None => Ok(vec![path.to_owned()]),
    }
}

fn in_folder(folder: &Path) -> WeightResult<Vec<PathBuf>> {
    let names = names(folder)?;
    let mut candidates: Vec<&String> =
        names.iter().filter(|name| name.ends_with(".safetensors.index.json")).collect();
    if candidates.is_empty() {
        let is_weights = |name: &&String| {
            [".safetensors", ".pth", ".pt", ".ckpt", ".bin"].iter().any(|end| name.ends_with(end))
        };
        candidates = names.iter().filter(is_weights).collect();
        // One file stands for its whole set.
        let mut seen = BTreeSet::new();
        candidates.retain(|name| match Numbered::parse(name) {
            Some(numbered) => seen.insert((numbered.stem.to_owned(), numbered.count)),
            None => true,
        });
    }
    match candidates.as_slice() {
        [one] => shards(&folder.join(one)),
        [] => Err(WeightError::NotWeights {
            path: folder.to_owned(),
            reason: "a folder without a .safetensors or .pth file".into(),
        }),
        [first, second, ..] => Err(WeightError::NotWeights {
            path: folder.to_owned(),
            reason: format!(
                "a folder with {} sets of them, among them `{first}` and `{second}`; name one",
                candidates.len()
            ),
        }),
    }
}

fn names(folder: &Path) -> WeightResult<Vec<String>> {
    let unreadable = |source| WeightError::Unreadable { path: folder.to_owned(), source };
    let mut names = vec![];
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        names.push(entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn indexed(index: &Path) -> WeightResult<Vec<PathBuf>> {
    let text = std::fs::read(index)
        .map_err(|source| WeightError::Unreadable { path: index.to_owned(), source })?;
    let damaged = |reason: String| WeightError::Damaged { path: index.to_owned(), reason };
    let json: Value = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    let map = json.get("weight_map").and_then(Value::as_object);
    let map = map.ok_or_else(|| damaged("it has no `weight_map`".into()))?;
    let mut files = BTreeSet::new();
    for (key, file) in map {
        let file = file.as_str().ok_or_else(|| damaged(format!("`{key}` is in no file")))?;
        // A name, not a path: an index must not lead out of its folder.
        if file_name(Path::new(file)) != file {
            return Err(damaged(format!("`{key}` is in `{file}`, which is no plain file name")));
        }
        files.insert(index.with_file_name(file));
    }
    if let Some(file) = files.iter().find(|file| !file.exists()) {
        let reason = format!("`{}` names it; fetch all shards", file_name(index));
        return Err(WeightError::MissingShard { path: file.clone(), reason });
    }
    Ok(files.into_iter().collect())
}

/// A name of the form `<stem>-0000i-of-0000n<extension>`.
struct Numbered<'a> {
    stem: &'a str,
    count: usize,
    digits: usize,
    extension: &'a str,
}

impl<'a> Numbered<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        let dot = name.rfind('.')?;
        let (stem, extension) = name.split_at(dot);
        let (stem, count) = stem.rsplit_once("-of-")?;
        let (stem, number) = stem.rsplit_once('-')?;
        let digits = count.len();
        let numeric = |text: &str| text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        (numeric(number) && numeric(count)).then_some(Self {
            stem,
            count: count.parse().ok()?,
            digits,
            extension,
        })
    }

    fn set(&self, path: &Path) -> WeightResult<Vec<PathBuf>> {
        let Self { stem, count, digits, extension } = self;
        let mut files = vec![];
        for number in 1..=*count {
            let file = path
                .with_file_name(format!("{stem}-{number:0digits$}-of-{count:0digits$}{extension}"));
            if !file.exists() {
                let reason = format!("it is shard {number} of {count}; fetch it");
                return Err(WeightError::MissingShard { path: file, reason });
            }
            files.push(file);
        }
        Ok(files)
    }
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{file_name, shards};
    use std::fs::write;
    use std::path::Path;

    fn found(path: &Path) -> Vec<String> {
        shards(path).unwrap().iter().map(|path| file_name(path).to_owned()).collect()
    }

    #[test]
    fn a_shard_and_a_folder_stand_for_their_set() {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<String> =
            (1..=3).map(|i| format!("model-0000{i}-of-00003.safetensors")).collect();
        for name in &names {
            write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(found(folder.path()), names);
        assert_eq!(found(&folder.path().join(&names[1])), names);
        std::fs::remove_file(folder.path().join(&names[2])).unwrap();
        let error = shards(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("is missing: it is shard 3 of 3; fetch it"), "{error}");
    }

    #[test]
    fn an_index_names_its_files_and_stays_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path().join("model.safetensors.index.json");
        write(folder.path().join("a.safetensors"), "").unwrap();
        write(folder.path().join("stray.safetensors"), "").unwrap();
        write(&index, r#"{"weight_map": {"x": "a.safetensors", "y": "a.safetensors"}}"#).unwrap();
        assert_eq!(found(folder.path()), ["a.safetensors"]);
        write(&index, r#"{"weight_map": {"x": "../../etc/passwd"}}"#).unwrap();
        assert!(shards(&index).unwrap_err().to_string().contains("no plain file name"));
        write(&index, r#"{"weight_map": {"x": "b.safetensors"}}"#).unwrap();
        let error = shards(&index).unwrap_err().to_string();
        assert!(error.contains("`model.safetensors.index.json` names it"), "{error}");
        write(&index, "{}").unwrap();
        assert!(shards(&index).unwrap_err().to_string().contains("it has no `weight_map`"));
    }

    #[test]
    fn folders_that_leave_a_choice_or_none_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let message = || shards(folder.path()).unwrap_err().to_string();
        assert!(message().contains("without a .safetensors or .pth file"));
        write(folder.path().join("a.safetensors"), "").unwrap();
        assert_eq!(found(folder.path()), ["a.safetensors"]);
        write(folder.path().join("b.pth"), "").unwrap();
        assert!(message().contains("2 sets of them, among them `a.safetensors` and `b.pth`"));
    }
}
