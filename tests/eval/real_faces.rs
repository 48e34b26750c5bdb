//! Real networks on real faces, where the files are there.

use std::path::PathBuf;

use image::{RgbImage, imageops};

use crate::lab::Lab;

fn assets() -> Option<PathBuf> {
    let assets = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/assets");
    if assets.join("models/yunet_n_dynamic.onnx").exists() {
        return Some(assets);
    }
    println!("skipped: no networks in {}", assets.display());
    None
}

fn eval(lab: &Lab, list: &str, assets: &std::path::Path) -> Vec<csv::StringRecord> {
    lab.write("l.csv", list);
    let mut command = lab.command();
    command.args(["eval", "l.csv", "--network", "yunet", "--network", "mobileface_v2"]);
    command.args(["--weights".into(), assets.join("models").into_os_string()]);
    let ran = crate::lab::Ran::of(command.output().unwrap());
    assert!(ran.code == 0 || ran.code == 1, "{}{}", ran.out, ran.err);
    let clips = lab.read("runs/eval-l/clips.csv");
    let mut reader = csv::Reader::from_reader(clips.as_bytes());
    let header = reader.headers().unwrap().clone();
    std::iter::once(header).chain(reader.records().map(|row| row.unwrap())).collect()
}

/// A cell by the name of its column; the first row is the header.
fn cell(rows: &[csv::StringRecord], row: usize, column: &str) -> String {
    let at = rows[0].iter().position(|name| name == column).unwrap();
    rows[row + 1][at].to_owned()
}

#[test]
fn a_hundred_faces_a_face_and_none() {
    let Some(assets) = assets() else { return };
    let lab = Lab::new();
    let face = image::open(assets.join("images/astronaut.png")).unwrap().to_rgb8();
    let face = imageops::crop_imm(&face, 168, 60, 110, 140).to_image();
    let mut crowd = RgbImage::new(1000, 1100);
    let small = imageops::resize(&face, 100, 110, imageops::FilterType::Triangle);
    for at in 0..100 {
        imageops::replace(&mut crowd, &small, i64::from(at % 10 * 100), i64::from(at / 10 * 110));
    }
    crowd.save(lab.path("crowd.png")).unwrap();
    face.save(lab.path("face.png")).unwrap();
    RgbImage::from_pixel(300, 300, image::Rgb([120; 3])).save(lab.path("wall.png")).unwrap();
    let list = "method,identity,video,reference\n\
                a,eileen,crowd.png,face.png\na,eileen,face.png,face.png\n\
                a,eileen,wall.png,face.png\nb,eileen,face.png,wall.png\n";
    let rows = eval(&lab, list, &assets);
    let sim = |row| cell(&rows, row, "facesim@mobileface_v2").parse::<f64>().unwrap();
    assert!((sim(1) - 1.0).abs() < 1e-5, "a picture is like itself: {}", sim(1));
    assert!(sim(0) > 0.6, "one of the crowd: {}", sim(0));
    assert_eq!((cell(&rows, 2, "faces").as_str(), sim(2)), ("0", 0.0));
    assert_eq!(cell(&rows, 3, "status"), "failed");
    assert!(cell(&rows, 3, "reason").starts_with("no face was found in the reference"));
    let frames = lab.read("runs/eval-l/frames.csv");
    let crowd: usize = frames.lines().nth(1).unwrap().split(',').nth(4).unwrap().parse().unwrap();
    assert!(crowd > 50, "{crowd} of a hundred faces were found");
}
