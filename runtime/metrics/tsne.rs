//! t-SNE: points of many dimensions laid out in a plane so that neighbours stay neighbours.
//!
//! The exact form, for the few hundred points of a figure. The crates that offer it bring an FFT for
//! millions of points, or start from a random state that is nobody's to set.

use ffrun_models::stream::Stream;

/// How points are laid out. The rest is as in the authors' code and in scikit-learn: early
/// exaggeration 12 and momentum 0.5 for 250 steps, then 1 and 0.8; gains; learning rate 50.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layout {
    /// Effective number of neighbours; lowered to a third of the points where there are few.
    pub perplexity: f64,
    /// Steps of gradient descent.
    pub steps: usize,
    /// Seed of the start.
    pub seed: u64,
}

/// Standard deviation of the start.
const START: f64 = 1e-4;
/// Steps with exaggerated attraction.
const EARLY: usize = 250;
/// Factor on attraction in them.
const EXAGGERATION: f64 = 12.0;
/// scikit-learn's least learning rate, which up to 2400 points get.
const RATE: f64 = 50.0;
/// Halvings in the search of a bandwidth.
const HALVINGS: usize = 100;

type Place = [f64; 2];

/// Places of the points in the plane (van der Maaten, Hinton 2008). The same bytes for the same
/// points and seed. Fewer than four points stay where they start.
pub fn tsne(points: &[&[f32]], layout: Layout) -> Vec<Place> {
    let mut stream = Stream::new(layout.seed, "metrics/tsne", 0);
    let mut draw = || START * f64::from(stream.normal());
    let mut places: Vec<Place> = points.iter().map(|_| [draw(), draw()]).collect();
    let perplexity = layout.perplexity.min((points.len().saturating_sub(1) / 3) as f64);
    if perplexity < 1.0 {
        return places;
    }
    let wanted = affinities(points, perplexity);
    let mut speed = vec![[0.0; 2]; points.len()];
    let mut gains = vec![[1.0; 2]; points.len()];
    for step in 0..layout.steps {
        let (factor, momentum) = if step < EARLY { (EXAGGERATION, 0.5) } else { (1.0, 0.8) };
        let slope = gradient(&wanted, &places, factor);
        for (i, axis) in (0..points.len()).flat_map(|i| [(i, 0), (i, 1)]) {
            let along = (slope[i][axis] > 0.0) == (speed[i][axis] > 0.0);
            let gain: f64 = if along { gains[i][axis] * 0.8 } else { gains[i][axis] + 0.2 };
            gains[i][axis] = gain.max(0.01);
            speed[i][axis] = momentum * speed[i][axis] - RATE * gains[i][axis] * slope[i][axis];
            places[i][axis] += speed[i][axis];
        }
        for axis in 0..2 {
            let mean = places.iter().map(|place| place[axis]).sum::<f64>() / points.len() as f64;
            for place in &mut places {
                place[axis] -= mean;
            }
        }
    }
    places
}

/// Mean silhouette of each point's group in the plane, by Euclidean distance; `None` where a group
/// has one point or there is one group (Rousseeuw 1987).
pub fn plane_silhouette(places: &[Place], group: &[usize]) -> Vec<Option<f64>> {
    let groups = group.iter().max().map_or(0, |last| last + 1);
    let of = |i: usize| {
        let mut sums = vec![(0.0, 0u32); groups];
        for j in (0..places.len()).filter(|&j| j != i) {
            let [dx, dy] = [places[i][0] - places[j][0], places[i][1] - places[j][1]];
            let sum = &mut sums[group[j]];
            *sum = (sum.0 + dx.hypot(dy), sum.1 + 1);
        }
        let mean = |(sum, count): (f64, u32)| (count > 0).then(|| sum / f64::from(count));
        let own = mean(sums[group[i]])?;
        let others = sums.iter().enumerate().filter(|(other, _)| *other != group[i]);
        let other = others.filter_map(|(_, &sum)| mean(sum)).min_by(f64::total_cmp)?;
        let scale = own.max(other);
        Some(if scale > 0.0 { (other - own) / scale } else { 0.0 })
    };
    (0..places.len()).map(of).collect()
}

/// p_ij, row by row: symmetric, 0 on the diagonal, 1 in all.
fn affinities(points: &[&[f32]], perplexity: f64) -> Vec<Vec<f64>> {
    let square = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
    let distance = |a: &[f32], b: &[f32]| a.iter().zip(b).map(square).sum::<f64>();
    let n = points.len();
    let rows: Vec<Vec<f64>> = (0..n)
        .map(|i| {
            let squares: Vec<f64> = points.iter().map(|other| distance(points[i], other)).collect();
            conditional(&squares, i, perplexity)
        })
        .collect();
    let joint = |i: usize, j: usize| (rows[i][j] + rows[j][i]) / (2.0 * n as f64);
    (0..n).map(|i| (0..n).map(|j| joint(i, j)).collect()).collect()
}

/// p_j|i of a point from its squared distances: a Gaussian whose entropy is ln(perplexity).
fn conditional(squares: &[f64], own: usize, perplexity: f64) -> Vec<f64> {
    let others = || squares.iter().enumerate().filter(move |(j, _)| *j != own);
    let nearest = others().map(|(_, square)| *square).fold(f64::INFINITY, f64::min);
    let (mut low, mut high, mut precision) = (0.0, f64::INFINITY, 1.0);
    let mut row = vec![0.0; squares.len()];
    for _ in 0..HALVINGS {
        for (j, square) in others() {
            row[j] = (-precision * (square - nearest)).exp();
        }
        let sum: f64 = row.iter().sum();
        for share in &mut row {
            *share /= sum;
        }
        let nats: f64 = row.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
        if nats > perplexity.ln() {
            low = precision;
            precision = if high.is_finite() { f64::midpoint(low, high) } else { 2.0 * precision };
        } else {
            high = precision;
            precision = f64::midpoint(low, high);
        }
    }
    row
}

/// ∂KL/∂y_i = 4 Σ_j (p_ij − q_ij)(y_i − y_j)/(1 + |y_i − y_j|²), Eq. 5 of the paper on t-SNE, with
/// p times a factor.
fn gradient(wanted: &[Vec<f64>], places: &[Place], factor: f64) -> Vec<Place> {
    let kernel = |a: Place, b: Place| 1.0 / (1.0 + (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2));
    let n = places.len();
    let near: Vec<Vec<f64>> =
        places.iter().map(|a| places.iter().map(|b| kernel(*a, *b)).collect()).collect();
    // Every point is at distance 0 from itself.
    let sum = near.iter().flatten().sum::<f64>() - n as f64;
    let of = |i: usize| {
        let mut slope = [0.0; 2];
        for j in 0..n {
            let pull = 4.0 * (factor * wanted[i][j] - near[i][j] / sum) * near[i][j];
            for axis in 0..2 {
                slope[axis] += pull * (places[i][axis] - places[j][axis]);
            }
        }
        slope
    };
    (0..n).map(of).collect()
}

#[cfg(test)]
mod tests {
    use ffrun_models::stream::Stream;

    use super::{Layout, Place, affinities, conditional, gradient, plane_silhouette, tsne};

    /// Points around the corners of a simplex.
    fn clusters(groups: usize, each: usize) -> (Vec<Vec<f32>>, Vec<usize>) {
        let mut stream = Stream::new(3, "test/tsne", 0);
        let group: Vec<usize> = (0..groups * each).map(|i| i / each).collect();
        let mut point = |&group: &usize| {
            let corner = |axis: usize| f32::from(u8::from(axis == group));
            (0..12).map(|axis| corner(axis) + 0.05 * stream.normal()).collect()
        };
        (group.iter().map(&mut point).collect(), group)
    }

    fn slices(points: &[Vec<f32>]) -> Vec<&[f32]> {
        points.iter().map(Vec::as_slice).collect()
    }

    #[test]
    fn far_clusters_stay_apart_and_the_seed_decides_every_byte() {
        let (points, group) = clusters(7, 8);
        let layout = Layout { perplexity: 7.0, steps: 600, seed: 1 };
        let places = tsne(&slices(&points), layout);
        let mean = plane_silhouette(&places, &group).into_iter().flatten().sum::<f64>() / 56.0;
        assert!(mean > 0.8, "silhouette {mean}");
        assert_eq!(tsne(&slices(&points), layout), places);
        assert_ne!(tsne(&slices(&points), Layout { seed: 2, ..layout }), places);
    }

    #[test]
    fn the_slope_is_that_of_the_divergence() {
        let (points, _) = clusters(2, 5);
        let wanted = affinities(&slices(&points), 3.0);
        let mut stream = Stream::new(4, "test/tsne", 0);
        let mut at = || f64::from(stream.normal());
        let places: Vec<Place> = (0..10).map(|_| [at(), at()]).collect();
        let divergence = |places: &[Place]| {
            let near = |i: usize, j: usize| {
                let square = |axis: usize| (places[i][axis] - places[j][axis]).powi(2);
                if i == j { 0.0 } else { 1.0 / (1.0 + square(0) + square(1)) }
            };
            let pairs = || (0..10).flat_map(|i| (0..10).map(move |j| (i, j)));
            let sum: f64 = pairs().map(|(i, j)| near(i, j)).sum();
            let term =
                |(i, j): (usize, usize)| wanted[i][j] * (wanted[i][j] * sum / near(i, j)).ln();
            pairs().filter(|(i, j)| i != j).map(term).sum::<f64>()
        };
        let slope = gradient(&wanted, &places, 1.0);
        for (i, axis) in [(0, 0), (3, 1), (9, 0)] {
            let mut moved = [places.clone(), places.clone()];
            moved[0][i][axis] += 1e-5;
            moved[1][i][axis] -= 1e-5;
            let expected = (divergence(&moved[0]) - divergence(&moved[1])) / 2e-5;
            let found = slope[i][axis];
            assert!((found - expected).abs() < 1e-7, "{found} {expected}");
        }
    }

    #[test]
    fn neighbours_are_as_many_as_the_perplexity_says() {
        let squares = [0.0, 0.3, 0.5, 1.0, 2.0, 4.0, 8.0, 9.0];
        let row = conditional(&squares, 0, 3.0);
        let nats: f64 = row.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
        assert!((nats.exp() - 3.0).abs() < 1e-9, "{row:?}");
        assert_eq!(row[0], 0.0);
        // Many copies of one point: nothing to search for, and no failure.
        assert!(conditional(&[0.0; 8], 0, 3.0).iter().all(|p| p.is_finite()));
    }

    #[test]
    fn few_points_are_no_failure() {
        let (points, _) = clusters(1, 3);
        let layout = Layout { perplexity: 10.0, steps: 50, seed: 1 };
        assert_eq!(tsne(&slices(&points), layout).len(), 3);
        assert!(tsne(&[], layout).is_empty());
    }

    #[test]
    fn the_silhouette_of_a_plane_is_as_defined() {
        // Own distance 1; the other group is 4 and 5 away: (4.5 − 1)/4.5.
        let places = [[0.0, 0.0], [1.0, 0.0], [0.0, 4.0], [0.0, 5.0]];
        let found = plane_silhouette(&places, &[0, 0, 1, 1]);
        assert!((found[0].unwrap() - 3.5 / 4.5).abs() < 1e-12, "{found:?}");
        assert_eq!(plane_silhouette(&places[..2], &[0, 0]), [None, None]);
    }
}
