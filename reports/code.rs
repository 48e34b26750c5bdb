//! Code in the text of scripts: what stands between backticks.

/// Text written by `plain`, and what stands between backticks by `code`. A backtick without another
/// is a letter like others.
pub(crate) fn marked(
    text: &str,
    plain: impl Fn(&str) -> String,
    code: impl Fn(&str) -> String,
) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return plain(text);
    }
    let written = parts.iter().enumerate().map(|(place, part)| match place % 2 {
        0 => plain(part),
        _ => code(part),
    });
    written.collect()
}
