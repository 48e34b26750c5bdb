//! The list of records in the README of their folder, between two marks.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use ffrun_reports::sheet::{Claim, Verdict};
use serde::Deserialize;

use crate::{
    cli::exit::Exit,
    engine::{EngineError, files},
};

const BEGIN: &str = "<!-- written by `ffrun publish`: -->";
const END: &str = "<!-- until here -->";

/// What the list shows of a record's manifest.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    /// Name of the experiment.
    pub(super) experiment: String,
    asks: String,
    scale: String,
    /// Absent in records that older versions wrote.
    #[serde(default)]
    claim: Vec<Claim>,
}

impl Listed {
    /// The record in a folder; `None` if there is none that can be read.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        toml::from_str(&fs::read_to_string(folder.join("manifest.toml")).ok()?).ok()
    }
}

/// Writes the list of all records in `folder` into its `README.md`, between the marks. A README
/// without them is somebody's own and stays as it is; where there is none, one is written.
pub(super) fn write(folder: &Path) -> Result<(), Exit> {
    let path = folder.join("README.md");
    let list = list(folder)?;
    let text = match fs::read_to_string(&path) {
        Ok(text) => match replaced(&text, &list) {
            Some(text) => text,
            None => return Ok(()),
        },
        Err(_) => format!("# Published records\n\n{BEGIN}\n{list}{END}\n"),
    };
    Ok(files::write_atomic(&path, text.as_bytes())?)
}

fn list(folder: &Path) -> Result<String, Exit> {
    let failed = |source| EngineError::io("list", folder, source);
    let mut records = BTreeMap::new();
    for item in fs::read_dir(folder).map_err(failed)? {
        let item = item.map_err(failed)?;
        if let Some(record) = Listed::read(&item.path()) {
            records.insert(item.file_name().to_string_lossy().into_owned(), record);
        }
    }
    let mut text = String::from("| record | scale | question | claims |\n|---|---|---|---|\n");
    for (name, record) in &records {
        let asks = record.asks.replace('|', "\\|");
        let scale = &record.scale;
        let _ = writeln!(
            text,
            "| [{name}]({name}/README.md) | {scale} | {asks} | {} |",
            record.verdicts()
        );
    }
    Ok(text)
}

impl Listed {
    /// `3 reproduced, 1 contradicted`.
    fn verdicts(&self) -> String {
        let kinds = [
            (Verdict::Reproduced, "reproduced"),
            (Verdict::Contradicted, "contradicted"),
            (Verdict::Inconclusive, "inconclusive"),
        ];
        let count = |kind| self.claim.iter().filter(|claim| claim.verdict == kind).count();
        let counted = kinds.map(|(kind, name)| (count(kind), name));
        let named: Vec<String> = counted
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{count} {name}"))
            .collect();
        if named.is_empty() { "–".to_owned() } else { named.join(", ") }
    }
}

/// The text with the list between its marks; `None` where it has no marks.
fn replaced(text: &str, list: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{list}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{BEGIN, END, list, write};

    #[test]
    fn the_list_stands_between_its_marks_and_leaves_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("main");
        fs::create_dir(&record).unwrap();
        let manifest = "experiment = \"main\"\nasks = \"A | B?\"\nscale = \"tiny\"\n\
                        [[claim]]\ntext = \"x\"\nverdict = \"inconclusive\"\nevidence = \"\"\n";
        fs::write(record.join("manifest.toml"), manifest).unwrap();
        let row = "| [main](main/README.md) | tiny | A \\| B? | 1 inconclusive |\n";
        assert!(list(folder.path()).unwrap().ends_with(row));

        let readme = folder.path().join("README.md");
        fs::write(&readme, format!("# Mine\n{BEGIN}\nold\n{END}\nand more\n")).unwrap();
        write(folder.path()).unwrap();
        let text = fs::read_to_string(&readme).unwrap();
        assert!(text.starts_with("# Mine\n") && text.ends_with("\nand more\n"), "{text}");
        assert!(text.contains(row) && !text.contains("old"), "{text}");

        fs::write(&readme, "my own").unwrap();
        write(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(&readme).unwrap(), "my own");
        fs::remove_file(&readme).unwrap();
        write(folder.path()).unwrap();
        assert!(fs::read_to_string(&readme).unwrap().contains(row));
    }
}
