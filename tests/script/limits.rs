//! Runaway scripts stop soon, with a diagnostic, wherever they run.

use std::time::Instant;

use ffrun::script::Experiment;

use super::contract::{HEAD, options};

fn stopped(body: &str) -> String {
    let start = Instant::now();
    let text = format!("{HEAD}fn deep(n) {{ deep(n + 1) }}\nfn run(trial) {{ {body} }}");
    let error = Experiment::read("case.rhai", &text, &options()).err().expect("it must stop");
    let seconds = start.elapsed().as_secs_f64();
    assert!(seconds < 5.0, "`{body}` ran {seconds:.1} s");
    format!("{}; {}", error.message(), error.remedy().unwrap_or_default())
}

#[test]
fn an_endless_loop_stops() {
    let expected = "the script runs too long; one call may take 20 million operations";
    assert_eq!(stopped("loop { }"), expected);
    assert_eq!(stopped("let x = 0; while true { x += 1; }"), expected);
}

#[test]
fn a_gigabyte_of_text_stops() {
    let expected = "the string grows too large; a string may hold 1 MiB";
    assert_eq!(stopped("let s = \"0123456789\"; loop { s += s; }"), expected);
    assert_eq!(stopped("let s = \"0123456789\"; s.pad(1000000000, \"x\");"), expected);
}

#[test]
fn endless_arrays_and_maps_stop() {
    let expected = "the array grows too large; an array may hold 20000 elements";
    assert_eq!(stopped("let a = []; loop { a.push(1); }"), expected);
    assert_eq!(stopped("let a = []; a.pad(1000000000, 1);"), expected);
}

#[test]
fn deep_recursion_stops_on_a_small_stack() {
    // Threads of tests and of hot reload have 2 MiB.
    let found = std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(|| stopped("deep(0)"))
        .expect("spawns")
        .join()
        .expect("no overflow");
    assert_eq!(found, "calls nest too deep; calls may nest 48 deep");
}

#[test]
fn scripts_cannot_leave_their_box() {
    for (body, expected) in [
        ("import \"x\" as x;", "`import` is not needed: a script is one file"),
        ("eval(\"1\");", "`eval` is not there: what a script runs is what it shows"),
        ("sleep(100);", "a script cannot sleep: it declares work and does none"),
        ("timestamp();", "unknown function `timestamp`"),
        ("open_file(\"x\");", "unknown function `open_file`"),
    ] {
        let found = stopped(body);
        assert!(found.starts_with(expected), "`{body}`: {found}");
    }
}
