//! The networks there are: cards built in and beside the files, and the files in the folder of
//! weights.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::card::Card;
use super::digest::blake3_of;
use super::error::{VisionError, VisionResult};

/// Cards that come with ffrun, in the order in which they are preferred.
const BUILT_IN: [(&str, &str); 13] = [
    ("det_10g", include_str!("../../models/cards/det_10g.toml")),
    ("scrfd_10g_bnkps", include_str!("../../models/cards/scrfd_10g_bnkps.toml")),
    ("yunet", include_str!("../../models/cards/yunet.toml")),
    ("w600k_r50", include_str!("../../models/cards/w600k_r50.toml")),
    ("glintr100", include_str!("../../models/cards/glintr100.toml")),
    (
        "curricularface_ir101_glint360k",
        include_str!("../../models/cards/curricularface_ir101_glint360k.toml"),
    ),
    ("mobileface_v2", include_str!("../../models/cards/mobileface_v2.toml")),
    ("faceres_vggface2", include_str!("../../models/cards/faceres_vggface2.toml")),
    ("6drepnet", include_str!("../../models/cards/6drepnet.toml")),
    ("6drepnet_train", include_str!("../../models/cards/6drepnet_train.toml")),
    ("head_pose_adas", include_str!("../../models/cards/head_pose_adas.toml")),
    ("inception_v3", include_str!("../../models/cards/inception_v3.toml")),
    ("clip_vit_b_32", include_str!("../../models/cards/clip_vit_b_32.toml")),
];

/// A card and where its files are.
#[derive(Clone, Debug, PartialEq)]
pub struct Installed {
    /// The card.
    pub card: Card,
    /// Where its file is.
    pub path: PathBuf,
    /// Where its further files are, by what they are.
    pub beside: BTreeMap<String, PathBuf>,
}

/// The networks a reader works with.
#[derive(Clone, Debug, PartialEq)]
pub struct Networks {
    /// Finds faces.
    pub detector: Installed,
    /// Tell whose they are. One at least.
    pub recognisers: Vec<Installed>,
    /// Tells how heads are turned.
    pub pose: Option<Installed>,
    /// Describes aligned faces, for Fréchet distances.
    pub features: Option<Installed>,
    /// Tells how well frames fit a prompt.
    pub clip: Option<Installed>,
}

impl Networks {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Installed> {
        let optional = [&self.pose, &self.features, &self.clip].into_iter().flatten();
        std::iter::once(&self.detector).chain(&self.recognisers).chain(optional)
    }

    /// BLAKE3 digests of all files and cards, by the network's name: what a stage key is made
    /// from. Reads every file once.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn digests(&self) -> VisionResult<BTreeMap<String, String>> {
        let digest = |network: &Installed| {
            let mut hasher = blake3::Hasher::new();
            // The card decides how the network is fed, and with that what it gives.
            hasher.update(format!("{:?}", network.card).as_bytes());
            for path in std::iter::once(&network.path).chain(network.beside.values()) {
                hasher.update(blake3_of(path)?.as_bytes());
            }
            Ok((network.card.name.clone(), hasher.finalize().to_hex().to_string()))
        };
        self.all().map(digest).collect()
    }
}

/// A card and where it was read.
#[derive(Clone, Debug)]
struct Shelved {
    card: Card,
    place: String,
}

/// All cards, and the folder in which files are looked for.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: Option<PathBuf>,
    /// The user's own first: who writes a card means it.
    cards: Vec<Shelved>,
}

impl Shelf {
    /// The built-in cards and those (`*.toml`) in the folder of weights.
    ///
    /// # Errors
    /// When the folder cannot be read, a card is not valid, or two have one name.
    pub fn open(folder: Option<&Path>) -> VisionResult<Self> {
        let mut cards = folder.map_or(Ok(vec![]), cards_in)?;
        for (name, text) in BUILT_IN {
            let place = format!("`{name}` that comes with ffrun");
            cards.push(Shelved { card: Card::parse(text, &place)?, place });
        }
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        for Shelved { card, place } in &cards {
            if let Some(first) = seen.insert(&card.name, place) {
                let (name, first, second) = (card.name.clone(), first.to_owned(), place.clone());
                return Err(VisionError::CardTwice { name, first, second });
            }
        }
        Ok(Self { folder: folder.map(Path::to_owned), cards })
    }

    /// The folder of weights.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// All cards, the user's own first.
    pub fn cards(&self) -> impl Iterator<Item = &Card> {
        self.cards.iter().map(|shelved| &shelved.card)
    }

    /// The card of a name.
    ///
    /// # Errors
    /// When there is none.
    pub fn card(&self, name: &str) -> VisionResult<&Card> {
        let found = self.cards().find(|card| card.name == name);
        found.ok_or_else(|| VisionError::UnknownNetwork { name: name.to_owned() })
    }

    /// Where a card's file would be or is.
    pub fn path_of(&self, card: &Card) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        card.files.iter().map(|file| folder.join(file)).find(|path| path.is_file())
    }

    /// A card with its files.
    ///
    /// # Errors
    /// When one of them is not on the shelf.
    pub fn installed(&self, card: &Card) -> VisionResult<Installed> {
        let absent = |file: &str| VisionError::Absent {
            name: card.name.clone(),
            file: file.to_owned(),
            source_address: card.source.clone(),
            folder: self.folder.clone(),
        };
        let usual = card.files.first().map_or("", String::as_str);
        let path = self.path_of(card).ok_or_else(|| absent(usual))?;
        let mut beside = BTreeMap::new();
        for (what, file) in &card.beside {
            let place = self.folder.as_ref().map(|folder| folder.join(file));
            let place = place.filter(|place| place.is_file()).ok_or_else(|| absent(file))?;
            beside.insert(what.clone(), place);
        }
        Ok(Installed { card: card.clone(), path, beside })
    }

    /// The networks of these names; where none of a kind is named, what the shelf holds: the first
    /// detector, every recogniser, the first of each other kind.
    ///
    /// # Errors
    /// When a name is unknown or its file absent, when there is no detector or no recogniser, and
    /// when two of a kind are named of which only one can be used.
    pub fn networks(&self, names: &[String]) -> VisionResult<Networks> {
        let mut named = vec![];
        for name in names {
            named.push(self.installed(self.card(name)?)?);
        }
        let recognisers = self.of_kind("recogniser", &named);
        if recognisers.is_empty() {
            return Err(self.none_of("recogniser"));
        }
        let detector = self.one_of("detector", &named)?;
        Ok(Networks {
            detector: detector.ok_or_else(|| self.none_of("detector"))?,
            recognisers,
            pose: self.one_of("pose", &named)?,
            features: self.one_of("features", &named)?,
            clip: self.one_of("clip", &named)?,
        })
    }

    fn none_of(&self, role: &'static str) -> VisionError {
        VisionError::NoneOf { role, folder: self.folder.clone() }
    }

    fn one_of(&self, kind: &'static str, named: &[Installed]) -> VisionResult<Option<Installed>> {
        let mut named = named.iter().filter(|network| network.card.role.kind() == kind);
        match (named.next(), named.next()) {
            (Some(first), Some(second)) => Err(VisionError::TwoOf {
                role: kind,
                first: first.card.name.clone(),
                second: second.card.name.clone(),
            }),
            (Some(network), None) => Ok(Some(network.clone())),
            (None, _) => Ok(self.of_kind(kind, &[]).into_iter().next()),
        }
    }

    /// Those named of a kind, or else all on the shelf.
    fn of_kind(&self, kind: &str, named: &[Installed]) -> Vec<Installed> {
        let is = |card: &Card| card.role.kind() == kind;
        let chosen: Vec<Installed> =
            named.iter().filter(|network| is(&network.card)).cloned().collect();
        if !chosen.is_empty() {
            return chosen;
        }
        self.cards().filter(|card| is(card)).filter_map(|card| self.installed(card).ok()).collect()
    }
}

/// The cards in a folder, by file name.
fn cards_in(folder: &Path) -> VisionResult<Vec<Shelved>> {
    /// Bytes of the longest card: a larger file is none.
    const MOST: u64 = 1 << 20;
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| VisionError::Unreadable { path, source }
    };
    let mut paths = vec![];
    for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut cards = vec![];
    for path in paths {
        let place = format!("`{}`", path.display());
        let size = std::fs::metadata(&path).map_err(unreadable(&path))?.len();
        if size > MOST {
            let reason = format!("it has {size} bytes; a card has no more than {MOST}");
            return Err(VisionError::Card { card: place, reason });
        }
        let text = std::fs::read_to_string(&path).map_err(unreadable(&path))?;
        cards.push(Shelved { card: Card::parse(&text, &place)?, place });
    }
    Ok(cards)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Shelf;

    const CARD: &str = r#"
name = "mine"
role = "detector-yunet"
description = "A detector."
source = "own"
licence = { name = "MIT" }
files = ["mine.onnx"]
"#;

    #[test]
    fn built_in_cards_are_valid() {
        let shelf = Shelf::open(None).unwrap();
        assert!(shelf.cards().any(|card| card.name == "w600k_r50"));
        let error = shelf.networks(&[]).unwrap_err().to_string();
        assert!(error.starts_with("no recogniser is on the shelf: no folder"), "{error}");
        let error = shelf.networks(&["yunet".into()]).unwrap_err().to_string();
        assert!(error.contains("`yunet` is not there"), "{error}");
        assert!(shelf.networks(&["yuent".into()]).is_err());
    }

    #[test]
    fn cards_beside_the_files_come_first_and_must_not_clash() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mine.toml"), CARD).unwrap();
        let shelf = Shelf::open(Some(folder.path())).unwrap();
        assert_eq!(shelf.cards().next().map(|card| card.name.as_str()), Some("mine"));
        assert!(shelf.installed(shelf.card("mine").unwrap()).is_err());
        fs::write(folder.path().join("mine.onnx"), b"x").unwrap();
        let found = shelf.installed(shelf.card("mine").unwrap()).unwrap();
        assert_eq!(found.path, folder.path().join("mine.onnx"));

        fs::write(folder.path().join("zz.toml"), CARD.replace("mine\"", "yunet\"")).unwrap();
        let error = Shelf::open(Some(folder.path())).unwrap_err().to_string();
        assert!(error.starts_with("two cards are named `yunet`"), "{error}");
    }

    #[test]
    fn cards_are_read_strictly() {
        let folder = tempfile::tempdir().unwrap();
        let said = |text: String| {
            fs::write(folder.path().join("a.toml"), text).unwrap();
            Shelf::open(Some(folder.path())).unwrap_err().to_string()
        };
        assert!(said(format!("{CARD}sha265 = \"\"")).contains("unknown field `sha265`"));
        assert!(said(CARD.replace("mine.onnx", "../mine.onnx")).contains("without a folder"));
        assert!(said(CARD.replace("yunet", "yunett")).contains("unknown variant"));
        assert!(said(format!("{CARD}sha256 = \"abc\"")).contains("64 hexadecimal digits"));
        let recogniser = CARD.replace("detector-yunet", "recogniser-onnx");
        assert!(said(recogniser).contains("`[input]` is missing"));
    }
}
