//! Every state of the library with hostile numbers and a right checksum: refused, or used without a panic and in
//! bounded time.

use ndarray::{Array3, array};
use pauca::alignment::{InfoNce, InfoNceTotals, SoftmaxRows};
use pauca::causal::{AdamW, Batch, Crt, Predictor, RidgeGram, Schedule, Trainer, Transformer, Window};
use pauca::corruption::{Scip, ScipRows};
use pauca::exact::Sums;
use pauca::layers::{LayerDistances, LayerStream, Quantiles, Tokens};
use pauca::memorization::{Curve, Hits, LogitScan, LogitSpread, Memorized, TagCounts, UnitLengths};
use pauca::quality::{Pooling, QualityPruning, Scores, SubsetPerplexity};
use pauca::tokens::{NGrams, PositionNGrams};
use pauca::vq::{CodeStats, Ema, EmaCodebook, PositionUsage, Usage};
use pauca::{Checkpoint, Context, Cpu, D4, D4Checkpoint, Error, IntoRows, KMeans, Metric};
use pauca_tests::states::forge;

/// Results of use are not looked at: an error is as good as a value.
fn used<T>(_: T) {}

#[test]
fn forged_counts_of_memorization_are_refused_or_harmless() {
    let hits = || Hits::from_ids(&[5, 1, 7, 2], &[5, 1, 3, 2], Some(&[true, false, true, true]), 10).unwrap();
    forge(hits().to_bytes().unwrap(), Hits::from_bytes, |hits, _| {
        let count = hits.count();
        assert!(count.hits <= count.total && count.total as usize <= hits.len());
    });
    let mut curve = Curve::new();
    for time in [1, 2, 5] {
        curve.push(time, Memorized { hits: time, total: 9 }).unwrap();
    }
    let read = forge(curve.to_bytes().unwrap(), Curve::from_bytes, |mut one, two| {
        (0..3).for_each(|_| used(one.merge(&two)));
        used((one.fractions(), one.first_reach(0.5)));
    });
    assert!(read > 0);
    let mut units = UnitLengths::new();
    units.push(&hits(), &[2, 4]).unwrap();
    forge(units.to_bytes().unwrap(), UnitLengths::from_bytes, |mut one, two| {
        (0..3).for_each(|_| used(one.merge(&two)));
        used(one.push(&Hits::from_bits(&[0xff], 8).unwrap(), &[8]));
        let found = one.finish().unwrap();
        assert!(found.runs <= found.hits);
    });
    for predicted in [None, Some(&[0u8, 1, 1, 0][..])] {
        let mut tags = TagCounts::new(2).unwrap();
        tags.push(&hits(), &[0, 1, 0, 1], predicted).unwrap();
        forge(tags.to_bytes().unwrap(), TagCounts::from_bytes, |mut one, two| {
            (0..3).for_each(|_| used(one.merge(&two)));
            let hits = Hits::from_bits(&[0xff], 8).unwrap();
            used((one.push(&hits, &[0; 8], None), one.push(&hits, &[1; 8], Some(&[1; 8]))));
            used(one.ratios());
        });
    }
}

#[test]
fn forged_scans_of_logits_are_refused_or_harmless() {
    let x = array![[0.0f32, 3.0, -2.0, 3.0], [1.0, f32::NEG_INFINITY, -1e9, 0.5], [0.0, 0.0, 9.0, 1.0]];
    let mut scan = LogitScan::new(&[1, 2, u32::MAX], 4).unwrap();
    let part = |from: usize, to: usize| x.slice(ndarray::s![.., from..to]);
    scan.push(0, &part(0, 1)).unwrap();
    scan.push(2, &part(2, 3)).unwrap();
    let work = |mut one: LogitScan, two: LogitScan| {
        let tile = array![[0.5f32], [1048576.0], [0.0]];
        used((0..4).map(|first| one.push(first, &tile)).filter(Result::is_ok).count());
        used((one.merge(&two), one.finish(), two.finish()));
    };
    let read = forge(scan.to_bytes().unwrap(), LogitScan::from_bytes, work);
    assert!(read > 0);
    scan.push(1, &part(1, 2)).unwrap();
    scan.push(3, &part(3, 4)).unwrap();
    forge(scan.to_bytes().unwrap(), LogitScan::from_bytes, work);

    let scores = scan.finish().unwrap();
    let work = |mut one: LogitSpread, two: LogitSpread| {
        let tile = array![[0.5f32], [-3.0], [0.0]];
        used((one.push(0, &tile), one.push(3, &tile)));
        used((one.merge(&two), one.finish(), two.finish()));
    };
    let mut spread = LogitSpread::new(&scores).unwrap();
    spread.push(0, &part(0, 2)).unwrap();
    assert!(forge(spread.to_bytes().unwrap(), LogitSpread::from_bytes, work) > 0);
    spread.push(2, &part(2, 4)).unwrap();
    forge(spread.to_bytes().unwrap(), LogitSpread::from_bytes, work);
}

#[test]
fn forged_counts_of_tokens_are_refused_or_harmless() {
    for (k, context) in [(3, 2), (1, 1)] {
        let mut grams = NGrams::new(k, context).unwrap();
        grams.add(&[0, 1, 2, 0, 1, 2, 0].map(|id| id % k as u32)).unwrap();
        forge(grams.to_bytes().unwrap(), NGrams::from_bytes, |mut one, two| {
            (0..3).for_each(|_| used(one.merge(&two)));
            used(one.add(&[0, 0, 0, 0]));
            for n in [0, 1, one.context()] {
                used((one.conditional_entropy(n), one.held_out(n, &two, 0.5)));
            }
            used(one.pooled_bits_per_item(5));
        });
    }
    let mut grams = PositionNGrams::new(3, 3, 1).unwrap();
    grams.add(&[0, 1, 2, 0, 1, 1]).unwrap();
    forge(grams.to_bytes().unwrap(), PositionNGrams::from_bytes, |mut one, two| {
        (0..3).for_each(|_| used(one.merge(&two)));
        used(one.add(&[0, 0, 0]));
        used((one.entropies(1), one.bits_per_item()));
    });
    let mut usage = Usage::new(4).unwrap();
    usage.add(&[0, 0, 3]).unwrap();
    forge(usage.to_bytes().unwrap(), Usage::from_bytes, |mut one, two| {
        (0..3).for_each(|_| used(one.merge(&two)));
        used(one.add(&[0; 9]));
        used((one.total(), one.perplexity(), one.gini(), one.dead()));
    });
    let mut usage = PositionUsage::new(2, 3).unwrap();
    usage.add(&[0, 2, 0, 1]).unwrap();
    forge(usage.to_bytes().unwrap(), PositionUsage::from_bytes, |mut one, two| {
        (0..3).for_each(|_| used(one.merge(&two)));
        used(one.add(&vec![0; one.positions()]));
        used((one.perplexities(), one.overall().map(|all| all.total())));
    });
}

/// Two sequences of four latents of two values.
fn latents<T: pauca::Real>() -> Array3<T> {
    Array3::from_shape_fn((2, 4, 2), |(b, t, d)| T::from_f64((b + 2 * t + d * t) as f64 / 8.0 - 0.5))
}

fn trainer<T: pauca::Real>(predictor: Predictor<T>) -> Trainer<T> {
    let mut trainer = Trainer::new(predictor, Crt::new(), Schedule::new().warm(4));
    let z = latents::<T>();
    (0..2).for_each(|_| used(trainer.step(&Batch::new(z.view()), &Context::default()).unwrap()));
    trainer
}

fn train<T: pauca::Real>(mut one: Trainer<T>, _: Trainer<T>) {
    let z = latents::<T>();
    let batch = Batch::new(z.view());
    used(one.predictor().predict(&batch, &Context::default()));
    (0..2).for_each(|_| used(one.step(&batch, &Context::default())));
}

#[test]
fn forged_trainings_are_refused_or_harmless() {
    let window = Predictor::new(Window::mlp(2, 2), 2, 2, 7).unwrap();
    assert!(forge(trainer::<f32>(window).to_bytes().unwrap(), Trainer::<f32>::from_bytes, train) > 0);
    let small = Transformer::new(4).layers(1).width(2).heads(1).hidden(2);
    let transformer = Predictor::new(small, 2, 2, 7).unwrap();
    forge(trainer::<f64>(transformer).to_bytes().unwrap(), Trainer::<f64>::from_bytes, train);
    let predictor = Predictor::<f64>::new(Window::linear(1), 2, 2, 7).unwrap();
    forge(predictor.to_bytes().unwrap(), Predictor::<f64>::from_bytes, |one, _| {
        used(one.predict(&Batch::new(latents().view()), &Context::default()));
    });
    let mut adam = AdamW::<f32>::new(2);
    adam.step(&mut [1.0, 2.0], &[0.5, -0.5]).unwrap();
    forge(adam.to_bytes().unwrap(), AdamW::<f32>::from_bytes, |mut one, _| {
        (0..2).for_each(|_| used(one.step(&mut [1.0, 2.0], &[0.5, f32::MAX])));
    });
    let mut gram = RidgeGram::new(1, 2).unwrap();
    gram.push(&Batch::new(latents::<f64>().view())).unwrap();
    forge(gram.to_bytes().unwrap(), RidgeGram::from_bytes, |mut one, two| {
        (0..3).for_each(|_| used(one.merge(&two)));
        used(one.push(&Batch::new(latents::<f64>().view())));
        used((one.fit(0.0), one.fit(0.5)));
    });
}

#[test]
fn forged_sums_and_checkpoints_are_refused_or_harmless() {
    let x = array![[1.0f32, 2.0], [3.0, -4.0], [0.5, 0.25], [9.0, 1.0]];
    let mut sums = Sums::new(2, 2).unwrap();
    let mut weighted = Sums::weighted(2, 2).unwrap();
    for (i, row) in x.rows().into_iter().enumerate() {
        sums.add_row(i % 2, row.to_slice().unwrap()).unwrap();
        weighted.add_weighted_row(i % 2, row.to_slice().unwrap(), 0.5).unwrap();
    }
    for sums in [sums, weighted] {
        forge(sums.to_bytes().unwrap(), Sums::from_bytes, |mut one, two| {
            (0..3).for_each(|_| used(one.merge(&two)));
            used((one.add_row(0, &[1.0, 2.0]), one.remove(&two)));
            used((0..2).map(|j| one.column_sum(0, j) + one.weight(1)).sum::<f64>());
            used((format!("{one:?}"), one.planes()));
        });
    }
    let codes = array![[0.0f32, 1.0], [4.0, 0.0]];
    forge(
        Ema::new(Metric::SqEuclidean).start(codes.view()).unwrap().to_bytes().unwrap(),
        EmaCodebook::<f32>::from_bytes,
        |mut one, _| {
            let mut stats = CodeStats::new(2, 2, Metric::SqEuclidean).unwrap();
            stats.collect(array![[1.0f32, 1.0]].view(), &[1]).unwrap();
            used((one.update(&stats), one.dead(0.5), one.update(&stats)));
        },
    );
    let (cpu, cx) = (Cpu::new().unwrap(), Context::default());
    let rows = (&x).into_rows().unwrap();
    let run = KMeans::new(2).seed(1).start_on(&cpu, &rows, None, &cx).unwrap();
    forge(run.checkpoint().unwrap().to_bytes().unwrap(), Checkpoint::from_bytes, |one, _| {
        let x = array![[1.0f32, 2.0], [3.0, -4.0], [0.5, 0.25], [9.0, 1.0]];
        let (cpu, cx) = (Cpu::new().unwrap(), Context::default());
        let rows = (&x).into_rows().unwrap();
        let again = KMeans::new(2).seed(1).resume_on(&cpu, &rows, None, &one, &cx);
        used(again.and_then(|mut run| {
            while run.step(&cx)? {}
            run.finish(&cx)
        }));
    });
}

/// The total of four codes fits an i64, as the flat buffers do; one row more does not.
#[test]
fn a_total_of_rows_beyond_the_integers_is_refused() {
    let mut buffer = CodeStats::new(4, 1, Metric::SqEuclidean).unwrap().planes().unwrap();
    buffer[..4].fill(1 << 61);
    buffer[0] -= 1;
    let stats = CodeStats::from_planes(4, 1, Metric::SqEuclidean, &buffer).unwrap();
    assert_eq!(stats.total(), (1 << 63) - 1);
    buffer[0] += 1;
    let found = CodeStats::from_planes(4, 1, Metric::SqEuclidean, &buffer);
    assert!(matches!(found, Err(Error::Corrupt { .. })));
}

#[test]
fn forged_streams_of_layers_are_refused_or_harmless() {
    let states = [array![[1.0f32, 0.5], [2.0, 1.0]], array![[0.5f32, 1.0], [2.0, 1.5]]];
    let rows = states.each_ref().map(|state| state.into_rows().unwrap());
    let mut stream = LayerDistances::new(1).start(2).unwrap();
    stream.push(&rows, Tokens::Rows, &Context::default()).unwrap();
    let work = |mut one: LayerStream, two: LayerStream| {
        (0..3).for_each(|_| used(one.merge(&two)));
        used(one.finish());
    };
    assert!(forge(stream.to_bytes().unwrap(), LayerStream::from_bytes, work) > 0);
    let mut stream = LayerDistances::new(1).quantiles(Quantiles::Histogram).start(2).unwrap();
    stream.push(&rows, Tokens::Rows, &Context::default()).unwrap();
    forge(stream.to_bytes().unwrap(), LayerStream::from_bytes, work);
}

#[test]
fn forged_rows_for_scip_are_refused_or_harmless() {
    let mut rows = ScipRows::new(2);
    rows.push(0, &[0, 1, 1], &[0.5, 0.25, 0.125]).unwrap();
    forge(rows.to_bytes().unwrap(), ScipRows::from_bytes, |mut one, two| {
        used((one.finish(&Scip::new()), one.merge(&two)));
        used((one.finish(&Scip::new()), one.push(5, &[0], &[0.5])));
    });
}

#[test]
fn forged_scores_and_rows_are_refused_or_harmless() {
    let mut sums = SubsetPerplexity::new(1, Pooling::Lines).unwrap();
    sums.push(&[true], 3, 2.5).unwrap();
    sums.push(&[false], 2, 0.1).unwrap();
    forge(sums.to_bytes().unwrap(), SubsetPerplexity::from_bytes, |mut one, two| {
        (0..3).for_each(|_| used(one.merge(&two)));
        used((one.push(&[true], 3, 1.0), one.finish()));
    });
    let mut scores = Scores::new();
    scores.push(3, Some(0.5), 10).unwrap();
    scores.push(4, None, 0).unwrap();
    forge(scores.to_bytes().unwrap(), Scores::from_bytes, |one, _| used(one.finish(&QualityPruning::new())));
    let rows = SoftmaxRows::new(2).unwrap();
    forge(rows.to_bytes().unwrap(), SoftmaxRows::from_bytes, |mut one, two| {
        used((one.merge(&two), InfoNce::new().totals(&one, &two).and_then(|totals| totals.value())));
    });
    let totals = InfoNce::new().totals(&rows, &rows).unwrap();
    forge(totals.to_bytes().unwrap(), InfoNceTotals::from_bytes, |mut one, two| {
        (0..3).for_each(|_| used(one.merge(&two)));
        used(one.value());
    });
    let x = array![[1.0f32, 2.0], [3.0, -4.0], [0.5, 0.25], [9.0, 1.0]];
    let (cpu, cx) = (Cpu::new().unwrap(), Context::default());
    let rows = (&x).into_rows().unwrap();
    let run = D4::new().clusters(2).start_on(&cpu, &rows, &cx).unwrap();
    forge(run.checkpoint().unwrap().to_bytes().unwrap(), D4Checkpoint::from_bytes, |one, _| {
        let x = array![[1.0f32, 2.0], [3.0, -4.0], [0.5, 0.25], [9.0, 1.0]];
        let (cpu, cx) = (Cpu::new().unwrap(), Context::default());
        let rows = (&x).into_rows().unwrap();
        let again = D4::new().clusters(2).resume_on(&cpu, &rows, &one, &cx);
        used(again.and_then(|mut run| {
            while run.step(&cx)? {}
            run.finish(&cx)
        }));
    });
}
