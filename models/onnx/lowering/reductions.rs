//! Sums, means and the like along axes.

use super::super::compile::{Compiler, Live, Value};
use super::super::error::{Fault, Prepared};
use super::super::graph::Node;
use super::super::layout::Layout;
use super::super::reduce::{Reduce, Reduction};
use super::super::step::Operation;
use super::axis_of;
use super::shapes::{given_axes, reshaped};

/// The `Reduce…` operators and global pools.
pub(super) fn reduced(compiler: &mut Compiler, node: &Node) -> Prepared<Live> {
    let x = compiler.input(node, 0)?;
    let x = compiler.as_live(x)?;
    let rank = x.layout.dims().len();
    let kind = match node.operator.as_str() {
        "GlobalMaxPool" | "ReduceMax" => Reduction::Largest,
        "ReduceMin" => Reduction::Least,
        "ReduceSum" => Reduction::Sum,
        "ReduceProd" => Reduction::Product,
        "ReduceL2" => Reduction::Length,
        "ReduceSumSquare" => Reduction::SumOfSquares,
        _ => Reduction::Mean,
    };
    let is_pool = node.operator.starts_with("Global");
    let axes: Vec<usize> = match given_axes(compiler, node)? {
        _ if is_pool => (2..rank).collect(),
        None => (0..rank).collect(),
        Some(axes) if axes.is_empty() => (0..rank).collect(),
        Some(axes) => axes.iter().map(|&axis| axis_of(axis, rank)).collect::<Prepared<_>>()?,
    };
    let mut axes = axes;
    axes.sort_unstable();
    axes.dedup();
    let goes = |axis: &usize| axes.contains(axis);
    let mut order = x.layout.order().to_vec();
    let first = order.iter().position(goes).unwrap_or(0);
    let together = order[first..].iter().skip_while(|axis| goes(axis)).all(|axis| !goes(axis));
    let x = if together {
        x
    } else {
        order.sort_by_key(|axis| goes(axis));
        let layout = Layout::new(x.layout.dims().to_vec(), order);
        compiler.lying_as(x, &layout)?
    };
    let dims = x.layout.dims();
    let order = x.layout.order();
    let first = order.iter().position(goes).unwrap_or(0);
    let after = order[first..].iter().skip_while(|axis| goes(axis));
    let along = axes.iter().map(|&axis| dims[axis]).product();
    let inner = after.map(|&axis| dims[axis]).product();
    let kept: Vec<usize> = (0..rank).map(|axis| if goes(&axis) { 1 } else { dims[axis] }).collect();
    let layout = Layout::new(kept.clone(), order.to_vec());
    let y = compiler.push(Operation::Reduce(Reduce { kind, along, inner }), &[&x], layout)?;
    if is_pool || node.attributes.integer("keepdims", 1) != 0 {
        return Ok(y);
    }
    let left = (0..rank).filter(|axis| !goes(axis)).map(|axis| kept[axis]).collect();
    let y = reshaped(compiler, Value::Live(y), left)?;
    compiler.as_live(y)
}

/// `Softmax`: along one axis, or, before version 13, along all from it on.
pub(super) fn softmax(compiler: &mut Compiler, node: &Node) -> Prepared<Live> {
    let x = compiler.input(node, 0)?;
    let x = compiler.as_live(x)?;
    let rank = x.layout.dims().len();
    if rank == 0 {
        return Fault::misfit("a single number");
    }
    let modern = compiler.opset() >= 13;
    let axis = axis_of(node.attributes.integer("axis", if modern { -1 } else { 1 }), rank)?;
    let x = compiler.row_major(x)?;
    let dims = x.layout.dims();
    let (along, inner) = if modern {
        (dims[axis], dims[axis + 1..].iter().product())
    } else {
        (dims[axis..].iter().product(), 1)
    };
    let layout = x.layout.clone();
    let reduce = Reduce { kind: Reduction::Softmax, along, inner };
    compiler.push(Operation::Reduce(reduce), &[&x], layout)
}
