//! Generators as scripts hold them: trained here, or public.

use super::{complaint::Complaint, host::Host};
use crate::{
    engine::key::Key,
    spec::{BaseSpec, ClipsetSpec, TextSpec},
};

/// A base generator that does not exist yet.
#[derive(Clone, Debug)]
pub(super) struct Base {
    pub(super) key: Key,
    /// Where its codec comes from.
    pub(super) codec: Key,
    pub(super) origin: Origin,
}

/// Where a base comes from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// Trained by ffrun, on clips of one geometry.
    Trained {
        spec: BaseSpec,
        /// The split and the world it was trained on.
        seen: (String, u64),
    },
    /// A public checkpoint.
    Public(Public),
}

/// What matters of a public checkpoint before it is loaded.
#[derive(Clone, Debug)]
pub(super) struct Public {
    pub(super) text: TextSpec,
    /// Frames that become one latent frame, after the first.
    pub(super) frames_step: usize,
    /// Sides of clips are multiples of so many pixels.
    pub(super) side_step: usize,
    /// What guidance pushes away from.
    pub(super) negative: Option<String>,
}

impl Base {
    /// Refuses clips of another geometry than the base makes.
    pub(super) fn check_geometry(&self, clips: &ClipsetSpec) -> Result<(), Complaint> {
        match &self.origin {
            Origin::Trained { spec, .. } => check_geometry(spec, clips),
            Origin::Public(public) => public.check_geometry(clips),
        }
    }

    /// Refuses clips of people it was trained on.
    pub(super) fn check_unseen(&self, clips: &ClipsetSpec) -> Result<(), Complaint> {
        match &self.origin {
            Origin::Trained { seen, .. } => {
                super::building::check_unseen((&clips.split, clips.world), seen)
            }
            // The embedded world is in nobody's training videos.
            Origin::Public(_) => Ok(()),
        }
    }

    /// How captions become rows, and the stage that holds the encoder if it has weights.
    pub(super) fn text(&self) -> (&TextSpec, Option<Key>) {
        match &self.origin {
            Origin::Trained { spec, .. } => (&spec.text, None),
            Origin::Public(public) => (&public.text, Some(self.key)),
        }
    }

    /// The stage of a clipset's captions under the negative prompt, for a base whose sampling reads
    /// them from there.
    pub(super) fn sampled_texts(
        &self,
        host: &Host,
        captions: Key,
    ) -> Result<Option<Key>, Complaint> {
        let Origin::Public(public) = &self.origin else { return Ok(None) };
        let text = TextSpec { negative: public.negative.clone(), ..public.text.clone() };
        super::generating::texts_stage(host, captions, (&text, Some(self.key))).map(Some)
    }
}

impl Public {
    fn check_geometry(&self, clips: &ClipsetSpec) -> Result<(), Complaint> {
        let (step, side) = (self.frames_step, self.side_step);
        if clips.frames % step != 1 % step || clips.frames == 0 {
            let (before, after) = (clips.frames / step * step + 1, step);
            let message = format!(
                "the clips have {} frames, but the checkpoint makes 1, {}, {}, … frames",
                clips.frames,
                1 + after,
                1 + 2 * after
            );
            return Err(Complaint::new("setting", message)
                .hint(format!("give them `frames: {}`", before.max(1))));
        }
        if !clips.size_px.is_multiple_of(side) {
            let message = format!(
                "the clips are {} px wide, but the checkpoint makes multiples of {side} px",
                clips.size_px
            );
            let nearest = clips.size_px.div_ceil(side) * side;
            return Err(
                Complaint::new("setting", message).hint(format!("give them `size_px: {nearest}`"))
            );
        }
        Ok(())
    }
}

/// Refuses clips of another geometry than a trained base makes.
pub(super) fn check_geometry(base: &BaseSpec, clips: &ClipsetSpec) -> Result<(), Complaint> {
    let (have, want) = ((clips.frames, clips.size_px), (base.frames, base.size_px));
    if have == want {
        return Ok(());
    }
    let message = format!(
        "the clips have {} frames of {} px, but the generator makes {} frames of {} px",
        have.0, have.1, want.0, want.1
    );
    Err(Complaint::new("setting", message).hint("give them the same `frames` and `size_px`"))
}
