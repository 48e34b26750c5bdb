//! Goldens of resizing as Pillow, OpenCV and PyTorch do it, and of whole preprocessings.

use candle_core::{DType, Device, Tensor};
use ffrun_models::eval::normalisation::Normalisation;
use ffrun_models::eval::picture::Picture;
use ffrun_models::eval::resampling::{Filter, Kernel, resized, resized_as_cv2, resized_as_pil};

use super::case::Case;
use super::check::Check;
use super::{Kind, Result};

/// Resampling of one picture.
pub(super) const KIND: Kind =
    Kind { name: "resampling", recognises: |case| case.has("/inputs", "image_hwc_rgb"), run };

/// Outputs are named `<tool>_<filter>_<size>`; the size is `width x height` for Pillow and OpenCV
/// and `height x width` for PyTorch.
fn run(case: &Case) -> Result<Vec<Check>> {
    let picture = picture(&case.input("image_hwc_rgb")?)?;
    let unit = Normalisation::NONE.batch(std::slice::from_ref(&picture), &Device::Cpu)?;
    let mut checks = vec![];
    for name in case.outputs() {
        let value = if name.starts_with("sixdrepnet_style") || name.starts_with("clip_style") {
            prepared(&picture, case, name)?
        } else {
            let (how, size) = name.rsplit_once('_').ok_or("an output without a size")?;
            let (first, second) = size.split_once('x').ok_or("a size without its x")?;
            let size: [usize; 2] = [first.parse()?, second.parse()?];
            let turned = [size[1], size[0]];
            match how {
                "pil_bilinear" => tensor(&resized_as_pil(&picture, turned, Filter::Bilinear)?)?,
                "pil_bicubic" => tensor(&resized_as_pil(&picture, turned, Filter::Bicubic)?)?,
                "pil_lanczos" => tensor(&resized_as_pil(&picture, turned, Filter::Lanczos)?)?,
                "cv2_linear" => tensor(&resized_as_cv2(&picture, turned)?)?,
                "torch_bilinear" => resized(&unit, size, Kernel::Bilinear)?,
                "torch_bilinear_antialias" => {
                    resized(&unit, size, Kernel::Antialiased(Filter::Bilinear))?
                }
                "torch_nearest_exact" => resized(&unit, size, Kernel::Nearest)?,
                _ => return Err(format!("unknown output `{name}`").into()),
            }
        };
        checks.extend(case.check(name, &value)?);
        if is_pillows(name) {
            let same = (value.to_dtype(DType::F32)?
                - case.stored(&format!("out.{name}"))?.to_dtype(DType::F32)?)?
            .abs()?
            .sum_all()?
            .to_scalar::<f32>()?
                == 0.0;
            checks.push(Check::exact(format!("{name} to the bit"), same));
        }
    }
    Ok(checks)
}

/// The case allows a level; ours are Pillow's very values.
fn is_pillows(name: &str) -> bool {
    name.starts_with("pil_")
}

/// Short side to 64, the square in the middle, normalised.
fn prepared(picture: &Picture, case: &Case, name: &str) -> Result<Tensor> {
    let (filter, normalisation) = if name.starts_with("clip_style") {
        (Filter::Bicubic, Normalisation::CLIP)
    } else {
        (Filter::Bilinear, Normalisation::IMAGENET)
    };
    let shape = case.stored(&format!("out.{name}"))?.dims().to_vec();
    let side = *shape.last().ok_or("an output without a side")?;
    let small = resized_as_pil(picture, picture.with_short_side(side), filter)?;
    let batch = normalisation.batch(&[small.centre(side)?], &Device::Cpu)?;
    Ok(batch.reshape(shape)?)
}

/// The picture in a tensor `[H, W, 3]` of 8-bit values.
pub(super) fn picture(tensor: &Tensor) -> Result<Picture> {
    let (height, width, _) = tensor.dims3()?;
    Ok(Picture::new([height, width], tensor.flatten_all()?.to_vec1()?)?)
}

/// The tensor `[H, W, 3]` of a picture.
pub(super) fn tensor(picture: &Picture) -> Result<Tensor> {
    let [height, width] = picture.size();
    Ok(Tensor::from_slice(picture.values(), (height, width, 3), &Device::Cpu)?)
}
