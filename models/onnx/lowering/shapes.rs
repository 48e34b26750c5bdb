//! Operators that only change how values are read.

use super::super::array::{Array, count};
use super::super::compile::{Compiler, Live, Value};
use super::super::error::{Fault, Prepared};
use super::super::graph::Node;
use super::super::layout::Layout;
use super::axis_of;

/// The same values under other sides.
pub(super) fn viewed(compiler: &mut Compiler, node: &Node) -> Prepared<Value> {
    if node.operator == "Constant" {
        return constant(node);
    }
    let x = compiler.input(node, 0)?;
    match (node.operator.as_str(), x) {
        ("Shape", x) => Ok(Array::list(x.dims().iter().map(|&side| side as i64).collect()).into()),
        ("Identity" | "Dropout", x) => Ok(x),
        ("Cast", Value::Live(live)) => match node.attributes.integer("to", 1) {
            1 | 10 | 11 => Ok(Value::Live(live)),
            to => Fault::unsupported(format!("activations as ONNX's data type {to}")),
        },
        ("Transpose", x) => {
            let live = compiler.as_live(x)?;
            let layout = live.layout.transposed(&transposition(node, live.layout.dims().len())?)?;
            Ok(Value::Live(Live { layout, ..live }))
        }
        (_, x) => {
            let dims = new_sides(compiler, node, x.dims())?;
            reshaped(compiler, x, dims)
        }
    }
}

/// The same values, in the order of the file, under these sides.
pub(super) fn reshaped(compiler: &mut Compiler, x: Value, dims: Vec<usize>) -> Prepared<Value> {
    if count(&dims)? != count(x.dims())? {
        return Fault::misfit(format!("{:?} has other values than {dims:?}", x.dims()));
    }
    match x {
        Value::Known(array) => Ok(Array { dims, values: array.values.clone() }.into()),
        Value::Live(live) => {
            // Sides of 1 come and go without anything moving.
            let large = |dims: &[usize]| -> Vec<usize> {
                dims.iter().copied().filter(|&side| side != 1).collect()
            };
            let live = if large(live.layout.dims()) == large(&dims) {
                let mut places = (0..dims.len()).filter(|&axis| dims[axis] != 1);
                let mut renamed = vec![0; live.layout.dims().len()];
                for (axis, &side) in live.layout.dims().iter().enumerate() {
                    if side != 1 {
                        renamed[axis] = places.next().unwrap_or(0);
                    }
                }
                let old = live.layout.order().iter().filter(|&&axis| live.layout.dims()[axis] != 1);
                let ones = (0..dims.len()).filter(|&axis| dims[axis] == 1);
                let order = ones.chain(old.map(|&axis| renamed[axis])).collect();
                Live { layout: Layout::new(dims, order), ..live }
            } else {
                let live = compiler.row_major(live)?;
                Live { layout: Layout::row_major(dims), ..live }
            };
            Ok(Value::Live(live))
        }
    }
}

fn constant(node: &Node) -> Prepared<Value> {
    if let Some(array) = node.attributes.array("value")? {
        return Ok(array.into());
    }
    if let Some(float) = node.attributes.given_float("value_float") {
        return Ok(Array::floats(vec![], vec![float])?.into());
    }
    match node.attributes.list("value_ints") {
        Some(list) => Ok(Array::list(list.to_vec()).into()),
        None => Fault::unsupported("a constant of a type that is not read"),
    }
}

fn transposition(node: &Node, rank: usize) -> Prepared<Vec<usize>> {
    match node.attributes.list("perm") {
        None => Ok((0..rank).rev().collect()),
        Some(axes) => axes.iter().map(|&axis| axis_of(axis, rank)).collect(),
    }
}

fn new_sides(compiler: &Compiler, node: &Node, old: &[usize]) -> Prepared<Vec<usize>> {
    match node.operator.as_str() {
        "Flatten" => {
            let axis = match node.attributes.integer("axis", 1) {
                axis if axis == old.len() as i64 => old.len(),
                axis => axis_of(axis, old.len())?,
            };
            Ok(vec![old[..axis].iter().product(), old[axis..].iter().product()])
        }
        "Reshape" => {
            let wanted = match compiler.optional_known(node, 1)? {
                Some(array) => array.as_integers()?.to_vec(),
                None => node.attributes.list("shape").unwrap_or_default().to_vec(),
            };
            completed(&wanted, old)
        }
        "Squeeze" => {
            let axes = axes(compiler, node, old.len())?;
            let goes = |axis: usize| match &axes {
                Some(axes) => axes.contains(&axis),
                None => old[axis] == 1,
            };
            if (0..old.len()).any(|axis| goes(axis) && old[axis] != 1) {
                return Fault::misfit(format!("{old:?} has more than one value along {axes:?}"));
            }
            Ok((0..old.len()).filter(|&axis| !goes(axis)).map(|axis| old[axis]).collect())
        }
        _ => {
            let given = given_axes(compiler, node)?;
            let rank = old.len() + given.as_ref().map_or(0, Vec::len);
            let new = axes(compiler, node, rank)?;
            let Some(new) = new else { return Fault::misfit("no axes are given") };
            let mut rest = old.iter();
            let side = |axis: usize| {
                if new.contains(&axis) { Some(1) } else { rest.next().copied() }
            };
            (0..rank)
                .map(side)
                .collect::<Option<_>>()
                .ok_or_else(|| Fault::Misfit(format!("axes {new:?} do not fit {old:?}")))
        }
    }
}

/// The axes a node names, as an input or, before version 13, as an attribute.
pub(super) fn given_axes(compiler: &Compiler, node: &Node) -> Prepared<Option<Vec<i64>>> {
    match compiler.optional_known(node, 1)? {
        Some(array) => Ok(Some(array.as_integers()?.to_vec())),
        None => Ok(node.attributes.list("axes").map(<[i64]>::to_vec)),
    }
}

fn axes(compiler: &Compiler, node: &Node, rank: usize) -> Prepared<Option<Vec<usize>>> {
    let Some(given) = given_axes(compiler, node)? else { return Ok(None) };
    given.iter().map(|&axis| axis_of(axis, rank)).collect::<Prepared<_>>().map(Some)
}

/// 0 keeps a side, −1 takes what is left.
fn completed(wanted: &[i64], old: &[usize]) -> Prepared<Vec<usize>> {
    let mut dims = vec![];
    for (axis, &side) in wanted.iter().enumerate() {
        dims.push(match side {
            0 if axis < old.len() => old[axis],
            -1 => 1,
            side => usize::try_from(side)
                .map_err(|_| Fault::Misfit(format!("a side of {side} among {wanted:?}")))?,
        });
    }
    let (known, all) = (count(&dims)?, count(old)?);
    let mut open = (0..wanted.len()).filter(|&axis| wanted[axis] == -1);
    match (open.next(), open.next()) {
        (None, _) => Ok(dims),
        (Some(axis), None) if known > 0 && all.is_multiple_of(known) => {
            dims[axis] = all / known;
            Ok(dims)
        }
        _ => Fault::misfit(format!("{old:?} cannot become {wanted:?}")),
    }
}
