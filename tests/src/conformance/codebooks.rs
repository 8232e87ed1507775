//! Codebooks: ids, losses, composites, statistics, first codes.

use ndarray::{Array2, ArrayView2};
use pauca::backend::Backend;
use pauca::vq::{
    CodeStats, MASKED, ProductQuantizer, Quantized, Reduction, ResidualQuantizer, VectorQuantizer,
    kmeans_codes_on,
};
use pauca::{Context, Control, Metric};
use pauca_reference::fsum::fsum;
use pauca_reference::vq as reference;

use super::kmeans::EXECUTORS;
use super::search::{metric, rows_nearby};
use crate::agree::{array_bits, bits, row_bits, unsigned};
use crate::layout::{Layout, Stored, array};
use crate::problem::{Problem, Start};
use crate::subject::Subject;

/// Latents, the rows of them that count, and the mask that says so; the others hold NaN.
struct Latents {
    stored: Array2<f32>,
    valid: Vec<usize>,
    mask: Option<Vec<bool>>,
}

impl Latents {
    fn view(&self) -> ArrayView2<'_, f32> {
        self.stored.view()
    }

    fn mask(&self) -> Option<&[bool]> {
        self.mask.as_deref()
    }
}

/// The rows of the problem, of which at least `least` count.
fn some_latents(p: &mut Problem, least: usize) -> Latents {
    let n = p.x.len();
    let mut mask = p.rng.chance(0.5).then(|| vec![true; n]);
    let mut stored = array(&p.x);
    if let Some(mask) = &mut mask {
        let left_out = p.rng.below(n - least + 1);
        for i in p.rng.permutation(n).into_iter().take(left_out) {
            mask[i] = false;
            stored.row_mut(i).fill(f32::NAN);
        }
    }
    let valid = (0..n).filter(|&i| mask.as_ref().is_none_or(|m| m[i])).collect();
    Latents { stored, valid, mask }
}

fn wide(row: &[f32]) -> Vec<f64> {
    row.iter().map(|v| *v as f64).collect()
}

fn all_wide(rows: &[Vec<f32>]) -> Vec<Vec<f64>> {
    rows.iter().map(|row| wide(row)).collect()
}

/// Sums of squares of rows as large stay numbers of f32, and so do differences.
fn tame(p: &mut Problem) {
    p.x.iter_mut().flatten().for_each(|v| *v = v.clamp(-1e30, 1e30));
}

pub fn assignment_is_the_definition<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (z, count) = (some_latents(p, 0), 1 + p.rng.below(40));
    let codes = rows_nearby(p, count);
    let vq = VectorQuantizer::new().metric(metric(p));
    let found = vq.assign_on(&s.backend, z.view(), array(&codes).view(), z.mask(), &s.cx).unwrap();
    assert_eq!(found.search.rows, z.valid.len() as u64);
    let codes = all_wide(&codes);
    for i in 0..p.x.len() {
        if z.valid.contains(&i) {
            let (id, distance) = reference::nearest(&wide(&p.x[i]), &codes, p.spherical);
            assert_eq!((found.ids[i], found.distances[i].to_bits()), (id, distance.to_bits()), "row {i}");
        } else {
            assert!(found.ids[i] == MASKED && found.distances[i].is_nan());
        }
    }
}

const REDUCTIONS: [(Reduction, reference::Per); 3] = [
    (Reduction::MeanElements, reference::Per::Element),
    (Reduction::MeanRows, reference::Per::Row),
    (Reduction::Sum, reference::Per::All),
];

/// Rows as losses see them: of unit length under cosine.
fn projected(p: &Problem, row: &[f32]) -> Vec<f64> {
    if p.spherical { reference::unit(&wide(row), true) } else { wide(row) }
}

/// Output, codebook loss and commitment, to the bit.
pub fn a_step_equals_the_reference<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (z, count) = (some_latents(p, 0), 1 + p.rng.below(20));
    let codes = rows_nearby(p, count);
    let (reduction, per) = p.rng.pick(&REDUCTIONS);
    let vq =
        VectorQuantizer::new().metric(metric(p)).reduction(reduction).commitment(0.3).codebook_weight(0.7);
    let step = vq.forward_on(&s.backend, z.view(), array(&codes).view(), z.mask(), &s.cx).unwrap();
    let of = |i: usize| reference::nearest(&wide(&p.x[i]), &all_wide(&codes), p.spherical).0;
    let ids: Vec<u32> = (0..p.x.len()).map(|i| if z.valid.contains(&i) { of(i) } else { MASKED }).collect();
    assert_eq!((step.ids.to_vec(), step.valid), (ids.clone(), z.valid.len()));
    let quantized = |i: usize| match ids[i] {
        MASKED => vec![0.0; p.x[0].len()],
        id => projected(p, &codes[id as usize]).into_iter().map(|v| v as f32).collect::<Vec<_>>(),
    };
    assert_eq!(array_bits(&step.quantized), row_bits(&(0..p.x.len()).map(quantized).collect::<Vec<_>>()));
    let t: Vec<Vec<f64>> = z.valid.iter().map(|&i| projected(p, &p.x[i])).collect();
    let q: Vec<Vec<f64>> = z.valid.iter().map(|&i| projected(p, &codes[ids[i] as usize])).collect();
    let mean = reference::mean_square(&t, &q, per);
    assert_eq!(step.losses.codebook.to_bits(), (0.7 * mean).to_bits());
    assert_eq!(step.losses.commitment.to_bits(), (0.3 * mean).to_bits());
    assert_eq!(step.losses.total.to_bits(), (0.7 * mean + 0.3 * mean).to_bits());
}

/// Every stage has the codes nearest to what the stages before it left, rounded to f32.
pub fn residual_stages_quantize_what_is_left<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    tame(p);
    let z = some_latents(p, 0);
    let books: Vec<Vec<Vec<f32>>> = [1.0f32, 0.5, 0.125]
        .map(|scale| {
            let count = 1 + p.rng.below(9);
            let mut book = rows_nearby(p, count);
            book.iter_mut().flatten().for_each(|v| *v *= scale);
            book
        })
        .into();
    let stored: Vec<Array2<f32>> = books.iter().map(|book| array(book)).collect();
    let views: Vec<_> = stored.iter().map(|book| book.view()).collect();
    let rvq = ResidualQuantizer::new(VectorQuantizer::new().commitment(0.5));
    let step = rvq.forward_on(&s.backend, z.view(), &views, z.mask(), &s.cx).unwrap();
    let mut left = p.x.clone();
    let mut sum = vec![vec![0.0f32; p.x[0].len()]; p.x.len()];
    let mut codebook = 0.0;
    for (book, stage) in books.iter().zip(&step.stages) {
        let (mut t, mut q) = (Vec::new(), Vec::new());
        for &i in &z.valid {
            let id = reference::nearest(&wide(&left[i]), &all_wide(book), false).0;
            assert_eq!(stage.ids[i], id, "row {i}");
            let code = &book[id as usize];
            t.push(wide(&left[i]));
            q.push(wide(code));
            for (j, v) in code.iter().enumerate() {
                left[i][j] = (left[i][j] as f64 - *v as f64) as f32;
                sum[i][j] = (sum[i][j] as f64 + *v as f64) as f32;
            }
        }
        codebook += reference::mean_square(&t, &q, reference::Per::Element);
    }
    assert_eq!(array_bits(&step.quantized), row_bits(&sum));
    assert_eq!(step.losses.codebook.to_bits(), codebook.to_bits());
    assert!((0..p.x.len()).all(|i| z.valid.contains(&i) || step.stages.iter().all(|s| s.ids[i] == MASKED)));
}

/// Groups of columns, each with a codebook of its own.
pub fn product_groups_quantize_their_columns<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let z = some_latents(p, 0);
    let d = p.x[0].len();
    let mut ends: Vec<usize> = (0..2).map(|_| 1 + p.rng.below(d)).chain([0, d]).collect();
    ends.sort_unstable();
    ends.dedup();
    let groups: Vec<Problem> = ends
        .windows(2)
        .map(|w| Problem { x: p.x.iter().map(|row| row[w[0]..w[1]].to_vec()).collect(), ..p.clone() })
        .collect();
    let books: Vec<Vec<Vec<f32>>> = groups
        .iter()
        .map(|group| {
            let count = 1 + p.rng.below(9);
            rows_nearby(&mut group.clone(), count)
        })
        .collect();
    let stored: Vec<Array2<f32>> = books.iter().map(|book| array(book)).collect();
    let views: Vec<_> = stored.iter().map(|book| book.view()).collect();
    let pq = ProductQuantizer::new(VectorQuantizer::new().metric(metric(p)));
    let step = pq.forward_on(&s.backend, z.view(), &views, z.mask(), &s.cx).unwrap();
    let mut quantized = vec![Vec::new(); p.x.len()];
    let mut codebook = 0.0;
    for (g, (group, book)) in groups.iter().zip(&books).enumerate() {
        let (mut t, mut q) = (Vec::new(), Vec::new());
        for i in 0..p.x.len() {
            if !z.valid.contains(&i) {
                quantized[i].extend(vec![0.0; group.x[0].len()]);
                assert_eq!(step.groups[g].ids[i], MASKED);
                continue;
            }
            let id = reference::nearest(&wide(&group.x[i]), &all_wide(book), p.spherical).0;
            assert_eq!(step.groups[g].ids[i], id, "group {g}, row {i}");
            let code = projected(p, &book[id as usize]);
            quantized[i].extend(code.iter().map(|v| *v as f32));
            t.push(projected(p, &group.x[i]));
            q.push(code);
        }
        let share = group.x[0].len() as f64 / d as f64;
        codebook += share * reference::mean_square(&t, &q, reference::Per::Element);
    }
    assert_eq!(array_bits(&step.quantized), row_bits(&quantized));
    assert_eq!(step.losses.codebook.to_bits(), codebook.to_bits());
}

/// Counts and sums of the rows of every code, collected in two parts.
pub fn statistics_are_exact_sums<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let z = some_latents(p, 0);
    let (n, d) = z.stored.dim();
    let ids: Vec<u32> =
        (0..n).map(|i| if z.valid.contains(&i) { p.rng.below(p.k) as u32 } else { MASKED }).collect();
    let cut = p.rng.below(n + 1);
    let mut stats = CodeStats::new(p.k, d, metric(p)).unwrap();
    let mut other = CodeStats::new(p.k, d, metric(p)).unwrap();
    let (early, late) = z.view().split_at(ndarray::Axis(0), cut);
    stats.collect_on(&s.backend, early, &ids[..cut], &s.cx).unwrap();
    other.collect_on(&s.backend, late, &ids[cut..], &s.cx).unwrap();
    stats.merge(&other).unwrap();
    for code in 0..p.k {
        let rows: Vec<Vec<f64>> =
            (0..n).filter(|&i| ids[i] as usize == code).map(|i| projected(p, &p.x[i])).collect();
        assert_eq!(stats.count(code), rows.len() as u64);
        for column in 0..d {
            let sum = fsum(&rows.iter().map(|row| row[column]).collect::<Vec<_>>());
            assert_eq!(stats.sum(code, column).to_bits(), sum.to_bits(), "code {code}, column {column}");
        }
    }
}

/// Of the rows that count, by k-means.
pub fn first_codes_are_centroids<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let z = some_latents(p, p.k);
    let x: Vec<Vec<f32>> = z.valid.iter().map(|&i| p.x[i].clone()).collect();
    let valid = Problem { x, weights: None, ..p.clone() };
    let expected = row_bits(&valid.solve().centroids);
    let config = valid.config();
    let found = kmeans_codes_on(&s.backend, &config, z.view(), z.mask(), &s.cx).unwrap();
    assert_eq!(array_bits(&found), expected);
    let double = z.stored.mapv(f64::from);
    let found = kmeans_codes_on(&s.backend, &config, double.view(), z.mask(), &s.cx).unwrap();
    assert_eq!(array_bits(&found.mapv(|v| v as f32)), expected);
    // From rows that are codes already, nothing moves.
    let start = Start::Given(valid.x[..p.k].to_vec());
    let config = Problem { start, max_iter: 0, ..valid.clone() }.config();
    let found = kmeans_codes_on(&s.backend, &config, z.view(), z.mask(), &s.cx).unwrap();
    assert_eq!(array_bits(&found), row_bits(&unsigned(&valid.x[..p.k])));
}

fn assert_same_step(a: &Quantized<f32>, b: &Quantized<f32>) {
    assert_eq!((&a.ids, a.valid, a.losses), (&b.ids, b.valid, b.losses));
    assert_eq!(array_bits(&a.quantized), array_bits(&b.quantized));
    let known = |q: &Quantized<f32>| bits(q.distances.iter().filter(|v| !v.is_nan()));
    assert_eq!(known(a), known(b));
}

pub fn executors_and_layouts_do_not_matter<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (z, count) = (some_latents(p, 0), 1 + p.rng.below(20));
    let codes = rows_nearby(p, count);
    let metric = p.rng.pick(&[Metric::SqEuclidean, Metric::Cosine]);
    let vq = VectorQuantizer::new().metric(metric);
    let stored = array(&codes);
    let expected = vq.forward_on(&s.backend, z.view(), stored.view(), z.mask(), &s.cx).unwrap();
    for exec in EXECUTORS.iter() {
        let cx = Context::new(exec.clone(), Control::new());
        let found = vq.forward_on(&s.backend, z.view(), stored.view(), z.mask(), &cx).unwrap();
        assert_same_step(&found, &expected);
    }
    for layout in Layout::ALL {
        let (x, codes) = (Stored::new(&p.x, layout, f32::NAN), Stored::new(&codes, layout, f32::NAN));
        let found = vq.forward_on(&s.backend, x.view(), codes.view(), z.mask(), &s.cx).unwrap();
        assert_same_step(&found, &expected);
    }
}
