//! Scaling laws: contract S13, with a floor that noise may cross.

use pauca::Error;
use pauca::tokens::{ScalingFit, scaling_fit, scaling_interval};
use pauca_tests::data::Rng;

/// Parameters beside those of SciPy's least_squares, which stops at relative changes of 1e-8 of its own.
const PARAMETERS: f64 = 1e-6;

/// Least squares for a given exponent by the normal equations of the two columns 1 and C^a / C_0^a: sum of squares.
fn squares(compute: &[f64], loss: &[f64], exponent: f64) -> f64 {
    let p: Vec<f64> = compute.iter().map(|c| (c / compute[0]).powf(exponent)).collect();
    let n = p.len() as f64;
    let (sp, spp) = (p.iter().sum::<f64>(), p.iter().map(|p| p * p).sum::<f64>());
    let (sl, spl) = (loss.iter().sum::<f64>(), p.iter().zip(loss).map(|(p, l)| p * l).sum::<f64>());
    let determinant = n * spp - sp * sp;
    let (floor, scale) = ((spp * sl - sp * spl) / determinant, (n * spl - sp * sl) / determinant);
    p.iter().zip(loss).map(|(p, l)| (l - floor - scale * p).powi(2)).sum()
}

/// Six sizes from 1e15 to 1e20, `runs` each, L = 2 + e^9 C^-0.3 with noise.
fn draw(runs: usize, noise: f64, rng: &mut Rng) -> (Vec<f64>, Vec<f64>) {
    let compute: Vec<f64> = (0..6 * runs).map(|i| 10f64.powi(15 + (i / runs) as i32)).collect();
    let loss = compute.iter().map(|c| 2.0 + 9f64.exp() * c.powf(-0.3) + noise * rng.normal()).collect();
    (compute, loss)
}

#[test]
fn the_fit_is_the_least_squares_optimum_under_noise() {
    // By scipy.optimize.least_squares from 30 starts; the smallest loss, 1.9792, lies below the floor.
    let loss =
        [2.2569, 2.2834, 2.1529, 2.1182, 2.0584, 2.0538, 2.0437, 2.0311, 2.0311, 1.9792, 2.0394, 2.0062];
    let compute: Vec<f64> = (0..12).map(|i| 10f64.powi(15 + i / 2)).collect();
    let fit = scaling_fit(&compute, &loss).unwrap().unwrap();
    let ScalingFit { floor, exponent, log_scale, residual, identified, .. } = fit;
    assert!((floor - 2.006_267_920_634_6).abs() < PARAMETERS && identified, "{fit:?}");
    assert!((exponent + 0.334_178_192_879_866).abs() < PARAMETERS);
    assert!((log_scale - 10.215_519_441_716).abs() < 50.0 * PARAMETERS);
    assert!((residual - 0.017_712_385_072_129).abs() < PARAMETERS * PARAMETERS);
    // No exponent of a fine grid does better.
    let mut rng = Rng(21);
    for case in 0..60 {
        let (compute, loss) = draw(1 + case % 9, 0.02, &mut rng);
        let Some(fit) = scaling_fit(&compute, &loss).unwrap() else { continue };
        let found = fit.residual * fit.residual * loss.len() as f64;
        let best =
            (10..2000).map(|i| squares(&compute, &loss, -1e-3 * i as f64)).fold(f64::INFINITY, f64::min);
        assert!(found <= best * (1.0 + PARAMETERS) || !fit.identified, "{case}: {found} {best}");
    }
}

#[test]
fn the_ends_of_an_interval_are_worse_by_the_quantile_of_student() {
    /// Twice the t quantile of 9 degrees of freedom: tables.
    const T9: f64 = 2.262_157_162_740_992;
    /// The normal equations lose half the digits where columns are nearly parallel.
    const EQUATIONS: f64 = 1e-6;
    let mut rng = Rng(22);
    let mut open = 0;
    for _ in 0..40 {
        let (compute, loss) = draw(2, 0.02, &mut rng);
        let found = scaling_interval(&compute, &loss, 0.95).unwrap().unwrap();
        assert_eq!(Some(found.fit), scaling_fit(&compute, &loss).unwrap());
        let best = squares(&compute, &loss, found.fit.exponent);
        for end in found.exponent {
            if end == 0.0 || end == f64::NEG_INFINITY {
                open += 1;
                continue;
            }
            let ratio = (squares(&compute, &loss, end) / best - 1.0) * 9.0;
            assert!((ratio - T9 * T9).abs() < EQUATIONS * T9 * T9, "{ratio}");
        }
        assert!(found.exponent[0] <= found.fit.exponent && found.fit.exponent <= found.exponent[1]);
        assert!(found.floor[0] <= found.fit.floor && found.fit.floor <= found.floor[1]);
        // Along the end of the floor some exponent reaches the limit, and none does better.
        for floor in found.floor.into_iter().filter(|f| f.is_finite()) {
            let of = |a: f64| {
                let p: Vec<f64> = compute.iter().map(|c| (c / 1e15).powf(a)).collect();
                let above = p.iter().zip(&loss).map(|(p, l)| p * (l - floor)).sum::<f64>();
                let scale = above / p.iter().map(|p| p * p).sum::<f64>();
                p.iter().zip(&loss).map(|(p, l)| (l - floor - scale * p).powi(2)).sum::<f64>()
            };
            // Exponents 5e-4 apart, then thirds of what lies around the best.
            let place = |i: usize| -5e-4 * i as f64;
            let best_place = (10..4000).min_by(|i, j| of(place(*i)).total_cmp(&of(place(*j)))).unwrap();
            let [mut low, mut high] = [place(best_place + 1), place(best_place - 1)];
            for _ in 0..60 {
                let [a, b] = [low + (high - low) / 3.0, high - (high - low) / 3.0];
                if of(a) < of(b) { high = b } else { low = a }
            }
            let ratio = (of(0.5 * (low + high)) / best - 1.0) * 9.0;
            assert!((ratio - T9 * T9).abs() < EQUATIONS * T9 * T9, "{ratio}");
        }
    }
    assert!(open < 8, "{open} of 80 ends are open");
}

/// Prints the table of bias and coverage.
#[test]
#[allow(clippy::print_stdout, reason = "tests say what they measured")]
fn estimates_are_centred_and_intervals_hold_at_any_number_of_runs() {
    const DRAWS: usize = 200;
    println!(
        "| noise | runs a size | mean exponent | median | interval holds -0.3 | holds the floor | open |"
    );
    for noise in [0.005, 0.02] {
        for runs in [1, 2, 3, 9] {
            let mut rng = Rng(1000 * runs as u64 + (1e4 * noise) as u64);
            let (mut exponents, mut held, mut floors, mut open) = (Vec::new(), 0, 0, 0);
            for _ in 0..DRAWS {
                let (compute, loss) = draw(runs, noise, &mut rng);
                let Some(found) = scaling_interval(&compute, &loss, 0.95).unwrap() else { continue };
                exponents.push(found.fit.exponent);
                held += usize::from(found.exponent[0] <= -0.3 && -0.3 <= found.exponent[1]);
                floors += usize::from(found.floor[0] <= 2.0 && 2.0 <= found.floor[1]);
                open += usize::from(found.exponent[1] == 0.0 || found.exponent[0] == f64::NEG_INFINITY);
            }
            assert_eq!(exponents.len(), DRAWS);
            exponents.sort_by(f64::total_cmp);
            let (mean, median) = (exponents.iter().sum::<f64>() / DRAWS as f64, exponents[DRAWS / 2]);
            println!("| {noise} | {runs} | {mean:.4} | {median:.4} | {held} | {floors} | {open} |");
            // 190 are expected; four standard errors, sqrt(200 0.95 0.05) = 3.1.
            assert!(held.min(floors) >= 178, "{held} {floors}");
            // The median of a skewed estimate; its standard error is a tenth of the spread of one draw.
            let spread = 0.15 * noise / 0.005 / (runs as f64).sqrt();
            assert!((median + 0.3).abs() < 0.1 * 4.0 * spread, "{median}");
        }
    }
}

#[test]
fn intervals_say_what_is_not_ruled_out() {
    // A straight line in ln C: the slow end is open, and there is no lower end of the floor.
    let compute: Vec<f64> = (0..8).map(|i| 10f64.powi(15 + i)).collect();
    let noise = [0.01, -0.02, 0.01, 0.0, 0.02, -0.01, 0.0, 0.01];
    let line: Vec<f64> = noise.iter().enumerate().map(|(i, e)| 4.0 - 0.2 * i as f64 + e).collect();
    let found = scaling_interval(&compute, &line, 0.95).unwrap().unwrap();
    assert_eq!((found.exponent[1], found.floor[0], found.level), (0.0, f64::NEG_INFINITY, 0.95));
    // A step.
    let step = [3.0, 1.0, 1.02, 1.01, 0.99, 1.0, 1.01, 0.98];
    let found = scaling_interval(&compute, &step, 0.95).unwrap().unwrap();
    assert_eq!(found.exponent[0], f64::NEG_INFINITY);
    // Three runs fit without a remainder.
    assert!(scaling_interval(&compute[..3], &[3.0, 2.5, 2.3], 0.95).unwrap().is_none());
    assert!(scaling_interval(&compute, &noise.map(|_| 1.0), 0.95).unwrap().is_none());
    for level in [0.0, 1.0, f64::NAN] {
        let refused = scaling_interval(&compute, &line, level);
        assert!(matches!(refused, Err(Error::InvalidParameter { name: "level", .. })));
    }
}

#[test]
fn scaling_recovers_noise_free_parameters() {
    /// Least squares in `f64` on a well-conditioned problem.
    const RECOVERED: f64 = 1e-5;
    /// Errors of the parameters cancel in the losses, of which the sum of squares is the square.
    const PREDICTED: f64 = 1e-7;
    const RESIDUAL: f64 = 1e-8;
    let mut rng = Rng(7);
    for case in 0..200 {
        let floor = rng.unit() * 5.0;
        let exponent = -(0.05 + rng.unit());
        let compute: Vec<f64> =
            (0..3 + rng.below(8)).map(|i| 10f64.powf(15.0 + 0.5 * i as f64 + 0.3 * rng.unit())).collect();
        // At the smallest compute the reducible part is 1.
        let log_scale = -exponent * compute[0].ln();
        let loss: Vec<f64> = compute.iter().map(|c| floor + (log_scale + exponent * c.ln()).exp()).collect();
        let fit = scaling_fit(&compute, &loss).unwrap().unwrap();
        assert!(
            (fit.floor - floor).abs() < RECOVERED && (fit.exponent - exponent).abs() < RECOVERED,
            "{case} {fit:?}"
        );
        assert!(
            (fit.log_scale - log_scale).abs() < RECOVERED * 50.0 && fit.residual < RESIDUAL && fit.identified
        );
        let lowest = loss.iter().fold(f64::INFINITY, |a, &b| a.min(b));
        assert!(fit.floor < lowest);
        for (c, l) in compute.iter().zip(&loss) {
            assert!((fit.predict(*c) - l).abs() < PREDICTED);
        }
    }
}

#[test]
fn scaling_with_noise_is_near() {
    let mut rng = Rng(8);
    let compute: Vec<f64> = (0..40).map(|i| 10f64.powf(15.0 + 0.1 * i as f64)).collect();
    let mut exponents = Vec::new();
    for _ in 0..50 {
        let loss: Vec<f64> =
            compute.iter().map(|c| 2.0 + (c / 1e15).powf(-0.3) + 0.01 * rng.normal()).collect();
        let fit = scaling_fit(&compute, &loss).unwrap().unwrap();
        assert!(fit.residual < 0.015);
        exponents.push(fit.exponent);
    }
    let mean = exponents.iter().sum::<f64>() / 50.0;
    assert!((mean + 0.3).abs() < 0.02, "{mean}");
}

#[test]
fn scaling_edges() {
    let c = [1e3, 1e4, 1e5, 1e6];
    assert!(scaling_fit(&c, &[1.0, 2.0, 3.0, 4.0]).unwrap().is_none());
    assert!(scaling_fit(&c, &[1.0; 4]).unwrap().is_none());
    assert!(matches!(scaling_fit(&c, &[1.0]), Err(Error::ShapeMismatch { expected: 4, found: 1, .. })));
    assert!(matches!(
        scaling_fit(&[1.0, 1.0, 2.0], &[3.0, 2.0, 1.0]),
        Err(Error::InvalidParameter { value: 2.0, .. })
    ));
    assert!(matches!(scaling_fit(&[], &[]), Err(Error::InvalidParameter { .. })));
    assert!(matches!(
        scaling_fit(&[1.0, 0.0, 2.0], &[3.0; 3]),
        Err(Error::InvalidParameter { name: "compute", .. })
    ));
    assert!(matches!(
        scaling_fit(&[1.0, 2.0, 3.0], &[3.0, f64::NAN, 1.0]),
        Err(Error::NonFinite { row: 1, .. })
    ));
    // A step: the floor is the mean of the others, and the best exponent the fastest that is searched.
    let bent = scaling_fit(&c, &[3.0, 1.0, 1.02, 1.04]).unwrap().unwrap();
    /// What the fastest exponent leaves of the first loss.
    const LEFT: f64 = 1e-3;
    assert!((bent.floor - 1.02).abs() < LEFT && !bent.identified);
    // A straight line in ln C has no floor to find.
    let line = scaling_fit(&c, &[4.0, 3.0, 2.0, 1.0]).unwrap().unwrap();
    assert!(!line.identified && line.floor < 1.0);
}
