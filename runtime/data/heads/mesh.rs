//! The embedded head: MakeHuman's base mesh with its morph targets (CC0), decoded once.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use safetensors::SafeTensors;

use super::error::HeadsError;
use super::vector::V3;

const BYTES: &[u8] = include_bytes!("mh_head.safetensors");

/// What a vertex or triangle belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Skin, with the neck, the shoulders and the inside of the mouth.
    Body,
    /// The eyeballs.
    Eye,
    /// The lashes.
    Lash,
}

/// One morph target: which vertices move, and how far at weight 1.
pub(crate) struct Target {
    /// Vertex numbers.
    pub(crate) vertices: Vec<u32>,
    /// Movement of each in decimetres.
    pub(crate) deltas: Vec<V3>,
}

/// The base mesh. Decimetres; x to the subject's left, y up, z forward.
pub(crate) struct HeadMesh {
    /// Positions of the rest shape.
    pub(crate) base: Vec<V3>,
    /// Triangles of body, eyes and lashes, anticlockwise seen from outside.
    pub(crate) triangles: Vec<([u32; 3], Part)>,
    /// 1 on the lips, 0 elsewhere.
    pub(crate) lips: Vec<f32>,
    /// 1 on the face from forehead to chin.
    pub(crate) face: Vec<f32>,
    /// 1 on the ears.
    pub(crate) ears: Vec<f32>,
    /// Morph targets by number.
    pub(crate) targets: Vec<Target>,
    /// Name of a morph target → its number.
    pub(crate) numbers: BTreeMap<String, usize>,
}

/// Middle of the two eyeballs in the rest shape: where every identity's eyes are put.
pub(crate) const EYES_CENTRE: V3 = [0.0, 7.284, 1.245];

impl HeadMesh {
    /// The one decoded mesh.
    pub(crate) fn shared() -> Result<&'static Self, HeadsError> {
        static MESH: OnceLock<Result<HeadMesh, String>> = OnceLock::new();
        let decoded = MESH.get_or_init(|| decode(BYTES));
        decoded.as_ref().map_err(|reason| HeadsError::Mesh { reason: reason.clone() })
    }

    /// The target of this name, e.g. `expr/mouth-open`.
    pub(crate) fn target(&self, name: &str) -> Result<&Target, HeadsError> {
        let missing = || HeadsError::Mesh { reason: format!("no morph target `{name}`") };
        self.numbers.get(name).map(|&number| &self.targets[number]).ok_or_else(missing)
    }
}

fn decode(bytes: &[u8]) -> Result<HeadMesh, String> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let floats = |name| numbers(&tensors, name, f32::from_le_bytes);
    let integers = |name| numbers(&tensors, name, u32::from_le_bytes);
    let groups = numbers(&tensors, "tri_group", |[byte]: [u8; 1]| byte)?;
    let corners = integers("tri")?;
    let base = triples(&floats("base_v")?);
    if corners.iter().any(|&corner| corner as usize >= base.len()) {
        return Err("a triangle names a vertex that is not there".into());
    }
    let triangles = corners
        .chunks_exact(3)
        .zip(groups)
        .filter_map(|(t, group)| Some(([t[0], t[1], t[2]], part(group)?)))
        .collect();
    Ok(HeadMesh {
        triangles,
        lips: floats("mask_lips")?,
        face: floats("mask_face")?,
        ears: floats("mask_ears")?,
        targets: targets(&integers("tgt_off")?, &integers("tgt_idx")?, &floats("tgt_d")?)?,
        numbers: names(bytes)?,
        base,
    })
}

/// Group 2, the hair helper, is left out: hair is grown on the head itself.
fn part(group: u8) -> Option<Part> {
    match group {
        0 => Some(Part::Body),
        1 => Some(Part::Eye),
        3 => Some(Part::Lash),
        _ => None,
    }
}

fn numbers<const N: usize, T>(
    tensors: &SafeTensors<'_>,
    name: &str,
    read: impl Fn([u8; N]) -> T,
) -> Result<Vec<T>, String> {
    let view = tensors.tensor(name).map_err(|error| format!("tensor `{name}`: {error}"))?;
    let chunks = view.data().chunks_exact(N);
    Ok(chunks.map(|chunk| read(std::array::from_fn(|i| chunk[i]))).collect())
}

fn triples(flat: &[f32]) -> Vec<V3> {
    flat.chunks_exact(3).map(|v| [v[0], v[1], v[2]]).collect()
}

fn targets(offsets: &[u32], vertices: &[u32], deltas: &[f32]) -> Result<Vec<Target>, String> {
    let deltas = triples(deltas);
    let cut = |window: &[u32]| {
        let range = window[0] as usize..window[1] as usize;
        Some(Target {
            vertices: vertices.get(range.clone())?.to_vec(),
            deltas: deltas.get(range)?.to_vec(),
        })
    };
    let all: Option<Vec<Target>> = offsets.windows(2).map(cut).collect();
    all.ok_or_else(|| "a morph target reaches past its table".into())
}

fn names(bytes: &[u8]) -> Result<BTreeMap<String, usize>, String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let list = header.metadata().as_ref().and_then(|map| map.get("tgt_names"));
    let list = list.ok_or("the metadata `tgt_names` is missing")?;
    let names: Vec<String> = serde_json::from_str(list).map_err(|error| error.to_string())?;
    Ok(names.into_iter().enumerate().map(|(number, name)| (name, number)).collect())
}

#[cfg(test)]
mod tests {
    use super::{BYTES, HeadMesh, decode};

    #[test]
    fn the_mesh_is_whole() {
        let mesh = HeadMesh::shared().expect("the embedded mesh decodes");
        assert_eq!((mesh.base.len(), mesh.targets.len()), (5309, 346));
        assert_eq!(mesh.triangles.len(), 10_052 - 302);
        assert!(mesh.target("expr/mouth-open").is_ok());
        let unknown = mesh.target("expr/wink").err().map(|error| error.to_string());
        let expected = "the embedded head mesh is damaged: no morph target `expr/wink`; rebuild \
                        ffrun from a clean checkout";
        assert_eq!(unknown.as_deref(), Some(expected));
    }

    #[test]
    fn a_cut_file_is_refused() {
        assert!(decode(&BYTES[..BYTES.len() / 2]).is_err());
    }
}
