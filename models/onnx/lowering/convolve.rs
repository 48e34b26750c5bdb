//! Convolutions and the normalisations after them.

use super::super::array::count;
use super::super::compile::{Compiler, Live};
use super::super::convolution::Convolution;
use super::super::depthwise::Depthwise;
use super::super::element::Element;
use super::super::error::{Fault, Prepared};
use super::super::graph::Node;
use super::super::layout::Layout;
use super::super::step::Operation;
use super::super::window::Window;

/// `Conv` of pictures.
pub(super) fn convolved(compiler: &mut Compiler, node: &Node) -> Prepared<Live> {
    let x = compiler.input(node, 0)?;
    let x = compiler.as_live(x)?;
    let weights = compiler.known(node, 1)?;
    let (&[batch, channels, height, width], &[outputs, inner, rows, columns]) =
        (x.layout.dims(), weights.dims.as_slice())
    else {
        let reason = format!("{:?} through a kernel of {:?}", x.layout.dims(), weights.dims);
        return Fault::unsupported(reason);
    };
    let groups = node.attributes.integer("group", 1);
    let groups = usize::try_from(groups).ok().filter(|&groups| groups > 0).unwrap_or(1);
    if inner.checked_mul(groups) != Some(channels)
        || !outputs.is_multiple_of(groups)
        || outputs == 0
    {
        return Fault::misfit(format!(
            "{channels} channels in {groups} groups through a kernel of {outputs}×{inner}"
        ));
    }
    let bias = match compiler.optional_known(node, 2)? {
        Some(bias) => bias.as_floats()?.to_vec(),
        None => vec![0.0; outputs],
    };
    if bias.len() != outputs {
        return Fault::misfit(format!("{} biases for {outputs} outputs", bias.len()));
    }
    let window = window(node, [[height, width], [rows, columns]], channels)?;
    let [out_height, out_width] = window.out_size;
    let around = |axis: usize| window.size[axis] + window.before[axis] + window.after[axis];
    // Checked before tables of such sizes are made.
    count(&[batch, outputs, out_height, out_width])?;
    count(&[channels, around(0), around(1)])?;
    let layout = Layout::channels_last(x.layout.dims().to_vec());
    let x = compiler.lying_as(x, &layout)?;
    let weights = weights.as_floats()?;
    let operation = if inner == 1 && groups == outputs && groups > 1 {
        Operation::Depthwise(Depthwise::new(window, weights, &bias))
    } else {
        Operation::Convolution(Convolution::new(window, groups, weights, &bias))
    };
    let layout = Layout::channels_last(vec![batch, outputs, out_height, out_width]);
    compiler.push(operation, &[&x], layout)
}

/// Size and kernel with the strides, dilations and borders that a node names.
pub(super) fn window(
    node: &Node,
    [size, kernel]: [[usize; 2]; 2],
    channels: usize,
) -> Prepared<Window> {
    let stride = node.attributes.sizes("strides", [1, 1])?;
    let dilation = node.attributes.sizes("dilations", [1, 1])?;
    let [top, left, bottom, right] = node.attributes.sizes("pads", [0; 4])?;
    let (mut before, mut after) = ([top, left], [bottom, right]);
    let kind = node.attributes.word("auto_pad", "NOTSET");
    if matches!(kind, "SAME_UPPER" | "SAME_LOWER") {
        for axis in 0..2 {
            let step = stride[axis].max(1);
            let reach =
                kernel[axis].saturating_sub(1).saturating_mul(dilation[axis]).saturating_add(1);
            let covered =
                ((size[axis].div_ceil(step).saturating_sub(1)) * step).saturating_add(reach);
            let missing = covered.saturating_sub(size[axis]);
            let less = missing / 2;
            let upper = kind == "SAME_UPPER";
            before[axis] = if upper { less } else { missing - less };
            after[axis] = missing - before[axis];
        }
    } else if kind == "VALID" {
        (before, after) = ([0; 2], [0; 2]);
    }
    Window::new([size, kernel, stride, dilation], [before, after], channels)
}

/// `BatchNormalization` with its running statistics.
pub(super) fn normalised(compiler: &mut Compiler, node: &Node) -> Prepared<Live> {
    let x = compiler.input(node, 0)?;
    let x = compiler.as_live(x)?;
    let channels = x.layout.dims().get(1).copied().unwrap_or(0);
    let mut columns = vec![];
    for at in 1..5 {
        let column = compiler.known(node, at)?;
        let values = column.as_floats()?.to_vec();
        if values.len() != channels {
            return Fault::misfit(format!("{} statistics of {channels} channels", values.len()));
        }
        columns.push(values);
    }
    let epsilon = f64::from(node.attributes.float("epsilon", 1e-5));
    let [gain, shift, mean, variance] = [0, 1, 2, 3].map(|at| &columns[at]);
    let scale: Vec<f64> = gain
        .iter()
        .zip(variance)
        .map(|(&gain, &variance)| f64::from(gain) / (f64::from(variance) + epsilon).sqrt())
        .collect();
    let shift = shift
        .iter()
        .zip(mean)
        .zip(&scale)
        .map(|((&shift, &mean), scale)| (f64::from(shift) - f64::from(mean) * scale) as f32)
        .collect();
    let scale = scale.into_iter().map(|scale| scale as f32).collect();
    let x = if x.layout.innermost() == Some(1) || x.layout.count() == 1 {
        x
    } else {
        let mut order: Vec<usize> = (0..x.layout.dims().len()).filter(|&axis| axis != 1).collect();
        order.push(1);
        let layout = Layout::new(x.layout.dims().to_vec(), order);
        // A single channel lies innermost wherever it is.
        if channels == 1 {
            return scalar(compiler, x, (scale, shift));
        }
        compiler.lying_as(x, &layout)?
    };
    compiler.affine(x, scale, shift)
}

fn scalar(
    compiler: &mut Compiler,
    x: Live,
    (scale, shift): (Vec<f32>, Vec<f32>),
) -> Prepared<Live> {
    let repeated =
        |values: &[f32]| vec![values.first().copied().unwrap_or(0.0); x.layout.channels()];
    let (scale, shift) = (repeated(&scale), repeated(&shift));
    compiler.affine(x, scale, shift)
}

impl Compiler<'_> {
    /// x·scale + shift by channel: into the weights of the convolution that makes x if that is
    /// possible.
    pub(super) fn affine(&mut self, x: Live, scale: Vec<f32>, shift: Vec<f32>) -> Prepared<Live> {
        let maker = self.maker(x.buffer).filter(|_| x.exclusive);
        if let Some(step) = maker.and_then(|at| self.steps.get_mut(at))
            && step.elements.is_empty()
            && step.channels == scale.len()
        {
            let folded = match &mut step.operation {
                Operation::Convolution(convolution) => {
                    convolution.scale(&scale, &shift);
                    true
                }
                Operation::Depthwise(depthwise) => {
                    depthwise.scale(&scale, &shift);
                    true
                }
                Operation::Dense(dense, _) => {
                    dense.scale(&scale, &shift);
                    true
                }
                _ => false,
            };
            if folded {
                return Ok(x);
            }
        }
        if let Some(step) = maker.and_then(|at| self.steps.get_mut(at))
            && let Some(Element::Affine { scale: before, shift: added }) = step.elements.last_mut()
            && before.len() == scale.len()
        {
            before.iter_mut().zip(&scale).for_each(|(before, scale)| *before *= scale);
            for ((added, scale), shift) in added.iter_mut().zip(&scale).zip(&shift) {
                *added = added.mul_add(*scale, *shift);
            }
            return Ok(x);
        }
        self.then(x, Element::Affine { scale, shift })
    }
}
