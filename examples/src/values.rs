//! Values of flags: what is accepted, and the words that refuse the rest.
//!
//! Each function is a `value_parser` of clap, which puts flag and value before the words. Blanks around a value are
//! passed over, so that lists may be written with them.

/// A whole number of at least 1.
///
/// # Errors
/// The words that refuse it.
pub fn positive(text: &str) -> Result<usize, String> {
    whole(text, 1, "at least 1 is needed")
}

/// A whole number of at least 2.
///
/// # Errors
/// The words that refuse it.
pub fn two(text: &str) -> Result<usize, String> {
    whole(text, 2, "at least 2 are needed")
}

/// A share of something that is there: above 0, at most 1.
///
/// # Errors
/// The words that refuse it.
pub fn fraction(text: &str) -> Result<f64, String> {
    number(text, |v| v > 0.0 && v <= 1.0, "a share above 0 and at most 1 is needed")
}

/// A share that may be none or all.
///
/// # Errors
/// The words that refuse it.
pub fn share(text: &str) -> Result<f64, String> {
    number(text, |v| (0.0..=1.0).contains(&v), "a share from 0 to 1 is needed")
}

/// A level of confidence.
///
/// # Errors
/// The words that refuse it.
pub fn level(text: &str) -> Result<f64, String> {
    number(text, |v| v > 0.0 && v < 1.0, "a level between 0 and 1 is needed")
}

/// A cosine distance.
///
/// # Errors
/// The words that refuse it.
pub fn epsilon(text: &str) -> Result<f64, String> {
    number(text, |v| (0.0..=2.0).contains(&v), "a cosine distance from 0 to 2 is needed")
}

/// Any number that is one.
///
/// # Errors
/// The words that refuse it.
pub fn finite(text: &str) -> Result<f64, String> {
    number(text, f64::is_finite, "a finite number is needed")
}

/// The weight of a part of a loss.
///
/// # Errors
/// The words that refuse it.
pub fn weight(text: &str) -> Result<f64, String> {
    number(text, |v| (0.0..=1e6).contains(&v), "a number from 0 to 1000000 is needed")
}

/// A movement that is small enough: finite and not negative.
///
/// # Errors
/// The words that refuse it.
pub fn tolerance(text: &str) -> Result<f64, String> {
    number(text, |v| v >= 0.0 && v.is_finite(), "a number of at least 0 is needed")
}

/// An amount of which there is some.
///
/// # Errors
/// The words that refuse it.
pub fn above_zero(text: &str) -> Result<f64, String> {
    number(text, |v| v > 0.0 && v <= 1e9, "a number above 0 is needed")
}

/// An amount of bytes, with k, M, G or T of thousands.
///
/// # Errors
/// The words that refuse it.
pub fn bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1_000),
        Some((at, 'm' | 'M')) => (&text[..at], 1_000_000),
        Some((at, 'g' | 'G')) => (&text[..at], 1_000_000_000),
        Some((at, 't' | 'T')) => (&text[..at], 1_000_000_000_000),
        _ => (text, 1u64),
    };
    let size = digits.trim().parse().ok().and_then(|n: u64| n.checked_mul(unit));
    size.ok_or_else(|| "a size is needed, such as 500M or 64G".into())
}

fn whole(text: &str, least: usize, refusal: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(value) if value >= least => Ok(value),
        Ok(_) => Err(refusal.into()),
        Err(_) => Err("a whole number is needed".into()),
    }
}

fn number(text: &str, fits: impl Fn(f64) -> bool, refusal: &str) -> Result<f64, String> {
    match text.trim().parse() {
        Ok(value) if fits(value) => Ok(value),
        _ => Err(refusal.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_refused_by_their_least() {
        assert_eq!((positive("1"), positive(" 12 "), two("2")), (Ok(1), Ok(12), Ok(2)));
        assert_eq!(positive("0").unwrap_err(), "at least 1 is needed");
        for text in ["0", "1"] {
            assert_eq!(two(text).unwrap_err(), "at least 2 are needed");
        }
        for text in ["", "none", "-1", "1.5", "99999999999999999999999"] {
            assert_eq!(positive(text).unwrap_err(), "a whole number is needed", "{text:?}");
            assert_eq!(two(text).unwrap_err(), "a whole number is needed", "{text:?}");
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!((bytes("12"), bytes(" 3k"), bytes("64G")), (Ok(12), Ok(3000), Ok(64_000_000_000)));
        for text in ["", "G", "-1", "1.5G", "99999999999T", "1 GB"] {
            assert!(bytes(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn numbers_are_refused_outside_their_range() {
        type Parser = fn(&str) -> Result<f64, String>;
        let cases: [(Parser, &[&str], &[&str], &str); 7] = [
            (
                fraction,
                &["1", "1e-300"],
                &["0", "-0.0", "1.0000001"],
                "a share above 0 and at most 1 is needed",
            ),
            (share, &["0", "1"], &["-0.1", "1.0000001"], "a share from 0 to 1 is needed"),
            (level, &["0.5"], &["0", "1"], "a level between 0 and 1 is needed"),
            (epsilon, &["0", "2"], &["-1e-9", "2.1"], "a cosine distance from 0 to 2 is needed"),
            (finite, &["-1e308", "0"], &["1e999", "-inf"], "a finite number is needed"),
            (weight, &["0", "1e6"], &["-1", "1000001"], "a number from 0 to 1000000 is needed"),
            (above_zero, &["1e-9", "1e9"], &["0", "-2"], "a number above 0 is needed"),
        ];
        for (parser, good, bad, refusal) in cases {
            for text in good {
                assert_eq!(parser(text), Ok(text.parse().unwrap()), "{refusal}: {text}");
                assert_eq!(parser(&format!(" {text} ")), parser(text));
            }
            for text in bad.iter().chain(&["NaN", "inf", "", "half"]) {
                assert_eq!(parser(text).unwrap_err(), refusal, "{text:?}");
            }
        }
    }
}
