//! The integration tests: one binary, a file for each subject.

mod borders;
mod command_line;
mod engine;
mod faults;
mod goldens;
mod heads;
mod lab;
mod main_job;
mod onnx;
mod reload;
mod script;
mod upstream;
