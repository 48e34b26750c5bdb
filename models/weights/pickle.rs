//! The tensors that a PyTorch pickle describes. A pickle is a program; it is read here as a
//! description and never run, and one that says more than tensors need is refused.

use candle_core::DType;
use candle_core::pickle::{Object, Stack};

/// A tensor as the pickle describes it: a window into a storage.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Described {
    /// Name of the storage within the archive.
    pub(super) storage: String,
    pub(super) dtype: DType,
    pub(super) shape: Vec<usize>,
    /// Distances between neighbours along each dimension, in values.
    pub(super) strides: Vec<usize>,
    /// The first value's place in the storage, in values.
    pub(super) offset: usize,
}

/// What is wrong with a pickle.
#[derive(Debug, PartialEq)]
pub(super) enum Fault {
    /// It refers to a Python object that no weights need.
    Code(String),
    /// It makes no sense as weights.
    Damaged(String),
    /// A tensor that is not read: its name, and why.
    Unsupported(String, String),
}

/// Where checkpoints of training scripts keep the weights, beside optimiser state and the like.
const WRAPPERS: &[&str] = &["state_dict", "model_state_dict", "model", "module"];

/// All named tensors in the pickle.
pub(super) fn described(pickle: &[u8]) -> Result<Vec<(String, Described)>, Fault> {
    let mut stack = Stack::empty();
    let mut reader = pickle;
    stack.read_loop(&mut reader).map_err(|error| Fault::Damaged(first_line(&error.to_string())))?;
    stack.stack().iter().try_for_each(refuse_code)?;
    let top = stack.stack().last().ok_or(Fault::Damaged("its pickle is empty".into()))?;
    let mut tensors = vec![];
    for (name, value) in named(state_dict(top)) {
        if let Some(rebuild) = rebuild_arguments(value) {
            tensors.push((name.to_owned(), tensor(name, rebuild)?));
        }
    }
    Ok(tensors)
}

/// Fails on the first reference to anything that tensors are not made of.
fn refuse_code(object: &Object) -> Result<(), Fault> {
    match object {
        Object::Class { module_name, class_name } => {
            if is_plain(module_name, class_name) {
                return Ok(());
            }
            Err(Fault::Code(format!("{module_name}.{class_name}")))
        }
        Object::Tuple(items) | Object::List(items) => items.iter().try_for_each(refuse_code),
        Object::Dict(pairs) => pairs.iter().try_for_each(|(key, value)| {
            refuse_code(key)?;
            refuse_code(value)
        }),
        Object::Reduce { callable, args } | Object::Build { callable, args } => {
            refuse_code(callable)?;
            refuse_code(args)
        }
        Object::PersistentLoad(id) => refuse_code(id),
        Object::Int(_)
        | Object::Long(_)
        | Object::Float(_)
        | Object::Unicode(_)
        | Object::Bool(_)
        | Object::None
        | Object::Mark => Ok(()),
    }
}

/// What PyTorch itself writes for tensors, parameters and ordered dictionaries.
fn is_plain(module: &str, class: &str) -> bool {
    match module {
        "torch._utils" => matches!(class, "_rebuild_tensor_v2" | "_rebuild_parameter"),
        "torch._tensor" => class == "_rebuild_from_type_v2",
        "torch.nn.parameter" => class == "Parameter",
        "torch" => class.ends_with("Storage") || matches!(class, "Size" | "Tensor"),
        "collections" => matches!(class, "OrderedDict" | "defaultdict"),
        _ => false,
    }
}

/// The dictionary of weights: the top one, or one that it wraps.
fn state_dict(top: &Object) -> &Object {
    let wrapped = named(top).find(|(name, value)| {
        WRAPPERS.contains(name) && named(value).any(|(_, inner)| rebuild_arguments(inner).is_some())
    });
    wrapped.map_or(top, |(_, value)| value)
}

/// The entries of a dictionary that have a name.
fn named(object: &Object) -> impl Iterator<Item = (&str, &Object)> {
    let pairs = match object {
        Object::Dict(pairs) => pairs.as_slice(),
        _ => &[],
    };
    pairs.iter().filter_map(|(key, value)| match key {
        Object::Unicode(name) => Some((name.as_str(), value)),
        _ => None,
    })
}

/// The arguments of `_rebuild_tensor_v2`, through the wrappers of parameters; none if the value is
/// no tensor.
fn rebuild_arguments(value: &Object) -> Option<&[Object]> {
    let Object::Reduce { callable, args } = value else { return None };
    let (Object::Class { class_name, .. }, Object::Tuple(args)) = (&**callable, &**args) else {
        return None;
    };
    match class_name.as_str() {
        "_rebuild_tensor_v2" => Some(args),
        "_rebuild_parameter" => rebuild_arguments(args.first()?), // (tensor, …)
        "_rebuild_from_type_v2" => match args.get(2)? {
            Object::Tuple(inner) => Some(inner), // (function, type, arguments, state)
            _ => None,
        },
        _ => None,
    }
}

/// Arguments: storage, offset, size, stride, … (torch/_utils.py); the storage is a persistent id
/// ("storage", class, key, location, values).
fn tensor(name: &str, arguments: &[Object]) -> Result<Described, Fault> {
    let malformed = || Fault::Damaged(format!("its pickle describes `{name}` in an unknown way"));
    let [Object::PersistentLoad(id), offset, shape, strides, ..] = arguments else {
        return Err(malformed());
    };
    let Object::Tuple(id) = &**id else { return Err(malformed()) };
    let [_, Object::Class { class_name, .. }, Object::Unicode(storage), ..] = id.as_slice() else {
        return Err(malformed());
    };
    let dtype = match class_name.as_str() {
        "FloatStorage" => DType::F32,
        "DoubleStorage" => DType::F64,
        "HalfStorage" => DType::F16,
        "BFloat16Storage" => DType::BF16,
        "ByteStorage" => DType::U8,
        "LongStorage" => DType::I64,
        other => {
            let reason = format!("is kept in a `{other}`; convert the file to safetensors");
            return Err(Fault::Unsupported(name.to_owned(), reason));
        }
    };
    Ok(Described {
        storage: storage.clone(),
        dtype,
        shape: counts(shape).ok_or_else(malformed)?,
        strides: counts(strides).ok_or_else(malformed)?,
        offset: count(offset).ok_or_else(malformed)?,
    })
}

fn counts(object: &Object) -> Option<Vec<usize>> {
    let Object::Tuple(items) = object else { return None };
    items.iter().map(count).collect()
}

fn count(object: &Object) -> Option<usize> {
    match object {
        Object::Int(number) => usize::try_from(*number).ok(),
        Object::Long(number) => usize::try_from(*number).ok(),
        _ => None,
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Fault, described};

    /// `cposix\nsystem\n(X…echo harm tR.`: protocol 2, a call of `posix.system`.
    #[test]
    fn a_call_is_named_and_not_made() {
        let mut pickle = b"\x80\x02}X\x01\x00\x00\x00wcposix\nsystem\nX\x09\x00\x00\x00".to_vec();
        pickle.extend_from_slice(b"echo harm\x85Rs.");
        assert_eq!(described(&pickle), Err(Fault::Code("posix.system".into())));
        // Also when what calls is left below the top of the stack.
        let hidden = b"\x80\x02cos\nsystem\n}.";
        assert_eq!(described(hidden), Err(Fault::Code("os.system".into())));
    }

    #[test]
    fn pickles_cut_anywhere_are_damaged() {
        let pickle = include_bytes!("testdata/plain.pkl");
        assert_eq!(described(pickle).unwrap().len(), 5);
        for length in 0..pickle.len() {
            let fault = described(&pickle[..length]).unwrap_err();
            assert!(matches!(fault, Fault::Damaged(_)), "{length}: {fault:?}");
        }
    }

    #[test]
    fn rebuilds_with_too_few_arguments_are_damaged() {
        let pickle = b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n)Rs.";
        let reason = "its pickle describes `w` in an unknown way".to_owned();
        assert_eq!(described(pickle), Err(Fault::Damaged(reason)));
    }

    #[test]
    fn other_protocols_are_damaged_not_guessed_at() {
        // Protocol 4: FRAME, then STACK_GLOBAL of os.system.
        let pickle = b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x8c\x06system\x93.";
        assert!(matches!(described(pickle), Err(Fault::Damaged(_))));
    }
}
