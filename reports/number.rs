//! How numbers look: digits, real minus signs, short axis labels.

use serde_json::Value;

/// The true minus sign: a hyphen is too short beside a plus or a digit.
const MINUS: &str = "\u{2212}";

/// `value` with `digits` after the point, without a negative zero.
pub(crate) fn fixed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.bytes().all(|byte| matches!(byte, b'0' | b'.')) => rest.to_owned(),
        Some(rest) => format!("{MINUS}{rest}"),
        None => text,
    }
}

/// `value` with as many digits as the step between axis ticks needs.
pub(crate) fn tick(value: f64, step: f64) -> String {
    if value.abs() >= 10_000.0 && step >= 1000.0 {
        return format!("{}k", fixed(value / 1000.0, 0));
    }
    let digits = (-step.log10() - 1e-9).ceil().clamp(0.0, 8.0) as usize;
    fixed(value, digits)
}

/// A size such as 4096 as `4k` where every size beside it is a multiple of 1024; `None` if not.
pub(crate) fn binary(values: &[f64]) -> Option<Vec<String>> {
    let whole = |value: &f64| *value >= 1024.0 && (value / 1024.0).fract().abs() < f64::EPSILON;
    values
        .iter()
        .all(whole)
        .then(|| values.iter().map(|value| format!("{}k", fixed(value / 1024.0, 0))).collect())
}

/// `value` as short as possible and exact to six significant digits.
pub(crate) fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = (5 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let text = fixed(value, digits);
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `value` with two significant digits, for sizes that are themselves estimates.
pub(crate) fn rough(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return fixed(value, 0);
    }
    fixed(value, (1 - value.abs().log10().floor() as i32).clamp(0, 12) as usize)
}

/// A setting's name as the title of an axis: `yaw_deg` as `yaw (°)`.
pub(crate) fn axis(setting: &str) -> String {
    setting.strip_suffix("_deg").map_or_else(|| setting.to_owned(), |name| format!("{name} (°)"))
}

/// A setting's value as a reader sees it.
pub(crate) fn setting(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => short(float),
            _ => number.to_string().replacen('-', MINUS, 1),
        },
        other => other.to_string(),
    }
}

/// A table or chart id as a heading: `table3` → `Table 3`, `pose_probe` → `Pose probe`.
pub(crate) fn heading(id: &str) -> String {
    let mut text = String::new();
    let mut last = ' ';
    for letter in id.chars() {
        if letter.is_ascii_digit() && last.is_alphabetic() {
            text.push(' ');
        }
        match letter {
            '_' | '-' => text.push(' '),
            _ if text.is_empty() => text.extend(letter.to_uppercase()),
            _ => text.push(letter),
        }
        last = letter;
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn minus_signs_are_real_and_zero_has_none() {
        assert_eq!(fixed(-1.25, 1), "\u{2212}1.2");
        assert_eq!(fixed(-0.0004, 3), "0.000");
        assert_eq!(fixed(0.5, 3), "0.500");
    }

    #[test]
    fn ticks_show_the_digits_their_step_needs() {
        assert_eq!(tick(0.3, 0.1), "0.3");
        assert_eq!(tick(0.25, 0.05), "0.25");
        assert_eq!(tick(200.0, 100.0), "200");
        assert_eq!(tick(20_000.0, 10_000.0), "20k");
    }

    #[test]
    fn rough_sizes_have_two_digits() {
        assert_eq!(rough(0.003_14), "0.0031");
        assert_eq!(rough(2.449), "2.4");
        assert_eq!(rough(123.4), "123");
    }

    #[test]
    fn powers_of_two_are_short() {
        assert_eq!(binary(&[1024.0, 32768.0]), Some(vec!["1k".into(), "32k".into()]));
        assert_eq!(binary(&[512.0, 1024.0]), None);
    }

    #[test]
    fn settings_and_ids_read_as_words() {
        assert_eq!(setting(&json!(4096)), "4096");
        assert_eq!(setting(&json!(0.02)), "0.02");
        assert_eq!(setting(&json!(-5)), "\u{2212}5");
        assert_eq!(setting(&json!("max")), "max");
        assert_eq!(setting(&json!(1.0)), "1");
        assert_eq!(heading("table3"), "Table 3");
        assert_eq!(heading("pose_probe"), "Pose probe");
    }
}
