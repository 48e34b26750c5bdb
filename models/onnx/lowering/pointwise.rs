//! Operators on single values, alone or in pairs.

use std::rc::Rc;

use super::super::array::Array;
use super::super::broadcast::{broadcast, offsets, repeated, row_major_strides};
use super::super::compile::{Compiler, Live, Value};
use super::super::element::{Element, Function, Pair};
use super::super::error::{Fault, Prepared};
use super::super::graph::Node;
use super::super::layout::Layout;
use super::super::step::Operation;
use super::moves::repeated_to;

/// An operator on single values.
pub(super) fn each(compiler: &mut Compiler, node: &Node) -> Prepared<Live> {
    if let Some(pair) = pair(&node.operator) {
        let mut result = compiler.input(node, 0)?;
        for at in 1..node.inputs.len().max(2) {
            let next = compiler.input(node, at)?;
            result = Value::Live(compiler.paired(pair, result, next)?);
        }
        return compiler.as_live(result);
    }
    let x = compiler.input(node, 0)?;
    let x = compiler.as_live(x)?;
    let float = |name: &str, usual: f32| node.attributes.float(name, usual);
    let function = match node.operator.as_str() {
        "Relu" => return compiler.clamped(x, [0.0, f32::INFINITY]),
        "Clip" => {
            let bound =
                |at: usize, name: &str, usual: f32| match compiler.optional_known(node, at)? {
                    Some(array) => single(&array),
                    None => Ok(float(name, usual)),
                };
            let bounds = [bound(1, "min", f32::NEG_INFINITY)?, bound(2, "max", f32::INFINITY)?];
            return compiler.clamped(x, bounds);
        }
        "LeakyRelu" => {
            let slopes = vec![float("alpha", 0.01); x.layout.channels()];
            return compiler.then(x, Element::Channel(Pair::Slope, slopes));
        }
        "Neg" => {
            let signs = vec![-1.0; x.layout.channels()];
            return compiler.then(x, Element::Channel(Pair::Multiply, signs));
        }
        "Pow" => Function::Power { exponent: single(compiler.known(node, 1)?.as_ref())? },
        "Elu" => Function::Elu { alpha: float("alpha", 1.0) },
        "HardSigmoid" => {
            Function::HardSigmoid { alpha: float("alpha", 0.2), beta: float("beta", 0.5) }
        }
        other => match function(other) {
            Some(function) => function,
            None => return Fault::unsupported("the operator is not known"),
        },
    };
    compiler.then(x, Element::Map(function))
}

fn pair(operator: &str) -> Option<Pair> {
    Some(match operator {
        "Add" | "Sum" => Pair::Add,
        "Sub" => Pair::Subtract,
        "Mul" => Pair::Multiply,
        "Div" => Pair::Divide,
        "Max" => Pair::Max,
        "Min" => Pair::Min,
        "PRelu" => Pair::Slope,
        _ => return None,
    })
}

fn function(operator: &str) -> Option<Function> {
    Some(match operator {
        "Abs" => Function::Abs,
        "Ceil" => Function::Ceil,
        "Erf" => Function::Erf,
        "Exp" => Function::Exp,
        "Floor" => Function::Floor,
        "HardSwish" => Function::HardSwish,
        "Log" => Function::Log,
        "Reciprocal" => Function::Reciprocal,
        "Round" => Function::Round,
        "Sigmoid" => Function::Sigmoid,
        "Softplus" => Function::Softplus,
        "Sqrt" => Function::Sqrt,
        "Tanh" => Function::Tanh,
        _ => return None,
    })
}

/// The pair that takes its operands the other way round.
fn turned(pair: Pair) -> Prepared<Pair> {
    match pair {
        Pair::Subtract => Ok(Pair::SubtractFrom),
        Pair::SubtractFrom => Ok(Pair::Subtract),
        Pair::Divide => Ok(Pair::DivideInto),
        Pair::DivideInto => Ok(Pair::Divide),
        Pair::Slope => Fault::unsupported("slopes that depend on the picture"),
        same => Ok(same),
    }
}

fn single(array: &Array) -> Prepared<f32> {
    match array.as_floats()? {
        [value] => Ok(*value),
        values => Fault::unsupported(format!("{} numbers where one belongs", values.len())),
    }
}

impl Compiler<'_> {
    /// Two operands combined value by value.
    pub(super) fn paired(&mut self, pair: Pair, a: Value, b: Value) -> Prepared<Live> {
        match (a, b) {
            (Value::Live(a), Value::Known(b)) => self.paired_with_known(pair, a, &b),
            (Value::Known(a), Value::Live(b)) => self.paired_with_known(turned(pair)?, b, &a),
            (a, b) => {
                let (a, b) = (self.as_live(a)?, self.as_live(b)?);
                self.paired_live(pair, a, b)
            }
        }
    }

    /// Within two bounds, joined with those before.
    pub(super) fn clamped(&mut self, x: Live, [low, high]: [f32; 2]) -> Prepared<Live> {
        if let Some(step) = self.maker(x.buffer).and_then(|at| self.steps.get_mut(at))
            && x.exclusive
            && let Some(Element::Clamp { low: lower, high: upper }) = step.elements.last_mut()
        {
            *lower = lower.max(low).min(high);
            *upper = upper.max(low).min(high);
            return Ok(x);
        }
        self.then(x, Element::Clamp { low, high })
    }

    fn paired_with_known(&mut self, pair: Pair, x: Live, known: &Rc<Array>) -> Prepared<Live> {
        let dims = broadcast(x.layout.dims(), &known.dims)?;
        let x = repeated_to(self, x, &dims)?;
        let values = known.as_floats()?;
        if let [value] = *values {
            match pair {
                Pair::Max => return self.clamped(x, [value, f32::INFINITY]),
                Pair::Min => return self.clamped(x, [f32::NEG_INFINITY, value]),
                _ => {}
            }
        }
        let ahead = dims.len() - known.dims.len();
        let innermost = x.layout.innermost();
        let by_channel = known
            .dims
            .iter()
            .enumerate()
            .all(|(axis, &side)| side == 1 || innermost == Some(axis + ahead));
        if !by_channel {
            let strides = repeated(&known.dims, &row_major_strides(&known.dims), &dims);
            let order = x.layout.order();
            let strides: Vec<usize> = order.iter().map(|&axis| strides[axis]).collect();
            let places = offsets(&x.layout.physical_dims(), &strides);
            let whole = places.into_iter().map(|at| values[at]).collect();
            return self.then(x, Element::Whole(pair, whole));
        }
        let count = x.layout.channels();
        let values: Vec<f32> = (0..count).map(|at| values[at % values.len().max(1)]).collect();
        let all = |value: f32| vec![value; count];
        match pair {
            Pair::Add => self.affine(x, all(1.0), values),
            Pair::Subtract => self.affine(x, all(1.0), values.iter().map(|x| -x).collect()),
            Pair::SubtractFrom => self.affine(x, all(-1.0), values),
            Pair::Multiply => self.affine(x, values, all(0.0)),
            Pair::Divide => self.affine(x, values.iter().map(|x| x.recip()).collect(), all(0.0)),
            _ => self.then(x, Element::Channel(pair, values)),
        }
    }

    fn paired_live(&mut self, pair: Pair, a: Live, b: Live) -> Prepared<Live> {
        let dims = broadcast(a.layout.dims(), b.layout.dims())?;
        let (a, b) = (repeated_to(self, a, &dims)?, repeated_to(self, b, &dims)?);
        // The operand that is made later takes the other in.
        if self.maker(b.buffer) > self.maker(a.buffer) && pair != Pair::Slope {
            return self.then_with(b, turned(pair)?, a);
        }
        self.then_with(a, pair, b)
    }

    /// x after it was combined with what lies in the same places of `other`.
    fn then_with(&mut self, x: Live, pair: Pair, other: Live) -> Prepared<Live> {
        let layout = Layout::new(other.layout.dims().to_vec(), x.layout.order().to_vec());
        let other = self.lying_as(other, &layout)?;
        let joined = self.maker(x.buffer).filter(|_| x.exclusive);
        let joined = joined.filter(|at| self.maker(other.buffer) < Some(*at));
        let x = match joined.and_then(|at| self.steps.get(at)) {
            Some(step) if step.channels == x.layout.channels() => x,
            _ => {
                let layout = x.layout.clone();
                self.push(Operation::Copy, &[&x], layout)?
            }
        };
        if let Some(step) = self.maker(x.buffer).and_then(|at| self.steps.get_mut(at)) {
            step.inputs.push(other.buffer);
            step.elements.push(Element::Other(pair, step.inputs.len() - 1));
        }
        Ok(x)
    }
}
