//! `--tensorboard`: event files hold the curves of the CSV, point by point.

use std::{collections::BTreeMap, fs, path::Path};

use crate::lab::{Lab, SMALLEST, ablation};

/// Step and value of every scalar by its tag, read by the bytes of the format.
fn scalars(file: &Path) -> BTreeMap<String, Vec<(u64, f32)>> {
    let bytes = fs::read(file).unwrap();
    let (mut at, mut found) = (0, BTreeMap::<String, Vec<(u64, f32)>>::new());
    while at < bytes.len() {
        let length = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
        let event = fields(&bytes[at + 12..at + 12 + length]);
        at += 12 + length + 4;
        let Some(summary) = event.get(&5) else {
            assert_eq!(event[&3], b"brain.Event:2");
            continue;
        };
        let value = fields(&fields(summary)[&1]);
        let number = f32::from_le_bytes(value[&2].as_slice().try_into().unwrap());
        let step = event.get(&2).map_or(0, |step| varint(step, &mut 0));
        let tag = String::from_utf8(value[&1].clone()).unwrap();
        found.entry(tag).or_default().push((step, number));
    }
    found
}

/// The fields of a protocol buffer, each with its bytes.
fn fields(bytes: &[u8]) -> BTreeMap<u64, Vec<u8>> {
    let (mut at, mut found) = (0, BTreeMap::new());
    while at < bytes.len() {
        let key = varint(bytes, &mut at);
        let (begin, wire) = (at, key % 8);
        let length = match wire {
            0 => {
                varint(bytes, &mut at);
                at - begin
            }
            1 => 8,
            2 => varint(bytes, &mut at) as usize,
            5 => 4,
            other => panic!("wire type {other}"),
        };
        let from = if wire == 0 { begin } else { at };
        found.insert(key >> 3, bytes[from..from + length].to_vec());
        at = from + length;
    }
    found
}

fn varint(bytes: &[u8], at: &mut usize) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = bytes[*at];
        *at += 1;
        value |= u64::from(byte & 127) << shift;
        if byte < 128 {
            break;
        }
    }
    value
}

#[test]
fn event_files_hold_the_curves_once_however_often_it_runs() {
    let lab = Lab::new();
    let flags = [&SMALLEST[..], &["--tensorboard", "events"]].concat();
    let folder = lab.path("events/ablation_dict-smoke/elements=1024,seed=0");
    let mut sizes = Vec::new();
    for _ in 0..2 {
        lab.ablate("run", &flags).ok();
        let files: Vec<_> = fs::read_dir(&folder).unwrap().flatten().collect();
        assert_eq!(files.len(), 1, "{files:?}");
        let name = files[0].file_name().to_string_lossy().into_owned();
        assert!(name.starts_with("events.out.tfevents."), "{name}");
        sizes.push(files[0].metadata().unwrap().len());
    }
    assert_eq!(sizes[0], sizes[1], "nothing is written twice");

    let file = fs::read_dir(&folder).unwrap().flatten().next().unwrap().path();
    let mut expected = BTreeMap::<String, Vec<(u64, f32)>>::new();
    for row in lab.read("runs/ablation_dict-smoke/curves.csv").lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        let [curve, step, value] = [cells[4], cells[5], cells[6]];
        let point = (step.parse().unwrap(), value.parse::<f64>().unwrap() as f32);
        expected.entry(curve.to_owned()).or_default().push(point);
    }
    assert!(expected.values().map(Vec::len).sum::<usize>() > 5, "{expected:?}");
    assert_eq!(scalars(&file), expected);
    let watched =
        lab.run(["run", &ablation().display().to_string(), "--watch", "--tensorboard", "x"]);
    assert_eq!(watched.code, 2, "{}", watched.err);
}
