//! Products of matrices.

use super::super::broadcast::{broadcast, offsets, repeated, row_major_strides};
use super::super::compile::{Compiler, Live, Value};
use super::super::dense::{Dense, Run};
use super::super::element::Pair;
use super::super::error::{Fault, Prepared};
use super::super::graph::Node;
use super::super::layout::Layout;
use super::super::product::Product;
use super::super::step::Operation;

/// `Gemm` with a known right side.
pub(super) fn gemm(compiler: &mut Compiler, node: &Node) -> Prepared<Live> {
    if node.attributes.integer("transA", 0) != 0 {
        return Fault::unsupported("a transposed left side");
    }
    let x = compiler.input(node, 0)?;
    let x = compiler.as_live(x)?;
    let weights = compiler.known(node, 1)?;
    let &[rows, columns] = weights.dims.as_slice() else {
        return Fault::misfit(format!("a right side of {:?}", weights.dims));
    };
    let transposed = node.attributes.integer("transB", 0) != 0;
    let alpha = node.attributes.float("alpha", 1.0);
    let scaled: Vec<f32> = weights.as_floats()?.iter().map(|x| x * alpha).collect();
    let (outputs, depth) = if transposed { (rows, columns) } else { (columns, rows) };
    let values = if transposed { scaled } else { turned(&scaled, [rows, columns]) };
    if x.layout.dims().len() != 2 || x.layout.dims()[1] != depth {
        let reason = format!("{:?} times {depth}×{outputs}", x.layout.dims());
        return Fault::misfit(reason);
    }
    let product = dense(compiler, x, (&values, outputs))?;
    let Some(shift) = compiler.optional(node, 2)? else { return Ok(product) };
    let beta = node.attributes.float("beta", 1.0);
    let shift = match shift {
        Value::Known(array) => {
            let scaled = array.as_floats()?.iter().map(|x| x * beta).collect();
            super::Array::floats(array.dims.clone(), scaled)?.into()
        }
        Value::Live(_) if beta != 1.0 => return Fault::unsupported("`beta` with a computed shift"),
        live @ Value::Live(_) => live,
    };
    compiler.paired(Pair::Add, Value::Live(product), shift)
}

/// `MatMul`.
pub(super) fn matmul(compiler: &mut Compiler, node: &Node) -> Prepared<Live> {
    let (x, y) = (compiler.input(node, 0)?, compiler.input(node, 1)?);
    let (&[.., _, depth], &[.., inner, columns]) = (x.dims(), y.dims()) else {
        return Fault::unsupported(format!("{:?} times {:?}", x.dims(), y.dims()));
    };
    if depth != inner {
        return Fault::misfit(format!("{:?} times {:?}", x.dims(), y.dims()));
    }
    match y {
        Value::Known(matrix) if matrix.dims.len() == 2 => {
            let x = compiler.as_live(x)?;
            let values = turned(matrix.as_floats()?, [depth, columns]);
            dense(compiler, x, (&values, columns))
        }
        y => {
            let (x, y) = (compiler.as_live(x)?, compiler.as_live(y)?);
            product(compiler, x, y)
        }
    }
}

/// Rows of the last axis times a known matrix, given by columns.
fn dense(compiler: &mut Compiler, x: Live, (columns, outputs): (&[f32], usize)) -> Prepared<Live> {
    let x = compiler.row_major(x)?;
    let mut dims = x.layout.dims().to_vec();
    let depth = dims.pop().unwrap_or(1);
    let rows: usize = dims.iter().product();
    dims.push(outputs);
    let dense = Dense::new(vec![Run { offset: 0, length: depth }], columns, vec![0.0; outputs]);
    let bases = (0..rows).map(|row| (row * depth) as u32).collect();
    compiler
        .push(Operation::Dense(dense, bases), &[&x], Layout::row_major(dims))
        .map(|live| live.of_rows(compiler, outputs))
}

fn product(compiler: &mut Compiler, x: Live, y: Live) -> Prepared<Live> {
    let (x, y) = (compiler.row_major(x)?, compiler.row_major(y)?);
    let (left, right) = (x.layout.dims(), y.layout.dims());
    let (left_batch, [rows, depth]) = split(left);
    let (right_batch, [_, columns]) = split(right);
    let mut dims = broadcast(left_batch, right_batch)?;
    let places =
        |batch: &[usize]| offsets(&dims, &repeated(batch, &row_major_strides(batch), &dims));
    let pairs = places(left_batch).into_iter().zip(places(right_batch));
    let pairs = pairs.map(|(l, r)| [l as u32, r as u32]).collect();
    dims.extend([rows, columns]);
    let product = Product { rows, depth, columns, pairs };
    compiler.push(Operation::Product(product), &[&x, &y], Layout::row_major(dims))
}

fn split(dims: &[usize]) -> (&[usize], [usize; 2]) {
    let (batch, sides) = dims.split_at(dims.len() - 2);
    (batch, [sides[0], sides[1]])
}

fn turned(values: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    (0..rows * columns).map(|at| values[at % rows * columns + at / rows]).collect()
}

impl Live {
    /// The rows of a product count as its pixels even where there is one column.
    fn of_rows(self, compiler: &mut Compiler, outputs: usize) -> Self {
        if let Some(step) = compiler.steps.last_mut() {
            step.channels = outputs;
        }
        self
    }
}
