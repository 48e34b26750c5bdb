//! Scoring clips of the embedded heads from end to end, with the networks that ship.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::lab::Lab;

/// Lines of a CSV, by the names of its columns.
fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

/// A laboratory with a few clips of two people in `clips/`, and their list.
fn filmed() -> (Lab, Vec<BTreeMap<String, String>>) {
    let lab = Lab::new();
    let words = "data export clips --identities 2 --frames 5 --size 64 --out clips";
    lab.run(words.split(' ')).ok();
    let list = rows(&lab.read("clips/videos.csv"));
    (lab, list)
}

const HEAD: &str = "method,identity,prompt,video,reference\n";

#[test]
fn exported_clips_are_scored_as_they_are() {
    let (lab, list) = filmed();
    let run = lab.run(["eval", "clips/videos.csv", "--in-world", "--frames", "3"]).ok();
    assert!(run.contains(&format!("{0} of {0} clips measured", list.len())), "{run}");
    let clips = rows(&lab.read("runs/eval-videos/clips.csv"));
    assert!(clips.iter().all(|clip| clip["status"] == "measured" && clip["sampled"] == "3"));
    let score = |clip: &BTreeMap<String, String>| clip["facesim_arc@in-world-arcface"].clone();
    assert!(clips.iter().any(|clip| score(clip).parse::<f64>().unwrap() > 0.3));
    let frames = rows(&lab.read("runs/eval-videos/frames.csv"));
    assert_eq!(frames.len(), 3 * list.len());
    // The second run finds everything in the store.
    let again = lab.run(["eval", "clips/videos.csv", "--in-world", "--frames", "3"]);
    assert!(!again.err.contains("done"), "{}", again.err);
    assert_eq!(again.ok(), run);
}

#[test]
fn the_right_face_scores_above_the_wrong_one_and_broken_clips_are_told() {
    let (lab, list) = filmed();
    let mut text = HEAD.to_owned();
    let clip = |clip: &BTreeMap<String, String>| {
        (clip["identity"].clone(), clip["video"].clone(), clip["reference"].clone())
    };
    let mine: Vec<_> = list.iter().map(clip).collect();
    for (identity, video, reference) in &mine {
        let _ = writeln!(text, "mine,{identity},,clips/{video},clips/{reference}");
        let (_, _, other) = mine.iter().find(|(who, ..)| who != identity).unwrap();
        let _ = writeln!(text, "stranger,{identity},,clips/{video},clips/{other}");
    }
    let (identity, _, reference) = &mine[0];
    lab.write("none.mp4", "");
    for video in ["absent.gif", "none.mp4"] {
        let _ = writeln!(text, "broken,{identity},,{video},clips/{reference}");
    }
    let _ = writeln!(text, "broken,{identity},,clips/{},absent.png", mine[0].1);
    lab.write("two.csv", &text);
    let run = lab.run(["eval", "two.csv", "--in-world", "--frames", "4", "-j", "2"]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.out.contains("3 failed") && run.out.contains("none.mp4` is empty"), "{}", run.out);
    let clips = rows(&lab.read("runs/eval-two/clips.csv"));
    let broken: Vec<_> = clips.iter().filter(|clip| clip["method"] == "broken").collect();
    assert!(broken.iter().all(|clip| clip["status"] == "failed" && !clip["reason"].is_empty()));
    assert!(broken[2]["reason"].starts_with("reference: "), "{broken:?}");
    let table = rows(&lab.read("runs/eval-two/methods.csv"));
    let mean = |method: &str| {
        let cell = table.iter().find(|cell| {
            cell["row"] == format!("method={method}")
                && cell["metric"] == "facesim_arc@in-world-arcface"
        });
        cell.unwrap()["value"].parse::<f64>().unwrap()
    };
    assert!(mean("mine") > mean("stranger") + 0.1, "{} {}", mean("mine"), mean("stranger"));
    let page = lab.read("runs/eval-two/report.html");
    for wanted in ["two.csv, 4 frames", "Worst frames", "FaceSim by turn", "Clips without numbers"]
    {
        assert!(page.contains(wanted), "{wanted}");
    }
    assert!(!page.contains("Not made yet"));
}

#[test]
fn scripts_go_on_without_frames_that_cannot_be_read() {
    let (lab, list) = filmed();
    let (who, reference) = (&list[0]["identity"], &list[0]["reference"]);
    for (at, name) in ["a.png", "b.png", "c.png"].iter().enumerate() {
        let shade = image::Rgb([at as u8; 3]);
        std::fs::create_dir_all(lab.path("frames")).unwrap();
        image::RgbImage::from_pixel(64, 64, shade).save(lab.path("frames").join(name)).unwrap();
    }
    let picture = std::fs::read(lab.path("frames/a.png")).unwrap();
    std::fs::write(lab.path("frames/b.png"), &picture[..picture.len() / 2]).unwrap();
    lab.write("broken.csv", &format!("{HEAD}m,{who},,frames,clips/{reference}\n"));
    let strict = lab.run(["eval", "broken.csv", "--in-world"]);
    assert!(strict.code == 1 && strict.out.contains("cannot be decoded"), "{}", strict.out);
    let run = lab.run(["eval", "broken.csv", "--in-world", "--rules", "consisid"]).ok();
    assert!(run.contains("1 of 1 clips measured"), "{run}");
    let clips = rows(&lab.read("runs/eval-broken/clips.csv"));
    // The rules take each of the three frames five times or six; the second is lost.
    assert_eq!((&*clips[0]["sampled"], &*clips[0]["unread"]), ("16", "7"), "{clips:?}");
    let page = lab.read("runs/eval-broken/report.html");
    assert!(page.contains("7 frames of 1 clips could not be read"));
}

#[test]
fn the_movement_that_was_asked_for_is_looked_for() {
    let (lab, list) = filmed();
    let mut text = "method,identity,video,reference,turn,yaw_from,yaw_to\n".to_owned();
    for clip in &list {
        let shown =
            format!("{},clips/{},clips/{}", clip["identity"], clip["video"], clip["reference"]);
        for (method, asked) in
            [("left", "left,,"), ("right", "right,,"), ("angles", ",-60,60"), ("free", ",,")]
        {
            let _ = writeln!(text, "{method},{shown},{asked}");
        }
    }
    lab.write("asked.csv", &text);
    lab.run(["eval", "asked.csv", "--in-world", "--frames", "5"]).ok();
    let clips = rows(&lab.read("runs/eval-asked/clips.csv"));
    let turns = |method: &str, metric: &str| -> Vec<String> {
        let of = clips.iter().filter(|clip| clip["method"] == method);
        of.map(|clip| clip[metric].clone()).collect()
    };
    let [left, right] = ["left", "right"].map(|side| turns(side, "turns_as_asked@in-world-pose"));
    // No head turns both ways at once, and some turn at all.
    assert!(left.iter().zip(&right).all(|sides| sides != (&"1".to_owned(), &"1".to_owned())));
    assert!(left.iter().chain(&right).any(|turned| turned == "1"), "{left:?} {right:?}");
    let errors = turns("angles", "pose_error@in-world-pose");
    assert!(errors.iter().any(|error| error.parse::<f64>().unwrap() > 5.0), "{errors:?}");
    assert!(turns("left", "pose_error@in-world-pose").iter().all(String::is_empty));
    assert!(turns("free", "turns_as_asked@in-world-pose").iter().all(String::is_empty));
    assert!(clips.iter().any(|clip| clip["asked"] == "yaw -60 to 60"));
}

#[test]
fn pictures_of_all_sizes_are_clips_of_one_frame() {
    let (lab, list) = filmed();
    let save = |name: &str, image: image::DynamicImage| image.save(lab.path(name)).unwrap();
    save("one.png", image::RgbImage::new(1, 1).into());
    save("8k.png", image::GrayImage::new(7680, 4320).into());
    save("clear.png", image::RgbaImage::new(64, 48).into());
    save("deep.png", image::DynamicImage::new_luma_a16(50, 70));
    let (who, reference) = (&list[0]["identity"], &list[0]["reference"]);
    let mut text = HEAD.to_owned();
    for name in ["one.png", "8k.png", "clear.png", "deep.png"] {
        let _ = writeln!(text, "m,{who},a person,{name},clips/{reference}");
    }
    lab.write("stills.csv", &text);
    lab.run(["eval", "stills.csv", "--in-world"]).ok();
    let clips = rows(&lab.read("runs/eval-stills/clips.csv"));
    assert!(clips.iter().all(|clip| clip["frames"] == "1" && clip["sampled"] == "1"), "{clips:?}");
    // A black square shows nobody, which lowers the face rate and is no error.
    assert!(clips.iter().any(|clip| clip["faces"] == "0"), "{clips:?}");
}

#[test]
fn results_are_told_to_programs() {
    let (lab, list) = filmed();
    let run = lab.run(["eval", "clips/videos.csv", "--in-world", "--frames", "2", "--json"]).ok();
    let lines: Vec<serde_json::Value> =
        run.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["v"] == 1));
    let clips = lines.iter().filter(|line| line["event"] == "clip");
    assert_eq!(clips.filter(|clip| clip["values"][0]["metric"].is_string()).count(), list.len());
    assert_eq!(lines.last().unwrap()["measured"], list.len());
}
