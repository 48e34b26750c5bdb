//! Tables: computed once, written as Markdown, LaTeX, CSV, HTML and terminal text.

mod grid;
mod latex;
mod long;
mod markdown;
mod measured;
mod notes;
mod published;
mod terminal;

pub(crate) use grid::{Block, Table, arrow, title};
pub(crate) use latex::latex;
pub(crate) use long::long;
pub(crate) use markdown::{escape, markdown};
pub(crate) use measured::{metrics, origin, values};
pub use terminal::terminal_table;
