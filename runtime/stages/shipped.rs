//! The `shipped` stage: a base generator that comes with ffrun, laid where tunings read it.

use std::path::Path;

use candle_core::Device;
use ffrun_models::params::Params;

use super::{
    base::{self, Base},
    spec_of,
};
use crate::{
    engine::{
        files,
        stage::Stage,
        work::{StageError, Work},
    },
    spec::{BaseSpec, ShippedSpec},
};

/// A base in this binary.
struct Shipped {
    world: &'static str,
    bytes: &'static [u8],
}

/// All of them; cards with their recipes lie beside the files.
const ALL: [Shipped; 1] =
    [Shipped { world: "heads", bytes: include_bytes!("../../models/base/heads.safetensors") }];

/// Worlds that a base ships for.
pub(crate) fn worlds() -> impl Iterator<Item = &'static str> + Clone {
    ALL.iter().map(|shipped| shipped.world)
}

/// The digest and the spec of the base of a world.
pub(crate) fn describe(world: &str) -> Result<(String, BaseSpec), StageError> {
    let bytes = bytes(world)?;
    let base = Base::decode(bytes, Params::frozen(&Device::Cpu), Path::new(base::FILE))?;
    Ok((blake3::hash(bytes).to_hex().to_string(), base.spec))
}

/// Lays the base where others read it.
pub(super) fn run(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let spec: ShippedSpec = spec_of(stage)?;
    let bytes = bytes(&spec.world)?;
    let found = blake3::hash(bytes).to_hex().to_string();
    let wanted = stage.digests.get("base");
    if wanted != Some(&found) {
        return Err(StageError::Failed(format!(
            "the experiment was planned with another base of the world `{}` than this ffrun ships; \
             plan it again with this ffrun",
            spec.world
        )));
    }
    Ok(files::write_atomic(&work.out.join(base::FILE), bytes)?)
}

fn bytes(world: &str) -> Result<&'static [u8], StageError> {
    let shipped = ALL.iter().find(|shipped| shipped.world == world);
    shipped.map(|shipped| shipped.bytes).ok_or_else(|| {
        let known: Vec<&str> = worlds().collect();
        StageError::Failed(format!(
            "no base ships for the world `{world}`; there is one for {}",
            known.join(", ")
        ))
    })
}
