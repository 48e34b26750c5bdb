//! The `together` stage: several measurements of one trial as one.

use super::scores::{self, AnchorScore, Score};
use crate::engine::work::{StageError, Work};

/// Puts scores and anchors of all inputs into one table each, in the order of their roles.
pub(super) fn run(work: &Work<'_>) -> Result<(), StageError> {
    let (mut scores, mut anchors) = (Vec::<Score>::new(), Vec::<AnchorScore>::new());
    for folder in work.inputs.values() {
        scores.extend(read(&folder.join(scores::SCORES))?);
        anchors.extend(read(&folder.join(scores::ANCHORS))?);
    }
    scores::write(&work.out.join(scores::SCORES), &scores)?;
    scores::write(&work.out.join(scores::ANCHORS), &anchors)
}

fn read<T: for<'de> serde::Deserialize<'de>>(path: &std::path::Path) -> Result<Vec<T>, StageError> {
    scores::read(path).map_err(|error| {
        StageError::Failed(format!(
            "`{}` is not readable CSV: {error}; `ffrun fsck --repair` moves it aside",
            path.display()
        ))
    })
}
