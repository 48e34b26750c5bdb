//! The settings of every recipe, from the doc comments of the specs.

/// One setting of a recipe.
pub(super) struct Setting {
    pub(super) name: String,
    /// What a script gives it.
    pub(super) kind: &'static str,
    /// Markdown, one line.
    pub(super) doc: String,
}

/// Sources of the specs, by what scripts call them.
const SPECS: [(&str, &str); 5] = [
    ("Dataset", include_str!("../spec/faces.rs")),
    ("Clipset", include_str!("../spec/clipset.rs")),
    ("Model", include_str!("../spec/aligner.rs")),
    ("Schedule", include_str!("../spec/schedule.rs")),
    ("evaluate", include_str!("../spec/measure.rs")),
];

/// Every recipe with its settings, in the order of the spec.
pub(super) fn settings() -> impl Iterator<Item = (&'static str, Vec<Setting>)> {
    SPECS.iter().map(|(name, source)| (*name, fields(source)))
}

/// The public fields of a struct with the comment above each.
fn fields(source: &str) -> Vec<Setting> {
    let mut found = Vec::new();
    let mut doc: Vec<&str> = Vec::new();
    for line in source.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            doc.push(text.trim());
            continue;
        }
        if line.starts_with("#[") {
            continue;
        }
        let field = line.strip_prefix("pub ").and_then(|field| field.split_once(": "));
        if let Some((name, kind)) = field {
            let kind = readable(kind.trim_end_matches(','));
            // A bar would end the cell of the table.
            let doc = doc.join(" ").replace('|', "\\|");
            found.push(Setting { name: name.to_owned(), kind, doc });
        }
        doc.clear();
    }
    found
}

fn readable(kind: &str) -> &'static str {
    match kind {
        "String" => "string",
        "usize" | "u64" | "u32" => "int",
        "f64" => "float",
        "bool" => "bool",
        "Choice" => "name or function",
        "Vec<f64>" => "array of floats",
        _ => "map",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_documented() {
        for (recipe, fields) in settings() {
            assert!(!fields.is_empty(), "`{recipe}` has no settings");
            for field in fields {
                assert!(!field.doc.is_empty(), "`{}` of {recipe} has no comment", field.name);
            }
        }
    }
}
