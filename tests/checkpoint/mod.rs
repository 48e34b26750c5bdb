//! Public checkpoints through the program: tiny fakes in both layouts, and everything that can be
//! wrong with such files.

mod bad_files;
mod fake;
mod sampling;
mod torch_file;
