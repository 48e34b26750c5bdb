//! The strict account of which tensors of a file fit a network.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

/// What keeps weights from fitting a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyReport {
    /// Parameters of the network that the file lacks.
    pub missing: Vec<String>,
    /// Tensors of the file that the network has no place for.
    pub unexpected: Vec<String>,
    /// Tensors whose shapes differ.
    pub misshaped: Vec<Misshaped>,
}

/// A tensor of another shape than the network's parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misshaped {
    /// Its name.
    pub name: String,
    /// Shape in the network.
    pub expected: Vec<usize>,
    /// Shape in the file.
    pub found: Vec<usize>,
}

impl KeyReport {
    /// Compares names and shapes.
    pub fn compare<'a>(
        network: impl IntoIterator<Item = (&'a str, &'a [usize])>,
        file: impl IntoIterator<Item = (&'a str, &'a [usize])>,
    ) -> Self {
        let file: BTreeMap<&str, &[usize]> = file.into_iter().collect();
        let (mut report, mut known) = (Self::default(), BTreeSet::new());
        for (name, expected) in network {
            known.insert(name);
            match file.get(name) {
                None => report.missing.push(name.to_owned()),
                Some(found) if *found != expected => report.misshaped.push(Misshaped {
                    name: name.to_owned(),
                    expected: expected.to_vec(),
                    found: found.to_vec(),
                }),
                Some(_) => {}
            }
        }
        let unexpected = file.keys().filter(|name| !known.contains(*name));
        report.unexpected = unexpected.map(|name| (*name).to_owned()).collect();
        report
    }

    /// Whether everything fits.
    pub fn fits(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.misshaped.is_empty()
    }

    /// The unexpected name most like a missing one; none if nothing is alike.
    fn closest(&self, missing: &str) -> Option<&str> {
        const ALIKE: f64 = 0.6; // below that, hints are noise
        let prefixed = self.unexpected.iter().find(|name| name.ends_with(missing));
        let alike = || {
            let scored = self.unexpected.iter().map(|name| (score(missing, name), name));
            scored.filter(|(score, _)| *score >= ALIKE).max_by(|a, b| a.0.total_cmp(&b.0))
        };
        prefixed.or_else(|| Some(alike()?.1)).map(String::as_str)
    }
}

fn score(a: &str, b: &str) -> f64 {
    strsim::normalized_levenshtein(a, b)
}

/// Most names shown of each kind.
const SHOWN: usize = 10;

impl Display for KeyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { missing, unexpected, misshaped } = self;
        write!(
            f,
            "{} missing, {} unexpected, {} of another shape",
            missing.len(),
            unexpected.len(),
            misshaped.len()
        )?;
        list(f, "missing", missing, |name| match self.closest(name) {
            Some(closest) => format!("{name} (the file has `{closest}`)"),
            None => name.clone(),
        })?;
        list(f, "unexpected", unexpected, Clone::clone)?;
        list(f, "of another shape", misshaped, |Misshaped { name, expected, found }| {
            format!("{name}: expected {expected:?}, found {found:?}")
        })
    }
}

fn list<T>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    items: &[T],
    line: impl Fn(&T) -> String,
) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    write!(f, "\n  {title}:")?;
    for item in items.iter().take(SHOWN) {
        write!(f, "\n    {}", line(item))?;
    }
    match items.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => write!(f, "\n    and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::KeyReport;

    #[test]
    fn the_report_shows_ten_of_each_kind_and_hints() {
        let names: Vec<String> = (0..12).map(|i| format!("blocks.{i}.norm")).collect();
        let network = names.iter().map(|name| (name.as_str(), [3usize].as_slice()));
        let network = network.chain([("head.weight", [2usize, 3].as_slice()), ("q", &[])]);
        let file: [(&str, &[usize]); 3] =
            [("head.weight", &[3, 2]), ("model.blocks.0.norm", &[3]), ("blocks.1.nrom", &[3])];
        let report = KeyReport::compare(network, file);
        assert!(!report.fits());
        let text = report.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "13 missing, 2 unexpected, 1 of another shape");
        assert_eq!(lines[2], "    blocks.0.norm (the file has `model.blocks.0.norm`)");
        assert_eq!(lines[3], "    blocks.1.norm (the file has `blocks.1.nrom`)");
        assert_eq!(lines[12], "    and 3 more");
        assert_eq!(lines[17], "    head.weight: expected [2, 3], found [3, 2]");
    }

    #[test]
    fn what_fits_is_not_reported() {
        let shape: &[usize] = &[1];
        assert!(KeyReport::compare([("a", shape)], [("a", shape)]).fits());
    }
}
