//! Data: the embedded heads and what is drawn from them.

pub mod heads;
