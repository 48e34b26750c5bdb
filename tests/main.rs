//! The integration tests: one binary, a file for each subject.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod borders;
mod checkpoint;
mod command_line;
mod data_export;
mod engine;
mod eval;
mod evaluators;
mod faults;
mod generator;
mod goldens;
mod heads;
mod lab;
mod main_job;
mod onnx;
mod photographs;
mod reload;
mod script;
mod upstream;
mod vision;
mod vocabularies;
