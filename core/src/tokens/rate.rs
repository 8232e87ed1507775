//! Rate and distortion: which settings are worth having, and how two families of them compare.

use alloc::vec::Vec;

use crate::check;
use crate::error::Result;
use crate::memory::{try_capacity, try_grow};
use crate::select::{ascending, ranked};

fn check(points: &[[f64; 2]]) -> Result<()> {
    let mut rows = (0..).zip(points);
    rows.try_for_each(|(row, point)| check::finite_row("points of rate and distortion", row, *point))
}

/// Indices of the points (rate, distortion) that no other point beats in both, by rising rate and strictly
/// falling
/// distortion; of equal points the first. Tier A.
///
/// # Errors
/// [`NonFinite`](crate::Error::NonFinite), [`OutOfMemory`](crate::Error::OutOfMemory).
///
/// # Example
/// ```
/// use pauca::tokens::{lower_hull, pareto};
/// let points = [[8.0, 1.0], [4.0, 3.5], [2.0, 4.0], [4.0, 5.0], [1.0, 9.0]];
/// assert_eq!(pareto(&points)?, [4, 2, 1, 0]);
/// // (4, 3.5) lies above the line from (2, 4) to (8, 1).
/// assert_eq!(lower_hull(&points)?, [4, 2, 0]);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn pareto(points: &[[f64; 2]]) -> Result<Vec<usize>> {
    check(points)?;
    let by = |axis: usize, a: usize, b: usize| ascending(points[a][axis], points[b][axis]);
    let mut order = ranked(points.len(), |a, b| by(0, a, b).then(by(1, a, b)))?;
    let mut lowest = f64::INFINITY;
    order.retain(|&i| {
        let better = points[i][1] < lowest;
        if better {
            lowest = points[i][1];
        }
        better
    });
    Ok(order)
}

/// The points of the [`pareto`] front that lie on its lower convex hull: what mixing two settings cannot beat.
///
/// # Errors
/// As [`pareto`].
pub fn lower_hull(points: &[[f64; 2]]) -> Result<Vec<usize>> {
    let front = pareto(points)?;
    let mut hull: Vec<usize> = Vec::new();
    for i in front {
        while let [.., a, b] = hull[..] {
            let ([ra, da], [rb, db], [r, d]) = (points[a], points[b], points[i]);
            // b stays if it lies strictly below the line from a to i.
            if (db - da) * (r - ra) < (d - da) * (rb - ra) {
                break;
            }
            hull.pop();
        }
        try_grow(&mut hull, 1)?;
        hull.push(i);
    }
    Ok(hull)
}

/// How much more rate (a share: -0.1 is 10 % less) the points `b` need than `a` at equal distortion: exp
/// of the mean
/// of ln(rate_b / rate_a) over the distortions that both fronts reach, less 1. ln rate is interpolated
/// linearly in the distortion along each [`pareto`] front. `None` when the fronts share no range of
/// distortions.
///
/// *Source*: Bjontegaard 2001, with straight lines for its cubic, which can leave the range of the points.
///
/// # Errors
/// [`NonFinite`](crate::Error::NonFinite), [`InvalidParameter`](crate::Error::InvalidParameter) for a rate
/// that is not positive, [`OutOfMemory`](crate::Error::OutOfMemory).
///
/// # Example
/// ```
/// use pauca::tokens::bd_rate;
/// let a = [[1.0, 8.0], [2.0, 4.0], [4.0, 1.0]];
/// let b = a.map(|[r, d]| [0.5 * r, d]);
/// assert!((bd_rate(&a, &b)?.unwrap() + 0.5).abs() < 1e-15);
/// assert!(bd_rate(&a, &[[1.0, 0.5], [2.0, 0.1]])?.is_none());
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn bd_rate(a: &[[f64; 2]], b: &[[f64; 2]]) -> Result<Option<f64>> {
    let mut fronts = [Vec::new(), Vec::new()];
    for (front, points) in fronts.iter_mut().zip([a, b]) {
        points.iter().filter(|p| p[0] <= 0.0).try_for_each(|p| check::positive("rate", p[0]))?;
        let order = pareto(points)?;
        *front = try_capacity(order.len())?;
        // By rising distortion.
        front.extend(order.iter().rev().map(|&i| (points[i][1], libm::log(points[i][0]))));
    }
    let [a, b] = &fronts;
    let ((Some(a0), Some(a1)), (Some(b0), Some(b1))) = ((a.first(), a.last()), (b.first(), b.last())) else {
        return Ok(None);
    };
    let (low, high) = (a0.0.max(b0.0), a1.0.min(b1.0));
    if low >= high {
        return Ok(None);
    }
    let difference = area(b, low, high) - area(a, low, high);
    Ok(Some(libm::expm1(difference / (high - low))))
}

/// Integral of a polyline over [low, high].
fn area(line: &[(f64, f64)], low: f64, high: f64) -> f64 {
    let mut sum = 0.0;
    for pair in line.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let (from, to) = (x0.max(low), x1.min(high));
        if from < to {
            let at = |x: f64| y0 + (y1 - y0) * ((x - x0) / (x1 - x0));
            sum += 0.5 * (at(from) + at(to)) * (to - from);
        }
    }
    sum
}
