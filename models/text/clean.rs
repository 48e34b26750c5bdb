//! Cleans prompts as Wan does before they are split into tokens.
//!
//! Wan runs the Python package ftfy, unescapes HTML twice and collapses white space. Of ftfy this
//! does what matters to prompts: text that was UTF-8 and read as Windows-1252, curly quotes, and
//! control characters. Compatibility forms (ligatures, full width, combining accents) are left to
//! the tokenizer, whose normalisation folds them.

use html_escape::decode_html_entities;

/// The prompt with broken encoding, HTML entities, curly quotes, control characters and runs of
/// white space put right.
pub fn clean(prompt: &str) -> String {
    let mut text = prompt.to_owned();
    // Text can have been broken several times over.
    for _ in 0..4 {
        let repaired = read_as_utf8(&text);
        if repaired == text {
            break;
        }
        text = repaired;
    }
    let once = decode_html_entities(&text).into_owned();
    let text: String = decode_html_entities(&once).chars().filter_map(plain).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Straight quotes for curly ones, nothing for control characters.
fn plain(c: char) -> Option<char> {
    match c {
        '\u{2bc}' | '\u{2018}'..='\u{201b}' => Some('\''),
        '\u{201c}'..='\u{201f}' => Some('"'),
        '\u{feff}' => None,
        c if c.is_control() && !c.is_whitespace() => None,
        c => Some(c),
    }
}

/// Replaces sequences of characters whose Windows-1252 bytes are the UTF-8 of another one:
/// `â€™` → `’`.
fn read_as_utf8(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let bytes: Vec<Option<u8>> = characters.iter().map(|&c| windows_1252(c)).collect();
    let mut repaired = String::with_capacity(text.len());
    let (mut at, mut after_broken) = (0, false);
    while let Some(&first) = characters.get(at) {
        let found = sequence(&bytes[at..]);
        let broken = found.filter(|&(_, length)| {
            // Two letters that are a sequence by chance, as `É»`, mostly stand alone.
            let next = || sequence(&bytes[at + length..]).is_some();
            length > 2 || matches!(first, 'Â' | 'Ã') || after_broken || next()
        });
        let (c, length) = broken.unwrap_or((first, 1));
        repaired.push(c);
        at += length;
        after_broken = broken.is_some();
    }
    repaired
}

/// The character of several bytes that these begin with, and how many it takes.
fn sequence(bytes: &[Option<u8>]) -> Option<(char, usize)> {
    let length = match (*bytes.first()?)? {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let encoded: Option<Vec<u8>> = bytes.get(..length)?.iter().copied().collect();
    let decoded = String::from_utf8(encoded?).ok()?;
    Some((decoded.chars().next()?, length))
}

/// The byte of a character above ASCII in Windows-1252; its five unused bytes stand for
/// themselves, as browsers read them.
fn windows_1252(c: char) -> Option<u8> {
    const HIGH: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";
    match c {
        '\u{80}'..='\u{ff}' => u8::try_from(u32::from(c)).ok(),
        c => HIGH.chars().zip(0x80..).find(|&(high, _)| high == c).map(|(_, byte)| byte),
    }
}

#[cfg(test)]
mod tests {
    use super::clean;

    /// Expected values are those of ftfy 6, `html.unescape` twice and `\s+` → ` `.
    #[test]
    fn prompts_come_out_as_from_the_python_original() {
        for (prompt, expected) in [
            ("schÃ¶n und groÃŸ", "schön und groß"),
            ("itâ€™s a manâ€”smiling", "it's a man—smiling"),
            ("  a\t b\n\nc ", "a b c"),
            ("Tom &amp;amp; Jerry &lt;3", "Tom & Jerry <3"),
            ("&#39;hi&#39; &hellip;", "'hi' …"),
            ("naïve café", "naïve café"),
            ("“curly” ‘quotes’", "\"curly\" 'quotes'"),
            ("Ã©tÃ©", "été"),
            ("Ã", "Ã"),
            ("Â£5 Â© 2020", "£5 © 2020"),
            ("日本語", "日本語"),
            ("Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "привет"),
            ("a\u{a0}b", "a b"),
            ("â‚¬20", "€20"),
            ("SÃO PAULO, VOILÀ", "SÃO PAULO, VOILÀ"),
            ("à la carte", "à la carte"),
            ("OBLIGÉ»", "OBLIGÉ»"),
            ("AT&T &copy; &nbsp;x", "AT&T © x"),
            ("doubleÃƒÂ©", "doubleé"),
            ("a\u{7}b", "ab"),
            ("", ""),
        ] {
            assert_eq!(clean(prompt), expected, "{prompt}");
        }
    }
}
