//! A network as its file describes it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use prost::Message;

use super::array::Array;
use super::attributes::Attributes;
use super::error::{Fault, OnnxError, OnnxResult};
use super::proto::{GraphProto, Model, NodeProto, ValueInfo};

/// Most nodes of a network: the largest of the published ones here have hundreds.
const MOST_NODES: usize = 20_000;

/// One operation.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Its name, or that of its first output.
    pub(super) name: String,
    pub(super) operator: String,
    /// Names of values; empty where an optional one is left out.
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
    pub(super) attributes: Attributes,
}

/// A network as its file describes it: operations in an order in which they can be run.
#[derive(Clone, Debug)]
pub struct Graph {
    pub(super) path: PathBuf,
    /// Version of the operators' definitions.
    pub(super) opset: i64,
    pub(super) nodes: Vec<Node>,
    pub(super) constants: BTreeMap<String, Rc<Array>>,
    /// Name and sides of the input; none where a side is left open.
    pub(super) input: (String, Vec<Option<usize>>),
    outputs: Vec<String>,
}

impl Graph {
    /// Reads the bytes of a file; `path` names it in errors.
    ///
    /// # Errors
    /// When the bytes are no whole ONNX file, hold operators of other domains, or describe a
    /// network of more than one input.
    pub fn parse(bytes: Vec<u8>, path: &Path) -> OnnxResult<Self> {
        let damaged = |reason: String| OnnxError::Damaged { path: path.to_owned(), reason };
        if bytes.is_empty() {
            return Err(damaged("it is empty".to_owned()));
        }
        let model = Model::decode(prost::bytes::Bytes::from(bytes))
            .map_err(|error| damaged(error.to_string()))?;
        let opset =
            model.opset.iter().filter(|set| set.domain.is_empty() || set.domain == "ai.onnx");
        let opset = opset.map(|set| set.version).max().unwrap_or(1);
        let graph = model.graph.ok_or_else(|| damaged("it holds no graph".to_owned()))?;
        if graph.node.is_empty() || graph.node.len() > MOST_NODES {
            return Err(damaged(format!("it has {} nodes", graph.node.len())));
        }
        Self::of(graph, opset, path)
    }

    fn of(graph: GraphProto, opset: i64, path: &Path) -> OnnxResult<Self> {
        let damaged = |reason: String| OnnxError::Damaged { path: path.to_owned(), reason };
        let mut constants = BTreeMap::new();
        for tensor in &graph.initializer {
            let array = Array::of(tensor).map_err(|fault| {
                let (Fault::Unsupported(reason) | Fault::Misfit(reason)) = fault;
                damaged(format!("tensor `{}`: {reason}", tensor.name))
            })?;
            constants.insert(tensor.name.clone(), Rc::new(array));
        }
        // Files of old versions list their weights among the inputs.
        let mut inputs = graph.input.iter().filter(|input| !constants.contains_key(&input.name));
        let input = match (inputs.next(), inputs.next()) {
            (Some(input), None) => (input.name.clone(), sides(input)),
            (None, _) => return Err(damaged("it has no input".to_owned())),
            (Some(first), Some(second)) => {
                return Err(OnnxError::Input {
                    path: path.to_owned(),
                    expected: format!("`{}` and `{}`", first.name, second.name),
                    found: "one picture".to_owned(),
                });
            }
        };
        let outputs = graph.output.into_iter().map(|output| output.name).collect();
        let mut nodes = vec![];
        for node in graph.node {
            nodes.push(named(node, path)?);
        }
        let known: BTreeSet<&str> =
            constants.keys().map(String::as_str).chain([input.0.as_str()]).collect();
        let nodes = in_order(&nodes, known).map_err(damaged)?;
        Ok(Self { path: path.to_owned(), opset, nodes, constants, input, outputs })
    }

    /// Names of the outputs.
    pub fn outputs(&self) -> &[String] {
        &self.outputs
    }

    /// Sides of the input, none where one is left open.
    pub fn input_sides(&self) -> &[Option<usize>] {
        &self.input.1
    }
}

fn sides(input: &ValueInfo) -> Vec<Option<usize>> {
    let shape = input.kind.as_ref().and_then(|kind| kind.tensor.as_ref()?.shape.as_ref());
    let side = |value: Option<i64>| usize::try_from(value?).ok().filter(|&side| side > 0);
    shape.map(|shape| shape.dim.iter().map(|dim| side(dim.value)).collect()).unwrap_or_default()
}

fn named(node: NodeProto, path: &Path) -> OnnxResult<Node> {
    let first = node.outputs().next().cloned().unwrap_or_default();
    let name = if node.name.is_empty() { first } else { node.name.clone() };
    if !matches!(node.domain.as_str(), "" | "ai.onnx") {
        return Err(OnnxError::Unsupported {
            path: path.to_owned(),
            node: name,
            operator: node.operator,
            reason: format!("it belongs to the domain `{}`", node.domain),
        });
    }
    let attributes = Attributes::of(node.attribute);
    let NodeProto { operator, input, output, .. } = node;
    Ok(Node { name, operator, inputs: input, outputs: output, attributes })
}

impl NodeProto {
    fn outputs(&self) -> impl Iterator<Item = &String> {
        self.output.iter().filter(|name| !name.is_empty())
    }
}

/// The nodes in an order in which each finds its inputs: the file's, which the format demands, or
/// an error that names what is missing.
fn in_order(nodes: &[Node], known: BTreeSet<&str>) -> Result<Vec<Node>, String> {
    let mut known = known;
    for node in nodes {
        let mut inputs = node.inputs.iter().filter(|name| !name.is_empty());
        if let Some(missing) = inputs.find(|name| !known.contains(name.as_str())) {
            return Err(format!("node `{}` reads `{missing}` before it is there", node.name));
        }
        for output in node.outputs.iter().filter(|name| !name.is_empty()) {
            if !known.insert(output) {
                return Err(format!("`{output}` is written twice"));
            }
        }
    }
    Ok(nodes.to_vec())
}
