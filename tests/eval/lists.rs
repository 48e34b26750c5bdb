//! Lists and flags that cannot be used: exit codes and remedies.

use crate::lab::{Lab, Ran};

fn eval(lab: &Lab, list: &str, more: &[&str]) -> Ran {
    lab.write("videos.csv", list);
    lab.run([&["eval", "videos.csv"], more].concat())
}

const HEAD: &str = "method,identity,prompt,video,reference\n";

#[test]
fn broken_lists_are_2_and_name_line_and_column() {
    let lab = Lab::new();
    for (list, wanted) in [
        ("method,identity,clip\n", "no column `video`"),
        (&format!("{HEAD}a,,,v.mp4,r.png\n"), "line 2, column `identity`"),
        (&format!("{HEAD}a,b,\"open,v.mp4,r.png\n"), "line 2"),
        (HEAD, "lists no clip"),
        (&format!("{HEAD}a,b,,v.mp4,r.png\na,b,,v.mp4,r.png\n"), "line 3 of"),
    ] {
        let ran = eval(&lab, list, &["--in-world"]);
        assert_eq!(ran.code, 2, "{list}: {}", ran.err);
        assert!(ran.err.contains(wanted), "{list}: {}", ran.err);
    }
    let absent = lab.run(["eval", "absent.csv", "--in-world"]);
    assert!(absent.code == 2 && absent.err.contains("absent.csv"), "{}", absent.err);
}

#[test]
fn flags_that_cannot_be_meant_are_2_and_missing_networks_6() {
    let lab = Lab::new();
    let list = format!("{HEAD}a,b,,v.mp4,r.png\n");
    let truth = eval(&lab, &list, &["--in-world", "--truth", "real"]);
    assert!(truth.code == 2 && truth.err.contains("it has `a`"), "{}", truth.err);
    assert_eq!(eval(&lab, &list, &["--in-world", "--frames", "0"]).code, 2);
    assert_eq!(eval(&lab, &list, &["--in-world", "--rules", "mine"]).code, 2);
    let none = eval(&lab, &list, &[]);
    assert_eq!(none.code, 6, "{}", none.err);
    assert!(none.err.contains("recogniser") && none.err.contains("weights"), "{}", none.err);
}

#[test]
fn the_help_names_columns_and_examples() {
    let help = Lab::new().run(["eval", "--help"]).ok();
    for word in ["identity", "reference", "--truth", "FFRUN_FFMPEG", "Examples:"] {
        assert!(help.contains(word), "{word} is missing in:\n{help}");
    }
}
