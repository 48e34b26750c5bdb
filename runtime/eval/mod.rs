//! Scoring clips of any generator: from a list of files to rows, tables and a report.

mod desk;
pub mod error;
mod eyes;
mod figures;
mod in_world;
mod list;
mod measured;
mod networks;
mod observed;
mod plan;
pub mod report;
mod tables;
mod thumbnail;
mod viewer;
mod worst;

pub use desk::Desk;
pub use error::ListError;
pub use eyes::{Eyes, Sight};
pub use in_world::in_world;
pub use list::{List, Row};
pub use measured::{Clip, Measured, Outcome, Scored};
pub use networks::brought;
pub use observed::Observed;
pub use plan::{Pair, Plan, Planned, Sampling};
pub use report::{Failure, Heading, Report, status};
