//! The sizes of a network, told by the shapes in its file and by the configuration beside it.

mod configuration;
mod shapes;
mod umt5;
mod vae;
mod wan;

pub use configuration::Configuration;
pub use umt5::umt5_sizes;
pub use vae::{vae_family, vae_sizes};
pub use wan::wan_sizes;
