//! A mechanism brought together with a base, an adapter and an aligner.

use ffrun_models::{
    baselines::{AdapterSpec as Adapters, AdapterStart, ChannelsSpec, Mechanism},
    error::ModelError,
    wan::WanConfig,
};

use super::handle::Declared;
use crate::{
    script::{
        base::{Base, Origin},
        complaint::Complaint,
        recipe::check,
    },
    spec::{AdapterSpec, AlignerSpec, ClipsetSpec, MechanismSpec},
    stages::{
        adapter, base as trained,
        mechanism::{Encoders, frames_in_a_latent},
    },
};

/// What a tuning under a mechanism is told.
pub(in crate::script) struct Fit {
    pub(in crate::script) spec: MechanismSpec,
    /// The tuning's adapter without what the mechanism now has.
    pub(in crate::script) adapter: AdapterSpec,
    /// Whether pictures are read by networks that ship, which are then part of the key.
    pub(in crate::script) reads_pictures: bool,
}

/// The adapters of a tuning on the video, as a mechanism calls them.
const VIDEO: &str = "video";

/// Checks that everything fits, and decides what is trained: `modules` (what the mechanism adds, and
/// the tuning's LoRA on the video) or `published` (what its authors trained, and nothing else).
pub(in crate::script) fn fit(
    declared: &Declared,
    trains: &str,
    base: &Base,
    (adapter, aligner, clips): (&AdapterSpec, Option<&AlignerSpec>, &ClipsetSpec),
) -> Result<Fit, Complaint> {
    check::one_of("trains", trains, &["modules", "published"])?;
    let mut mechanism = Mechanism::clone(&declared.0);
    check_references(&mechanism)?;
    check_shared(&mechanism, aligner)?;
    check_encoders(&mechanism, base, clips)?;
    let sets = std::mem::take(&mut mechanism.trains);
    let trained = if trains == "modules" { sets.modules } else { sets.published };
    if trains == "modules" && mechanism.adapter.is_none() && adapter.rank > 0 {
        wear(&mut mechanism, adapter)?;
    }
    if let Origin::Trained { spec, .. } = &base.origin {
        let config = trained::network(spec, spec.codec.channels, spec.codec.patch_px);
        check_network(&mechanism, &config, clips.frames)?;
    }
    let reads_pictures = Encoders::serve(&mechanism);
    let adapter = AdapterSpec {
        rank: 0,
        alpha: 1.0,
        places: vec![],
        branches: vec![],
        injection: "none".into(),
        shared_dropout: if aligner.is_some() { adapter.shared_dropout } else { 0.0 },
        joint: aligner.is_some() && adapter.joint,
    };
    let spec = MechanismSpec { mechanism, trains: trained };
    Ok(Fit { spec, adapter, reads_pictures })
}

/// Puts the tuning's adapter on the video.
fn wear(mechanism: &mut Mechanism, adapter: &AdapterSpec) -> Result<(), Complaint> {
    if mechanism.adapters.iter().any(|set| set.name == VIDEO) {
        let message = format!("the mechanism has adapters `{VIDEO}` of its own that nothing wears");
        return Err(Complaint::new("setting", message)
            .hint(format!("say `adapter: \"{VIDEO}\"`, or call them otherwise")));
    }
    let mut worn = adapter.clone();
    worn.branches.retain(|branch| branch != "vace" || mechanism.control.is_some());
    let targets = adapter::targets(&worn).map_err(|error| says(&error))?;
    if targets.is_empty() {
        return Ok(());
    }
    mechanism.adapters.push(Adapters {
        name: VIDEO.into(),
        targets,
        rank: adapter.rank,
        alpha: Some(adapter.alpha),
        start: AdapterStart::Peft,
    });
    mechanism.adapter = Some(VIDEO.into());
    Ok(())
}

/// Refuses mechanisms that need more references than the one that each clip has.
fn check_references(mechanism: &Mechanism) -> Result<(), Complaint> {
    if let Some(ChannelsSpec::ReferenceFrames { refuses_one: true, .. }) = mechanism.channels {
        let message = "SkyReels-A2 as released cannot run with one reference (its mask is a latent \
                       frame too long), and a clip has one";
        return Err(Complaint::new("setting", message)
            .hint("take `baselines::skyreels_a2(\"intended\")`, or set `refuses_one: false`")
            .at("mechanism"));
    }
    let further = mechanism.segments.iter().find_map(|segment| {
        segment.references.iter().find(|at| **at > 0).map(|at| (segment.name.clone(), *at))
    });
    let Some((name, at)) = further else { return Ok(()) };
    let message =
        format!("segment `{name}` wants reference {at}, but a clip has reference 0 alone");
    Err(Complaint::new("setting", message).hint("leave `references` out").at("mechanism"))
}

/// Refuses an S that nobody makes, and one that nobody reads.
fn check_shared(mechanism: &Mechanism, aligner: Option<&AlignerSpec>) -> Result<(), Complaint> {
    match (&mechanism.shared, aligner) {
        (Some(shared), Some(aligner)) if shared.width != aligner.width => {
            let message = format!(
                "`shared.width` of the mechanism is {}, but the aligner's `width` is {}",
                shared.width, aligner.width
            );
            Err(Complaint::new("setting", message).hint("give both the same").at("aligner"))
        }
        (Some(_), None) => {
            let message = "the mechanism reads S, but `tune` was not given an aligner";
            Err(Complaint::new("setting", message).hint(
                "add aligner: aligner::paper(), faces: heads::stills().train, pairs: \
                 schedule::beside_tuning()",
            ))
        }
        (None, Some(_)) => {
            let message = "`tune` was given an aligner, but the mechanism reads no S";
            Err(Complaint::new("setting", message)
                .hint(
                    "give it `\"shared\": #{ injection: \"add\", width: aligner::paper().width }`",
                )
                .at("aligner"))
        }
        _ => Ok(()),
    }
}

/// Refuses picture encoders that are not there, or of other sizes.
fn check_encoders(
    mechanism: &Mechanism,
    base: &Base,
    clips: &ClipsetSpec,
) -> Result<(), Complaint> {
    if !Encoders::serve(mechanism) {
        return Ok(());
    }
    if matches!(base.origin, Origin::Public(_)) {
        let message = format!(
            "`{}` reads a picture through networks that there are in the embedded world alone",
            mechanism.name
        );
        return Err(Complaint::new("setting", message)
            .hint("tune a base of the embedded world, `generator::pretrained(\"heads\")`")
            .at("mechanism"));
    }
    let sizes = Encoders::sizes().map_err(|error| says(&error))?;
    let image = mechanism.image.map(|image| ("image.dim", image.dim, sizes.image_width));
    let face = mechanism.face.map(|face| {
        [
            ("face.id_dim", face.id_dim, sizes.face_width),
            ("face.vit_dim", face.vit_dim, sizes.image_width),
            ("face.scales", face.scales, sizes.image_layers),
        ]
    });
    let pictures = [("size_px", clips.size_px, sizes.picture_px)];
    let all = image.into_iter().chain(face.into_iter().flatten()).chain(pictures);
    for (setting, got, wanted) in all {
        check::that(got == wanted, "mechanism", || {
            format!("`{setting}` is {got}, but the in-world encoders want {wanted}")
        })?;
    }
    Ok(())
}

/// Refuses a mechanism that does not fit the base.
fn check_network(
    mechanism: &Mechanism,
    config: &WanConfig,
    frames: usize,
) -> Result<(), Complaint> {
    let fits = mechanism.network(config, frames_in_a_latent(frames, frames));
    fits.map(|_| ()).map_err(|error: ModelError| {
        let message = format!("`{}` does not fit the base: {error}", mechanism.name);
        Complaint::new("setting", message).at("mechanism")
    })
}

fn says(error: &dyn std::fmt::Display) -> Complaint {
    Complaint::new("setting", error.to_string())
}
