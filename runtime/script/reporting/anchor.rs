//! Where a builder was begun, so that one which is never saved can be named.

use ffrun_reports::sheet::Item;
use rhai::{NativeCallContext, Position};

use crate::script::{complaint::Complaint, host::Host, phase::Phase};

/// A builder's tie to the report it belongs to.
#[derive(Clone)]
pub(super) struct Anchored {
    host: Host,
    words: String,
}

impl Anchored {
    /// Begins a builder in `report(results)`. `kind` is `table`, `chart` or `picture`.
    pub(super) fn begin(
        context: &NativeCallContext,
        kind: &str,
        id: &str,
    ) -> Result<Self, Complaint> {
        let host = Host::in_phase(context, Phase::Report)?;
        check_id(kind, id)?;
        let words = format!("{kind} `{id}`");
        let mut state = host.state();
        let begun = state.unsaved.iter().any(|(known, _)| *known == words);
        if begun || state.items.iter().any(|item| id_of(item) == Some(id)) {
            return Err(Complaint::new("contract", format!("`{id}` is drawn twice"))
                .hint("the id is a file name: give each table and chart its own")
                .at(id));
        }
        state.unsaved.push((words.clone(), context.call_position()));
        drop(state);
        Ok(Self { host, words })
    }

    /// Puts the finished item into the report.
    pub(super) fn save(&self, item: Item) -> Result<(), Complaint> {
        let mut state = self.host.state();
        let at = state.unsaved.iter().position(|(words, _)| *words == self.words);
        let Some(at) = at else {
            return Err(Complaint::new("contract", format!("{} is saved twice", self.words)));
        };
        state.unsaved.remove(at);
        state.items.push(item);
        Ok(())
    }
}

/// A builder that was begun and where.
pub(in crate::script) type Unsaved = (String, Position);

fn id_of(item: &Item) -> Option<&str> {
    match item {
        Item::Table(table) => Some(&table.id),
        Item::Chart(chart) => Some(&chart.id),
        Item::Drawn { id, .. } => Some(id),
        Item::Own(_, item) => id_of(item),
        Item::Text(_) | Item::Picture { .. } => None,
    }
}

fn check_id(kind: &str, id: &str) -> Result<(), Complaint> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !id.is_empty() && id.len() <= 64 && id.chars().all(plain) {
        return Ok(());
    }
    Err(Complaint::new("setting", format!("`{id}` cannot name a {kind}: it becomes a file name"))
        .hint("use letters, digits, `_` and `-`, at most 64")
        .at(id))
}
