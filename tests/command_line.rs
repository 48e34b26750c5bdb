//! The command line: exit codes, errors that name the remedy, speed of starting.

use crate::lab::{Lab, SMALLEST};

#[test]
fn version_and_help_are_on_stdout() {
    let lab = Lab::new();
    assert!(lab.run(["--version"]).ok().starts_with("ffrun 0."));
    let help = lab.run(["--help"]).ok();
    for verb in ["run", "plan", "why", "status", "report", "claims", "stage", "data", "fsck", "gc"]
    {
        assert!(help.contains(&format!("\n  {verb} ")), "{verb} is missing in:\n{help}");
    }
    assert!(help.contains("75 try again"), "{help}");
}

#[test]
fn usage_errors_are_2() {
    let lab = Lab::new();
    assert_eq!(lab.run(["plna", "x.rhai"]).code, 2);
    assert_eq!(lab.run(["stage", "abc"]).code, 2);
    let device = lab.ablate("plan", &["--device", "gpu"]);
    assert_eq!(device.code, 2);
    assert!(device.err.contains("give `cpu`, `cuda:0`"), "{}", device.err);
    lab.write("ffrun.toml", "scael = \"smoke\"\n");
    let config = lab.ablate("plan", &[]);
    assert_eq!(config.code, 2);
    assert!(config.err.contains("unknown field `scael`"), "{}", config.err);
}

#[test]
fn script_errors_are_3_and_point_at_the_place() {
    let lab = Lab::new();
    assert_eq!(lab.run(["plan", "absent.rhai"]).code, 3);
    lab.write("typo.rhai", "declare(#{ name: \"x\", asks: \"?\", seeds: 1, metrics: [] });\nfn run(trial) { alinger::paper() }\n");
    let typo = lab.run(["plan", "typo.rhai"]);
    assert_eq!(typo.code, 3);
    assert!(typo.err.contains("typo.rhai:2"), "{}", typo.err);
    assert!(typo.err.contains("aligner"), "{}", typo.err);
    let unknown = lab.ablate("plan", &["-P", "elemnts=3"]);
    assert_eq!(unknown.code, 3);
    assert!(unknown.err.contains("elements"), "{}", unknown.err);
}

#[test]
fn a_mistake_in_the_report_stops_a_run_before_it_computes() {
    let lab = Lab::new();
    let ablation = std::fs::read_to_string(crate::lab::ablation()).unwrap();
    let spoilt = ablation.replacen(".title(\"Table 3", ".titel(\"Table 3", 1);
    assert_ne!(spoilt, ablation);
    lab.write("spoilt.rhai", &spoilt);
    let ran = lab.run(["run", "spoilt.rhai", "--scale", "smoke"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("titel"), "{}", ran.err);
    assert!(!ran.err.contains("done"), "{}", ran.err);
}

#[test]
fn flags_beat_the_environment_which_beats_files() {
    let lab = Lab::new();
    lab.write("ffrun.toml", "scale = \"paper\"\n");
    let smoke = ["--scale", "smoke", "-P", "elements=1024", "-P", "seeds=1", "--json"];
    let flagged = lab.ablate("plan", &smoke).ok();
    let mut command = lab.command();
    command.env("FFRUN_SCALE", "smoke").arg("plan").arg(crate::lab::ablation());
    command.args(&smoke[2..]);
    let from_environment = crate::lab::Ran::of(command.output().unwrap()).ok();
    assert_eq!(from_environment, flagged);
    assert_ne!(lab.ablate("plan", &smoke[2..]).ok(), flagged);
}

#[test]
fn plan_names_what_is_missing_and_runs_nothing() {
    let lab = Lab::new();
    let plan = lab.ablate("plan", &SMALLEST).ok();
    assert!(plan.contains("never run"), "{plan}");
    assert!(plan.contains("1 trials, 0 measured"), "{plan}");
    assert!(!lab.path(".ffrun").exists());
}

#[test]
fn a_cuda_device_without_cuda_is_6_with_a_remedy() {
    if cfg!(feature = "cuda") {
        eprintln!("skipped: this build has CUDA");
        return;
    }
    let lab = Lab::new();
    let flags: Vec<&str> = SMALLEST.iter().copied().chain(["--device", "cuda:0"]).collect();
    let run = lab.ablate("run", &flags);
    assert_eq!(run.code, 6, "{}", run.err);
    assert!(run.err.contains("--device cpu"), "{}", run.err);
}

#[test]
fn doctor_and_completions_answer() {
    let lab = Lab::new();
    assert!(lab.run(["doctor"]).ok().contains("is writable"));
    assert!(lab.run(["completions", "bash"]).ok().contains("_ffrun"));
}

#[test]
fn the_example_of_the_readme_is_an_experiment() {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, rest) = readme.split_once("```rhai\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let lab = Lab::new();
    lab.write("euler.rhai", example);
    let run = lab.run(["run", "euler.rhai", "--scale", "smoke", "-P", "seeds=2"]).ok();
    assert!(run.contains("8 of 8 trials measured"), "{run}");
    assert!(run.contains("telling the pose helps"), "{run}");
}

#[test]
fn the_method_can_be_changed_from_a_script() {
    let lab = Lab::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/experiments/custom_pooling.rhai");
    let run = lab.run(["run", script, "--scale", "smoke", "-P", "seeds=2"]).ok();
    assert!(run.contains("6 of 6 trials measured"), "{run}");
}
