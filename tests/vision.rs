//! Networks that users bring: what they see on real pictures, and files that are damaged.

use std::fs;
use std::path::{Path, PathBuf};

use ffrun::vision::{Choice, FaceReader, Options, Shelf};
use ffrun_models::eval::picture::Picture;
use ffrun_models::onnx::{Feed, Graph, Network, OnnxError};
use ffrun_models::stream::Stream;
use serde_json::Value;

/// The real networks and pictures beside the repository, or nothing where they are absent.
fn assets() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/assets");
    if !folder.is_dir() {
        eprintln!("skipped: `{}` is absent", folder.display());
        return None;
    }
    Some(folder)
}

fn picture(path: &Path) -> Picture {
    let picture = image::open(path).expect("a picture").to_rgb8();
    let size = [picture.height() as usize, picture.width() as usize];
    Picture::new(size, picture.into_raw()).expect("pixels")
}

fn network(folder: &Path, file: &str, size: usize, output: &str) -> Network {
    let path = folder.join("models").join(file);
    let graph = Graph::parse(fs::read(&path).expect("a file"), &path).expect("a graph");
    Network::for_pictures(&graph, [size; 2], &[output]).expect("a network")
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().expect("a list").iter().map(|x| x.as_f64().expect("one") as f32).collect()
}

/// Crops and what onnxruntime gave for them.
#[test]
fn networks_give_what_they_gave_elsewhere() {
    let Some(folder) = assets() else { return };
    let goldens = fs::read_to_string(folder.join("face_goldens/goldens.json")).expect("goldens");
    let goldens: Value = serde_json::from_str(&goldens).expect("valid");
    for (name, golden) in goldens.as_object().expect("pictures") {
        let crop = |net: &str| picture(&folder.join(format!("face_goldens/{name}_{net}.png")));
        for (net, file, output, mean) in [
            ("mobileface_v2", "mobileface_v2.onnx", "fc5_bn", [0.0; 3]),
            (
                "faceres_vggface2",
                "faceres_vggface2.onnx",
                "global_pooling/Mean",
                [103.939, 116.779, 123.68],
            ),
        ] {
            let crop = crop(net);
            let blue_first = net == "faceres_vggface2";
            let crop = if blue_first { crop.swapped() } else { crop };
            let values: Vec<f32> = crop
                .values()
                .iter()
                .zip([0, 1, 2].iter().cycle())
                .map(|(&x, &c)| f32::from(x) - mean[c])
                .collect();
            let mut network = network(&folder, file, crop.size()[0], output);
            network.run(Feed::ChannelsLast(&values)).expect("it runs");
            let close = cosine(network.output(0).1, &numbers(&golden["embeddings"][net]));
            assert!(close > 0.9999, "{name} {net}: {close}");
        }
        let crop = crop("adas60").swapped();
        let values: Vec<f32> = crop.values().iter().map(|&x| f32::from(x)).collect();
        for angle in ["angle_y_fc", "angle_p_fc", "angle_r_fc"] {
            let mut network = network(&folder, "head-pose-estimation-adas-0001.onnx", 60, angle);
            network.run(Feed::ChannelsLast(&values)).expect("it runs");
            let (found, expected) = (network.output(0).1[0], golden["adas"][angle].as_f64());
            assert!((f64::from(found) - expected.expect("one")).abs() < 1e-2, "{name} {angle}");
        }
    }
}

#[test]
fn a_reader_sees_who_is_there_and_how_they_are_turned() {
    let Some(folder) = assets() else { return };
    let shelf = Shelf::open(Some(&folder.join("models"))).expect("a shelf");
    let networks = shelf.networks(&[]).expect("networks");
    assert_eq!(networks.detector.card.name, "yunet");
    assert_eq!(networks.digests().expect("digests").len(), 4);
    let mut reader = FaceReader::new(&networks, Options::default()).expect("a reader");
    let frame = picture(&folder.join("images/astronaut.png"));
    let seen = reader.read(&frame).expect("read").face.expect("a face");
    // goldens.json, found by onnxruntime on the picture at its own size.
    for (found, expected) in seen.box_px.iter().zip([178.1, 65.0, 269.5, 176.4]) {
        assert!((found - expected).abs() < 12.0, "{:?}", seen.box_px);
    }
    assert!(seen.confidence > 0.85 && seen.faces == 1 && !seen.padded);
    let [pitch, yaw, roll] = seen.pitch_yaw_roll_deg.expect("angles");
    assert!(pitch.abs() < 20.0 && yaw.abs() < 15.0 && roll.abs() < 15.0, "{pitch} {yaw} {roll}");
    assert_eq!(seen.embeddings["mobileface_v2"].len(), 256);
    assert_eq!(seen.embeddings["faceres_vggface2"].len(), 1024);

    // The same person blue first is nearly the same; the same call twice is the same.
    let again = reader.read(&frame).expect("read").face.expect("a face");
    assert_eq!(seen, again);
    let swapped = reader.read(&frame.swapped()).expect("read").face.expect("a face");
    let same = cosine(&seen.embeddings["mobileface_v2"], &swapped.embeddings["mobileface_v2"]);
    assert!(same > 0.3 && same < 0.999, "{same}");
}

/// A face that fills its frame is found on the padded one, and its box lies in the frame.
#[test]
fn frames_of_every_kind_are_read() {
    let Some(folder) = assets() else { return };
    let shelf = Shelf::open(Some(&folder.join("models"))).expect("a shelf");
    let names = ["yunet", "mobileface_v2"].map(String::from);
    let mut networks = shelf.networks(&names).expect("networks");
    networks.pose = None;
    let options = Options { choice: Choice::BestMatch, ..Options::default() };
    let mut reader = FaceReader::new(&networks, options).expect("a reader");
    for size in [[1, 1], [1, 5000], [3, 2], [720, 1280]] {
        let grey = Picture::new(size, vec![90; size[0] * size[1] * 3]).expect("pixels");
        assert_eq!(reader.read(&grey).expect("read").face, None, "{size:?}");
    }
    // Two of one person side by side: the reference tells nothing apart, but both are seen.
    let frame = picture(&folder.join("images/astronaut.png"));
    let [height, width] = frame.size();
    let double: Vec<u8> =
        frame.values().chunks_exact(width * 3).flat_map(|row| [row, row].concat()).collect();
    let double = Picture::new([height, 2 * width], double).expect("pixels");
    let reference = reader.read(&frame).expect("read").face.expect("a face");
    reader.set_reference(Some(&reference));
    let seen = reader.read(&double).expect("read").face.expect("a face");
    assert_eq!(seen.faces, 2);
    let close = cosine(&seen.embeddings["mobileface_v2"], &reference.embeddings["mobileface_v2"]);
    assert!(close > 0.9, "{close}");
}

/// A message of protocol buffers: fields one after the other.
fn message(fields: &[(u8, &[u8])]) -> Vec<u8> {
    let field = |(tag, bytes): &(u8, &[u8])| {
        [&[tag << 3 | 2], varint(bytes.len()).as_slice(), bytes].concat()
    };
    fields.iter().flat_map(field).collect()
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = vec![];
    while value > 127 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn tensor(name: &str, dims: &[u8], values: &[f32]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let kind: &[u8] = &[2 << 3, 1];
    [kind, &message(&[(1, dims), (8, name.as_bytes()), (9, &raw)])].concat()
}

fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[(&str, &[u8])]) -> Vec<u8> {
    let mut fields: Vec<(u8, Vec<u8>)> =
        inputs.iter().map(|input| (1, input.as_bytes().to_vec())).collect();
    fields.push((2, output.as_bytes().to_vec()));
    fields.push((4, operator.as_bytes().to_vec()));
    for (name, list) in attributes {
        fields.push((5, message(&[(1, name.as_bytes()), (8, list)])));
    }
    let fields: Vec<(u8, &[u8])> = fields.iter().map(|(tag, bytes)| (*tag, &bytes[..])).collect();
    message(&fields)
}

/// A small network: convolution, an activation, a pool, a product.
fn small_network(activation: &str) -> Vec<u8> {
    let ramp = |count: usize| -> Vec<f32> { (0..count).map(|at| at as f32 / 50.0 - 1.0).collect() };
    let nodes = [
        node("Conv", &["x", "w"], "a", &[("pads", &[1, 1, 1, 1]), ("strides", &[2, 2])]),
        node(activation, &["a"], "b", &[]),
        node("GlobalAveragePool", &["b"], "c", &[]),
        node("Flatten", &["c"], "d", &[]),
        node("MatMul", &["d", "m"], "y", &[]),
    ];
    let weights = [tensor("w", &[4, 3, 3, 3], &ramp(108)), tensor("m", &[4, 2], &ramp(8))];
    let mut fields: Vec<(u8, &[u8])> = nodes.iter().map(|node| (1, node.as_slice())).collect();
    fields.extend(weights.iter().map(|tensor| (5, tensor.as_slice())));
    let (input, output) = (message(&[(1, b"x")]), message(&[(1, b"y")]));
    fields.extend([(11, input.as_slice()), (12, output.as_slice())]);
    let opset = message(&[(8, &[2 << 3, 15])]);
    [message(&[(7, &message(&fields))]), opset].concat()
}

fn prepared(bytes: &[u8], sides: &[usize]) -> Result<Network, OnnxError> {
    Network::new(&Graph::parse(bytes.to_vec(), Path::new("net.onnx"))?, sides, &[])
}

#[test]
fn a_small_network_computes_what_its_definition_says() {
    let mut network = prepared(&small_network("Relu"), &[1, 3, 4, 4]).expect("a network");
    let x: Vec<f32> = (0..48).map(|at| (at * 7 % 11) as f32 - 5.0).collect();
    network.run(Feed::RowMajor(&x)).expect("it runs");
    let ramp = |at: usize| at as f32 / 50.0 - 1.0;
    let mut means = [0.0f32; 4];
    for (output, mean) in means.iter_mut().enumerate() {
        for pixel in 0..4_usize {
            let mut sum = 0.0f32;
            for tap in 0..27_usize {
                let (channel, ky, kx) = (tap / 9, tap / 3 % 3, tap % 3);
                let row = (pixel / 2 * 2 + ky).wrapping_sub(1);
                let column = (pixel % 2 * 2 + kx).wrapping_sub(1);
                if row < 4 && column < 4 {
                    sum += ramp(output * 27 + tap) * x[channel * 16 + row * 4 + column];
                }
            }
            *mean += sum.max(0.0) / 4.0;
        }
    }
    let (dims, found) = network.output(0);
    assert_eq!(dims, [1, 2]);
    for (column, found) in found.iter().enumerate() {
        let expected: f32 = (0..4).map(|row| means[row] * ramp(row * 2 + column)).sum();
        assert!((found - expected).abs() < 1e-4, "{found} {expected}");
    }
}

#[test]
fn what_cannot_be_run_is_named() {
    let said = |bytes: &[u8], sides: &[usize]| match prepared(bytes, sides) {
        Ok(_) => panic!("accepted"),
        Err(error) => error.to_string(),
    };
    let text = said(&small_network("Mish"), &[1, 3, 4, 4]);
    assert!(text.contains("`net.onnx`: node `b` (Mish) cannot be run"), "{text}");
    let text = said(&small_network("Relu"), &[1, 2, 4, 4]);
    assert!(text.contains("node `a` (Conv) makes no sense: 2 channels"), "{text}");
    let text = said(&small_network("Relu")[..200], &[1, 3, 4, 4]);
    assert!(text.contains("no whole ONNX file"), "{text}");
    assert!(said(b"", &[1]).contains("it is empty"));
    let mut network = prepared(&small_network("Relu"), &[1, 3, 4, 4]).expect("a network");
    let text = network.run(Feed::RowMajor(&[0.0; 5])).expect_err("refused").to_string();
    assert!(text.contains("was given 5 values"), "{text}");
    let graph = Graph::parse(small_network("Relu"), Path::new("net.onnx")).expect("a graph");
    let text = Network::new(&graph, &[1, 3, 4, 4], &["z"]).expect_err("refused").to_string();
    assert_eq!(text, "`net.onnx` has no output `z`; it has y");
}

/// Files with bytes changed or cut off are refused or run; none ends the program.
#[test]
fn damaged_networks_never_end_the_program() {
    let mut files = vec![(small_network("Relu"), vec![1, 3, 8, 8])];
    if let Some(folder) = assets() {
        let yunet = fs::read(folder.join("models/yunet_n_dynamic.onnx")).expect("a file");
        files.push((yunet, vec![1, 3, 32, 32]));
    }
    let mut stream = Stream::new(0, "tests/vision/damage", 0);
    let mut accepted = 0;
    for (whole, sides) in files {
        for _ in 0..200 {
            let mut bytes = whole.clone();
            for _ in 0..=stream.below(6) {
                // Names, shapes and attributes lie in the first and the last parts of a file.
                let at = stream.below(bytes.len().min(4000));
                let at = if stream.below(2) == 0 { at } else { bytes.len() - 1 - at };
                bytes[at] = stream.below(256) as u8;
            }
            if stream.below(4) == 0 {
                bytes.truncate(stream.below(bytes.len()));
            }
            let Ok(mut network) = prepared(&bytes, &sides) else { continue };
            let values = vec![0.5; sides.iter().product()];
            accepted += usize::from(network.run(Feed::RowMajor(&values)).is_ok());
        }
    }
    assert!(accepted > 0, "the damage leaves nothing to run");
}

#[test]
fn damaged_cards_are_refused_or_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let card = include_str!("../models/cards/faceres_vggface2.toml").replace("\"faceres", "\"own");
    let mut stream = Stream::new(0, "tests/vision/cards", 0);
    let mut read = 0;
    for _ in 0..300 {
        let mut bytes = card.clone().into_bytes();
        for _ in 0..=stream.below(3) {
            let at = stream.below(bytes.len());
            bytes[at] = stream.below(256) as u8;
        }
        fs::write(folder.path().join("own.toml"), bytes).expect("written");
        read += usize::from(Shelf::open(Some(folder.path())).is_ok());
    }
    assert!(read > 0 && read < 300, "{read}");
}
