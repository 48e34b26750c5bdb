//! Tables in a LaTeX document that loads nothing but what their head names.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Every `.tex` file of the reports in a folder, sorted.
pub(crate) fn tables(runs: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(runs).unwrap().flatten().map(|item| item.path());
    let files = folders.filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let mut found: Vec<PathBuf> = files.map(|item| item.path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "tex"));
    found.sort();
    found
}

/// Sets all tables in one document. `None` where there is no LaTeX, else what it complains of.
pub(crate) fn set(tables: &[PathBuf]) -> Option<Result<(), String>> {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from(
        "\\documentclass{article}\n\\usepackage[T1]{fontenc}\n\\usepackage[utf8]{inputenc}\n\
         \\usepackage{booktabs}\n\\begin{document}\n",
    );
    for (place, table) in tables.iter().enumerate() {
        fs::copy(table, folder.path().join(format!("table{place}.tex"))).unwrap();
        text.extend(["\\input{table", &place.to_string(), "}\n\\clearpage\n"]);
    }
    fs::write(folder.path().join("tables.tex"), text + "\\end{document}\n").unwrap();
    let attempts: [(&str, &[&str]); 2] = [
        ("pdflatex", &["-interaction=nonstopmode", "-halt-on-error", "tables.tex"]),
        ("tectonic", &["tables.tex"]),
    ];
    for (program, words) in attempts {
        let Ok(output) = Command::new(program).args(words).current_dir(folder.path()).output()
        else {
            continue;
        };
        if output.status.success() {
            assert!(folder.path().join("tables.pdf").is_file());
            return Some(Ok(()));
        }
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let from = said.find("\n!").unwrap_or(said.len().saturating_sub(2000));
        let names: Vec<String> = tables
            .iter()
            .enumerate()
            .map(|(at, path)| format!("table{at}: {}", path.display()))
            .collect();
        return Some(Err(format!("{program}: {}\n{}", &said[from..], names.join("\n"))));
    }
    None
}
