//! What each operator of ONNX becomes.

mod convolve;
mod moves;
mod pointwise;
mod pools;
mod products;
mod reductions;
mod shapes;

use std::rc::Rc;

use super::array::Array;
use super::compile::{Compiler, Value};
use super::error::{Fault, Prepared};
use super::graph::Node;
use super::shape_arithmetic::evaluate;

/// The values of a node's outputs.
pub(super) fn lower(compiler: &mut Compiler, node: &Node) -> Prepared<Vec<Value>> {
    if let Some(array) = known(compiler, node)? {
        return Ok(vec![array.into()]);
    }
    let live = match node.operator.as_str() {
        "Split" => return moves::split(compiler, node),
        "Constant" | "Shape" | "Identity" | "Dropout" | "Cast" | "Transpose" | "Reshape"
        | "Flatten" | "Squeeze" | "Unsqueeze" => {
            return Ok(vec![shapes::viewed(compiler, node)?]);
        }
        "Conv" => convolve::convolved(compiler, node)?,
        "BatchNormalization" => convolve::normalised(compiler, node)?,
        "Gemm" => products::gemm(compiler, node)?,
        "MatMul" => products::matmul(compiler, node)?,
        "MaxPool" | "AveragePool" => pools::pooled(compiler, node)?,
        "Concat" => moves::concatenated(compiler, node)?,
        "Slice" => moves::sliced(compiler, node)?,
        "Gather" => moves::picked(compiler, node)?,
        "Pad" => moves::padded(compiler, node)?,
        "Expand" => moves::expanded(compiler, node)?,
        "Resize" | "Upsample" => moves::resized(compiler, node)?,
        "GlobalAveragePool" | "GlobalMaxPool" | "ReduceMean" | "ReduceSum" | "ReduceMax"
        | "ReduceMin" | "ReduceProd" | "ReduceL2" | "ReduceSumSquare" => {
            reductions::reduced(compiler, node)?
        }
        "Softmax" => reductions::softmax(compiler, node)?,
        _ => pointwise::each(compiler, node)?,
    };
    Ok(vec![Value::Live(live)])
}

/// What a node of known operands gives, if it is computed ahead.
fn known(compiler: &Compiler, node: &Node) -> Prepared<Option<Array>> {
    let mut inputs: Vec<Rc<Array>> = vec![];
    for at in 0..node.inputs.len() {
        match compiler.optional(node, at)? {
            Some(Value::Known(array)) => inputs.push(array),
            _ => return Ok(None),
        }
    }
    evaluate(node, &inputs)
}

/// An axis that may be counted from the end.
fn axis_of(axis: i64, rank: usize) -> Prepared<usize> {
    let at = if axis < 0 { axis + rank as i64 } else { axis };
    match usize::try_from(at).ok().filter(|&at| at < rank) {
        Some(at) => Ok(at),
        None => Fault::misfit(format!("axis {axis} of {rank}")),
    }
}
