//! Nodes whose operands are all known: mostly the arithmetic of shapes that exporters leave in.

use std::rc::Rc;

use super::array::{Array, Values};
use super::broadcast::{broadcast, offsets, repeated, row_major_strides};
use super::error::{Fault, Prepared};
use super::graph::Node;

/// What a node of known operands gives; none where it is not one of those computed here.
pub(super) fn evaluate(node: &Node, inputs: &[Rc<Array>]) -> Prepared<Option<Array>> {
    let pair = || match inputs {
        [a, b, ..] => Ok((a.as_ref(), b.as_ref())),
        _ => Fault::misfit("an operand is left out"),
    };
    Ok(Some(match (node.operator.as_str(), inputs) {
        ("Add" | "Sub" | "Mul" | "Div" | "Equal", _) => arithmetic(&node.operator, pair()?)?,
        ("Cast", [x]) => cast(x, node.attributes.integer("to", 1))?,
        ("Concat", _) => concatenated(inputs, node.attributes.integer("axis", 0))?,
        ("Floor" | "Ceil" | "Neg" | "Sqrt", [x]) => mapped(&node.operator, x),
        ("Gather", _) => picked(pair()?, node.attributes.integer("axis", 0))?,
        ("ConstantOfShape", [dims]) => filled(dims, node.attributes.array("value")?.as_ref())?,
        ("Where", [condition, yes, no]) => chosen(condition, yes, no)?,
        ("Range", [start, end, step]) => range(start, end, step)?,
        _ => return Ok(None),
    }))
}

fn arithmetic(operator: &str, (a, b): (&Array, &Array)) -> Prepared<Array> {
    let dims = broadcast(&a.dims, &b.dims)?;
    let places = |array: &Array| {
        offsets(&dims, &repeated(&array.dims, &row_major_strides(&array.dims), &dims))
    };
    let places = places(a).into_iter().zip(places(b));
    match (&a.values, &b.values) {
        (Values::Integers(a), Values::Integers(b)) => {
            let result = places.map(|(i, j)| {
                let (a, b) = (a[i], b[j]);
                let result = match operator {
                    "Add" => a.checked_add(b),
                    "Sub" => a.checked_sub(b),
                    "Mul" => a.checked_mul(b),
                    "Div" => a.checked_div(b),
                    _ => Some(i64::from(a == b)),
                };
                result.ok_or_else(|| Fault::Misfit(format!("{operator} of {a} and {b}")))
            });
            Array::integers(dims.clone(), result.collect::<Prepared<_>>()?)
        }
        (Values::Floats(a), Values::Floats(b)) if operator != "Equal" => {
            let result = places.map(|(i, j)| match operator {
                "Add" => a[i] + b[j],
                "Sub" => a[i] - b[j],
                "Mul" => a[i] * b[j],
                _ => a[i] / b[j],
            });
            Array::floats(dims.clone(), result.collect())
        }
        _ => Fault::misfit("operands of two types"),
    }
}

fn mapped(operator: &str, x: &Array) -> Array {
    let float = |x: f32| match operator {
        "Floor" => x.floor(),
        "Ceil" => x.ceil(),
        "Neg" => -x,
        _ => x.sqrt(),
    };
    let values = match &x.values {
        Values::Floats(values) => Values::Floats(values.iter().map(|&x| float(x)).collect()),
        Values::Integers(values) if operator == "Neg" => {
            Values::Integers(values.iter().map(|x| x.wrapping_neg()).collect())
        }
        integers @ Values::Integers(_) => integers.clone(),
    };
    Array { dims: x.dims.clone(), values }
}

/// To ONNX's data type `to`.
fn cast(x: &Array, to: i64) -> Prepared<Array> {
    let values = match (&x.values, to) {
        (Values::Integers(values), 1 | 10 | 11) => {
            Values::Floats(values.iter().map(|&x| x as f32).collect())
        }
        (Values::Floats(values), 6 | 7) => {
            Values::Integers(values.iter().map(|&x| x as i64).collect())
        }
        (Values::Integers(values), 9) => {
            Values::Integers(values.iter().map(|&x| i64::from(x != 0)).collect())
        }
        (same, 1 | 6 | 7 | 10 | 11) => same.clone(),
        _ => return Fault::unsupported(format!("a cast to ONNX's data type {to}")),
    };
    Ok(Array { dims: x.dims.clone(), values })
}

fn concatenated(parts: &[Rc<Array>], axis: i64) -> Prepared<Array> {
    if axis != 0 || parts.iter().any(|part| part.dims.len() != 1) {
        return Fault::unsupported("constants of more than one axis side by side");
    }
    let mut all = vec![];
    for part in parts {
        all.extend_from_slice(part.as_integers()?);
    }
    Ok(Array::list(all))
}

fn picked((x, places): (&Array, &Array), axis: i64) -> Prepared<Array> {
    if axis != 0 || x.dims.len() != 1 {
        return Fault::unsupported("a choice of constants of more than one axis");
    }
    let (values, mut result) = (x.as_integers()?, vec![]);
    for &place in places.as_integers()? {
        let at = if place < 0 { place + values.len() as i64 } else { place };
        match usize::try_from(at).ok().and_then(|at| values.get(at)) {
            Some(&value) => result.push(value),
            None => return Fault::misfit(format!("place {place} of {} values", values.len())),
        }
    }
    Array::integers(places.dims.clone(), result)
}

fn filled(dims: &Array, value: Option<&Array>) -> Prepared<Array> {
    let side = |&x: &i64| usize::try_from(x).map_err(|_| Fault::Misfit(format!("a side of {x}")));
    let dims: Vec<usize> = dims.as_integers()?.iter().map(side).collect::<Prepared<_>>()?;
    let count = super::array::count(&dims)?;
    match value.map(|value| &value.values) {
        None => Array::floats(dims, vec![0.0; count]),
        Some(Values::Floats(value)) if value.len() == 1 => {
            Array::floats(dims, vec![value[0]; count])
        }
        Some(Values::Integers(value)) if value.len() == 1 => {
            Array::integers(dims, vec![value[0]; count])
        }
        Some(_) => Fault::misfit("a value that is not one"),
    }
}

fn chosen(condition: &Array, yes: &Array, no: &Array) -> Prepared<Array> {
    if condition.dims != yes.dims || yes.dims != no.dims {
        return Fault::unsupported("a choice between shapes of other sides");
    }
    let (condition, yes, no) = (condition.as_integers()?, yes.as_integers()?, no.as_integers()?);
    let pick = |at: usize| if condition[at] == 0 { no[at] } else { yes[at] };
    Ok(Array::list((0..condition.len()).map(pick).collect()))
}

fn range(start: &Array, end: &Array, step: &Array) -> Prepared<Array> {
    let one = |x: &Array| match x.as_integers()? {
        [x] => Ok(*x),
        _ => Fault::misfit("a bound that is not one number"),
    };
    let (start, end, step) = (one(start)?, one(end)?, one(step)?);
    let count = end.checked_sub(start).and_then(|span| span.checked_div(step)).unwrap_or(-1);
    let within = |count: &i64| (0..1 << 16).contains(count);
    match Some(count).filter(within) {
        Some(_) if step > 0 => Ok(Array::list((start..end).step_by(step as usize).collect())),
        _ => Fault::unsupported(format!("a range of {start} to {end} by {step}")),
    }
}
