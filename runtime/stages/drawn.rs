//! What a measurement drew beside its numbers, for the report.

use std::{collections::BTreeMap, path::Path};

use ffrun_reports::rows::Figure;

use crate::engine::{files, work::StageError};

/// Name of the file in a measurement's result.
const FILE: &str = "drawn.json";

/// Writes figures by the names that scripts call them; paths of pictures are names in `out`.
pub(super) fn write(out: &Path, figures: &BTreeMap<String, Figure>) -> Result<(), StageError> {
    let bytes = serde_json::to_vec(figures)
        .map_err(|error| StageError::Failed(format!("cannot write figures: {error}")))?;
    Ok(files::write_atomic(&out.join(FILE), &bytes)?)
}

/// Figures of a result, with absolute paths of pictures; none where the stage draws nothing.
pub(crate) fn read(out: &Path) -> Result<BTreeMap<String, Figure>, StageError> {
    let path = out.join(FILE);
    let Some(bytes) = files::read_optional(&path)? else { return Ok(BTreeMap::new()) };
    let mut figures: BTreeMap<String, Figure> =
        serde_json::from_slice(&bytes).map_err(|error| {
            StageError::Failed(format!(
                "`{}` cannot be read: {error}; `ffrun fsck --repair` moves it aside, then it is \
                 computed again",
                path.display()
            ))
        })?;
    for figure in figures.values_mut() {
        if let Figure::Picture { path } = figure {
            *path = std::path::absolute(out.join(&path)).unwrap_or_else(|_| out.join(&path));
        }
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use ffrun_reports::{chart::Scatter, rows::Figure};

    #[test]
    fn figures_are_read_back_and_pictures_found() {
        let folder = tempfile::tempdir().unwrap();
        assert!(super::read(folder.path()).unwrap().is_empty());
        let figures = [
            ("map".to_owned(), Figure::Scatter(Scatter::default())),
            ("faces".to_owned(), Figure::Picture { path: "faces.png".into() }),
        ];
        super::write(folder.path(), &figures.clone().into()).unwrap();
        let back = super::read(folder.path()).unwrap();
        assert_eq!(back["map"], figures[0].1);
        let Figure::Picture { path } = &back["faces"] else { panic!("{back:?}") };
        assert_eq!(*path, folder.path().join("faces.png"));
    }
}
