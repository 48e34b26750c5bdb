//! The list of clips to score: a CSV that people write by hand or export from a spreadsheet.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use csv::{ReaderBuilder, StringRecord, Trim};

use super::error::ListError;
use crate::metrics::movement::{Movement, Side};

/// Clips to score, in the order listed.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    /// Its lines.
    pub rows: Vec<Row>,
    /// Columns that mean nothing here.
    pub ignored: Vec<String>,
}

/// A clip to score.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Line of the list, the header being line 1.
    pub line: u64,
    /// What generated the clip.
    pub method: String,
    /// Who the clip should show: intervals are clustered by it.
    pub identity: String,
    /// What was asked for; nothing where the list does not say.
    pub prompt: Option<String>,
    /// The movement that was asked of the head; nothing where the list does not say.
    pub movement: Option<Movement>,
    /// The clip as listed.
    pub video: String,
    /// The reference picture as listed.
    pub reference: String,
    /// Where the clip is: relative paths start at the list's folder.
    pub video_path: PathBuf,
    /// Where the reference is.
    pub reference_path: PathBuf,
}

/// Columns that must be there and filled.
const NEEDED: [&str; 4] = ["method", "identity", "video", "reference"];
/// The columns that may be absent or empty.
const OPTIONAL: [&str; 4] = ["prompt", "turn", "yaw_from", "yaw_to"];

impl List {
    /// Reads a list: UTF-8 with or without byte-order mark, any line ends, quoted cells.
    ///
    /// # Errors
    /// What is wrong, with line and column.
    pub fn read(path: &Path) -> Result<Self, ListError> {
        let bytes = std::fs::read(path)
            .map_err(|source| ListError::Unreadable { path: path.to_owned(), source })?;
        // Spreadsheets put a mark there, which would become part of the first column's name.
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let text = with_plain_line_ends(text);
        let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(text.as_slice());
        let broken = |error: &csv::Error| {
            let line = error.position().map_or(1, csv::Position::line);
            ListError::Broken { path: path.to_owned(), line, reason: plain(error) }
        };
        let columns = Columns::of(path, reader.headers().map_err(|error| broken(&error))?)?;
        let mut rows = Vec::new();
        for record in reader.records() {
            rows.push(columns.row(path, &record.map_err(|error| broken(&error))?)?);
        }
        if rows.is_empty() {
            return Err(ListError::NoClips { path: path.to_owned() });
        }
        check_once(path, &rows)?;
        Ok(Self { rows, ignored: columns.ignored })
    }

    /// Methods in the order of their first clips.
    pub fn methods(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let first = self.rows.iter().filter(|row| seen.insert(&row.method));
        first.map(|row| row.method.clone()).collect()
    }
}

/// Where each column is.
struct Columns {
    needed: [usize; 4],
    optional: [Option<usize>; 4],
    ignored: Vec<String>,
}

impl Columns {
    fn of(path: &Path, header: &StringRecord) -> Result<Self, ListError> {
        let names: Vec<String> = header.iter().map(str::to_lowercase).collect();
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                let (path, column) = (path.to_owned(), name.clone());
                return Err(ListError::ColumnTwice { path, column });
            }
        }
        let place = |column: &str| names.iter().position(|name| name == column);
        let mut needed = [0; 4];
        for (at, column) in needed.iter_mut().zip(NEEDED) {
            *at = place(column).ok_or_else(|| ListError::Column {
                path: path.to_owned(),
                column,
                found: names.join(", "),
            })?;
        }
        let optional = OPTIONAL.map(place);
        if let (Some(_), None, column, other) | (None, Some(_), other, column) =
            (optional[2], optional[3], OPTIONAL[2], OPTIONAL[3])
        {
            return Err(ListError::Half { path: path.to_owned(), column, other });
        }
        let known = |name: &&String| NEEDED.iter().chain(&OPTIONAL).any(|known| known == name);
        let ignored = names.iter().filter(|name| !known(name)).cloned().collect();
        Ok(Self { needed, optional, ignored })
    }

    fn row(&self, path: &Path, record: &StringRecord) -> Result<Row, ListError> {
        let line = record.position().map_or(0, csv::Position::line);
        let mut cells = [""; 4];
        for ((cell, at), column) in cells.iter_mut().zip(self.needed).zip(NEEDED) {
            *cell = record.get(at).unwrap_or_default();
            if cell.is_empty() {
                return Err(ListError::EmptyCell { path: path.to_owned(), line, column });
            }
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        let [method, identity, video, reference] = cells.map(str::to_owned);
        let cell =
            |at: &Option<usize>| at.and_then(|at| record.get(at)).filter(|it| !it.is_empty());
        let [prompt, turn, from, to] = self.optional.each_ref().map(cell);
        let place = Place { path, line };
        Ok(Row {
            line,
            method,
            identity,
            prompt: prompt.map(str::to_owned),
            movement: place.movement(turn, [from, to])?,
            video_path: folder.join(&video),
            reference_path: folder.join(&reference),
            video,
            reference,
        })
    }
}

/// A line of a list.
struct Place<'a> {
    path: &'a Path,
    line: u64,
}

impl Place<'_> {
    /// The movement of a line: a side, or two angles, or nothing.
    fn movement(
        &self,
        turn: Option<&str>,
        yaw: [Option<&str>; 2],
    ) -> Result<Option<Movement>, ListError> {
        let (path, line) = (self.path.to_owned(), self.line);
        match (turn, yaw) {
            (None, [None, None]) => Ok(None),
            (Some(turn), [None, None]) => match Side::parse(turn) {
                Some(side) => Ok(Some(Movement::Turn(side))),
                None => Err(self.no_cell("turn", turn, "`left`, `right`, `up` or `down`")),
            },
            (None, [Some(from), Some(to)]) => Ok(Some(Movement::Yaw {
                from_deg: self.degrees("yaw_from", from)?,
                to_deg: self.degrees("yaw_to", to)?,
            })),
            (Some(_), _) => Err(ListError::TwoMovements { path, line }),
            (None, [from, _]) => {
                let column = if from.is_none() { "yaw_from" } else { "yaw_to" };
                Err(ListError::EmptyCell { path, line, column })
            }
        }
    }

    fn degrees(&self, column: &'static str, cell: &str) -> Result<f64, ListError> {
        let angle = cell.trim_end_matches('°').trim().parse().ok();
        let angle = angle.filter(|angle: &f64| angle.abs() <= 180.0);
        angle.ok_or_else(|| self.no_cell(column, cell, "degrees from -180 to 180"))
    }

    fn no_cell(&self, column: &'static str, cell: &str, wanted: &'static str) -> ListError {
        let (path, cell) = (self.path.to_owned(), cell.to_owned());
        ListError::Cell { path, line: self.line, column, cell, wanted }
    }
}

/// CR LF as LF: the reader counts lines wrongly otherwise.
fn with_plain_line_ends(text: &[u8]) -> Vec<u8> {
    let next = text.iter().skip(1).chain([&0]);
    let kept = text.iter().zip(next).filter(|(own, next)| (**own, **next) != (b'\r', b'\n'));
    kept.map(|(own, _)| *own).collect()
}

fn check_once(path: &Path, rows: &[Row]) -> Result<(), ListError> {
    let mut lines: BTreeMap<(&str, &Path), u64> = BTreeMap::new();
    for row in rows {
        if let Some(first) = lines.insert((&row.method, &row.video_path), row.line) {
            return Err(ListError::Duplicate {
                path: path.to_owned(),
                line: row.line,
                first,
                method: row.method.clone(),
                video: row.video.clone(),
            });
        }
    }
    Ok(())
}

/// The fact of a CSV error, without the position that the message names already.
fn plain(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} cells where the header has {expected_len}; is a quote missing?")
        }
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8; save the list as UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ffrun_models::stream::Stream;

    use super::List;
    use crate::metrics::movement::{Movement, Side};

    fn read(text: &[u8]) -> Result<List, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.csv");
        std::fs::write(&path, text).unwrap();
        let strip = |text: String| text.replace(&format!("{}/", folder.path().display()), "");
        List::read(&path).map_err(|error| strip(error.to_string()))
    }

    #[test]
    fn spreadsheets_of_all_kinds_are_read() {
        let text = b"\xef\xbb\xbfMethod, identity,prompt,video,reference,note\r\n\
            vidu,\"Ann, \"\"A\"\"\",\"a\nwoman, smiling\",v/1.mp4,ann.png,x\r\n\
            kling,Bob,,/clips/2.mp4,bob.png,\r\n";
        let list = read(text).unwrap();
        assert_eq!(list.methods(), ["vidu", "kling"]);
        assert_eq!(list.ignored, ["note"]);
        let [ann, bob] = &list.rows[..] else { panic!("{list:?}") };
        assert_eq!((ann.line, ann.identity.as_str()), (2, "Ann, \"A\""));
        assert_eq!(ann.prompt.as_deref(), Some("a\nwoman, smiling"));
        assert!(ann.video_path.ends_with("v/1.mp4") && ann.video_path.is_absolute());
        // A quoted line break counts as a line.
        assert_eq!((bob.line, bob.prompt.as_deref()), (4, None));
        assert_eq!(bob.video_path, Path::new("/clips/2.mp4"));
    }

    #[test]
    fn movements_are_asked_by_side_or_by_angle() {
        let head = "method,identity,video,reference,turn,Yaw_from,yaw_to\n";
        let list =
            read(format!("{head}a,b,1,r,Left,,\na,b,2,r,,-30,45.5°\na,b,3,r,,,\n").as_bytes());
        let asked: Vec<_> = list.unwrap().rows.iter().map(|row| row.movement).collect();
        let turn = Movement::Yaw { from_deg: -30.0, to_deg: 45.5 };
        assert_eq!(asked, [Some(Movement::Turn(Side::Left)), Some(turn), None]);
        let says = |cells: &str| read(format!("{head}a,b,1,r,{cells}\n").as_bytes()).unwrap_err();
        assert_eq!(
            says("links,,"),
            "line 2, column `turn` of `l.csv` holds `links`; it takes `left`, `right`, `up` or `down`"
        );
        assert!(says(",200,0").contains("`yaw_from` of `l.csv` holds `200`; it takes degrees"));
        assert!(says(",0,NaN").contains("`yaw_to` of `l.csv` holds `NaN`"));
        assert_eq!(says(",0,"), "line 2, column `yaw_to` of `l.csv` is empty");
        assert!(says("up,0,30").starts_with("line 2 of `l.csv` asks for a `turn` and for angles"));
        let half = read(b"method,identity,video,reference,yaw_to\na,b,c,d,\n").unwrap_err();
        assert_eq!(half, "`l.csv` has the column `yaw_to` and no `yaw_from`; give both or neither");
    }

    #[test]
    fn mutated_lists_never_panic() {
        let text = "method,identity,prompt,video,reference,turn,yaw_from,yaw_to\r\n\
                    a,\"b,\"\"c\",d,e.mp4,f.png,,0,3e1\r\n";
        for seed in 0..500 {
            let mut stream = Stream::new(seed, "test/lists", 0);
            let mut bytes = text.repeat(2).into_bytes();
            for _ in 0..=stream.below(6) {
                let at = stream.below(bytes.len());
                bytes[at] = [b',', b'"', b'\n', b'\r', 0xef, 0, b'a'][stream.below(7)];
            }
            bytes.truncate(1 + stream.below(bytes.len()));
            match read(&bytes) {
                Ok(list) => assert!(list.rows.iter().all(|row| !row.video.is_empty())),
                Err(reason) => assert!(reason.contains("l.csv"), "{reason}"),
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let says = |text: &str| read(text.as_bytes()).unwrap_err();
        let head = "method,identity,video,reference\n";
        assert_eq!(says(head), "`l.csv` lists no clip");
        assert!(says("").contains("has no column `method`"));
        let renamed = says("method,identity,clip,reference\na,b,c,d\n");
        assert!(renamed.contains("no column `video`") && renamed.contains("it names method, "));
        let twice = says("method,identity,video,Video,reference\n");
        assert_eq!(twice, "`l.csv` has the column `video` twice; remove or rename one");
        let empty = says(&format!("{head}a,b,c,d\na, ,c,d\n"));
        assert_eq!(empty, "line 3, column `identity` of `l.csv` is empty");
        let short = says(&format!("{head}a,b,c\n"));
        let expected = "line 2 of `l.csv` is not readable: it has 3 cells where the header has 4; \
                        is a quote missing?";
        assert_eq!(short, expected);
        let again = says(&format!("{head}a,b,c,d\na,b,./c,d\na,e,c,d\n"));
        assert!(
            again.starts_with("line 3 of `l.csv` lists the clip `./c` of method `a` again, after")
        );
        let latin = read(b"method,identity,video,reference\na,Andr\xe9,c,d\n").unwrap_err();
        assert!(latin.starts_with("line 2 of `l.csv`") && latin.contains("UTF-8"), "{latin}");
    }
}
