//! The `shipped` stage: a base generator that comes with ffrun, laid where tunings read it.

use std::{path::Path, sync::OnceLock};

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
    /// Digest and spec, read when first asked for: a plan asks for every stage that samples.
    described: OnceLock<(String, BaseSpec)>,
}

/// All of them; cards with their recipes lie beside the files.
static ALL: [Shipped; 1] = [Shipped {
    world: "heads",
    bytes: include_bytes!("../../models/base/heads.safetensors"),
    described: OnceLock::new(),
}];

/// Worlds that a base ships for.
pub(crate) fn worlds() -> impl Iterator<Item = &'static str> + Clone {
    ALL.iter().map(|shipped| shipped.world)
}

/// The digest and the spec of the base of a world.
pub(crate) fn describe(world: &str) -> Result<(String, BaseSpec), StageError> {
    let shipped = shipped(world)?;
    if let Some(known) = shipped.described.get() {
        return Ok(known.clone());
    }
    let base = Base::decode(shipped.bytes, Params::frozen(&Device::Cpu), Path::new(base::FILE))?;
    let digest = blake3::hash(shipped.bytes).to_hex().to_string();
    Ok(shipped.described.get_or_init(|| (digest, base.spec)).clone())
}

/// Lays the base where others read it.
pub(super) fn run(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let spec: ShippedSpec = spec_of(stage)?;
    let bytes = shipped(&spec.world)?.bytes;
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

fn shipped(world: &str) -> Result<&'static Shipped, StageError> {
    ALL.iter().find(|shipped| shipped.world == world).ok_or_else(|| {
        let known: Vec<&str> = worlds().collect();
        StageError::Failed(format!(
            "no base ships for the world `{world}`; there is one for {}",
            known.join(", ")
        ))
    })
}
