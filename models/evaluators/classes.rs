//! The people of a training as directions, which only the training needs.

use candle_core::{Result, Tensor, bail};

use crate::aligner::unit_rows;
use crate::error::ModelResult;
use crate::ops;
use crate::params::{Group, Params};
use crate::stream::Stream;

/// One learnt direction for each person.
#[derive(Clone, Debug)]
pub struct Classes {
    centres_kd: Tensor,
}

impl Classes {
    /// The name of the directions among the parameters.
    pub const NAME: &'static str = "classes.weight";

    /// Declares [`Self::NAME`] (people × width), N(0, 0.01²) as ArcFace's authors start it: only
    /// the direction counts. Weight decay would do nothing but raise the learning rate of unit
    /// rows, so there is none.
    pub fn new(
        params: &mut Params,
        (people, width): (usize, usize),
        seed: u64,
    ) -> ModelResult<Self> {
        const STD: f32 = 0.01;
        let mut stream = Stream::new(seed, &format!("init/{}", Self::NAME), 0);
        let init = stream.normal_tensor((people, width), STD, params.device())?;
        Ok(Self { centres_kd: params.add(Self::NAME, &init, Group::NoDecay)? })
    }

    /// cos θⱼ between embeddings and every person.
    ///
    /// # Shapes
    /// - embeddings_bd: `[B, D]`, unit rows
    /// - output: `[B, K]`
    pub fn cosines(&self, embeddings_bd: &Tensor) -> Result<Tensor> {
        ops::linear(embeddings_bd, &unit_rows(&self.centres_kd)?, None)
    }
}

/// 1 at each row's own person, 0 elsewhere.
///
/// # Shapes
/// - cosines_bk: `[B, K]`, of which number type and device are taken; people: B
/// - output: `[B, K]`
pub(super) fn own_person(cosines_bk: &Tensor, people: &[u32]) -> Result<Tensor> {
    let (b, k) = cosines_bk.dims2()?;
    if people.len() != b || people.iter().any(|&person| person as usize >= k) {
        bail!("expected {b} people below {k}, one a row, found {people:?}");
    }
    let mut values = vec![0f32; b * k];
    for (row, &person) in values.chunks_exact_mut(k).zip(people) {
        row[person as usize] = 1.0;
    }
    let mask = Tensor::from_vec(values, (b, k), cosines_bk.device())?;
    mask.to_dtype(cosines_bk.dtype())
}
