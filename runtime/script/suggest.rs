//! Spelling hints: the known name nearest to an unknown one.

/// The candidate nearest to `name`, if it is near enough that a person would call it a slip.
pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    // A third of the letters may be wrong: `elemnts` finds `elements`, `lr` finds nothing far.
    let allowed = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != name)
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// `did you mean …?` for the nearest candidate.
pub(super) fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(name, candidates).map(|near| format!("did you mean `{near}`?"))
}

/// A spelling hint, or else the list of everything that would have been right.
pub(super) fn did_you_mean_or_list<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    did_you_mean(name, candidates.clone()).or_else(|| {
        let names: Vec<String> = candidates.into_iter().map(|known| format!("`{known}`")).collect();
        (!names.is_empty()).then(|| format!("known: {}", names.join(", ")))
    })
}

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of two
/// neighbouring letters cost one each; case costs nothing.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.to_lowercase().chars().collect();
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut rows = vec![(0..=right.len()).collect::<Vec<usize>>()];
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut cost =
                (rows[i][j] + usize::from(a != b)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                cost = cost.min(rows[i - 1][j - 1] + 1);
            }
            row.push(cost);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_slips_and_swaps() {
        assert_eq!(distance("elements", "elements"), 0);
        assert_eq!(distance("elemnts", "elements"), 1);
        assert_eq!(distance("elemetns", "elements"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn far_names_are_not_suggested() {
        let known = ["elements", "width", "depth"];
        assert_eq!(nearest("elemnts", known).as_deref(), Some("elements"));
        assert_eq!(nearest("widht", known).as_deref(), Some("width"));
        assert_eq!(nearest("temperature", known), None);
    }
}
