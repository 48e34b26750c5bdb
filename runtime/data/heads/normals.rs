//! Smooth normals of a triangle mesh.

use super::vector::{V3, add, cross, sub, unit};

/// Unit normals at the vertices: the mean of the triangles around each, weighted by area.
pub(crate) fn normals(positions: &[V3], triangles: &[[u32; 3]]) -> Vec<V3> {
    let mut sums = vec![[0.0; 3]; positions.len()];
    for corners in triangles {
        let [a, b, c] = corners.map(|v| positions[v as usize]);
        let area = cross(sub(b, a), sub(c, a));
        for &vertex in corners {
            let sum = &mut sums[vertex as usize];
            *sum = add(*sum, area);
        }
    }
    sums.into_iter().map(unit).collect()
}

#[cfg(test)]
mod tests {
    use super::normals;

    #[test]
    fn a_flat_square_points_up() {
        let positions = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]];
        let all = normals(&positions, &[[0, 1, 2], [0, 2, 3]]);
        assert!(all.iter().all(|&n| n == [0.0, 0.0, 1.0]), "{all:?}");
    }
}
