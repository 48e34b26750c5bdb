//! Goldens of SkyReels-A2's input channels, and of how its pictures are fitted.

use candle_core::Tensor;
use ffrun_models::baselines::{ChannelsSpec, ReferencePictures, cropped_to, padded_to};
use ffrun_models::codec::LatentCodec;

use super::case::Case;
use super::check::Check;
use super::fake_vae::FakeVae;
use super::resample::{picture, tensor};
use super::wan_config::sides;
use super::{Kind, Result};

/// `A2Pipeline.prepare_latents` and its picture helpers.
pub(super) const KIND: Kind = Kind {
    name: "SkyReels-A2 condition",
    recognises: |case| {
        case.outputs().any(|name| name.starts_with("condition_"))
            && case.outputs().any(|name| name.starts_with("fit_pad"))
    },
    run,
};

fn run(case: &Case) -> Result<Vec<Check>> {
    let vae = FakeVae::new(case)?;
    let frames = frames(&vae, case.input("latents")?.dim(2)?);
    let mut checks = vec![];
    for name in case.outputs() {
        let found = if let Some(how) = name.strip_prefix("condition_") {
            let (count, rest) = how.split_once("refs").ok_or("a condition without its number")?;
            channels(case, (&vae, frames), count.parse()?, rest != "_norepeat")?
        } else {
            let how = name.strip_prefix("fit_").ok_or(format!("unknown output `{name}`"))?;
            let (how, photo) = how.split_once('_').ok_or("a fit without its photo")?;
            let photo = picture(&case.input(&format!("photo_{photo}"))?)?;
            let size = sides(&case.json["outputs"][name]["shape"]);
            let fit = if how == "pad" { padded_to } else { cropped_to };
            tensor(&fit(&photo, [size[0], size[1]])?)?
        };
        checks.extend(case.check(name, &found)?);
    }
    let one = channels_of(case, (&vae, frames), 1, true, true);
    checks.push(Check::exact("one reference is refused as released".into(), one.is_err()));
    let one = channels_of(case, (&vae, frames), 1, true, false)?;
    let masked = one.narrow(1, 0, 4)?.sum_all()?.to_scalar::<f32>()? as usize;
    let (height, width) = (one.dim(3)?, one.dim(4)?);
    let first_frame_alone = masked == 4 * height * width;
    checks.push(Check::exact("one reference, intended".into(), first_frame_alone));
    Ok(checks)
}

/// The fewest pixel frames that come to so many latent ones.
fn frames(vae: &FakeVae, latent: usize) -> usize {
    let most = 1 + latent * 8;
    (1..most).find(|&frames| vae.temporal(frames) == latent).unwrap_or(most)
}

/// The channels made from the first `count` references of a case.
pub(super) fn channels(
    case: &Case,
    codec: (&FakeVae, usize),
    count: usize,
    repeat: bool,
) -> Result<Tensor> {
    channels_of(case, codec, count, repeat, true)
}

fn channels_of(
    case: &Case,
    (vae, frames): (&FakeVae, usize),
    count: usize,
    repeat: bool,
    refuses_one: bool,
) -> Result<Tensor> {
    let mut pictures = vec![];
    for at in 0..count {
        pictures.push(case.input(&format!("ref{at}"))?.squeeze(2)?);
    }
    let from = ReferencePictures { pictures: &pictures, region: None, frames };
    Ok(ChannelsSpec::ReferenceFrames { repeat, refuses_one }.build(vae, &from)?)
}
