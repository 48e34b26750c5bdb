//! All experiments in one run that shares stages: the index over them, pages that a browser shows
//! whole, tables that LaTeX sets; and what a folder stands for.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    browser::{self, Seen},
    lab::Lab,
    latex,
};

/// All scripts, those that run alone included: walked, so that none can be forgotten.
fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().flatten().map(|item| item.path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "rhai"));
    found.sort();
    found
}

#[test]
fn all_experiments_run_at_once_and_are_fit_to_be_shown() {
    let lab = Lab::new();
    let scripts = scripts();
    let mut command = lab.command();
    command.arg("run").args(&scripts).args(["--scale", "smoke", "-P", "seeds=1"]);
    let out = crate::lab::Ran::of(command.output().unwrap()).ok();
    assert!(out.contains("reports: runs/index.html"), "{out}");

    let index = lab.read("runs/index.html");
    let mut pages = vec![lab.path("runs/index.html")];
    for script in &scripts {
        let text = fs::read_to_string(script).unwrap();
        let name = text.split("name:").nth(1).and_then(|rest| rest.split('"').nth(1)).unwrap();
        let line = out.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
        let mut words = line.split_whitespace().skip(1);
        let (finished, planned) = (words.next(), words.nth(1));
        assert!(finished == planned && finished != Some("0"), "{line}");
        let folder = format!("{name}-smoke");
        let rows = lab.read(&format!("runs/{folder}/results.csv"));
        assert!(rows.lines().count() > 1 && !rows.contains("NaN"), "{name}:\n{rows}");
        assert!(index.contains(&format!("href=\"{folder}/report.html\"")), "{name} is not listed");
        pages.push(lab.path("runs").join(folder).join("report.html"));
    }
    shown_whole(&pages);
    set_in_latex(&lab.path("runs"));
}

fn shown_whole(pages: &[PathBuf]) {
    let Some(browser) = browser::find() else {
        eprintln!("skipped: no Chromium on this machine to look at the pages with");
        return;
    };
    for page in pages {
        let Seen { pictures, missing, complaints, too_wide } = browser::look(browser, page);
        let name = page.display();
        assert_eq!(missing, Vec::<String>::new(), "{name}: pictures are missing");
        assert_eq!(complaints, Vec::<String>::new(), "{name}: the browser complains");
        assert!(!too_wide, "{name} is wider than a phone");
        assert!(pictures > 0 || fs::read_to_string(page).unwrap().contains("<svg"), "{name}");
    }
}

fn set_in_latex(runs: &Path) {
    let tables = latex::tables(runs);
    assert!(!tables.is_empty());
    match latex::set(&tables) {
        None => {
            eprintln!("skipped: no pdflatex or tectonic on this machine to set the tables with");
        }
        Some(Err(said)) => panic!("{said}"),
        Some(Ok(())) => {}
    }
}

#[test]
fn the_browser_sees_what_is_wrong_with_a_page() {
    let Some(browser) = browser::find() else {
        eprintln!("skipped: no Chromium on this machine");
        return;
    };
    let lab = Lab::new();
    let page = lab.write(
        "broken.html",
        "<!doctype html><html><body><img src=\"nowhere.png\"><p style=\"width: 3000px\">wide</p>\
         <script>missing_function()</script></body></html>",
    );
    let seen = browser::look(browser, &page);
    assert_eq!((seen.pictures, seen.missing.len(), seen.too_wide), (1, 1, true));
    assert!(seen.complaints.iter().any(|line| line.contains("missing_function")), "{seen:?}");
}

#[test]
fn a_folder_stands_for_its_experiments_but_those_that_run_alone() {
    let lab = Lab::new();
    let script = |name: &str, more: &str| {
        format!(
            "declare(#{{ name: \"{name}\", asks: \"{name}?\", metrics: [\"retrieval_top1\"]{more} }});\n\
             fn run(trial) {{\n let faces = heads::stills();\n \
             evaluate(train(aligner::paper(), faces.train, schedule::aligner(), trial.seed), faces.test)\n}}\n"
        )
    };
    lab.write("all/a.rhai", &script("a", ""));
    lab.write("all/b.rhai", &script("b", ", seeds: 2"));
    lab.write("all/c.rhai", &script("c", ", alone: true"));
    let plan = lab.run(["plan", "all", "--scale", "smoke"]).ok();
    assert!(plan.contains("a: 1 trials, 0 measured") && plan.contains("b: 2 trials"), "{plan}");
    assert!(!plan.contains("c: "), "{plan}");
    // `b` needs what `a` needs and one seed more: two data sets, two trainings, two measurements.
    assert!(plan.contains("\n3 trials, 0 measured; stages: 0 done, 6 to run"), "{plan}");

    let json = lab.run(["all", "--scale", "smoke", "--json"]).ok();
    let finished = json.matches("\"event\":\"finished\"").count();
    assert_eq!(finished, 6, "shared stages are computed once:\n{json}");
    assert!(lab.path("runs/a-smoke/report.html").is_file());
    assert!(!lab.path("runs/c-smoke").exists());
    assert!(lab.read("runs/index.html").contains("href=\"b-smoke/report.html\""));
    assert!(lab.run(["all/c.rhai", "--scale", "smoke"]).ok().contains("c: 1 of 1 trials"));

    lab.write("all/d.rhai", &script("a", ""));
    let twice = lab.run(["plan", "all", "--scale", "smoke"]);
    assert_eq!(twice.code, 2);
    assert!(twice.err.contains("are both named `a`"), "{}", twice.err);
    let why = lab.run(["why", "all/a.rhai", "all/b.rhai"]);
    assert_eq!(why.code, 2);
    assert!(why.err.contains("one experiment at a time"), "{}", why.err);
    fs::create_dir(lab.path("none")).unwrap();
    assert_eq!(lab.run(["run", "none"]).code, 2);
}
