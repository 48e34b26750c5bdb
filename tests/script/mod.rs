//! The script host from outside: scripts in; graphs, sheets and exact error texts out.

mod claims;
mod closures;
mod contract;
mod errors;
mod limits;
mod reference;
