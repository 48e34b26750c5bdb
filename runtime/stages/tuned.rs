//! A tuned generator read back: what it adds to its base.

use std::path::Path;

use candle_core::{Device, Result as TensorResult, Tensor};
use ffrun_models::{checkpoint::decode, params::Params};

use super::{
    adapter::Adapter,
    build::{Built, build},
    control::{Control, References, of_aligner, shared_width},
    generator::Generator,
    mechanism::{Conditioned, Plan},
    model_error, spec_of,
    stills::missing,
    tune::{ADAPTER, ALIGNER, MODEL},
};
use crate::{
    engine::{
        files,
        stage::Stage,
        work::{StageError, Work},
    },
    spec::TuneSpec,
};

/// What a tuning left.
pub(super) struct Tuned {
    /// How the base is told of a person.
    pub(super) way: TunedWay,
    control: Option<Control>,
    aligner: Option<Built>,
    /// Steps it was tuned for: they set the aligner's temperature.
    steps: u64,
}

/// The two ways of [`super::learner::Learner`].
pub(super) enum TunedWay {
    /// VACE's branch, with adapters beside base and branch.
    Vace(Adapter),
    /// A mechanism.
    Mechanism(Box<Conditioned>),
}

impl Tuned {
    /// Reads a `tune` result for the base it was tuned on, to make clips of `frames` frames. With a
    /// mechanism the base becomes what that makes of it.
    pub(super) fn read(
        folder: &Path,
        base: &mut Generator,
        frames: usize,
        device: &Device,
    ) -> Result<Self, StageError> {
        let file = |name: &str| -> Result<Vec<u8>, StageError> {
            let path = folder.join(name);
            files::read_optional(&path)?.ok_or_else(|| missing(&path))
        };
        let stage: Stage = serde_json::from_slice(&file(MODEL)?).map_err(|error| {
            StageError::Failed(format!("`{MODEL}` of a tuning cannot be read: {error}"))
        })?;
        let spec: TuneSpec = spec_of(&stage)?;
        let weights = decode(&file(ADAPTER)?, device).map_err(model_error)?;
        let mut params = Params::frozen(device);
        let control = Control::of(&spec, &stage, &mut params)?;
        let way = if let Some(mechanism) = &spec.mechanism {
            let plan = Plan { spec: mechanism, stage: &stage, frames, seed: spec.seed };
            TunedWay::Mechanism(Box::new(Conditioned::tuned(plan, base, &weights)?))
        } else {
            let width = shared_width(&spec, control.as_ref())?;
            let adapter = Adapter::new(&spec.adapter, base, width, params, spec.seed)?;
            adapter.params.load(&weights).map_err(model_error)?;
            TunedWay::Vace(adapter)
        };
        let aligner = match (&spec.aligner, &spec.pairs) {
            (Some(model), Some(schedule)) => {
                let start = (spec.seed, schedule.logit_scale);
                let built = build(model, &stage.code, Params::frozen(device), start)?;
                let weights = decode(&file(ALIGNER)?, device).map_err(model_error)?;
                built.params.load(&weights).map_err(model_error)?;
                Some(built)
            }
            _ => None,
        };
        Ok(Self { way, control, aligner, steps: spec.schedule.steps })
    }

    /// The tuning in the role `tuned`, if there is one.
    pub(super) fn of(
        work: &Work<'_>,
        base: &mut Generator,
        frames: usize,
        device: &Device,
    ) -> Result<Option<Self>, StageError> {
        let folder = work.inputs.get("tuned");
        folder.map(|folder| Self::read(folder, base, frames, device)).transpose()
    }

    /// The adapters beside VACE.
    pub(super) fn adapter(&self) -> Option<&Adapter> {
        match &self.way {
            TunedWay::Vace(adapter) => Some(adapter),
            TunedWay::Mechanism(_) => None,
        }
    }

    /// The mechanism.
    pub(super) fn mechanism(&self) -> Option<&Conditioned> {
        match &self.way {
            TunedWay::Vace(_) => None,
            TunedWay::Mechanism(conditioned) => Some(conditioned),
        }
    }

    /// S of references, or what a control puts in its place; none without either.
    ///
    /// # Shapes
    /// - output: `[B, D]`
    pub(super) fn shared(&self, references: &References<'_>) -> TensorResult<Option<Tensor>> {
        if let Some(control) = &self.control {
            return control.vectors(references).map(Some);
        }
        let Some(built) = &self.aligner else { return Ok(None) };
        of_aligner(&built.aligner, references, self.steps).map(Some)
    }
}
