//! Memory. When the N-th allocation that grows with the input fails, for every N, the call returns `OutOfMemory`; and
//! what calls hold at most ([`alignment_peaks`], [`memorization`]).

#![allow(clippy::print_stdout, reason = "tests say what they measured")]

mod alignment;
mod alignment_blocks;
mod alignment_peaks;
mod causal;
mod codebooks;
mod memorization;

use ndarray::Array2;
use pauca::corruption::{Corruption, CorruptionMetrics, Corruptor, Scip, ScipRows};
use pauca::length::{LengthConfound, LengthControlled, LengthPruning};
use pauca::{
    Blocked, Checkpoint, Cpu, D4, D4Checkpoint, Dedup, DensityPruning, Error, Init, KMeans, Order,
    Prototypes, Rows, Rule, Scope, Screens, SemDedup, SemDedupAgainst,
};
use pauca_tests::memory::{Counting, every_refusal, every_refusal_few, refuse_from};
use pauca_tests::run::serial;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn rows() -> Array2<f32> {
    Array2::from_shape_fn((400, 24), |(i, j)| ((i * 31 + j * 17 + i * j) % 97) as f32 - 48.0)
}

#[test]
fn refused_memory_is_an_error_on_every_entry_point() {
    let data = rows();
    let x = Rows::F32(data.view());
    let cx = serial();
    let init = data.slice(ndarray::s![..150, ..]).to_owned();
    // No allocation depends on the level.
    let backend = Cpu::new().unwrap();
    let bits = |a: &ndarray::Array2<f32>| {
        a.iter().map(|v| v.to_bits()).fold(0u64, |h, b| h.rotate_left(5) ^ b as u64)
    };
    let clusters =
        KMeans::new(150).max_iter(1).init(Init::Given(init.clone())).fit_on(&backend, &x, None, &cx).unwrap();
    for spherical in [false, true] {
        for start in [Init::KMeansPlusPlus, Init::Random, Init::Given(init.clone())] {
            let config = KMeans::new(150).spherical(spherical).init(start).max_iter(2);
            every_refusal("kmeans", || {
                config.fit_on(&backend, &x, None, &cx).map(|c| (bits(&c.centroids), c.inertia.to_bits()))
            });
            let blocked = Blocked::new(x, 100).unwrap();
            let weights: Vec<f32> = (0..400).map(|i| 1.0 + (i % 3) as f32).collect();
            every_refusal("kmeans, blocked and weighted", || {
                config.fit_on(&backend, &blocked, Some(&weights), &cx).map(|c| bits(&c.centroids))
            });
        }
    }
    // The same with screens, which rows as short as these would not be worth.
    let screened = Cpu::new().unwrap().screens(Screens::Always);
    for spherical in [false, true] {
        let config = KMeans::new(150).spherical(spherical).init(Init::Given(init.clone())).max_iter(3);
        every_refusal("kmeans, screened", || {
            config.fit_on(&screened, &x, None, &cx).map(|c| (bits(&c.centroids), c.inertia.to_bits()))
        });
    }
    every_refusal("predict, screened", || clusters.predict_on(&screened, &x, &cx).map(|l| l.sum()));
    every_refusal("predict", || clusters.predict_on(&backend, &x, &cx).map(|l| l.sum()));
    for rule in Rule::ALL {
        let one = KMeans::new(1).spherical(true).max_iter(1).fit_on(&backend, &x, None, &cx).unwrap();
        let config = SemDedup::new(rule).epsilon(0.3);
        every_refusal("semdedup", || config.fit_on(&backend, &x, &one, &cx).map(|d| (d.keep, d.witness)));
        let config = config.order(Order::Custom(vec![1.0; 400]));
        every_refusal("semdedup", || config.fit_on(&backend, &x, &one, &cx).map(|d| (d.keep, d.witness)));
    }
    let (new, config) = (x.slice(150..400).unwrap(), SemDedupAgainst::new().epsilon(0.3));
    every_refusal("semdedup against", || {
        config.fit_on(&backend, &new, &x, &clusters, &cx).map(|d| (d.keep, d.witness, d.labels))
    });
    let found = SemDedup::new(Rule::EarlierMax).fit_on(&backend, &x, &clusters, &cx).unwrap();
    every_refusal("deduplication as bytes", || Dedup::from_bytes(&found.to_bytes()?)?.to_bytes());
    let config = Prototypes::new().scope(Scope::PerCluster);
    let (distances, labels) = (clusters.distances.to_vec(), clusters.labels.to_vec());
    every_refusal("prototypes", || config.select(&distances, &labels, 150));
    every_refusal("density", || DensityPruning::new().select_in(&clusters, &cx).map(|d| d.keep));
    let config = D4::new().clusters(100).max_iter(2);
    every_refusal("d4", || config.fit_on(&backend, &x, &cx).map(|c| c.keep));
}

#[test]
fn refused_memory_is_an_error_for_checkpoints() {
    let data = rows();
    let x = Rows::F32(data.view());
    let cx = serial();
    let backend = Cpu::new().unwrap();
    let config = KMeans::new(150).max_iter(3);
    let mut run = config.start_on(&backend, &x, None, &cx).unwrap();
    run.step(&cx).unwrap();
    every_refusal_few("checkpoint", || run.checkpoint()?.to_bytes());
    let bytes = run.checkpoint().unwrap().to_bytes().unwrap();
    every_refusal_few("from_bytes", || Checkpoint::from_bytes(&bytes)?.to_bytes());
    let checkpoint = Checkpoint::from_bytes(&bytes).unwrap();
    every_refusal("resume", || {
        let mut run = config.resume_on(&backend, &x, None, &checkpoint, &cx)?;
        while run.step(&cx)? {}
        Ok(run.finish(&cx)?.inertia.to_bits())
    });

    let config = D4::new().clusters(100).max_iter(2);
    let mut run = config.start_on(&backend, &x, &cx).unwrap();
    while run.step(&cx).unwrap() {}
    every_refusal_few("D4 checkpoint", || run.checkpoint()?.to_bytes());
    let bytes = run.checkpoint().unwrap().to_bytes().unwrap();
    let checkpoint = D4Checkpoint::from_bytes(&bytes).unwrap();
    every_refusal("D4 resume", || {
        let mut run = config.resume_on(&backend, &x, &checkpoint, &cx)?;
        while run.step(&cx)? {}
        Ok(run.finish(&cx)?.keep)
    });
}

#[test]
fn refused_memory_is_an_error_for_text_quality() {
    use pauca::quality::{
        Page, Pooling, QualityPruning, Rules, Scores, SubsetPerplexity, TextQuality, Unit, Weights,
    };
    let text: String =
        (0..400).map(|i| format!("{} words and{}", i % 7, if i % 50 == 0 { ".\n" } else { " " })).collect();
    let quality = TextQuality::new(Weights::given(&[1.0; 10]).unwrap());
    every_refusal("document", || quality.document(&text));
    // Few and short: every allocation of every document is refused once in turn.
    let texts = vec![&text[..600]; 12];
    let cx = serial();
    every_refusal("documents", || quality.documents(&texts, &cx));
    let rules = Rules::gopher_quality().and(&Rules::gopher_repetition()).unwrap();
    every_refusal("rules", || rules.judge(&text).map(|verdict| verdict.passed));
    every_refusal("page", || Page::new(&text, Unit::Words)?.measure(pauca::quality::Measure::DuplicateLines));
    every_refusal("scores", || {
        let mut scores = Scores::new();
        for id in 0..300 {
            scores.push(id, Some(0.5), id)?;
        }
        let copy = Scores::from_bytes(&scores.to_bytes()?)?;
        copy.finish(&QualityPruning::new()).map(|pruned| pruned.keep)
    });
    every_refusal("perplexities", || {
        let mut sums = SubsetPerplexity::new(200, Pooling::Tokens)?;
        sums.push(&[true; 200], 3, 6.0)?;
        let ppl = SubsetPerplexity::from_bytes(&sums.to_bytes()?)?.finish()?;
        pauca::quality::Weighting::new().weights(&ppl)
    });
}

#[test]
fn refused_memory_is_an_error_for_length_and_corruption() {
    let data = rows();
    let clusters = KMeans::new(3).spherical(true).max_iter(2).fit(&data).unwrap();
    let lengths: Vec<u32> = (0..1200).map(|i| i * i % 977).collect();
    let scores: Vec<f64> = (0..1200).map(|i| f64::from(i * 7 % 101)).collect();
    // Masks of a byte a row are large from 512 rows on.
    let labels = clusters.labels.to_vec().repeat(3);
    let distances = clusters.distances.to_vec().repeat(3);
    every_refusal("scip", || Scip::new().select(&labels, &distances, &[3, 2, 1]));
    let mut shard = ScipRows::new(3);
    shard.push(0, &labels, &distances).unwrap();
    every_refusal("scip, shards", || shard.finish(&Scip::new()));
    every_refusal_few("scip, bytes", || shard.to_bytes());
    let bytes = shard.to_bytes().unwrap();
    every_refusal_few("scip, from bytes", || ScipRows::from_bytes(&bytes)?.to_bytes());
    let (other, cx) = (&data + 1.0, serial());
    let backend = Cpu::new().unwrap();
    every_refusal("paired metrics", || {
        let metrics = CorruptionMetrics::of(&clusters);
        metrics.measure_on(&backend, &Rows::F32(data.view()), &Rows::F32(other.view()), &cx)
    });
    let text = "def f(a, b):  # note\n    if a[0] == b:\n        return (a, b)\n".repeat(100);
    for kind in Corruption::ALL {
        let corruptor = Corruptor::new(kind).rate(0.5);
        every_refusal_few(kind.name(), || {
            corruptor.apply_with(&text, 1, &text[20..], 2).map(|c| c.text.into_bytes())
        });
    }
    every_refusal("length confound", || LengthConfound::new().resamples(2).report(&scores, &lengths));
    every_refusal("length-controlled", || LengthControlled::new().select(&scores, &lengths));
    every_refusal_few("length", || {
        Ok(LengthPruning::default().select(&lengths)?.removed_tokens.to_le_bytes().to_vec())
    });
}

/// Equal by its bits (a NaN too), compared without memory of its own.
struct Bits(Array2<f64>);

impl PartialEq for Bits {
    fn eq(&self, other: &Self) -> bool {
        self.0.dim() == other.0.dim() && self.0.iter().zip(&other.0).all(|(a, b)| a.to_bits() == b.to_bits())
    }
}

#[test]
fn refused_memory_is_an_error_for_layers() {
    use pauca::layers::{LayerDistances, LayerStream, Quantiles, Tokens};
    let data = rows();
    let states = [Rows::F32(data.view()); 12];
    let mask = Array2::from_shape_fn((100, 4), |(i, t)| t < 1 + i % 4);
    let cx = serial();
    for &quantiles in Quantiles::ALL {
        let config = LayerDistances::new(11).quantiles(quantiles);
        for tokens in [Tokens::Rows, Tokens::Last(mask.view()), Tokens::Real(mask.view())] {
            every_refusal("layers", || {
                let table = config.fit_in(&states, tokens, &cx)?;
                Ok((table.count, Bits(table.mean)))
            });
        }
        let mut stream = config.start(24).unwrap();
        stream.push(&states, Tokens::Rows, &cx).unwrap();
        every_refusal_few("layers, bytes", || stream.to_bytes());
        let bytes = stream.to_bytes().unwrap();
        every_refusal_few("layers, from bytes", || LayerStream::from_bytes(&bytes)?.to_bytes());
    }
    // A refused batch stays open, and is taken once there is memory.
    let config = LayerDistances::new(11);
    let expected = config.fit_in(&states, Tokens::Rows, &cx).unwrap().mean;
    let refused = refused_batches(
        || {
            let mut stream = config.start(24).unwrap();
            stream.begin_batch(Tokens::Rows).unwrap();
            states.iter().for_each(|state| stream.push_layer(*state).unwrap());
            stream
        },
        |stream| stream.end_batch(&cx),
        |stream| assert_eq!(stream.samples(), 0),
        |stream| assert!(Bits(stream.finish().unwrap().mean) == Bits(expected.clone())),
    );
    assert!(refused > 3);
}

/// Calls `end` on what `open` makes with every allocation refused in turn, and then again with
/// memory; how often it was refused.
fn refused_batches<S>(
    open: impl Fn() -> S,
    end: impl Fn(&mut S) -> pauca::Result<()>,
    unchanged: impl Fn(&S),
    whole: impl Fn(&S),
) -> i64 {
    for n in 0.. {
        let mut stream = open();
        let (result, refused) = refuse_from(n, true, || end(&mut stream));
        if refused == 0 {
            return n;
        }
        assert!(matches!(result, Err(Error::OutOfMemory { .. })), "allocation {n}");
        unchanged(&stream);
        end(&mut stream).unwrap();
        whole(&stream);
    }
    unreachable!()
}

#[test]
fn refused_memory_is_an_error_for_cka() {
    use pauca::layers::{CkaPath, LayerCka, Tokens};
    let data = rows();
    let other = data.mapv(|v| (v * 0.37).sin());
    let (x, y) = (data.view(), other.view());
    let part = |from: usize, to: usize| -> Vec<Rows<'_>> {
        let of = |l: usize| if l.is_multiple_of(2) { x } else { y };
        (0..8).map(|l| Rows::F32(of(l).slice_move(ndarray::s![from..to, ..]))).collect()
    };
    // One block for the sums over features and a rest; four tiles.
    let (states, left, right) = (part(0, 200), part(0, 60), part(60, 200));
    let cx = serial();
    for &path in CkaPath::ALL {
        let config = LayerCka::new(&[24; 8]).unwrap().path(path);
        every_refusal("cka", || config.fit_in(&states, Tokens::Rows, &cx));
        let mut shard = config.start().unwrap();
        shard.push(&right, Tokens::Rows, &cx).unwrap();
        every_refusal("cka, merged", || {
            let mut whole = config.start()?;
            whole.push(&left, Tokens::Rows, &cx)?;
            whole.merge(&shard, &cx)?;
            // And into an empty one.
            let mut copy = config.start()?;
            copy.merge(&whole, &cx)?;
            copy.finish(&cx)
        });
    }
    // The list of widths is the caller's, as long as there are states.
    let narrow: Vec<Rows> = (0..70).map(|_| Rows::F32(data.slice(ndarray::s![..50, ..3]))).collect();
    every_refusal("cka of many states", || LayerCka::new(&[3; 70])?.fit_in(&narrow, Tokens::Rows, &cx));
}

/// Whichever of its allocations is refused, a batch can be closed again and a shard merged again, and all that
/// follows has the bits of a stream that nothing was refused. 340 rows more are three blocks for the sums.
#[test]
fn a_refused_batch_of_cka_can_be_pushed_again() {
    use pauca::layers::{CkaPath, CkaStream, LayerCka, Tokens};
    let data = rows();
    let part = |from: usize, to: usize| vec![Rows::F32(data.slice(ndarray::s![from..to, ..])); 8];
    let (left, right, more) = (part(0, 60), part(60, 400), part(100, 150));
    let cx = serial();
    for &path in CkaPath::ALL {
        let config = LayerCka::new(&[24; 8]).unwrap().path(path);
        let started = || {
            let mut stream = config.start().unwrap();
            stream.push(&left, Tokens::Rows, &cx).unwrap();
            stream
        };
        let finished = |stream: &CkaStream| {
            assert_eq!(stream.samples(), 400);
            let mut stream = stream.clone();
            stream.push(&more, Tokens::Rows, &cx).unwrap();
            stream.finish(&cx).unwrap()
        };
        let mut expected = started();
        expected.push(&right, Tokens::Rows, &cx).unwrap();
        let expected = finished(&expected);
        let refused = refused_batches(
            || {
                let mut stream = started();
                stream.begin_batch(Tokens::Rows).unwrap();
                right.iter().for_each(|state| stream.push_layer(*state).unwrap());
                stream
            },
            |stream| stream.end_batch(&cx),
            |stream| assert_eq!(stream.samples(), 60),
            |stream| assert!(finished(stream) == expected, "{path:?}"),
        );
        assert!(refused > 3, "{path:?}: {refused}");
        let mut shard = config.start().unwrap();
        shard.push(&right, Tokens::Rows, &cx).unwrap();
        let mut expected = started();
        expected.merge(&shard, &cx).unwrap();
        let expected = finished(&expected);
        let refused = refused_batches(
            started,
            |stream| stream.merge(&shard, &cx),
            |stream| assert_eq!(stream.samples(), 60),
            |stream| assert!(finished(stream) == expected, "{path:?}, merged"),
        );
        assert!(refused > 3, "{path:?}, merged: {refused}");
    }
}

/// A number of all values, by their bits, made without memory.
fn digest<'v, T: pauca::Real>(values: impl IntoIterator<Item = &'v T>) -> u64 {
    values.into_iter().fold(0, |h: u64, v| h.rotate_left(5) ^ v.to_f64().to_bits())
}

/// The rows of [`rows`] and more, scaled to about 1.
fn latents<T: pauca::Real>(n: usize, d: usize, seed: usize) -> Array2<T> {
    let value = |(i, j)| ((i * 31 + j * 17 + i * j + seed * 7) % 97) as f64 / 48.0 - 1.0;
    Array2::from_shape_fn((n, d), |at| T::from_f64(value(at)))
}
