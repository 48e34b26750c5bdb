//! Operators that move, repeat or drop values.

use super::super::broadcast::repeated;
use super::super::compile::{Compiler, Live, Value};
use super::super::error::{Fault, Prepared};
use super::super::gather::Gather;
use super::super::graph::Node;
use super::super::layout::Layout;
use super::super::resize::{Mix, Resize};
use super::super::step::Operation;
use super::axis_of;

/// The activation of other sides whose every value is one of x, told by its place; none for
/// `filling`. Axes keep their order in memory.
fn moved(
    compiler: &mut Compiler,
    x: &Live,
    (dims, filling): (Vec<usize>, f32),
    from: impl Fn(usize, usize) -> Option<usize>,
) -> Prepared<Live> {
    let layout = Layout::new(dims, x.layout.order().to_vec());
    let strides = x.layout.strides();
    let source = |place: &[usize]| {
        let mut at = 0;
        for (axis, (&place, stride)) in place.iter().zip(&strides).enumerate() {
            at += from(axis, place)? * stride;
        }
        Some((0, at))
    };
    let gather = Gather::new(&layout, filling, source)?;
    compiler.push(Operation::Gather(gather), &[x], layout)
}

/// x repeated along sides of 1 until it has these.
pub(super) fn repeated_to(compiler: &mut Compiler, x: Live, dims: &[usize]) -> Prepared<Live> {
    if x.layout.dims() == dims {
        return Ok(x);
    }
    let strides = repeated(x.layout.dims(), &x.layout.strides(), dims);
    let ahead = dims.len() - x.layout.dims().len();
    let order = (0..ahead).chain(x.layout.order().iter().map(|axis| axis + ahead)).collect();
    let layout = Layout::new(dims.to_vec(), order);
    let source = |place: &[usize]| {
        Some((0, place.iter().zip(&strides).map(|(at, stride)| at * stride).sum()))
    };
    let gather = Gather::new(&layout, 0.0, source)?;
    compiler.push(Operation::Gather(gather), &[&x], layout)
}

/// `Expand`.
pub(super) fn expanded(compiler: &mut Compiler, node: &Node) -> Prepared<Live> {
    let x = compiler.input(node, 0)?;
    let x = compiler.as_live(x)?;
    let wanted: Vec<usize> = sizes(compiler.known(node, 1)?.as_integers()?)?;
    let dims = super::super::broadcast::broadcast(x.layout.dims(), &wanted)?;
    repeated_to(compiler, x, &dims)
}

fn sizes(list: &[i64]) -> Prepared<Vec<usize>> {
    let size = |&x: &i64| usize::try_from(x).map_err(|_| Fault::Misfit(format!("a side of {x}")));
    list.iter().map(size).collect()
}

/// `Concat`.
pub(super) fn concatenated(compiler: &mut Compiler, node: &Node) -> Prepared<Live> {
    let mut parts = vec![];
    for at in 0..node.inputs.len() {
        let part = compiler.input(node, at)?;
        parts.push(compiler.as_live(part)?);
    }
    let Some(first) = parts.first() else { return Fault::misfit("nothing to put together") };
    let (mut dims, order) = (first.layout.dims().to_vec(), first.layout.order().to_vec());
    let axis = axis_of(node.attributes.integer("axis", 0), dims.len())?;
    // In the order of the first part that tells one.
    let order = parts
        .iter()
        .map(|part| part.layout.order())
        .find(|order| order.len() == dims.len())
        .map_or(order, <[usize]>::to_vec);
    dims[axis] = 0;
    let mut ends = vec![];
    for part in &mut parts {
        let sides = part.layout.dims().to_vec();
        let fits = sides.len() == dims.len()
            && (0..dims.len()).all(|at| at == axis || sides[at] == dims[at]);
        if !fits || ends.len() > usize::from(u8::MAX) {
            return Fault::misfit(format!("{sides:?} beside {dims:?} along axis {axis}"));
        }
        dims[axis] += sides[axis];
        ends.push(dims[axis]);
        *part = compiler.lying_as(part.clone(), &Layout::new(sides, order.clone()))?;
    }
    let layout = Layout::new(dims, order);
    let strides: Vec<Vec<usize>> = parts.iter().map(|part| part.layout.strides()).collect();
    let source = |place: &[usize]| {
        let part = ends.partition_point(|&end| end <= place[axis]);
        let start = if part == 0 { 0 } else { ends[part - 1] };
        let at: usize = place.iter().zip(&strides[part]).map(|(at, stride)| at * stride).sum();
        Some((part as u8, at - start * strides[part][axis]))
    };
    let gather = Gather::new(&layout, 0.0, source)?;
    let parts: Vec<&Live> = parts.iter().collect();
    compiler.push(Operation::Gather(gather), &parts, layout)
}

/// `Split`.
pub(super) fn split(compiler: &mut Compiler, node: &Node) -> Prepared<Vec<Value>> {
    let x = compiler.input(node, 0)?;
    let x = compiler.as_live(x)?;
    let dims = x.layout.dims().to_vec();
    let axis = axis_of(node.attributes.integer("axis", 0), dims.len())?;
    let parts = node.outputs.len().max(1);
    let lengths = match (compiler.optional_known(node, 1)?, node.attributes.list("split")) {
        (Some(array), _) => sizes(array.as_integers()?)?,
        (None, Some(list)) => sizes(list)?,
        (None, None) => vec![dims[axis].div_ceil(parts); parts],
    };
    let (mut start, mut values) = (0usize, vec![]);
    for length in lengths {
        let length = length.min(dims[axis].saturating_sub(start));
        let mut sides = dims.clone();
        sides[axis] = length;
        let from = |at: usize, place: usize| Some(if at == axis { start + place } else { place });
        values.push(Value::Live(moved(compiler, &x, (sides, 0.0), from)?));
        start += length;
    }
    Ok(values)
}

/// `Slice`.
pub(super) fn sliced(compiler: &mut Compiler, node: &Node) -> Prepared<Live> {
    let x = compiler.input(node, 0)?;
    let x = compiler.as_live(x)?;
    let mut dims = x.layout.dims().to_vec();
    let list = |at: usize, name: &str| match compiler.optional_known(node, at)? {
        Some(array) => Ok(Some(array.as_integers()?.to_vec())),
        None => Ok(node.attributes.list(name).map(<[i64]>::to_vec)),
    };
    let (starts, ends) = (list(1, "starts")?, list(2, "ends")?);
    let (Some(starts), Some(ends)) = (starts, ends) else { return Fault::misfit("no bounds") };
    let axes = list(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = list(4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()].iter().any(|&length| length != starts.len()) {
        return Fault::misfit("bounds, axes and steps of other lengths");
    }
    let mut along = vec![(0, 1); dims.len()];
    for (at, &axis) in axes.iter().enumerate() {
        let axis = axis_of(axis, dims.len())?;
        let side = dims[axis] as i64;
        let Ok(step) = usize::try_from(steps[at]) else {
            return Fault::unsupported("a slice that runs backwards");
        };
        let bound = |x: i64| if x < 0 { x.saturating_add(side) } else { x }.clamp(0, side) as usize;
        let (start, end) = (bound(starts[at]), bound(ends[at]));
        along[axis] = (start, step.max(1));
        dims[axis] = end.saturating_sub(start).div_ceil(step.max(1));
    }
    if dims.contains(&0) {
        return Fault::misfit("nothing is left");
    }
    moved(compiler, &x, (dims, 0.0), |axis, place| Some(along[axis].0 + place * along[axis].1))
}

/// `Gather` of known places.
pub(super) fn picked(compiler: &mut Compiler, node: &Node) -> Prepared<Live> {
    let x = compiler.input(node, 0)?;
    let x = compiler.as_live(x)?;
    let places = compiler.known(node, 1)?;
    let mut dims = x.layout.dims().to_vec();
    let axis = axis_of(node.attributes.integer("axis", 0), dims.len())?;
    if places.dims.len() > 1 {
        return Fault::unsupported(format!("places of {:?}", places.dims));
    }
    let mut chosen = vec![];
    for &place in places.as_integers()? {
        chosen.push(axis_of(place, dims[axis])?);
    }
    dims[axis] = chosen.len();
    let from = |at: usize, place: usize| Some(if at == axis { chosen[place] } else { place });
    let y = moved(compiler, &x, (dims.clone(), 0.0), from)?;
    if places.dims.len() == 1 {
        return Ok(y);
    }
    dims.remove(axis);
    let y = super::shapes::reshaped(compiler, Value::Live(y), dims)?;
    compiler.as_live(y)
}

/// `Pad`.
pub(super) fn padded(compiler: &mut Compiler, node: &Node) -> Prepared<Live> {
    let x = compiler.input(node, 0)?;
    let pads = match compiler.optional_known(node, 1)? {
        Some(array) => array.as_integers()?.to_vec(),
        None => node.attributes.list("pads").unwrap_or_default().to_vec(),
    };
    if pads.iter().all(|&pad| pad == 0) {
        return compiler.as_live(x);
    }
    let x = compiler.as_live(x)?;
    let filling = match compiler.optional_known(node, 2)? {
        Some(array) => array.as_floats()?.first().copied().unwrap_or(0.0),
        None => node.attributes.float("value", 0.0),
    };
    let (old, pads) = (x.layout.dims().to_vec(), sizes(&pads)?);
    if pads.len() != 2 * old.len() || node.attributes.word("mode", "constant") != "constant" {
        let mode = node.attributes.word("mode", "constant");
        return Fault::unsupported(format!("borders of {pads:?} in mode `{mode}`"));
    }
    let mut dims = vec![];
    for (axis, &side) in old.iter().enumerate() {
        let whole =
            pads[axis].checked_add(pads[old.len() + axis]).and_then(|x| x.checked_add(side));
        dims.push(whole.ok_or_else(|| Fault::Unsupported(format!("borders of {pads:?}")))?);
    }
    moved(compiler, &x, (dims, filling), |axis, place| {
        place.checked_sub(pads[axis]).filter(|&place| place < old[axis])
    })
}

/// `Resize` and `Upsample` of pictures.
pub(super) fn resized(compiler: &mut Compiler, node: &Node) -> Prepared<Live> {
    let x = compiler.input(node, 0)?;
    let x = compiler.as_live(x)?;
    let old = x.layout.dims().to_vec();
    let (dims, scales) = resized_sides(compiler, node, &old)?;
    let mode = match node.operator.as_str() {
        "Upsample" => "asymmetric",
        _ => node.attributes.word("coordinate_transformation_mode", usual_mode(compiler)),
    };
    let place = |axis: usize, at: usize| {
        let (at, scale) = (at as f32, scales[axis]);
        Ok(match mode {
            "asymmetric" => at / scale,
            "half_pixel" => (at + 0.5) / scale - 0.5,
            "pytorch_half_pixel" if dims[axis] > 1 => (at + 0.5) / scale - 0.5,
            "align_corners" if dims[axis] > 1 => {
                at * (old[axis] - 1) as f32 / (dims[axis] - 1) as f32
            }
            "pytorch_half_pixel" | "align_corners" => 0.0,
            other => return Fault::unsupported(format!("the coordinates `{other}`")),
        })
    };
    let mut places = vec![];
    for (axis, &side) in dims.iter().enumerate() {
        super::super::array::count(&[side])?;
        places.push((0..side).map(|at| place(axis, at)).collect::<Prepared<Vec<f32>>>()?);
    }
    match node.attributes.word("mode", "nearest") {
        "nearest" => {
            let usual = if node.operator == "Upsample" || compiler.opset() < 11 {
                "floor"
            } else {
                "round_prefer_floor"
            };
            let nearest = rounding(node.attributes.word("nearest_mode", usual))?;
            moved(compiler, &x, (dims, 0.0), |axis, at| {
                Some((nearest(places[axis][at]).max(0.0) as usize).min(old[axis] - 1))
            })
        }
        "linear" | "bilinear" if dims.len() == 4 && dims[..2] == old[..2] => {
            linear(compiler, x, &dims, [&places[2], &places[3]])
        }
        other => Fault::unsupported(format!("resizing {old:?} to {dims:?} by `{other}`")),
    }
}

/// Version 10 knew only one way to place pixels.
fn usual_mode(compiler: &Compiler) -> &'static str {
    if compiler.opset() < 11 { "asymmetric" } else { "half_pixel" }
}

fn rounding(mode: &str) -> Prepared<fn(f32) -> f32> {
    Ok(match mode {
        "floor" => f32::floor,
        "ceil" => f32::ceil,
        "round_prefer_floor" => |x| (x - 0.5).ceil(),
        "round_prefer_ceil" => |x| (x + 0.5).floor(),
        other => return Fault::unsupported(format!("rounding by `{other}`")),
    })
}

/// New sides and the scale of each axis.
fn resized_sides(
    compiler: &Compiler,
    node: &Node,
    old: &[usize],
) -> Prepared<(Vec<usize>, Vec<f32>)> {
    // Before version 11 the scales were the second operand.
    let at = if node.operator == "Upsample" || compiler.opset() < 11 { 1 } else { 2 };
    if let Some(scales) = compiler.optional_known(node, at)?
        && scales.len() > 0
    {
        let scales = scales.as_floats()?.to_vec();
        if scales.len() != old.len() || scales.iter().any(|&x| !(x > 0.0 && x < 1e4)) {
            return Fault::misfit(format!("scales of {scales:?}"));
        }
        let side = |(&side, &scale): (&usize, &f32)| (side as f32 * scale) as usize;
        return Ok((old.iter().zip(&scales).map(side).collect(), scales));
    }
    let sizes = sizes(compiler.known(node, 3)?.as_integers()?)?;
    if sizes.len() != old.len() || sizes.contains(&0) {
        return Fault::misfit(format!("sizes of {sizes:?} for {old:?}"));
    }
    let scales = sizes.iter().zip(old).map(|(&new, &old)| new as f32 / old as f32).collect();
    Ok((sizes, scales))
}

fn linear(
    compiler: &mut Compiler,
    x: Live,
    dims: &[usize],
    [rows, columns]: [&[f32]; 2],
) -> Prepared<Live> {
    let layout = Layout::channels_last(x.layout.dims().to_vec());
    let x = compiler.lying_as(x, &layout)?;
    let size = [x.layout.dims()[2], x.layout.dims()[3]];
    let mixes = |places: &[f32], side: usize| {
        let mix = |&place: &f32| {
            let place = place.clamp(0.0, (side - 1) as f32);
            let first = place as usize;
            Mix { places: [first, (first + 1).min(side - 1)], share: place - first as f32 }
        };
        places.iter().map(mix).collect()
    };
    let (rows, columns) = (mixes(rows, size[0]), mixes(columns, size[1]));
    let resize = Resize { size, channels: dims[1], rows, columns };
    compiler.push(Operation::Resize(resize), &[&x], Layout::channels_last(dims.to_vec()))
}
