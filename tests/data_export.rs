//! `ffrun data`: what it writes, and what it refuses.

use crate::lab::Lab;

#[test]
fn heads_are_exported_with_their_labels() {
    let lab = Lab::new();
    lab.write("poses.csv", "yaw,pitch,roll\n0,0,0\n-60,10,5\n");
    let export = ["data", "export", "heads", "--identities", "2", "--size", "48"];
    let out = lab.run([&export[..], &["--poses", "poses.csv", "--out", "heads"]].concat()).ok();
    assert!(out.contains("4 written to heads"), "{out}");
    let labels = lab.read("heads/labels.csv");
    assert_eq!(labels.lines().count(), 5, "{labels}");
    let header = labels.lines().next().unwrap();
    for column in ["identity", "yaw", "pitch", "roll", "box", "caption"] {
        assert!(header.contains(column), "{column} is missing in {header}");
    }
    let pictures = std::fs::read_dir(lab.path("heads")).unwrap();
    let png = |name: &std::ffi::OsStr| name.to_string_lossy().ends_with(".png");
    assert_eq!(pictures.filter(|item| png(&item.as_ref().unwrap().file_name())).count(), 4);
    let again = lab.run([&export[..], &["--poses", "poses.csv", "--out", "again"]].concat());
    again.ok();
    assert_eq!(lab.read("again/labels.csv"), labels);
}

#[test]
fn clips_are_exported_frame_by_frame() {
    let lab = Lab::new();
    let words = "data export clips --identities 1 --frames 3 --size 32 --out clips";
    assert!(lab.run(words.split(' ')).ok().contains("6 written to clips"));
    assert_eq!(lab.read("clips/clips.csv").lines().count(), 1 + 6);
    assert_eq!(lab.read("clips/frames.csv").lines().count(), 1 + 6 * 3);
}

#[test]
fn a_bad_pose_file_is_2_and_names_the_line() {
    let lab = Lab::new();
    lab.write("poses.csv", "yaw,pitch,roll\n0,0,0\n0,many,0\n");
    let export = "data export heads --poses poses.csv --out heads";
    let refused = lab.run(export.split(' '));
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("poses.csv") && refused.err.contains('3'), "{}", refused.err);
}
