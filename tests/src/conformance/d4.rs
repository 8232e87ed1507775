//! Properties of D4.

use crate::agree::{assert_clusters, assert_same, assert_same_dedup};
use crate::layout::array;
use crate::problem::{Problem, Start};
use crate::subject::Subject;
use pauca::backend::Backend;
use pauca::{
    Blocked, Context, Control, Curated, D4, D4Checkpoint, D4Stage, Init, Order, Prototypes, Rows, Rule,
    SemDedup, Subset,
};
use pauca_reference::prototypes as reference;

use super::kmeans::EXECUTORS;

/// A D4 problem: the configuration, and the same for the reference.
pub fn some_d4(p: &mut Problem) -> (D4, pauca_reference::d4::D4) {
    let mut unit = || (p.rng.below(21) as f64) / 20.0;
    let (a, b) = (unit(), unit());
    let (dedup_keep, keep) = (a.max(b), a.min(b));
    let recluster = 1 + p.rng.below(8);
    p.start = if p.rng.chance(0.5) { Start::PlusPlus } else { Start::Random };
    (p.k, p.weights, p.relocate) = (p.k.min(8), None, true);
    let init = if matches!(p.start, Start::Random) { Init::Random } else { Init::KMeansPlusPlus };
    let config = D4::new()
        .clusters(p.k)
        .recluster(recluster)
        .dedup_keep_fraction(dedup_keep)
        .keep_fraction(keep)
        .seed(p.seed)
        .max_iter(p.max_iter)
        .spherical(p.spherical)
        .init(init);
    (config, pauca_reference::d4::D4 { clustering: p.reference(), recluster, dedup_keep, keep })
}

fn fit<B: Backend>(s: &Subject<B>, config: &D4, x: &[Vec<f32>]) -> pauca::Result<Curated> {
    let x = array(x);
    config.fit_on(&s.backend, &Rows::F32(x.view()), &s.cx)
}

pub fn assert_same_curated(a: &Curated, b: &Curated) {
    assert_same(&a.clusters, &b.clusters);
    assert_same_dedup(&a.dedup, &b.dedup);
    assert_eq!(a.survivors, b.survivors);
    assert_same(&a.reclustered, &b.reclustered);
    assert_eq!(a.keep, b.keep);
}

pub fn equals_the_reference<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (config, reference) = some_d4(p);
    let expected = pauca_reference::d4::d4(&p.x, &reference);
    let found = fit(s, &config, &p.x).unwrap();
    assert_clusters(&found.clusters, &expected.clusters);
    assert_eq!(found.dedup.keep.to_vec(), expected.dedup.keep);
    assert_eq!(found.dedup.epsilon.to_bits(), expected.dedup.epsilon.to_bits());
    assert_eq!(found.dedup.reached, expected.dedup.reached);
    assert_eq!(found.survivors.iter().map(|&i| i as usize).collect::<Vec<_>>(), expected.survivors);
    assert_clusters(&found.reclustered, &expected.reclustered);
    assert_eq!(found.keep.to_vec(), expected.keep);
    assert_eq!(found.kept(), reference::count(reference.keep, p.x.len()).min(expected.survivors.len()));
}

/// The parts by hand; those of D4 itself, and the first two as anybody would call them.
pub fn is_its_parts<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (config, reference) = some_d4(p);
    let found = fit(s, &config, &p.x).unwrap();
    let clusters = s.kmeans(&p.config(), &p.x, None).unwrap();
    assert_same(&found.clusters, &clusters);
    assert_same(
        &found.clusters,
        &s.kmeans(&config.first_clustering(p.x.len()).unwrap(), &p.x, None).unwrap(),
    );
    let x = array(&p.x);
    let dedup = SemDedup::new(Rule::EarlierMax).keep_fraction(reference.dedup_keep).order(Order::Hard);
    let dedup_as_asked = dedup.clone();
    let dedup = dedup.fit_on(&s.backend, &Rows::F32(x.view()), &clusters, &s.cx).unwrap();
    assert_same_dedup(&found.dedup, &dedup);
    assert_eq!(config.deduplication().unwrap(), dedup_as_asked);

    let rest: Vec<Vec<f32>> = (0..p.x.len()).filter(|&i| dedup.keep[i]).map(|i| p.x[i].clone()).collect();
    if rest.is_empty() {
        return;
    }
    let second = config.second_clustering(p.x.len(), rest.len());
    let rows = (0..p.x.len()).filter(|&i| dedup.keep[i]).collect();
    let rest = Subset::new(Rows::F32(x.view()), rows).unwrap();
    assert_same(&found.reclustered, &second.fit_on(&s.backend, &rest, None, &s.cx).unwrap());
    let m = reference::count(reference.keep, p.x.len());
    let mut chosen =
        reference::global(&found.reclustered.distances.to_vec(), m, reference::Drop::Nearest).into_iter();
    for i in 0..p.x.len() {
        assert_eq!(found.keep[i], dedup.keep[i] && chosen.next().unwrap());
    }
}

pub fn is_nested<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (config, reference) = some_d4(p);
    let many = fit(s, &config, &p.x).unwrap();
    let few = fit(s, &config.keep_fraction(reference.keep * p.rng.unit()), &p.x).unwrap();
    for i in 0..p.x.len() {
        assert!(!few.keep[i] || many.keep[i]);
        assert!(!many.keep[i] || many.dedup.keep[i]);
    }
}

pub fn without_dedup_is_prototypes<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (config, reference) = some_d4(p);
    let found = fit(s, &config.dedup_keep_fraction(1.0), &p.x).unwrap();
    assert_eq!(found.survivors.len(), p.x.len());
    let c = &found.reclustered;
    let config = Prototypes::new().keep_fraction(reference.keep);
    let k = c.centroids.nrows();
    let expected = config.select(&c.distances.to_vec(), &c.labels.to_vec(), k).unwrap();
    assert_eq!(found.keep, expected);
}

pub fn without_prototypes_is_dedup<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (config, reference) = some_d4(p);
    let found = fit(s, &config.keep_fraction(reference.dedup_keep), &p.x).unwrap();
    if found.dedup.reached {
        assert_eq!(found.keep, found.dedup.keep);
    }
}

pub fn steps_and_checkpoints_equal_a_run<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    p.max_iter = p.max_iter.min(3);
    let (config, _) = some_d4(p);
    let whole = fit(s, &config, &p.x).unwrap();
    let x = array(&p.x);
    let rows = Rows::F32(x.view());
    let mut run = config.start_on(&s.backend, &rows, &s.cx).unwrap();
    loop {
        let bytes = run.checkpoint().unwrap().to_bytes().unwrap();
        let checkpoint = D4Checkpoint::from_bytes(&bytes).unwrap();
        let mut resumed = config.resume_on(&s.backend, &rows, &checkpoint, &s.cx).unwrap();
        while resumed.step(&s.cx).unwrap() {}
        assert_same_curated(&resumed.finish(&s.cx).unwrap(), &whole);
        assert!(D4Stage::ALL.contains(&run.stage()));
        if !run.step(&s.cx).unwrap() {
            break;
        }
    }
    assert_same_curated(&run.finish(&s.cx).unwrap(), &whole);
}

pub fn block_sizes_and_executors_do_not_matter<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (config, _) = some_d4(p);
    let expected = fit(s, &config, &p.x).unwrap();
    let x = array(&p.x);
    let rows = Rows::F32(x.view());
    for (i, exec) in EXECUTORS.iter().enumerate() {
        let cx = Context::new(exec.clone(), Control::new());
        assert_same_curated(&config.fit_on(&s.backend, &rows, &cx).unwrap(), &expected);
        let blocked = Blocked::new(rows, [1, 3, 7, 16, 40, 100][i % 6]).unwrap();
        assert_same_curated(&config.fit_on(&s.backend, &blocked, &cx).unwrap(), &expected);
    }
}
