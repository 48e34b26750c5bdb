//! Portable pixmaps as ffmpeg streams them: each frame says its own size, so that a clip that
//! changes size on the way is read right.

use std::io::{self, BufRead, Read};

/// The next frame of a stream: height, width and RGB values; nothing at its end.
///
/// # Errors
/// `InvalidData` for what is no binary pixmap of 8 bits, or one of more than `most` pixels.
pub(super) fn next(
    stream: &mut impl BufRead,
    most: u64,
) -> io::Result<Option<([u32; 2], Vec<u8>)>> {
    if stream.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut header = [0u32; 3];
    if word(stream)? != "P6" {
        return Err(invalid("no pixmap"));
    }
    for number in &mut header {
        *number = word(stream)?.parse().map_err(|_| invalid("a pixmap without its size"))?;
    }
    let [width, height, depth] = header;
    let pixels = u64::from(width) * u64::from(height);
    if depth != 255 || pixels == 0 || pixels > most {
        return Err(invalid(&format!("a frame of {width} × {height} pixels")));
    }
    let mut values = Vec::new();
    stream.take(pixels * 3).read_to_end(&mut values)?;
    if values.len() as u64 != pixels * 3 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "half a frame"));
    }
    Ok(Some(([height, width], values)))
}

/// A word of the header and the one space after it.
fn word(stream: &mut impl BufRead) -> io::Result<String> {
    let mut text = String::new();
    for byte in stream.bytes() {
        match byte? {
            b' ' | b'\n' | b'\t' => return Ok(text),
            byte if text.len() < 10 => text.push(char::from(byte)),
            _ => break,
        }
    }
    Err(invalid("a broken pixmap header"))
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn frames_of_different_sizes_follow_each_other() {
        let mut stream = &b"P6\n2 1\n255\nabcdefP6\n1 1\n255\nxyz"[..];
        assert_eq!(next(&mut stream, 9).unwrap(), Some(([1, 2], b"abcdef".to_vec())));
        assert_eq!(next(&mut stream, 9).unwrap(), Some(([1, 1], b"xyz".to_vec())));
        assert_eq!(next(&mut stream, 9).unwrap(), None);
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        for bytes in
            ["P5\n1 1\n255\nx", "P6\n1 1\n255\nxy", "P6\n4 4\n255\n", "P6", "P6\n-1 1\n255\n"]
        {
            assert!(next(&mut bytes.as_bytes(), 9).is_err(), "{bytes}");
        }
        assert!(next(&mut &b"P6\n99999 99999\n255\n"[..], 9).is_err());
    }
}
