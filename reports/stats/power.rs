//! What a design can see at all: the smallest difference found in four of five repetitions.

use super::student;

/// Power that the design is judged at.
const POWER: f64 = 0.8;

/// Smallest true difference that a two-sided test at 5 % finds with 80 % power, for a standard
/// error of the difference and its degrees of freedom. Unit: that of the standard error.
pub fn detectable(standard_error: f64, freedom: f64) -> f64 {
    (student::quantile(0.975, freedom) + student::quantile(POWER, freedom)) * standard_error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_people_see_half_a_standard_deviation() {
        // Standard deviation of per-identity differences .03: .016 with 30 people, .030 with 10.
        assert!((detectable(0.03 / 30_f64.sqrt(), 29.0) - 0.0159).abs() < 5e-5);
        assert!((detectable(0.03 / 10_f64.sqrt(), 9.0) - 0.0298).abs() < 5e-5);
    }
}
