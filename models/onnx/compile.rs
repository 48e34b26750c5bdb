//! From the nodes of a graph to the steps of a network.
//!
//! Nodes are taken in order. What is known before any pixel is computed at once; transpositions
//! only change how an activation is read; operations on single values join the step that made them
//! where nobody else reads what it made.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::array::{Array, Values, count};
use super::element::Element;
use super::error::{Fault, OnnxError, OnnxResult, Prepared};
use super::gather::Gather;
use super::graph::{Graph, Node};
use super::layout::Layout;
use super::lowering::lower;
use super::step::{Operation, Step};

/// A value of the graph.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Known ahead.
    Known(Rc<Array>),
    /// Computed from the input.
    Live(Live),
}

impl From<Array> for Value {
    fn from(array: Array) -> Self {
        Self::Known(Rc::new(array))
    }
}

impl Value {
    /// Sides as the file sees them.
    pub(super) fn dims(&self) -> &[usize] {
        match self {
            Self::Known(array) => &array.dims,
            Self::Live(live) => live.layout.dims(),
        }
    }
}

/// An activation: a buffer and how it is read.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) buffer: usize,
    pub(super) layout: Layout,
    /// Whether this is the only reader of the buffer there will be, so that it may be changed.
    pub(super) exclusive: bool,
}

/// What a network is made of.
pub(super) struct Compiled {
    pub(super) input: Layout,
    pub(super) steps: Vec<Step>,
    /// Values of each buffer.
    pub(super) lengths: Vec<usize>,
    /// Name, layout and buffer.
    pub(super) outputs: Vec<(String, Layout, usize)>,
}

/// A compilation under way.
pub(super) struct Compiler<'a> {
    graph: &'a Graph,
    values: BTreeMap<&'a str, Value>,
    /// How many nodes and outputs read each value.
    readers: BTreeMap<&'a str, usize>,
    pub(super) steps: Vec<Step>,
    lengths: Vec<usize>,
}

/// Compiles a graph for an input of these sides and the outputs of these names; all where none is
/// named.
pub(super) fn compile<'a>(
    graph: &'a Graph,
    sides: &[usize],
    outputs: &[&'a str],
) -> OnnxResult<Compiled> {
    let outputs: Vec<&str> = if outputs.is_empty() {
        graph.outputs().iter().map(String::as_str).collect()
    } else {
        outputs.to_vec()
    };
    let (name, is_picture) = (graph.input.0.as_str(), sides.len() == 4 && sides[1] <= 4);
    let input = if is_picture {
        Layout::channels_last(sides.to_vec())
    } else {
        Layout::row_major(sides.to_vec())
    };
    let mut compiler = Compiler {
        graph,
        values: BTreeMap::new(),
        readers: BTreeMap::new(),
        steps: vec![],
        lengths: vec![input.count()],
    };
    // The input is never changed: nobody may write where the next one is fed.
    let live = Live { buffer: 0, layout: input.clone(), exclusive: false };
    compiler.values.insert(name, Value::Live(live));
    for (name, array) in &graph.constants {
        compiler.values.insert(name, Value::Known(Rc::clone(array)));
    }
    let needed = needed(graph, &outputs);
    for node in needed.iter().map(|&at| &graph.nodes[at]) {
        for input in &node.inputs {
            *compiler.readers.entry(input).or_default() += 1;
        }
    }
    for &output in &outputs {
        *compiler.readers.entry(output).or_default() += 1;
    }
    for node in needed.into_iter().map(|at| &graph.nodes[at]) {
        let lowered = lower(&mut compiler, node);
        compiler.take(node, lowered).map_err(|fault| placed(graph, node, fault))?;
    }
    let outputs = compiler.outputs(&outputs)?;
    Ok(Compiled { input, steps: compiler.steps, lengths: compiler.lengths, outputs })
}

/// The nodes that some output depends on, in order.
fn needed(graph: &Graph, outputs: &[&str]) -> Vec<usize> {
    let mut wanted: std::collections::BTreeSet<&str> = outputs.iter().copied().collect();
    let mut needed = vec![];
    for (at, node) in graph.nodes.iter().enumerate().rev() {
        if node.outputs.iter().any(|output| wanted.contains(output.as_str())) {
            wanted.extend(node.inputs.iter().map(String::as_str));
            needed.push(at);
        }
    }
    needed.reverse();
    needed
}

fn placed(graph: &Graph, node: &Node, fault: Fault) -> OnnxError {
    let (path, name, operator) = (graph.path.clone(), node.name.clone(), node.operator.clone());
    match fault {
        Fault::Unsupported(reason) => OnnxError::Unsupported { path, node: name, operator, reason },
        Fault::Misfit(reason) => OnnxError::Misfit { path, node: name, operator, reason },
    }
}

impl<'a> Compiler<'a> {
    /// Version of the operators' definitions.
    pub(super) fn opset(&self) -> i64 {
        self.graph.opset
    }

    /// An input of a node; an error where it is left out.
    pub(super) fn input(&self, node: &Node, at: usize) -> Prepared<Value> {
        match self.optional(node, at)? {
            Some(value) => Ok(value),
            None => Fault::misfit(format!("input {at} is left out")),
        }
    }

    /// An input of a node, if it is given.
    pub(super) fn optional(&self, node: &Node, at: usize) -> Prepared<Option<Value>> {
        let Some(name) = node.inputs.get(at).filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        match self.values.get(name.as_str()) {
            Some(Value::Live(live)) => {
                let readers = self.readers.get(name.as_str()).copied().unwrap_or(0);
                let exclusive = live.exclusive && readers == 1;
                Ok(Some(Value::Live(Live { exclusive, ..live.clone() })))
            }
            Some(known) => Ok(Some(known.clone())),
            None => Fault::unsupported(format!("`{name}` is an output that is not computed")),
        }
    }

    /// An input that must be known ahead, if it is given.
    pub(super) fn optional_known(&self, node: &Node, at: usize) -> Prepared<Option<Rc<Array>>> {
        match self.optional(node, at)? {
            None => Ok(None),
            Some(Value::Known(array)) => Ok(Some(array)),
            Some(Value::Live(_)) => {
                Fault::unsupported(format!("input {at} depends on the picture"))
            }
        }
    }

    /// An input that must be known ahead.
    pub(super) fn known(&self, node: &Node, at: usize) -> Prepared<Rc<Array>> {
        match self.optional_known(node, at)? {
            Some(array) => Ok(array),
            None => Fault::misfit(format!("input {at} is left out")),
        }
    }

    /// Whether a step makes this buffer, and which.
    pub(super) fn maker(&self, buffer: usize) -> Option<usize> {
        self.steps.iter().rposition(|step| step.output == buffer)
    }

    /// Adds a step that makes a new activation.
    pub(super) fn push(
        &mut self,
        operation: Operation,
        inputs: &[&Live],
        layout: Layout,
    ) -> Prepared<Live> {
        let buffer = self.lengths.len();
        if layout.dims().contains(&0) {
            return Fault::misfit(format!("nothing is left of {:?}", layout.dims()));
        }
        self.lengths.push(count(layout.dims())?);
        let inputs = inputs.iter().map(|input| input.buffer).collect();
        let channels = layout.channels();
        self.steps.push(Step { operation, elements: vec![], inputs, output: buffer, channels });
        Ok(Live { buffer, layout, exclusive: true })
    }

    /// The activation with its values lying as in `layout`.
    pub(super) fn lying_as(&mut self, live: Live, layout: &Layout) -> Prepared<Live> {
        if live.layout.lies_as(layout) {
            return Ok(live);
        }
        let strides = live.layout.strides();
        let source = |place: &[usize]| {
            Some((0, place.iter().zip(&strides).map(|(at, stride)| at * stride).sum()))
        };
        let gather = Gather::new(layout, 0.0, source)?;
        self.push(Operation::Gather(gather), &[&live], layout.clone())
    }

    /// The activation in the file's own order.
    pub(super) fn row_major(&mut self, live: Live) -> Prepared<Live> {
        let layout = Layout::row_major(live.layout.dims().to_vec());
        self.lying_as(live, &layout)
    }

    /// The value as an activation: constants become one.
    pub(super) fn as_live(&mut self, value: Value) -> Prepared<Live> {
        match value {
            Value::Live(live) => Ok(live),
            Value::Known(array) => {
                let values = array.as_floats()?.to_vec();
                let layout = Layout::row_major(array.dims.clone());
                self.push(Operation::Constant(values), &[], layout)
            }
        }
    }

    /// The activation after an operation on each value: as part of the step that makes it if
    /// nobody else reads it, or else as a step of its own.
    pub(super) fn then(&mut self, live: Live, element: Element) -> Prepared<Live> {
        let maker = self.maker(live.buffer).filter(|_| live.exclusive);
        match maker.and_then(|at| self.steps.get_mut(at)) {
            Some(step) if step.channels == live.layout.channels() => {
                step.elements.push(element);
                Ok(live)
            }
            _ => {
                let layout = live.layout.clone();
                let copy = self.push(Operation::Copy, &[&live], layout)?;
                if let Some(step) = self.steps.last_mut() {
                    step.elements.push(element);
                }
                Ok(copy)
            }
        }
    }

    /// Gives the outputs of a node their values.
    fn take(&mut self, node: &'a Node, lowered: Prepared<Vec<Value>>) -> Prepared<()> {
        for (name, value) in node.outputs.iter().zip(lowered?) {
            self.values.insert(name, value);
        }
        Ok(())
    }

    fn outputs(&mut self, names: &[&str]) -> OnnxResult<Vec<(String, Layout, usize)>> {
        let mut outputs = vec![];
        for &name in names {
            let graph = self.graph;
            let value = self.values.get(name).cloned().ok_or_else(|| OnnxError::NoOutput {
                path: graph.path.clone(),
                name: name.to_owned(),
                known: graph.outputs().to_vec(),
            })?;
            let integers = matches!(&value, Value::Known(array)
                if matches!(array.values, Values::Integers(_)));
            let live = self.as_live(value).and_then(|live| self.row_major(live));
            let live = live.ok().filter(|_| !integers).ok_or_else(|| OnnxError::Unsupported {
                path: graph.path.clone(),
                node: name.to_owned(),
                operator: "output".to_owned(),
                reason: "it holds integers".to_owned(),
            })?;
            outputs.push((name.to_owned(), live.layout, live.buffer));
        }
        Ok(outputs)
    }
}
