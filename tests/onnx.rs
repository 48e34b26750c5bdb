//! Runs the small ONNX networks that judge the rendered heads, on candle.
//!
//! Only what those networks use: float32, twenty operators, symmetric padding.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{D, Device, Result, Tensor, bail};

/// A network read from a file.
pub(crate) struct Network {
    nodes: Vec<Node>,
    weights: BTreeMap<String, Value>,
    input: String,
    outputs: Vec<String>,
}

struct Node {
    operator: String,
    inputs: Vec<String>,
    output: String,
    integers: BTreeMap<String, Vec<i64>>,
    epsilon: f64,
}

#[derive(Clone)]
enum Value {
    Floats(Tensor),
    Integers(Vec<i64>),
}

impl Network {
    /// Reads a file.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path)?;
        // ModelProto.graph is field 7.
        let graph = only(fields(&bytes), 7)?;
        let mut network = Self {
            nodes: Vec::new(),
            weights: BTreeMap::new(),
            input: String::new(),
            outputs: Vec::new(),
        };
        for (field, value) in fields(graph) {
            match field {
                1 => network.nodes.push(node(value.bytes())?),
                5 => {
                    let (name, tensor) = weight(value.bytes())?;
                    network.weights.insert(name, tensor);
                }
                11 if network.input.is_empty() => network.input = text(value.bytes(), 1)?,
                12 => network.outputs.push(text(value.bytes(), 1)?),
                _ => {}
            }
        }
        Ok(network)
    }

    /// Runs it: outputs by name.
    pub(crate) fn run(&self, input: &Tensor) -> Result<BTreeMap<String, Tensor>> {
        let mut values = self.weights.clone();
        values.insert(self.input.clone(), Value::Floats(input.clone()));
        for node in &self.nodes {
            let inputs: Vec<&Value> = node.inputs.iter().filter_map(|n| values.get(n)).collect();
            let output = node.run(&inputs)?;
            values.insert(node.output.clone(), output);
        }
        let pick = |name: &String| match values.remove(name) {
            Some(Value::Floats(tensor)) => Ok((name.clone(), tensor)),
            _ => bail!("no output `{name}`"),
        };
        self.outputs.iter().map(pick).collect()
    }
}

impl Node {
    fn run(&self, inputs: &[&Value]) -> Result<Value> {
        if let Some(integers) = self.shapes(inputs)? {
            return Ok(Value::Integers(integers));
        }
        let x = floats(inputs, 0)?;
        let y = || floats(inputs, 1);
        Ok(Value::Floats(match self.operator.as_str() {
            "Conv" => self.convolve(x, y()?, floats(inputs, 2).ok())?,
            "MaxPool" => self.pool(x)?,
            "Relu" => x.relu()?,
            "Sigmoid" => (x.neg()?.exp()? + 1.0)?.recip()?,
            "Identity" => x.clone(),
            "Add" => x.broadcast_add(y()?)?,
            "Sub" => x.broadcast_sub(y()?)?,
            "Mul" => x.broadcast_mul(y()?)?,
            "Max" => x.broadcast_maximum(y()?)?,
            "Min" => x.broadcast_minimum(y()?)?,
            "MatMul" => x.matmul(y()?)?,
            "Gemm" => {
                let product = x.matmul(&y()?.t()?)?;
                floats(inputs, 2).map_or(Ok(product.clone()), |bias| product.broadcast_add(bias))?
            }
            "Flatten" => x.flatten_from(1)?,
            "Transpose" => x.permute(self.axes("perm"))?.contiguous()?,
            "Reshape" => reshape(x, inputs.get(1))?,
            "Resize" => x.upsample_nearest2d(2 * x.dim(2)?, 2 * x.dim(3)?)?,
            "BatchNormalization" => self.normalise(x, inputs)?,
            other => bail!("operator `{other}` is not written"),
        }))
    }

    /// Arithmetic of shapes, which ONNX does with tensors of integers.
    fn shapes(&self, inputs: &[&Value]) -> Result<Option<Vec<i64>>> {
        let integers = |i: usize| match inputs.get(i) {
            Some(Value::Integers(values)) => Ok(values.clone()),
            _ => bail!("`{}` wants integers", self.operator),
        };
        Ok(Some(match self.operator.as_str() {
            "Shape" => floats(inputs, 0)?.dims().iter().map(|&d| d as i64).collect(),
            "Gather" => vec![integers(0)?[integers(1)?[0] as usize]],
            "Unsqueeze" => integers(0)?,
            "Concat" => {
                let parts: Result<Vec<Vec<i64>>> = (0..inputs.len()).map(integers).collect();
                parts?.concat()
            }
            _ => return Ok(None),
        }))
    }

    fn normalise(&self, x: &Tensor, inputs: &[&Value]) -> Result<Tensor> {
        let shape = if x.rank() == 4 { vec![1, x.dim(1)?, 1, 1] } else { vec![1, x.dim(1)?] };
        let column = |i: usize| floats(inputs, i)?.reshape(shape.clone());
        let std = (column(4)? + self.epsilon)?.sqrt()?;
        let normal = x.broadcast_sub(&column(3)?)?.broadcast_div(&std)?;
        normal.broadcast_mul(&column(1)?)?.broadcast_add(&column(2)?)
    }

    fn convolve(&self, x: &Tensor, kernel: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let one = |name: &str, usual: usize| self.axes(name).first().copied().unwrap_or(usual);
        let (pad, stride, groups) = (one("pads", 0), one("strides", 1), one("group", 1));
        let y = if groups > 1 && kernel.dim(1)? == 1 && groups == kernel.dim(0)? {
            depthwise(x, kernel, pad, stride)?
        } else {
            x.conv2d(kernel, pad, stride, 1, groups)?
        };
        match bias {
            Some(bias) => y.broadcast_add(&bias.reshape((1, (), 1, 1))?),
            None => Ok(y),
        }
    }

    fn pool(&self, x: &Tensor) -> Result<Tensor> {
        let (size, stride) = (self.axes("kernel_shape")[0], self.axes("strides")[0]);
        let ceil = self.axes("ceil_mode").first() == Some(&1);
        let over = |side: usize| if ceil { (stride - (side - size) % stride) % stride } else { 0 };
        let (below, right) = (over(x.dim(2)?), over(x.dim(3)?));
        // What is repeated at the border can't change a maximum.
        let padded = x.pad_with_same(D::Minus2, 0, below)?.pad_with_same(D::Minus1, 0, right)?;
        padded.max_pool2d_with_stride(size, stride)
    }

    fn axes(&self, name: &str) -> Vec<usize> {
        self.integers.get(name).into_iter().flatten().map(|&value| value as usize).collect()
    }
}

/// One kernel a channel. candle runs each group as a convolution of its own, which takes minutes.
fn depthwise(x: &Tensor, kernel: &Tensor, pad: usize, stride: usize) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    let size = kernel.dim(2)?;
    let out = |side: usize| (side + 2 * pad - size) / stride + 1;
    let (rows, columns) = (out(height), out(width));
    let (x, kernel) = (x.flatten_all()?.to_vec1::<f32>()?, kernel.flatten_all()?.to_vec1::<f32>()?);
    let mut y = vec![0.0f32; batch * channels * rows * columns];
    for (plane, y) in y.chunks_exact_mut(rows * columns).enumerate() {
        let x = &x[plane * height * width..(plane + 1) * height * width];
        let weights = &kernel[plane % channels * size * size..][..size * size];
        for (at, y) in y.iter_mut().enumerate() {
            for (tap, weight) in weights.iter().enumerate() {
                let row = (at / columns * stride + tap / size).wrapping_sub(pad);
                let column = (at % columns * stride + tap % size).wrapping_sub(pad);
                if row < height && column < width {
                    *y += weight * x[row * width + column];
                }
            }
        }
    }
    Tensor::from_vec(y, (batch, channels, rows, columns), &Device::Cpu)
}

fn floats<'a>(inputs: &[&'a Value], index: usize) -> Result<&'a Tensor> {
    match inputs.get(index) {
        Some(Value::Floats(tensor)) => Ok(tensor),
        _ => bail!("input {index} is not a tensor of floats"),
    }
}

fn reshape(x: &Tensor, shape: Option<&&Value>) -> Result<Tensor> {
    let Some(Value::Integers(shape)) = shape else { bail!("`Reshape` wants a shape") };
    // 0 keeps a side, −1 takes what is left.
    let side = |(axis, &d): (usize, &i64)| if d == 0 { x.dims()[axis] as i64 } else { d };
    let dims: Vec<i64> = shape.iter().enumerate().map(side).collect();
    let known: i64 = dims.iter().filter(|&&d| d > 0).product();
    let rest = x.elem_count() as i64 / known;
    let dims: Vec<usize> = dims.iter().map(|&d| if d > 0 { d } else { rest } as usize).collect();
    x.reshape(dims)
}

fn node(bytes: &[u8]) -> Result<Node> {
    let mut node = Node {
        operator: text(bytes, 4)?,
        inputs: Vec::new(),
        output: text(bytes, 2)?,
        integers: BTreeMap::new(),
        epsilon: 1e-5,
    };
    for (field, value) in fields(bytes) {
        match field {
            1 => node.inputs.push(String::from_utf8_lossy(value.bytes()).into_owned()),
            5 => {
                let name = text(value.bytes(), 1)?;
                let list = fields(value.bytes()).filter(|(field, _)| matches!(field, 3 | 8));
                node.integers.insert(name.clone(), list.flat_map(|(_, v)| v.integers()).collect());
                let float = fields(value.bytes()).find(|(field, _)| *field == 2);
                if let (true, Some((_, value))) = (name == "epsilon", float) {
                    node.epsilon = f64::from(four(value.bytes()));
                }
            }
            _ => {}
        }
    }
    Ok(node)
}

/// TensorProto: dims 1, data type 2 (1 = float, 7 = int64), name 8, raw data 9.
fn weight(bytes: &[u8]) -> Result<(String, Value)> {
    let every = |field: u64| fields(bytes).filter(move |(number, _)| *number == field);
    let dims: Vec<usize> =
        every(1).flat_map(|(_, v)| v.integers()).map(|dim| dim as usize).collect();
    let kind = every(2).flat_map(|(_, v)| v.integers()).next();
    let raw = only(fields(bytes), 9)?;
    let value = if kind == Some(1) {
        let numbers: Vec<f32> = raw.chunks_exact(4).map(four).collect();
        Value::Floats(Tensor::from_vec(numbers, dims, &Device::Cpu)?)
    } else {
        let eight = |chunk: &[u8]| i64::from_le_bytes(std::array::from_fn(|i| chunk[i]));
        Value::Integers(raw.chunks_exact(8).map(eight).collect())
    };
    Ok((text(bytes, 8)?, value))
}

fn four(chunk: &[u8]) -> f32 {
    f32::from_le_bytes(std::array::from_fn(|i| chunk[i]))
}

fn text(bytes: &[u8], field: u64) -> Result<String> {
    Ok(String::from_utf8_lossy(only(fields(bytes), field)?).into_owned())
}

fn only<'a>(mut all: impl Iterator<Item = (u64, Wire<'a>)>, field: u64) -> Result<&'a [u8]> {
    match all.find(|(number, _)| *number == field) {
        Some((_, value)) => Ok(value.bytes()),
        None => bail!("field {field} is missing"),
    }
}

/// A protobuf value as it lies in the file.
enum Wire<'a> {
    Number(i64),
    Bytes(&'a [u8]),
}

impl<'a> Wire<'a> {
    fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(_) => &[],
        }
    }

    /// One number, or a packed list.
    fn integers(&self) -> Vec<i64> {
        match self {
            Self::Number(number) => vec![*number],
            Self::Bytes(bytes) => {
                let mut rest = *bytes;
                std::iter::from_fn(|| (!rest.is_empty()).then(|| varint(&mut rest) as i64))
                    .collect()
            }
        }
    }
}

fn fields(mut bytes: &[u8]) -> impl Iterator<Item = (u64, Wire<'_>)> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let key = varint(&mut bytes);
        let length = match key & 7 {
            0 => return Some((key >> 3, Wire::Number(varint(&mut bytes) as i64))),
            1 => 8,
            5 => 4,
            _ => varint(&mut bytes) as usize,
        };
        let (value, rest) = bytes.split_at(length.min(bytes.len()));
        bytes = rest;
        Some((key >> 3, Wire::Bytes(value)))
    })
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let Some((&byte, rest)) = bytes.split_first() else { break };
        *bytes = rest;
        value |= u64::from(byte & 127) << shift;
        if byte < 128 {
            break;
        }
    }
    value
}
