//! How an image network of a case is built from its weights and watched.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use ffrun_models::eval::network::ImageNetwork;
use ffrun_models::params::Params;

use super::Result;
use super::case::Case;

/// The network with the weights of the case.
pub(super) fn build<N>(
    case: &Case,
    new: impl FnOnce(&mut Params) -> Result<N>,
) -> Result<(N, Params)> {
    let mut params = Params::new(&Device::Cpu);
    let network = new(&mut params)?;
    params.load(&case.weights()?)?;
    Ok((network, params))
}

/// What a network gave, and the activations on the way.
pub(super) struct Seen {
    pub(super) output: Tensor,
    taps: BTreeMap<String, Tensor>,
}

impl Seen {
    /// Runs the network.
    pub(super) fn by(network: &dyn ImageNetwork, images: &Tensor) -> Result<Self> {
        let mut taps = BTreeMap::new();
        let output = network.forward_tapped(images, &mut |name, value| {
            taps.insert(name.to_owned(), value.detach());
        })?;
        Ok(Self { output, taps })
    }

    /// The output of the inner module `name`.
    pub(super) fn tapped(&self, name: &str) -> Result<Tensor> {
        Ok(self.taps.get(name).ok_or(format!("no module `{name}` was tapped"))?.clone())
    }
}

/// The names of the weights of a case.
pub(super) fn weight_names(case: &Case) -> impl Iterator<Item = &str> {
    case.list("/weights").unwrap_or_default().iter().filter_map(|row| row[0].as_str())
}
