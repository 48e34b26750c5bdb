//! `--tensorboard`: training curves as event files while a run goes.

mod event;
mod event_file;
mod trials;

pub(super) use trials::Trials;
