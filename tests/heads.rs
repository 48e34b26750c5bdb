//! The embedded heads: exact labels, determinism, disjoint splits, and acceptance by networks
//! that were trained on photographs of people.

use std::collections::BTreeSet;
use std::path::PathBuf;

use candle_core::{Device, Tensor};
use ffrun::data::heads::{
    Family, Pose, Still, clip, export_clips, export_stills, pose_grid, stills, stills_at,
};
use ffrun::spec::{ClipSpec, FacesSpec};

use crate::onnx::Network;

fn faces(identities: usize, views: usize, size_px: usize) -> FacesSpec {
    FacesSpec {
        split: "test".into(),
        identities,
        views,
        size_px,
        world: 1,
        yaw_deg: 75.0,
        yaw_least_deg: 0.0,
        pitch_deg: 30.0,
        roll_deg: 20.0,
        expression: 0.6,
        occlusion: 0.3,
        surroundings: "per_view".into(),
        pose_grid: false,
    }
}

fn film(family: Family, frames: usize) -> ClipSpec {
    ClipSpec {
        split: "test".into(),
        person: 1,
        family: family.name().into(),
        frames,
        fps: 8.0,
        size_px: 48,
        world: 1,
        take: 0,
    }
}

#[test]
fn stills_do_not_depend_on_the_number_of_threads() {
    let spec = faces(6, 3, 48);
    let drawn = [1, 2, 5].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| stills(&spec)).expect("stills")
    });
    assert!(drawn[0] == drawn[1] && drawn[0] == drawn[2]);
    let names: Vec<&str> = drawn[0].stills.iter().map(|s| s.label.identity.as_str()).collect();
    assert_eq!(names[..4], ["test-00000", "test-00000", "test-00000", "test-00001"]);
    assert!(drawn[0].stills.iter().all(|still| still.pixels.len() == 48 * 48 * 3));
}

#[test]
fn no_person_is_in_two_splits_or_worlds() {
    let picture = |split: &str, world: u64| {
        let spec = FacesSpec { split: split.into(), world, occlusion: 0.0, ..faces(3, 1, 32) };
        let poses = [Pose::default()];
        stills_at(&spec, Some(&poses)).expect("stills").stills.into_iter().map(|s| s.pixels)
    };
    let sets = [("train", 1), ("validation", 1), ("test", 1), ("train", 2)];
    let all: BTreeSet<Vec<u8>> =
        sets.into_iter().flat_map(|(split, world)| picture(split, world)).collect();
    assert_eq!(all.len(), 12);
}

#[test]
fn boxes_hold_the_landmarks_and_sit_in_the_crop() {
    for still in stills(&faces(8, 4, 64)).expect("stills").stills {
        let [x, y, w, h] = still.label.face_box;
        // The box is enlarged 1.5 times to the crop, so its longer side is two thirds of it.
        assert!((w.max(h) - 64.0 / 1.5).abs() < 0.1, "{w} {h}");
        assert!((x + w / 2.0 - 32.0).abs() < 0.1 && (y + h / 2.0 - 32.0).abs() < 0.1);
        for [u, v] in still.label.landmarks {
            assert!(u >= x - 0.5 && u <= x + w + 0.5 && v >= y - 0.5 && v <= y + h + 0.5);
        }
    }
}

/// Pose from the marks alone: the eyes close up as the cosine of the yaw, up to perspective.
#[test]
fn landmarks_turn_as_the_labels_say() {
    let poses = [0.0f32, 15.0, -15.0, 30.0, -30.0].map(|yaw| Pose::new(yaw, 0.0, 0.0));
    let spec = FacesSpec { expression: 0.0, occlusion: 0.0, ..faces(4, 1, 128) };
    let drawn = stills_at(&spec, Some(&poses)).expect("stills");
    for person in drawn.stills.chunks(poses.len()) {
        let span = |still: &Still| {
            let marks = still.label.landmarks;
            let eyes = (marks[1][0] - marks[0][0]) / still.label.face_box[3];
            let lead =
                (marks[2][0] - f32::midpoint(marks[0][0], marks[1][0])) / still.label.face_box[3];
            (eyes, lead)
        };
        let (frontal, _) = span(&person[0]);
        for still in &person[1..] {
            let (eyes, lead) = span(still);
            let yaw = still.label.yaw_deg;
            assert!(lead * yaw > 0.0, "the nose leads to the side of the yaw: {lead} at {yaw}");
            let expected = frontal * yaw.to_radians().cos();
            assert!((eyes / expected - 1.0).abs() < 0.06, "{eyes} against {expected} at {yaw}");
        }
    }
}

#[test]
fn rolled_eyes_lie_on_a_rolled_line() {
    let poses = [-30.0f32, 10.0, 25.0].map(|roll| Pose::new(0.0, 0.0, roll));
    let spec = FacesSpec { expression: 0.0, ..faces(3, 1, 128) };
    for still in stills_at(&spec, Some(&poses)).expect("stills").stills {
        let [left, right] = [still.label.landmarks[0], still.label.landmarks[1]];
        let slope = (right[1] - left[1]).atan2(right[0] - left[0]).to_degrees();
        assert!((slope - still.label.roll_deg).abs() < 0.3, "{slope} {}", still.label.roll_deg);
    }
}

#[test]
fn captions_say_what_is_seen() {
    let spec = FacesSpec { occlusion: 1.0, ..faces(12, 1, 32) };
    for still in stills(&spec).expect("stills").stills {
        let caption = &still.label.caption;
        assert!(caption.contains(" man ") || caption.contains(" woman "), "{caption}");
        for part in ["wearing a", " behind a ", " in "] {
            assert!(caption.contains(part), "{caption}");
        }
    }
    let boxer = clip(&film(Family::Boxing, 1)).expect("a clip");
    assert!(boxer.caption.contains("boxing gloves") && boxer.caption.contains("boxing routine"));
}

#[test]
fn things_before_a_face_lower_its_visible_share() {
    let share = |occlusion: f64| {
        let spec = FacesSpec { occlusion, ..faces(20, 1, 48) };
        let drawn = stills_at(&spec, Some(&[Pose::default()])).expect("stills");
        drawn.stills.iter().map(|s| s.label.visible).sum::<f32>() / drawn.stills.len() as f32
    };
    assert!((share(0.0) - 1.0).abs() < 1e-6);
    assert!((0.4..0.95).contains(&share(1.0)), "{}", share(1.0));
}

#[test]
fn clips_repeat_and_takes_differ() {
    for family in Family::ALL {
        let spec = film(family, 4);
        let (a, b) = (clip(&spec).expect("a clip"), clip(&spec).expect("again"));
        assert_eq!(a, b, "{}", family.name());
        let other = clip(&ClipSpec { take: 1, ..spec }).expect("another take");
        assert!(a.frames != other.frames && a.identity == other.identity);
    }
}

#[test]
fn a_back_shows_no_face_and_boxing_hides_some_of_it() {
    let turning = clip(&film(Family::Turning, 24)).expect("a clip").frames;
    assert!(turning[0].label.visible < 0.001 && turning[0].label.yaw_deg.abs() > 150.0);
    assert!(turning[23].label.visible > 0.999 && turning[23].label.yaw_deg.abs() < 20.0);
    let boxing = clip(&film(Family::Boxing, 24)).expect("a clip").frames;
    let least = boxing.iter().map(|frame| frame.label.visible).fold(1.0, f32::min);
    let most = boxing.iter().map(|frame| frame.label.visible).fold(0.0, f32::max);
    assert!(least < 0.6 && most > 0.9, "{least} {most}");
}

#[test]
fn bad_specs_are_refused_by_name() {
    let said = |spec: FacesSpec| stills(&spec).expect_err("a fault").to_string();
    let fine = faces(1, 1, 32);
    assert_eq!(
        said(FacesSpec { surroundings: "none".into(), ..fine.clone() }),
        "`surroundings` is `none`, but it must be `per_person` or `per_view`"
    );
    assert_eq!(
        said(FacesSpec { pose_grid: true, views: 18, ..fine }),
        "`views` is 18, but it must be at most 17 with `pose_grid`"
    );
}

#[test]
fn exports_can_be_read_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let drawn = stills(&faces(2, 2, 32)).expect("stills");
    export_stills(&drawn, folder.path()).expect("exported");
    let picture = image::open(folder.path().join("test-00001_001.png")).expect("a picture");
    assert_eq!(picture.to_rgb8().into_raw(), drawn.stills[3].pixels);
    let mut table = csv::Reader::from_path(folder.path().join("labels.csv")).expect("a table");
    let rows: Vec<csv::StringRecord> = table.records().map(|row| row.expect("a row")).collect();
    assert_eq!((rows.len(), &rows[3][0]), (4, "test-00001_001.png"));
    let yaw: f32 = rows[3][1].parse().expect("a number");
    assert!((yaw - drawn.stills[3].label.yaw_deg).abs() < 1e-3);

    let clips = [clip(&film(Family::Ballet, 2)).expect("a clip")];
    export_clips(&clips, folder.path()).expect("exported");
    let name = "0000_test-00001_ballet";
    assert!(folder.path().join(name).join("0001.png").exists());
    let listed = std::fs::read_to_string(folder.path().join("clips.csv")).expect("a list");
    assert!(listed.lines().nth(1).is_some_and(|line| line.starts_with(name)), "{listed}");
}

/// Networks of `../shared/assets`, or nothing where they are absent.
pub(crate) fn network(file: &str) -> Option<Network> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/assets/models");
    let path = folder.join(file);
    if !path.exists() {
        eprintln!("skipped: `{}` is absent", path.display());
        return None;
    }
    Some(Network::open(&path).expect("a readable network"))
}

/// A picture's square `[x, y, w, h]` resampled to `side`² by bilinear interpolation, blue first.
pub(crate) fn crop(still: &Still, size_px: usize, [x, y, w, h]: [f32; 4], side: usize) -> Tensor {
    let last = size_px as f32 - 1.0;
    let at = |u: f32, v: f32, channel: usize| {
        let (u, v) = (u.clamp(0.0, last), v.clamp(0.0, last));
        let (c, r) = ((u as usize).min(size_px - 2), (v as usize).min(size_px - 2));
        let (fu, fv) = (u - c as f32, v - r as f32);
        let value = |c: usize, r: usize| f32::from(still.pixels[(r * size_px + c) * 3 + channel]);
        let top = value(c, r) * (1.0 - fu) + value(c + 1, r) * fu;
        let bottom = value(c, r + 1) * (1.0 - fu) + value(c + 1, r + 1) * fu;
        top * (1.0 - fv) + bottom * fv
    };
    let mut data = Vec::with_capacity(3 * side * side);
    for channel in [2, 1, 0] {
        for row in 0..side {
            for column in 0..side {
                let u = x + (column as f32 + 0.5) * w / side as f32 - 0.5;
                let v = y + (row as f32 + 0.5) * h / side as f32 - 0.5;
                data.push(at(u, v, channel));
            }
        }
    }
    Tensor::from_vec(data, (1, 3, side, side), &Device::Cpu).expect("a tensor")
}

/// YuNet's best score: √(class · object) over its three strides.
fn detection(yunet: &Network, still: &Still, size_px: usize) -> f32 {
    let whole = [0.0, 0.0, size_px as f32, size_px as f32];
    let outputs = yunet.run(&crop(still, size_px, whole, 2 * size_px)).expect("YuNet runs");
    let flat = |name: &str, stride: usize| {
        outputs[&format!("{name}_{stride}")].flatten_all().and_then(|t| t.to_vec1::<f32>())
    };
    let mut best = 0.0f32;
    for stride in [8, 16, 32] {
        let (class, object) = (flat("cls", stride).expect("it"), flat("obj", stride).expect("it"));
        let scores = class.iter().zip(&object).map(|(c, o)| (c * o).max(0.0).sqrt());
        best = scores.fold(best, f32::max);
    }
    best
}

#[test]
fn a_face_detector_finds_the_heads() {
    let Some(yunet) = network("yunet_n_dynamic.onnx") else { return };
    let spec = FacesSpec { pose_grid: true, occlusion: 0.0, ..faces(6, pose_grid().len(), 128) };
    let drawn = stills(&spec).expect("stills").stills;
    let found = drawn.iter().filter(|still| detection(&yunet, still, 128) >= 0.55).count();
    let share = found as f64 / drawn.len() as f64;
    eprintln!("YuNet finds {found} of {}", drawn.len());
    assert!(share >= 0.99, "{found} of {}", drawn.len());
}

#[test]
fn a_pose_network_reads_the_angles() {
    let Some(adas) = network("head-pose-estimation-adas-0001.onnx") else { return };
    let poses: Vec<Pose> = pose_grid().into_iter().filter(|p| p.yaw_deg.abs() < 50.0).collect();
    let spec = FacesSpec { occlusion: 0.0, expression: 0.3, ..faces(8, 1, 128) };
    let drawn = stills_at(&spec, Some(&poses)).expect("stills").stills;
    let mut errors = [0.0f32; 3];
    for still in &drawn {
        let [x, y, w, h] = still.label.face_box;
        // The network wants its box 10 % wider on each side.
        let wide = [x - 0.1 * w, y - 0.1 * h, 1.2 * w, 1.2 * h];
        let outputs = adas.run(&crop(still, 128, wide, 60)).expect("adas runs");
        let angle = |name: &str| {
            outputs[name].flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("an angle")[0]
        };
        let label = &still.label;
        let read = [angle("angle_y_fc"), -angle("angle_p_fc"), angle("angle_r_fc")];
        let truth = [label.yaw_deg, label.pitch_deg, label.roll_deg];
        if label.yaw_deg.abs() >= 30.0 {
            assert!(read[0] * label.yaw_deg > 0.0, "yaw {} read as {}", label.yaw_deg, read[0]);
        }
        for axis in 0..3 {
            errors[axis] += (read[axis] - truth[axis]).abs() / drawn.len() as f32;
        }
    }
    eprintln!("adas errs by {errors:.2?} degrees in yaw, pitch, roll");
    let mean = (errors[0] + errors[1] + errors[2]) / 3.0;
    assert!(mean < 8.0 && errors[0] < 8.0, "{errors:?}");
}

/// The 112² template of ArcFace: where eyes, nose and corners of the mouth belong.
const TEMPLATE: [[f32; 2]; 5] = [
    [38.2946, 51.6963],
    [73.5318, 51.5014],
    [56.0252, 71.7366],
    [41.5493, 92.3655],
    [70.7299, 92.2041],
];

/// A square of the picture that brings the marks near the template, without rotation.
pub(crate) fn aligned(still: &Still) -> [f32; 4] {
    let mean =
        |marks: &[[f32; 2]; 5], axis: usize| marks.iter().map(|m| m[axis]).sum::<f32>() / 5.0;
    let marks = &still.label.landmarks;
    let spread = |marks: &[[f32; 2]; 5]| {
        let middle = [mean(marks, 0), mean(marks, 1)];
        let squares = marks.iter().map(|m| (m[0] - middle[0]).powi(2) + (m[1] - middle[1]).powi(2));
        squares.sum::<f32>().sqrt()
    };
    let scale = spread(marks) / spread(&TEMPLATE);
    let left = mean(marks, 0) - mean(&TEMPLATE, 0) * scale;
    let top = mean(marks, 1) - mean(&TEMPLATE, 1) * scale;
    [left, top, 112.0 * scale, 112.0 * scale]
}

#[test]
fn a_recogniser_tells_the_people_apart() {
    let Some(recogniser) = network("mobileface_v2.onnx") else { return };
    let poses: Vec<Pose> =
        [0.0f32, 15.0, -15.0, 30.0, -30.0].map(|y| Pose::new(y, 0.0, 0.0)).into();
    let spec = FacesSpec { occlusion: 0.0, expression: 0.3, ..faces(12, 1, 128) };
    let drawn = stills_at(&spec, Some(&poses)).expect("stills").stills;
    let vectors: Vec<Vec<f32>> = drawn
        .iter()
        .map(|still| {
            // The network takes red first.
            let rgb = crop(still, 128, aligned(still), 112).flip(&[1]).expect("flipped");
            let outputs = recogniser.run(&rgb).expect("the recogniser runs");
            let vector: Vec<f32> =
                outputs["fc5_bn"].flatten_all().and_then(|t| t.to_vec1()).expect("a vector");
            let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
            vector.into_iter().map(|x| x / norm).collect()
        })
        .collect();
    let (mut same, mut other) = (Vec::new(), Vec::new());
    for (i, a) in vectors.iter().enumerate() {
        for (j, b) in vectors.iter().enumerate().skip(i + 1) {
            let cosine: f32 = a.iter().zip(b).map(|(x, y)| x * y).sum();
            let one_person = drawn[i].label.identity == drawn[j].label.identity;
            if one_person { same.push(cosine) } else { other.push(cosine) }
        }
    }
    let wins = same.iter().flat_map(|s| other.iter().map(move |o| s > o)).filter(|&w| w).count();
    let auc = wins as f64 / (same.len() * other.len()) as f64;
    let mean = |cosines: &[f32]| cosines.iter().sum::<f32>() / cosines.len() as f32;
    let (same, other) = (mean(&same), mean(&other));
    eprintln!("recogniser: AUC {auc:.3}, cosine {same:.2} of one person, {other:.2} of two");
    assert!(auc > 0.88, "{auc}");
}
