//! Blocks of layers: which is chosen, what it is called.

use pauca::layers::{Block, Keep, LayerDistances, LayerTable, deepest, mergekit};
use pauca::{Error, Rows};
use pauca_reference::layers as reference;
use pauca_tests::data::Rng;
use proptest::prelude::*;

/// A table with these means: any table, with its numbers replaced.
fn table(layers: usize, mean: impl Fn(usize, usize) -> f64) -> LayerTable {
    let x = ndarray::array![[1.0f32, 0.0]];
    let states = vec![Rows::F32(x.view()); layers + 1];
    let mut table = LayerDistances::new(layers).fit(&states).unwrap();
    for ((l, m), value) in table.mean.indexed_iter_mut() {
        *value = if l == m { 0.0 } else { mean(l.min(m), l.max(m)) };
    }
    table
}

fn random(rng: &mut Rng) -> LayerTable {
    let layers = 1 + rng.below(12);
    let coarse = rng.chance(0.5);
    let mut values = vec![vec![0.0; layers + 1]; layers + 1];
    for value in values.iter_mut().flatten() {
        *value = if coarse { rng.below(3) as f64 / 4.0 } else { rng.unit() };
        if rng.chance(0.05) {
            *value = f64::NAN;
        }
    }
    table(layers, |l, m| values[l][m])
}

fn means(table: &LayerTable) -> Vec<Vec<f64>> {
    table.mean.rows().into_iter().map(|row| row.to_vec()).collect()
}

proptest! {
    #[test]
    fn best_block_equals_the_reference(seed in any::<u64>()) {
        let mut rng = Rng(seed);
        let table = random(&mut rng);
        let layers = table.n_layers;
        let keep = Keep { first: rng.below(3), last: rng.below(3) };
        for n in 1..=layers + 1 {
            if keep.first + keep.last + n > layers {
                let refused = matches!(table.best_block(n, keep), Err(Error::InvalidParameter { name: "n", .. }));
                prop_assert!(refused);
                prop_assert!(table.blocks(n, keep).is_err());
                continue;
            }
            match reference::best_start(&means(&table), n, keep.first, keep.last) {
                None => {
                    let none = matches!(table.best_block(n, keep), Err(Error::Empty { .. }));
                    prop_assert!(none);
                }
                Some(start) => {
                    let best = table.best_block(n, keep).unwrap();
                    prop_assert_eq!(best.block, Block::new(start, start + n));
                    let blocks = table.blocks(n, keep).unwrap();
                    prop_assert_eq!(blocks[0], best);
                    // All of them, in order, inside what may go.
                    let sorted = blocks.is_sorted_by(|a, b| {
                        a.distance < b.distance || (a.distance == b.distance && a.block < b.block)
                    });
                    prop_assert!(sorted);
                    for choice in &blocks {
                        prop_assert_eq!(choice.block.len(), n);
                        prop_assert!(choice.block.start >= keep.first && choice.block.end <= layers - keep.last);
                        prop_assert_eq!(Some(choice.distance), table.distance(choice.block.start, n));
                    }
                }
            }
        }
    }

    #[test]
    fn a_constant_changes_no_choice(seed in any::<u64>()) {
        // Distances are multiples of 1/4, so that the sums are exact.
        let mut rng = Rng(seed);
        let layers = 2 + rng.below(9);
        let values: Vec<f64> = (0..400).map(|_| rng.below(4) as f64 / 4.0).collect();
        let at = |l: usize, m: usize| values[l * 20 + m];
        let plans = [0.0, 16.0].map(|c| table(layers, |l, m| at(l, m) + c).plan(Keep::default()).unwrap());
        let blocks = plans.map(|plan| plan.into_iter().map(|c| c.block).collect::<Vec<_>>());
        prop_assert_eq!(&blocks[0], &blocks[1]);
    }
}

#[test]
fn the_last_layer_is_never_in_the_block() {
    // It looks best, and stays all the same.
    let table = table(6, |l, m| if m == 6 { 0.0 } else { 1.0 - l as f64 / 100.0 });
    for n in 1..=5 {
        let best = table.best_block(n, Keep::default()).unwrap();
        assert_eq!(best.block.layers(), 5 - n..5);
        assert_eq!(best.block, deepest(6, n).unwrap());
    }
    assert!(table.best_block(6, Keep::default()).is_err());
    // Asked by name, it goes.
    assert_eq!(table.best_block(2, Keep { first: 0, last: 0 }).unwrap().block, Block::new(4, 6));
    assert_eq!(table.best_block(6, Keep { first: 0, last: 0 }).unwrap().block, Block::new(0, 6));
}

#[test]
fn deepest_keeps_the_last_layer_in_both_countings() {
    // L = 32, n = 9: layers 23 to 31 counted from 1, so 22..31 counted from 0: layer 32 stays.
    let block = deepest(32, 9).unwrap();
    assert_eq!((block.first_layer(), block.last_layer(), block.layers()), (23, 31, 22..31));
    for layers in 1..20 {
        for n in 0..layers {
            let block = deepest(layers, n).unwrap();
            assert_eq!((block.len(), block.end), (n, layers - 1));
            assert!(!block.layers().contains(&(layers - 1)));
        }
        assert!(matches!(deepest(layers, layers), Err(Error::InvalidParameter { name: "n", .. })));
    }
    assert!(deepest(0, 0).is_err() && deepest(3, usize::MAX).is_err());
}

#[test]
fn no_layers_are_an_empty_block() {
    let table = table(4, |_, _| 0.5);
    let none = table.best_block(0, Keep::default()).unwrap();
    assert_eq!((none.block, none.block.is_empty(), none.distance), (Block::new(0, 0), true, 0.0));
    assert_eq!(table.best_block(0, Keep { first: 2, last: 1 }).unwrap().block, Block::new(2, 2));
    assert!(table.blocks(0, Keep::default()).unwrap().len() == 1);
    assert_eq!(none.block.to_string(), "no layer");
    assert!(table.best_block(usize::MAX, Keep::default()).is_err());
}

#[test]
fn keeping_more_layers_than_there_are_leaves_none() {
    let table = table(3, |_, _| 0.5);
    for keep in [Keep { first: 9, last: 9 }, Keep { first: 3, last: 0 }, Keep { first: usize::MAX, last: 1 }]
    {
        assert!(table.best_block(1, keep).is_err());
        assert!(table.plan(keep).unwrap().is_empty());
        assert!(table.best_block(0, keep).unwrap().block.is_empty());
    }
}

#[test]
fn plan_has_every_size() {
    let table = table(7, |l, m| (m - l) as f64 / 8.0 + l as f64 / 100.0);
    let plan = table.plan(Keep { first: 1, last: 2 }).unwrap();
    assert_eq!(plan.iter().map(|c| c.block.len()).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(plan.iter().all(|c| c.block.start == 1 && c.block.end <= 5));
}

#[test]
fn ranking_is_by_influence_and_ties_by_index() {
    let values = [0.3, 0.1, f64::NAN, 0.1, 0.2];
    let table = table(5, |l, m| if m == l + 1 { values[l] } else { 9.0 });
    assert_eq!(table.ranking().unwrap(), [1, 3, 4, 0, 2]);
    assert_eq!(table.influence().to_vec()[3], 0.1);
    let keep = Keep::default();
    assert_eq!(table.least_influential(2, keep).unwrap(), [1, 3]);
    // Layer 4 is the last one and stays; layer 2 has no value.
    assert_eq!(table.least_influential(3, keep).unwrap(), [0, 1, 3]);
    assert!(table.least_influential(4, keep).is_err());
    assert_eq!(table.least_influential(0, keep).unwrap(), [0usize; 0]);
}

#[test]
fn mergekit_keeps_the_rest() {
    let yaml = mergekit(30, &[22, 20, 21, 20], "org/model", "bfloat16").unwrap();
    assert_eq!(
        yaml,
        "slices:\n  - sources:\n      - model: \"org/model\"\n        layer_range: [0, 20]\n  - sources:\n      \
         - model: \"org/model\"\n        layer_range: [23, 30]\nmerge_method: passthrough\ndtype: \"bfloat16\"\n"
    );
    // Ends, single layers, nothing.
    let ranges = |dropped: &[usize]| -> Vec<String> {
        let yaml = mergekit(6, dropped, "m", "").unwrap();
        assert!(!yaml.contains("dtype"));
        yaml.lines().filter_map(|line| Some(line.split_once("layer_range: ")?.1.to_string())).collect()
    };
    assert_eq!(ranges(&[]), ["[0, 6]"]);
    assert_eq!(ranges(&[0, 5]), ["[1, 5]"]);
    assert_eq!(ranges(&[1, 3]), ["[0, 1]", "[2, 3]", "[4, 6]"]);
    assert!(matches!(mergekit(2, &[0, 1], "m", ""), Err(Error::Empty { .. })));
    assert!(matches!(mergekit(2, &[2], "m", ""), Err(Error::InvalidParameter { .. })));
    // A name cannot break out of its quotes.
    assert!(mergekit(1, &[], "a\"\n\\b", "").unwrap().contains("model: \"a\\\"\\U0000000a\\\\b\"\n"));
}

#[test]
fn labels_carry_their_base() {
    assert_eq!(Block::new(20, 25).to_string(), "layers 21 to 25, counted from 1 (20 to 24 from 0)");
    assert_eq!(Block::new(3, 4).to_string(), "layer 4, counted from 1 (3 from 0)");
    assert_eq!(Block::new(5, 2), Block::new(5, 5));
}
