//! Numbers of twice the precision: the value is the exact sum of two `f64` (Dekker 1971).

/// A number as the unevaluated sum of two, the second at most half a unit of the first.
pub type Pair = (f64, f64);

/// ln 2 to 107 bits.
pub const LN_2: Pair = (std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);

/// a + b as rounded sum and exact error.
pub fn two_sum(a: f64, b: f64) -> Pair {
    let (x, y) = if a.abs() < b.abs() { (b, a) } else { (a, b) };
    let hi = x + y;
    (hi, y - (hi - x))
}

/// a * b as rounded product and exact error.
pub fn two_product(a: f64, b: f64) -> Pair {
    let hi = a * b;
    (hi, a.mul_add(b, -hi))
}

/// a + b.
pub fn add(a: Pair, b: Pair) -> Pair {
    let (high, high_error) = two_sum(a.0, b.0);
    let (low, low_error) = two_sum(a.1, b.1);
    let (high, rest) = two_sum(high, high_error + low);
    two_sum(high, rest + low_error)
}

/// a * b.
pub fn multiply(a: Pair, b: Pair) -> Pair {
    let (high, error) = two_product(a.0, b.0);
    two_sum(high, error + (a.0 * b.1 + a.1 * b.0))
}

/// a / b: long division, three digits of 53 bits.
pub fn divide(a: Pair, b: Pair) -> Pair {
    let minus = |a: Pair, digit: f64| add(a, multiply((-digit, 0.0), b));
    let first = a.0 / b.0;
    let rest = minus(a, first);
    let second = rest.0 / b.0;
    let rest = minus(rest, second);
    add(two_sum(first, second), (rest.0 / b.0, 0.0))
}

/// -a.
pub fn negative(a: Pair) -> Pair {
    (-a.0, -a.1)
}
