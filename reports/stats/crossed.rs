//! The mean of a seeds × identities table, and how sure one can be of it.
//!
//! Every seed is tested on the same people, so seeds and identities are crossed: a value is
//! mean + effect of the seed + effect of the person + rest. Both effects are resampled. Plain
//! resampling is too narrow when a factor has few levels (3 seeds give two thirds of the variance)
//! and counts the rest twice; both are corrected by the analysis of variance of the same table,
//! and the width is that of Student's t on its effective degrees of freedom (Satterthwaite 1946).

use super::draws::Draws;
use super::permutation::sign_flip;
use super::student;

/// Resamples per interval: the ends then move by about 2 % of the width between two streams.
const RESAMPLES: usize = 2000;
/// Coverage is 95 %.
const UPPER: f64 = 0.975;
/// The same quantile of the normal distribution, which resampling reaches with many levels.
const NORMAL: f64 = 1.959_963_984_540_054;

/// A complete table of numbers, seeds by identities.
#[derive(Clone, Debug)]
pub(crate) struct Crossed {
    /// Grand mean.
    pub(crate) mean: f64,
    /// Mean of a seed minus the grand mean.
    seed_effects: Vec<f64>,
    /// Mean of an identity minus the grand mean.
    identity_effects: Vec<f64>,
    /// Mean square of what neither effect explains; 0 when one factor has a single level.
    rest: f64,
}

/// Standard error of a mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    /// Standard error, in the unit of the metric.
    pub(crate) error: f64,
    /// Effective degrees of freedom.
    pub(crate) freedom: f64,
}

impl Crossed {
    /// Reads a table row by row, one row per seed; `None` when it is empty.
    pub(crate) fn new(rows: &[Vec<f64>]) -> Option<Self> {
        let (seeds, identities) = (rows.len(), rows.first()?.len());
        if identities == 0 {
            return None;
        }
        let mean = rows.iter().flatten().sum::<f64>() / (seeds * identities) as f64;
        let seed_effects: Vec<f64> =
            rows.iter().map(|row| row.iter().sum::<f64>() / identities as f64 - mean).collect();
        let identity_effects: Vec<f64> = (0..identities)
            .map(|i| rows.iter().map(|row| row[i]).sum::<f64>() / seeds as f64 - mean)
            .collect();
        let mut squares = 0.0;
        for (row, seed) in rows.iter().zip(&seed_effects) {
            for (value, identity) in row.iter().zip(&identity_effects) {
                squares += (value - mean - seed - identity).powi(2);
            }
        }
        let freedom = (seeds - 1) * (identities - 1);
        let rest = if freedom == 0 { 0.0 } else { squares / freedom as f64 };
        Some(Self { mean, seed_effects, identity_effects, rest })
    }

    pub(crate) fn seeds(&self) -> usize {
        self.seed_effects.len()
    }

    pub(crate) fn identities(&self) -> usize {
        self.identity_effects.len()
    }

    /// Standard error of the mean for new seeds and new people; `None` for a single number.
    pub(crate) fn spread(&self) -> Option<Spread> {
        let cells = (self.seeds() * self.identities()) as f64;
        let parts = [
            (mean_square(&self.seed_effects, self.identities()), self.seeds() - 1),
            (mean_square(&self.identity_effects, self.seeds()), self.identities() - 1),
        ];
        let smallest = parts.iter().map(|part| part.1).filter(|&freedom| freedom > 0).min()?;
        let [(by_seed, seed_freedom), (by_identity, identity_freedom)] = parts;
        // E[MS_seed] + E[MS_identity] − E[MS_rest] = cells × variance of the mean. The floor keeps
        // a lucky draw of the difference from claiming more than the larger factor alone allows.
        let total = (by_seed + by_identity - self.rest).max(by_seed).max(by_identity);
        let term = |square: f64, freedom: usize| {
            if freedom == 0 { 0.0 } else { square * square / freedom as f64 }
        };
        let weight = term(by_seed, seed_freedom)
            + term(by_identity, identity_freedom)
            + term(self.rest, seed_freedom * identity_freedom);
        let freedom = if weight > 0.0 { total * total / weight } else { smallest as f64 };
        Some(Spread { error: (total / cells).sqrt(), freedom: freedom.max(smallest as f64) })
    }

    /// 95 % interval of the mean for new seeds and new people, `NaN` for a single number.
    /// `name` fixes the random stream; tables of the same name and size resample the same people.
    pub(crate) fn interval(&self, name: &str) -> (f64, f64) {
        let Some(spread) = self.spread() else { return (f64::NAN, f64::NAN) };
        let student = student::quantile(UPPER, spread.freedom);
        let raw = self.resampled_variance().sqrt();
        if self.identities() == 1 || raw == 0.0 {
            // A handful of seeds has no shape to resample.
            return (self.mean - student * spread.error, self.mean + student * spread.error);
        }
        let mut shifts = self.resample(name);
        shifts.sort_unstable_by(f64::total_cmp);
        let widen = spread.error / raw * student / NORMAL;
        let end = |probability| self.mean + widen * quantile(&shifts, probability);
        (end(1.0 - UPPER), end(UPPER))
    }

    /// Two-sided p-value of "the mean is 0 for new people and new seeds", `NaN` without a test.
    ///
    /// People are tested by exchanging signs. With several seeds the difference must also stand
    /// out from what training alone moves, so the larger of this p and that of the crossed t test
    /// counts: each is valid by itself, and so is their maximum.
    pub(crate) fn p(&self, name: &str) -> f64 {
        let Some(spread) = self.spread() else { return f64::NAN };
        let crossed = if self.mean == 0.0 {
            1.0
        } else if spread.error <= 1e-12 * self.mean.abs() {
            // Equal numbers only (a metric at its ceiling) hold no measure of chance.
            f64::NAN
        } else {
            student::two_sided(self.mean / spread.error, spread.freedom)
        };
        if self.identities() == 1 {
            return crossed;
        }
        let people: Vec<f64> =
            self.identity_effects.iter().map(|effect| self.mean + effect).collect();
        let exchanged = sign_flip(&people, name);
        if self.seeds() == 1 { exchanged } else { exchanged.max(crossed) }
    }

    /// Means of resampled effects, each factor inflated to its unbiased variance.
    fn resample(&self, name: &str) -> Vec<f64> {
        let mut shifts = vec![0.0; RESAMPLES];
        for (effects, factor) in
            [(&self.seed_effects, "seeds"), (&self.identity_effects, "identities")]
        {
            let count = effects.len();
            if count < 2 {
                continue;
            }
            let scale = (count as f64 / (count - 1) as f64).sqrt() / count as f64;
            let mut draws = Draws::named(&format!("{name}/{factor}/{count}"));
            for shift in &mut shifts {
                *shift += scale * (0..count).map(|_| effects[draws.index(count)]).sum::<f64>();
            }
        }
        shifts
    }

    /// Variance of what `resample` draws.
    fn resampled_variance(&self) -> f64 {
        let by_seed = mean_square(&self.seed_effects, self.identities());
        let by_identity = mean_square(&self.identity_effects, self.seeds());
        (by_seed + by_identity) / (self.seeds() * self.identities()) as f64
    }
}

/// Mean square of a factor whose effects each average `repeats` numbers.
fn mean_square(effects: &[f64], repeats: usize) -> f64 {
    if effects.len() < 2 {
        return 0.0;
    }
    let squares: f64 = effects.iter().map(|effect| effect * effect).sum();
    squares * repeats as f64 / (effects.len() - 1) as f64
}

/// Quantile of sorted numbers, linear between neighbours (R's type 7).
fn quantile(sorted: &[f64], probability: f64) -> f64 {
    let place = probability * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Simulated designs: standard deviations of seed, identity and rest.
    struct World {
        seeds: usize,
        identities: usize,
        by_seed: f64,
        by_identity: f64,
        rest: f64,
    }

    impl World {
        fn draw(&self, draws: &mut Draws) -> Vec<Vec<f64>> {
            let people: Vec<f64> =
                (0..self.identities).map(|_| self.by_identity * normal(draws)).collect();
            (0..self.seeds)
                .map(|_| {
                    let seed = self.by_seed * normal(draws);
                    people.iter().map(|person| seed + person + self.rest * normal(draws)).collect()
                })
                .collect()
        }
    }

    /// Sum of twelve uniforms, less six: variance 1, tails light beyond 3σ, enough here.
    fn normal(draws: &mut Draws) -> f64 {
        (0..12).map(|_| draws.bits() as f64 / u64::MAX as f64).sum::<f64>() - 6.0
    }

    fn share(world: &World, rounds: usize, event: impl Fn(&Crossed) -> bool) -> f64 {
        let mut draws = Draws::named("simulation");
        let hits = (0..rounds)
            .filter(|_| Crossed::new(&world.draw(&mut draws)).is_some_and(|table| event(&table)))
            .count();
        hits as f64 / rounds as f64
    }

    fn covers_zero(table: &Crossed) -> bool {
        let (low, high) = table.interval("coverage");
        low <= 0.0 && 0.0 <= high
    }

    #[test]
    fn intervals_cover_what_they_promise() {
        let designs = [
            (1, 64, 0.0, 1.0, 0.0),
            (1, 10, 0.0, 1.0, 0.0),
            (3, 64, 0.0, 1.0, 0.5),
            (3, 64, 0.1, 1.0, 0.5),
            (3, 64, 1.0, 1.0, 0.5),
            (3, 64, 0.0, 0.0, 1.0),
            (5, 20, 0.3, 0.5, 1.0),
            (3, 1, 1.0, 0.0, 0.0),
        ];
        for (seeds, identities, by_seed, by_identity, rest) in designs {
            let world = World { seeds, identities, by_seed, by_identity, rest };
            let coverage = share(&world, 600, covers_zero);
            println!("{seeds} x {identities} ({by_seed}, {by_identity}, {rest}): {coverage}");
            assert!((0.925..=0.998).contains(&coverage), "{seeds} x {identities}: {coverage}");
        }
    }

    #[test]
    fn the_unit_is_the_person() {
        // What three seeds measure on one person correlates; a t test that takes the 90 numbers
        // as independent is fooled.
        let world = World { seeds: 3, identities: 30, by_seed: 0.0, by_identity: 1.0, rest: 0.7 };
        let clustered = share(&world, 1000, |table| table.p("null") < 0.05);
        let mut draws = Draws::named("simulation");
        let naive = (0..1000)
            .filter(|_| {
                let numbers = world.draw(&mut draws).concat();
                let mean = numbers.iter().sum::<f64>() / 90.0;
                let squares: f64 = numbers.iter().map(|x| (x - mean).powi(2)).sum();
                student::two_sided(mean / (squares / (89.0 * 90.0)).sqrt(), 89.0) < 0.05
            })
            .count();
        println!("false positives: clustered {clustered}, naive {naive} of 1000");
        assert!((0.02..0.07).contains(&clustered), "{clustered}");
        assert!(naive > 150, "{naive}");
    }

    #[test]
    fn seeds_are_a_level_of_their_own() {
        // Training noise moves all people at once. A test that takes people × seeds as independent
        // numbers, or people alone, calls that an effect; the crossed test does not.
        let world = World { seeds: 3, identities: 30, by_seed: 0.5, by_identity: 0.5, rest: 0.5 };
        let crossed = share(&world, 600, |table| table.p("null") < 0.05);
        let people = share(&world, 600, |table| {
            let means: Vec<f64> = table.identity_effects.iter().map(|e| e + table.mean).collect();
            sign_flip(&means, "null") < 0.05
        });
        println!("false positives: crossed {crossed}, people only {people}");
        assert!(crossed < 0.07, "{crossed}");
        assert!(people > 0.3, "{people}");
    }

    #[test]
    fn p_values_are_uniform_under_the_null() {
        let world = World { seeds: 1, identities: 30, by_seed: 0.0, by_identity: 1.0, rest: 0.0 };
        for level in [0.05, 0.2, 0.5, 0.8] {
            let rate = share(&world, 1000, |table| table.p("null") <= level);
            println!("p <= {level}: {rate}");
            // Three standard errors of a share of 1000 draws.
            let slack = 3.0 * (level * (1.0 - level) / 1000.0_f64).sqrt();
            assert!((rate - level).abs() < slack, "p <= {level}: {rate}");
        }
    }

    #[test]
    fn a_real_difference_is_found() {
        let world = World { seeds: 3, identities: 64, by_seed: 0.0, by_identity: 0.03, rest: 0.01 };
        let mut draws = Draws::named("power");
        let found = (0..200)
            .filter(|_| {
                let mut rows = world.draw(&mut draws);
                rows.iter_mut().flatten().for_each(|value| *value += 0.016);
                Crossed::new(&rows).is_some_and(|table| table.p("power") < 0.05)
            })
            .count();
        assert!(found > 180, "{found} of 200");
    }

    #[test]
    fn the_spread_of_a_small_table_is_exact() {
        // By hand: seed means 2 and 6, identity means 3, 4.5 and 4.5, so the mean squares are
        // 24 (1 degree of freedom), 1.5 (2) and 0.5 (2).
        let table = Crossed::new(&[vec![1.0, 2.0, 3.0], vec![5.0, 7.0, 6.0]]).unwrap();
        assert!((table.mean - 4.0).abs() < 1e-12);
        assert!((table.rest - 0.5).abs() < 1e-12, "{}", table.rest);
        let spread = table.spread().unwrap();
        // (24 + 1.5 − 0.5) / 6 and 25² / (24²/1 + 1.5²/2 + 0.5²/2)
        assert!((spread.error - (25.0_f64 / 6.0).sqrt()).abs() < 1e-12, "{spread:?}");
        assert!((spread.freedom - 625.0 / 577.25).abs() < 1e-12, "{spread:?}");
    }

    #[test]
    fn a_single_number_has_no_interval() {
        let flat = Crossed::new(&[vec![8.0], vec![8.0]]).unwrap();
        assert!(flat.p("x").is_nan());
        let table = Crossed::new(&[vec![0.3]]).unwrap();
        assert!(
            table.spread().is_none() && table.interval("x").0.is_nan() && table.p("x").is_nan()
        );
    }
}
