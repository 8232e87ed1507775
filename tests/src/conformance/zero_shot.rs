//! Zero-shot classes of texts, and the classes of pictures.

use pauca::alignment::ZeroShot;
use pauca::backend::Backend;
use pauca::{Blocked, Context, Control, Error, Result, Rows};
use pauca_reference::clip_score as reference;
use pauca_reference::truth::Metric;

use super::kmeans::EXECUTORS;
use super::search::rows_nearby;
use crate::agree::{array_bits, row_bits};
use crate::layout::array;
use crate::problem::Problem;
use crate::subject::Subject;

/// Texts with a direction, which are the rows of `p` from then on, and their classes, each of which has some.
fn some_texts(p: &mut Problem) -> Vec<u32> {
    for row in p.x.iter_mut().filter(|row| row.iter().all(|v| *v == 0.0)) {
        row[0] = 1.0;
    }
    let mut class_of: Vec<u32> = p.x.iter().map(|_| p.rng.below(p.k) as u32).collect();
    for (class, i) in p.rng.permutation(p.x.len()).into_iter().take(p.k).enumerate() {
        class_of[i] = class as u32;
    }
    class_of
}

fn classes<B: Backend>(s: &Subject<B>, p: &Problem, class_of: &[u32], cx: &Context) -> Result<ZeroShot> {
    let texts = array(&p.x);
    ZeroShot::from_texts_on(&s.backend, &Rows::F32(texts.view()), class_of, p.k, cx)
}

/// A class whose texts cancel is named.
pub fn classes_equal_the_reference<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let class_of = some_texts(p);
    let expected = reference::classes(&p.x, &class_of, p.k);
    let undirected = expected.iter().position(|class| class.iter().any(|v| v.is_nan()));
    match (classes(s, p, &class_of, &s.cx), undirected) {
        (Ok(found), None) => assert_eq!(array_bits(&found.classes), row_bits(&expected)),
        (Err(Error::ZeroRow { row }), Some(class)) => assert_eq!(row, class as u64),
        (found, class) => panic!("{found:?} {class:?}"),
    }
}

pub fn pictures_get_the_nearest_class<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let class_of = some_texts(p);
    let pictures = rows_nearby(p, 50);
    let Ok(found) = classes(s, p, &class_of, &s.cx) else { return };
    let expected = reference::classes(&p.x, &class_of, p.k);
    let stored = array(&pictures);
    let labels = found.predict_on(&s.backend, &Rows::F32(stored.view()), &s.cx).unwrap();
    for (picture, label) in pictures.iter().zip(labels) {
        assert_eq!(label, Metric::Cosine.nearest(picture, &expected));
    }
}

pub fn block_sizes_and_executors_do_not_matter<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let class_of = some_texts(p);
    let pictures = array(&rows_nearby(p, 20));
    let rows = Rows::F32(pictures.view());
    let Ok(expected) = classes(s, p, &class_of, &s.cx) else { return };
    let labels = expected.predict_on(&s.backend, &rows, &s.cx).unwrap();
    for exec in EXECUTORS.iter() {
        let cx = Context::new(exec.clone(), Control::new());
        assert_eq!(classes(s, p, &class_of, &cx).unwrap(), expected);
        assert_eq!(expected.predict_on(&s.backend, &rows, &cx).unwrap(), labels);
        for block_rows in [1, 7] {
            let blocked = Blocked::new(rows, block_rows).unwrap();
            assert_eq!(expected.predict_on(&s.backend, &blocked, &cx).unwrap(), labels);
        }
    }
}
