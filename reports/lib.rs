//! From rows to statistics, tables, charts and pages. Knows nothing of candle or of scripts.

pub mod chart;
mod code;
pub mod contact;
pub mod error;
pub mod page;
pub mod rows;
pub mod sheet;
pub mod side_by_side;
pub mod stats;
pub mod strip;
pub mod table;

mod export;
mod file;
mod html;
mod index;
mod number;
mod part;
mod record;
mod summary;

#[cfg(test)]
mod sample;

pub use error::ReportError;
pub use index::{index, index_page};
pub use page::write;
pub use record::record;
