//! Pools of pictures.

use super::super::compile::{Compiler, Live};
use super::super::error::{Fault, Prepared};
use super::super::graph::Node;
use super::super::layout::Layout;
use super::super::pool::{Keep, Pool};
use super::super::step::Operation;
use super::super::window::Window;
use super::convolve::window;

/// `MaxPool` and `AveragePool`.
pub(super) fn pooled(compiler: &mut Compiler, node: &Node) -> Prepared<Live> {
    let x = compiler.input(node, 0)?;
    let x = compiler.as_live(x)?;
    let &[batch, channels, height, width] = x.layout.dims() else {
        return Fault::unsupported(format!("a pool of {:?}", x.layout.dims()));
    };
    let kernel = node.attributes.sizes("kernel_shape", [0; 2])?;
    let asked = window(node, [[height, width], kernel], channels)?;
    let (window, uncounted) = match node.attributes.integer("ceil_mode", 0) {
        0 => (asked, [0; 2]),
        _ => rounded_up(asked)?,
    };
    let keep = match (node.operator.as_str(), node.attributes.integer("count_include_pad", 0)) {
        ("MaxPool", _) => Keep::Largest,
        (_, 0) => Keep::Mean,
        _ => Keep::MeanWithBorder,
    };
    let layout = Layout::channels_last(x.layout.dims().to_vec());
    let x = compiler.lying_as(x, &layout)?;
    let [height, width] = window.out_size;
    let layout = Layout::channels_last(vec![batch, channels, height, width]);
    compiler.push(Operation::Pool(Pool { window, keep, uncounted }), &[&x], layout)
}

/// The window with as much added at the end as a last, partial place needs; such a place must
/// begin inside the picture or what was added before it.
fn rounded_up(asked: Window) -> Prepared<(Window, [usize; 2])> {
    let (mut after, mut more) = (asked.after, [0; 2]);
    for axis in 0..2 {
        let next = asked.out_size[axis] * asked.stride[axis];
        let reach = (asked.kernel[axis] - 1) * asked.dilation[axis] + 1;
        let whole = asked.size[axis] + asked.before[axis] + asked.after[axis];
        let partial = next + reach > whole && next + reach - asked.stride[axis] < whole;
        if partial && next < asked.size[axis] + asked.before[axis] {
            more[axis] = next + reach - whole;
            after[axis] += more[axis];
        }
    }
    let Window { size, kernel, stride, dilation, before, channels, .. } = asked;
    Ok((Window::new([size, kernel, stride, dilation], [before, after], channels)?, more))
}
