//! The shape of a person's head: the base mesh under macro and detail morph targets.

use ffrun_models::stream::Stream;

use super::error::HeadsError;
use super::identity::Person;
use super::mesh::{EYES_CENTRE, HeadMesh, Target};
use super::vector::{V3, add, scale, sub};

/// Standard deviation of a detail's weight: 0.45 gives caricatures.
const DETAIL_STD: f32 = 0.28;
const DETAIL_LIMIT: f32 = 0.8;

/// Suffixes of the two ends of a detail.
const ENDS: [(&str, &str); 8] = [
    ("-incr", "-decr"),
    ("-up", "-down"),
    ("-out", "-in"),
    ("-forward", "-backward"),
    ("-convex", "-concave"),
    ("-uncompress", "-compress"),
    ("-trans-out", "-trans-in"),
    ("-rot-forward", "-rot-backward"),
];

/// Positions of the base mesh's vertices for this person, expressionless, eyes at
/// [`EYES_CENTRE`].
pub(crate) fn shape(mesh: &HeadMesh, world: u64, person: &Person) -> Result<Vec<V3>, HeadsError> {
    let mut positions = mesh.base.clone();
    for (name, weight) in macros(person) {
        if weight > 1e-4 && mesh.numbers.contains_key(&name) {
            apply(&mut positions, mesh.target(&name)?, weight);
        }
    }
    for (number, weight) in details(mesh, world, person.number) {
        apply(&mut positions, &mesh.targets[number], weight);
    }
    centre(mesh, &mut positions);
    Ok(positions)
}

/// positions += weight · target.
pub(crate) fn apply(positions: &mut [V3], target: &Target, weight: f32) {
    for (&vertex, &delta) in target.vertices.iter().zip(&target.deltas) {
        let place = &mut positions[vertex as usize];
        *place = add(*place, scale(delta, weight));
    }
}

/// `macro/universal-male-young` is the zero target and so has no entry.
fn macros(person: &Person) -> Vec<(String, f32)> {
    let genders = [("male", 1.0 - person.female), ("female", person.female)];
    let ages = [("young", 1.0 - person.age), ("old", person.age)];
    let races = ["african", "asian", "caucasian"].into_iter().zip(person.ancestry);
    let mut all = Vec::new();
    for (race, r) in races {
        for (gender, g) in genders {
            for (age, a) in ages {
                all.push((format!("macro/{race}-{gender}-{age}"), r * g * a));
            }
        }
    }
    all
}

/// One weight per detail; the left and the right eye, ear and cheek share theirs.
fn details(mesh: &HeadMesh, world: u64, number: u64) -> Vec<(usize, f32)> {
    let stream = &mut Stream::new(world, "heads/shape", number);
    let mut weights = Vec::new();
    for (name, &target) in &mesh.numbers {
        if !opens(name) {
            continue;
        }
        let opposite = opposite(mesh, name);
        let weight = (DETAIL_STD * stream.normal()).clamp(-DETAIL_LIMIT, DETAIL_LIMIT);
        let chosen = if weight > 0.0 { Some(target) } else { opposite };
        for side in chosen.into_iter().chain(chosen.and_then(|one| other_side(mesh, one))) {
            weights.push((side, weight.abs()));
        }
    }
    weights
}

/// Whether a target is the first end of a detail that is drawn.
fn opens(name: &str) -> bool {
    let left_out = ["detail/neck", "jaw-drop", "head-age", "ear-trans", "head-trans", "head-angle"];
    let detail = name.starts_with("detail/") && !name.contains("/r-");
    detail
        && !left_out.iter().any(|part| name.contains(part))
        && !ENDS.iter().any(|(_, second)| name.ends_with(second))
}

/// The other end of a detail, if it has one.
fn opposite(mesh: &HeadMesh, name: &str) -> Option<usize> {
    ENDS.iter().find_map(|(first, second)| {
        mesh.numbers.get(&format!("{}{second}", name.strip_suffix(first)?)).copied()
    })
}

fn other_side(mesh: &HeadMesh, target: usize) -> Option<usize> {
    let (name, _) = mesh.numbers.iter().find(|&(_, &number)| number == target)?;
    name.contains("/l-").then(|| mesh.numbers.get(&name.replace("/l-", "/r-")).copied())?
}

/// Macro targets move the whole body (statures differ): bring the eyes back to their place.
fn centre(mesh: &HeadMesh, positions: &mut [V3]) {
    let eyes = eye_vertices(mesh);
    let sum = eyes.iter().fold([0.0; 3], |sum, &v| add(sum, positions[v as usize]));
    let shift = sub(EYES_CENTRE, scale(sum, 1.0 / eyes.len() as f32));
    for place in positions {
        *place = add(*place, shift);
    }
}

fn eye_vertices(mesh: &HeadMesh) -> Vec<u32> {
    let mut vertices: Vec<u32> = mesh
        .triangles
        .iter()
        .filter(|(_, part)| *part == super::mesh::Part::Eye)
        .flat_map(|(corners, _)| *corners)
        .collect();
    vertices.sort_unstable();
    vertices.dedup();
    vertices
}

#[cfg(test)]
mod tests {
    use super::{EYES_CENTRE, Person, details, eye_vertices, shape};
    use crate::data::heads::mesh::HeadMesh;

    #[test]
    fn eyes_are_centred_and_heads_differ() {
        let mesh = HeadMesh::shared().expect("mesh");
        let heads: Vec<_> =
            (0..3).map(|n| shape(mesh, 1, &Person::draw(1, n)).expect("a shape")).collect();
        let eyes = eye_vertices(mesh);
        for head in &heads {
            for axis in 0..3 {
                let mean = eyes.iter().map(|&v| head[v as usize][axis]).sum::<f32>() / 144.0;
                assert!((mean - EYES_CENTRE[axis]).abs() < 1e-3);
            }
        }
        assert!((heads[0][297][2] - heads[1][297][2]).abs() > 1e-3, "noses differ");
    }

    #[test]
    fn both_sides_share_a_weight() {
        let mesh = HeadMesh::shared().expect("mesh");
        let weights = details(mesh, 1, 0);
        let of = |name: &str| {
            let number = mesh.numbers[name];
            weights.iter().find(|(target, _)| *target == number).map(|(_, weight)| *weight)
        };
        let eyes = ["incr", "decr"].map(|end| {
            (
                of(&format!("detail/eyes/l-eye-scale-{end}")),
                of(&format!("detail/eyes/r-eye-scale-{end}")),
            )
        });
        assert!(eyes.iter().all(|(left, right)| left == right), "{eyes:?}");
        assert!(eyes.iter().any(|(left, _)| left.is_some()));
    }
}
