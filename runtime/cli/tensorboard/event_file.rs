//! An event file: records with lengths and checksums, only ever added to.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use prost::Message as _;

use super::event::{Event, What};
use crate::engine::{EngineError, clock, files};

/// What TensorBoard looks for in the name of a file.
const NAME: &str = "events.out.tfevents.";
/// Bytes of a record besides its content: length and two checksums.
const HEAD: usize = 12;
const TAIL: usize = 4;

/// An event file that events are added to.
pub(super) struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Goes on with the event file of this folder, or begins one. Gives what it holds already; what a
    /// killed writer left half written at its end is cut off.
    pub(super) fn open(folder: &Path) -> Result<(Self, Vec<Event>), EngineError> {
        files::create_dir(folder)?;
        let known = files::list(folder)?.into_iter().find(|name| name.starts_with(NAME));
        let name = known.unwrap_or_else(|| format!("{NAME}{:010}.ffrun", clock::unix_seconds()));
        let path = folder.join(name);
        let bytes = files::read_optional(&path)?.unwrap_or_default();
        let (events, whole) = records(&bytes);
        let failed = |source| EngineError::io("write", &path, source);
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
        file.set_len(whole as u64).map_err(failed)?;
        let mut opened = Self { path, file };
        if events.is_empty() {
            let version = What::FileVersion("brain.Event:2".to_owned());
            opened.add(&[Event { what: Some(version), ..now() }])?;
        }
        Ok((opened, events))
    }

    /// Adds events at the end.
    pub(super) fn add(&mut self, events: &[Event]) -> Result<(), EngineError> {
        let bytes: Vec<u8> = events.iter().flat_map(record).collect();
        self.file
            .write_all(&bytes)
            .map_err(|source: io::Error| EngineError::io("write", &self.path, source))
    }
}

/// An event of this moment that says nothing yet.
pub(super) fn now() -> Event {
    Event { wall_time: clock::unix_seconds() as f64, ..Event::default() }
}

/// TFRecord: length, its checksum, content, its checksum, all little-endian.
fn record(event: &Event) -> Vec<u8> {
    let content = event.encode_to_vec();
    let length = (content.len() as u64).to_le_bytes();
    let mut bytes = length.to_vec();
    bytes.extend(masked(&length).to_le_bytes());
    bytes.extend(&content);
    bytes.extend(masked(&content).to_le_bytes());
    bytes
}

/// The events of a file and how many of its bytes are sound.
fn records(bytes: &[u8]) -> (Vec<Event>, usize) {
    let (mut events, mut at) = (Vec::new(), 0);
    while let Some((event, length)) = bytes.get(at..).and_then(first) {
        events.push(event);
        at += length;
    }
    (events, at)
}

fn first(bytes: &[u8]) -> Option<(Event, usize)> {
    let word = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    let length: [u8; 8] = bytes.get(..8)?.try_into().ok()?;
    let end = HEAD.checked_add(usize::try_from(u64::from_le_bytes(length)).ok()?)?;
    let content = bytes.get(HEAD..end)?;
    let sound = word(8)? == masked(&length) && word(end)? == masked(content);
    sound.then(|| Event::decode(content).ok().map(|event| (event, end + TAIL)))?
}

/// The checksum of a record: CRC-32C, turned and shifted so that checksums of checksums differ
/// (tensorflow/core/lib/hash/crc32c.h).
fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), bit by bit: the records are short and few.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum: u32, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            // The polynomial where the bit that falls out is set.
            (sum >> 1) ^ (0x82f6_3b78 & (sum & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tensorboard::event::{Summary, Value};

    fn scalar(step: i64, value: f32) -> Event {
        let value = Value { tag: "loss".into(), simple_value: Some(value) };
        let what = Some(What::Summary(Summary { value: vec![value] }));
        Event { step, what, ..now() }
    }

    #[test]
    fn checksums_agree_with_the_standard() {
        // RFC 3720 B.4, and the check value of CRC-32C.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn an_event_has_the_bytes_of_the_format() {
        let event = Event { wall_time: 1.0, ..scalar(3, 0.0) };
        let content = [
            9, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, // wall_time, a double
            16, 3, // step
            42, 13, 10, 11, 10, 4, b'l', b'o', b's', b's', 21, 0, 0, 0,
            0, // summary, value, tag, 0.0
        ];
        let bytes = record(&event);
        assert_eq!(bytes[..8], (content.len() as u64).to_le_bytes());
        assert_eq!(bytes[HEAD..HEAD + content.len()], content);
    }

    #[test]
    fn a_file_is_gone_on_with_and_a_torn_end_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let (mut file, held) = EventFile::open(folder.path()).unwrap();
        assert!(held.is_empty());
        file.add(&[scalar(1, 0.5), scalar(2, 0.25)]).unwrap();
        let torn = record(&scalar(3, 0.125));
        file.file.write_all(&torn[..torn.len() - 1]).unwrap();
        drop(file);
        let (mut file, held) = EventFile::open(folder.path()).unwrap();
        assert_eq!(held.iter().map(|event| event.step).collect::<Vec<_>>(), [0, 1, 2]);
        file.add(&[scalar(3, 0.125)]).unwrap();
        let (_, held) = EventFile::open(folder.path()).unwrap();
        assert_eq!(held.last().map(|event| event.step), Some(3));
        assert_eq!(files::list(folder.path()).unwrap().len(), 1);
    }
}
