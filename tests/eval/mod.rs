//! `ffrun eval`: clips of any kind, lists of clips, and what is made of them.

mod films;
mod fuzz;
mod lists;
mod real_faces;
mod scored;
