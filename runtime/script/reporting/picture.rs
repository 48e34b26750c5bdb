//! `picture(id, results)`: a picture that a stage drew, declared step by step and saved.

use ffrun_reports::sheet::Item;
use rhai::Map;

use super::{anchor::Anchored, results::Results};
use crate::script::complaint::Complaint;

/// A picture that is being declared. Nothing is shown before `.save()`.
#[derive(Clone)]
pub(super) struct PictureBuilder {
    id: String,
    drawn: Option<(String, Map)>,
    title: String,
    caption: String,
    results: Results,
    anchored: Anchored,
}

impl PictureBuilder {
    pub(super) fn new(id: &str, results: Results, anchored: Anchored) -> Self {
        let (title, caption) = (String::new(), String::new());
        Self { id: id.to_owned(), drawn: None, title, caption, results, anchored }
    }

    pub(super) fn drawn(&mut self, name: &str, fixed: Map) -> Self {
        self.drawn = Some((name.to_owned(), fixed));
        self.clone()
    }

    pub(super) fn title(&mut self, text: &str) -> Self {
        text.clone_into(&mut self.title);
        self.clone()
    }

    pub(super) fn caption(&mut self, text: &str) -> Self {
        text.clone_into(&mut self.caption);
        self.clone()
    }

    pub(super) fn save(&mut self) -> Result<(), Complaint> {
        let Some((name, fixed)) = &self.drawn else {
            let message = format!("picture `{}` does not say what it shows", self.id);
            return Err(Complaint::new("contract", message)
                .hint("name what a measurement drew: `.drawn(\"faces\")`"));
        };
        self.anchored.save(Item::Drawn {
            id: self.id.clone(),
            title: self.title.clone(),
            path: self.results.picture(name, fixed)?,
            caption: self.caption.clone(),
        })
    }
}
