//! The integration tests: one binary, a file for each subject.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod all_experiments;
mod baselines;
mod borders;
mod browser;
mod checkpoint;
mod command_line;
mod data_export;
mod engine;
mod eval;
mod evaluators;
mod experiments;
mod faults;
mod figures;
mod generator;
mod goldens;
mod heads;
mod lab;
mod latex;
mod main_job;
mod onnx;
mod photographs;
mod public_networks;
mod publish;
mod reload;
mod script;
mod selfcheck;
mod tensorboard;
mod upstream;
mod vision;
mod vocabularies;
