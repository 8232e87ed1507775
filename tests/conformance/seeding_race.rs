//! k-means++ with many seeds against the race in plain loops: rows that come to the top have missed seeds by the dozen,
//! so the certified test leaves most of them out. No row may be seeded otherwise than by the definition.

use pauca::{Blocked, Context, Control, Cpu, Exec, KMeans, Rows};
use pauca_reference::seeding::kmeans_plus_plus;
use pauca_reference::truth::Metric;
use pauca_tests::data::{Kind, Rng, weights};
use pauca_tests::layout::array;

/// The seeds of the library, as rows of values.
fn seeds(
    config: &KMeans,
    rows: &Rows<'_>,
    weights: Option<&[f32]>,
    cx: &Context,
    block: Option<usize>,
) -> Vec<u32> {
    let cpu = Cpu::new().unwrap();
    let found = match block {
        None => config.fit_on(&cpu, rows, weights, cx),
        Some(block) => config.fit_on(&cpu, &Blocked::new(rows.view(), block).unwrap(), weights, cx),
    };
    // No iteration: the centroids are the seeds.
    found.unwrap().centroids.iter().map(|v| v.to_bits()).collect()
}

fn compare(kind: Kind, (n, d, k): (usize, usize, usize), spherical: bool, weighted: bool, seed: u64) {
    let mut rng = Rng(seed);
    let x = kind.rows(n, d, &mut rng);
    let all = if weighted { weights(n, k, &mut rng) } else { vec![1.0; n] };
    let metric = if spherical { Metric::Cosine } else { Metric::SqEuclidean };
    let ids: Vec<u64> = (0..n as u64).collect();
    let expected = kmeans_plus_plus(&x, &ids, &all, k, metric, seed, 0);
    // Zero has no sign in a first centroid.
    let unsigned = |v: &f32| if v.to_bits() == 1 << 31 { 0 } else { v.to_bits() };
    let expected: Vec<u32> = expected.rows.iter().flat_map(|&i| x[i].iter().map(unsigned)).collect();
    let data = array(&x);
    let rows = Rows::F32(data.view());
    let config = KMeans::new(k).spherical(spherical).seed(seed).max_iter(0);
    let given = weighted.then_some(&all[..]);
    let serial = Context::new(Exec::serial(), Control::new());
    let name = format!("{kind:?}, {n} x {d}, k {k}, spherical {spherical}, weighted {weighted}, seed {seed}");
    assert!(seeds(&config, &rows, given, &serial, None) == expected, "{name}");
    let block = Some(1 + rng.below(n));
    assert!(
        seeds(&config, &rows, given, &Context::default(), block) == expected,
        "{name}, by blocks of {block:?}"
    );
}

#[test]
fn seeds_of_every_kind_of_data_are_those_of_plain_loops() {
    for kind in Kind::ALL {
        for (case, shape) in
            [(300, 3, 150), (500, 8, 120), (400, 33, 200), (700, 16, 60)].into_iter().enumerate()
        {
            for spherical in [false, true] {
                for weighted in [false, true] {
                    compare(kind, shape, spherical, weighted, 10 + case as u64);
                }
            }
        }
    }
}

#[test]
fn seeds_are_those_of_plain_loops_for_many_seeds() {
    for seed in 0..60 {
        let kind = [Kind::Normal, Kind::LastBit, Kind::Grid, Kind::Groups, Kind::Offset][seed as usize % 5];
        compare(kind, (600, 2 + seed as usize % 19, 250), seed % 4 == 3, seed % 3 == 1, 1000 + seed);
    }
}

/// Every row becomes a seed, so the last ones have missed none.
#[test]
fn every_row_is_a_seed() {
    for (kind, seed) in [(Kind::Normal, 1), (Kind::Copies, 2), (Kind::Binary, 3)] {
        compare(kind, (260, 5, 260), false, false, seed);
        compare(kind, (260, 5, 260), true, true, seed);
    }
}
