//! Any split, any order, any executor, through bytes: the same decisions, to the bit.

use pauca::quality::{
    LineFacts, Pooling, Predicate, QualityPruned, QualityPruning, Rules, Scores, Split, SubsetPerplexity,
    Tally, TextQuality, Unit, Weighting,
};
use pauca::{Context, Control, Error, Exec};
use pauca_tests::data::Rng;
use pauca_tests::states::replaced;
use pauca_tests::subject::Backwards;

use super::predicates::some_text;

/// Documents, and a made-up model's likelihood for every line.
fn documents(rng: &mut Rng, n: usize) -> Vec<String> {
    (0..n).map(|_| some_text(rng)).collect()
}

/// Both passes over the documents: perplexities to weights, then scores; `shard` says which shard
/// a document goes to, and the shards are merged in the order given.
fn run(
    texts: &[String],
    shard: &dyn Fn(usize) -> usize,
    order: &[usize],
    pooling: Pooling,
) -> (Vec<u64>, QualityPruned, Tally) {
    let mine = |s: usize| (0..texts.len()).filter(move |d| shard(*d) == s);
    let sums = |s: usize| {
        let mut sums = SubsetPerplexity::new(Predicate::ALL.len(), pooling).unwrap();
        for d in mine(s) {
            for (l, line) in Split::Lines.of(&texts[d]).enumerate() {
                let facts = LineFacts::of(line).unwrap();
                let mut rng = Rng((d * 1000 + l) as u64);
                let nll = facts.tokens as f64 * (1.0 + 4.0 * rng.unit());
                sums.push(&Predicate::ALL.map(|p| p.passes(&facts)), facts.tokens, nll).unwrap();
            }
        }
        // As it would travel.
        SubsetPerplexity::from_bytes(&sums.to_bytes().unwrap()).unwrap()
    };
    let mut all = SubsetPerplexity::new(Predicate::ALL.len(), pooling).unwrap();
    order.iter().for_each(|&s| all.merge(&sums(s)).unwrap());
    let weights = Weighting::new().weights(&all.finish().unwrap()).unwrap();
    let bits = weights.values().iter().map(|w| w.to_bits()).collect();
    let quality = TextQuality::new(weights).no_weight(pauca::quality::NoWeight::Ones);
    let rules = Rules::gopher_quality().and(&Rules::gopher_repetition()).unwrap();
    let (mut gathered, mut tally) = (Scores::new(), Tally::new(&rules).unwrap());
    for &s in order {
        let (mut scores, mut counts) = (Scores::new(), Tally::new(&rules).unwrap());
        for d in mine(s) {
            let found = quality.document(&texts[d]).unwrap();
            scores.push(d as u64, found.score, found.tokens).unwrap();
            counts.push(&rules.judge(&texts[d]).unwrap()).unwrap();
        }
        gathered.merge(&Scores::from_bytes(&scores.to_bytes().unwrap()).unwrap()).unwrap();
        tally.merge(&Tally::from_bytes(&counts.to_bytes().unwrap()).unwrap()).unwrap();
    }
    (bits, gathered.finish(&QualityPruning::new()).unwrap(), tally)
}

fn assert_same(a: &(Vec<u64>, QualityPruned, Tally), b: &(Vec<u64>, QualityPruned, Tally)) {
    assert_eq!(a.0, b.0);
    assert_eq!((&a.1.ids, &a.1.tokens, &a.1.keep), (&b.1.ids, &b.1.tokens, &b.1.keep));
    assert_eq!(a.1.threshold.to_bits(), b.1.threshold.to_bits());
    assert!(a.1.scores.iter().zip(&b.1.scores).all(|(a, b)| a.to_bits() == b.to_bits()));
    assert_eq!(a.2, b.2);
}

#[test]
fn decisions_are_equal_for_1_3_and_8_shards_merged() {
    let mut rng = Rng(41);
    let texts = documents(&mut rng, 120);
    for &pooling in Pooling::ALL {
        let one = run(&texts, &|_| 0, &[0], pooling);
        assert!(one.1.kept() == 72 && one.2.documents == 120);
        for shards in [3, 8] {
            let order = rng.permutation(shards);
            assert_same(&one, &run(&texts, &|d| d % shards, &order, pooling));
            assert_same(&one, &run(&texts, &|d| d * shards / texts.len(), &order, pooling));
        }
    }
}

#[test]
fn executors_do_not_matter() {
    let mut rng = Rng(42);
    let texts = documents(&mut rng, 300);
    let weights =
        pauca::quality::Weights::given(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]).unwrap();
    let quality = TextQuality::new(weights).split(Split::Sentences).unit(Unit::Characters);
    let expected: Vec<_> = texts.iter().map(|text| quality.document(text).unwrap()).collect();
    for exec in [Exec::serial(), Exec::rayon(), Exec::threads(3).unwrap(), Exec::custom(&Backwards)] {
        let cx = Context::new(exec, Control::new());
        assert_eq!(quality.documents(&texts, &cx).unwrap(), expected);
    }
    assert_eq!(quality.documents(&[""; 0], &Context::default()).unwrap(), []);
}

#[test]
fn a_call_stops_when_asked_and_tells_how_far_it_is() {
    let texts = vec!["A line of text."; 5000];
    let quality = TextQuality::new(pauca::quality::Weights::given(&[1.0; 10]).unwrap());
    let stop = || true;
    let cx = Context::new(Exec::serial(), Control::new().stop_when(&stop));
    assert!(matches!(quality.documents(&texts, &cx), Err(Error::Cancelled)));
    let seen = std::cell::RefCell::new(Vec::new());
    let report = |p: &pauca::Progress| seen.borrow_mut().push((p.stage.name(), p.done, p.total));
    let cx = Context::new(Exec::serial(), Control::new().report_to(&report));
    quality.documents(&texts, &cx).unwrap();
    let seen = seen.into_inner();
    assert!(seen.len() > 1 && seen.windows(2).all(|w| w[0].1 < w[1].1));
    assert_eq!(seen.last(), Some(&("score", 5000, 5000)));
}

/// Lines of a large document are shared out, and a long line is scored in pieces: as alone, and stopped on the way.
#[test]
fn a_large_document_scores_as_alone_and_stops_within() {
    let quality = TextQuality::new(pauca::quality::Weights::given(&[1.0; 10]).unwrap());
    let lines: String = (0..20_000).map(|i| format!("A line of text, the {i}th one.\n")).collect();
    let long = lines.replace('\n', " ");
    let wide = long.replace("one", "\u{e9}ine");
    for text in [&lines, &long, &wide, &format!("{lines}{long}\n{lines}")] {
        for exec in [Exec::serial(), Exec::threads(3).unwrap()] {
            let cx = Context::new(exec, Control::new());
            let found = quality.documents(&["", text, "Another."], &cx).unwrap();
            assert_eq!(found[1], quality.document(text).unwrap());
            assert_eq!(found[2], quality.document("Another.").unwrap());
        }
        // Whenever it is asked, it stops: the work goes in pieces.
        let asked = std::cell::Cell::new(0);
        let count = || {
            asked.set(asked.get() + 1);
            false
        };
        quality.documents(&[text], &Context::new(Exec::serial(), Control::new().stop_when(&count))).unwrap();
        let all = asked.get();
        assert!(all >= if std::ptr::eq(text, &lines) { 3 } else { 10 }, "{all} questions");
        for most in 1..all {
            asked.set(0);
            let stop = || {
                asked.set(asked.get() + 1);
                asked.get() >= most
            };
            let cx = Context::new(Exec::serial(), Control::new().stop_when(&stop));
            assert!(matches!(quality.documents(&[text], &cx), Err(Error::Cancelled)));
            assert_eq!(asked.get(), most, "nothing is done after that");
        }
    }
}

#[test]
fn the_first_bad_document_decides_the_error() {
    let quality = TextQuality::new(pauca::quality::Weights::given(&[0.0; 10]).unwrap());
    let found = quality.documents(&["a", "b"], &Context::default());
    assert!(matches!(found, Err(Error::NoInformativeFilter { filters: 10 })));
}

#[test]
fn shards_of_other_kinds_do_not_merge() {
    let mut sums = SubsetPerplexity::new(2, Pooling::Tokens).unwrap();
    let other = SubsetPerplexity::new(3, Pooling::Tokens).unwrap();
    assert!(matches!(sums.merge(&other), Err(Error::Mismatch { .. })));
    let other = SubsetPerplexity::new(2, Pooling::Lines).unwrap();
    assert!(matches!(sums.merge(&other), Err(Error::Mismatch { .. })));
    let mut tally = Tally::new(&Rules::fineweb()).unwrap();
    assert!(matches!(
        tally.merge(&Tally::new(&Rules::gopher_quality()).unwrap()),
        Err(Error::ShapeMismatch { .. })
    ));
    let verdict = Rules::gopher_quality().judge("x").unwrap();
    assert!(matches!(tally.push(&verdict), Err(Error::ShapeMismatch { .. })));
}

/// Not only the same for any split: the same as of one stream that nothing was merged into.
#[test]
fn merged_sums_are_those_of_one_stream() {
    let lines = [(true, 3, 2.5), (false, 4, 0.1), (true, 7, 11.0), (true, 1, 0.5)];
    for &pooling in Pooling::ALL {
        let of = |lines: &[(bool, u64, f64)]| {
            let mut sums = SubsetPerplexity::new(1, pooling).unwrap();
            lines.iter().for_each(|(passes, tokens, nll)| sums.push(&[*passes], *tokens, *nll).unwrap());
            sums
        };
        let whole = of(&lines);
        assert_eq!((whole.lines(), whole.tokens(), whole.passing().collect()), (4, 15, vec![3]));
        for at in 0..=4 {
            let mut merged = of(&lines[..at]);
            merged.merge(&of(&lines[at..])).unwrap();
            assert_eq!(merged, whole, "{pooling:?}, cut at {at}");
        }
    }
}

#[test]
fn too_many_tokens_are_an_error_and_change_nothing() {
    let mut sums = SubsetPerplexity::new(0, Pooling::Tokens).unwrap();
    sums.push(&[], u64::MAX, 1.0).unwrap();
    let before = sums.clone();
    assert!(matches!(sums.push(&[], 1, 1.0), Err(Error::TooLarge { .. })));
    assert!(matches!(sums.merge(&before.clone()), Err(Error::TooLarge { .. })));
    assert_eq!(sums, before);
}

/// Bytes whose checksum is right.
#[test]
fn bytes_that_contradict_themselves_are_errors() {
    let mut sums = SubsetPerplexity::new(1, Pooling::Lines).unwrap();
    sums.push(&[true], 3, 2.5).unwrap();
    sums.push(&[false], 2, 0.1).unwrap();
    let good = sums.to_bytes().unwrap();
    // Magic 8, version 4, pooling (u32), predicates (u64); of each pool lines, tokens, a sum of 312 bytes.
    let (pooling, predicates, lines, tokens) = (12, 16, 24 + 16 + 312, 24 + 16 + 312 + 8);
    let with = |at: usize, new: &[u8]| SubsetPerplexity::from_bytes(&replaced(&good, at, new));
    assert_eq!(with(lines, &1u64.to_le_bytes()).unwrap(), sums);
    let changes = [(predicates, u64::MAX), (predicates, 2), (lines, 3), (tokens, 6), (tokens, 0)];
    for (at, new) in changes {
        let found = with(at, &new.to_le_bytes());
        assert!(matches!(found, Err(Error::Corrupt { .. })), "byte {at}: {new}");
    }
    assert!(matches!(with(pooling, &2u32.to_le_bytes()), Err(Error::Corrupt { .. })));
    let mut scores = Scores::new();
    scores.push(3, Some(0.5), 10).unwrap();
    let good = scores.to_bytes().unwrap();
    // Magic, version, rows; of each row id, score, tokens.
    let (rows, score) = (12, 28);
    let with = |at: usize, new: &[u8]| Scores::from_bytes(&replaced(&good, at, new));
    assert_eq!(with(score, &0.5f64.to_le_bytes()).unwrap().to_bytes().unwrap(), good);
    for bad in [1.5, -0.5, f64::INFINITY] {
        assert!(matches!(with(score, &bad.to_le_bytes()), Err(Error::Corrupt { .. })), "{bad}");
    }
    for bad in [0, 2, u64::MAX] {
        assert!(matches!(with(rows, &bad.to_le_bytes()), Err(Error::Corrupt { .. })), "{bad}");
    }
    // -0.0 is the score 0.0.
    let zero = with(score, &(-0.0f64).to_le_bytes()).unwrap().finish(&QualityPruning::new()).unwrap();
    assert_eq!(zero.scores[0].to_bits(), 0);
}

/// Sums that no lines have: below what so many lines must have, above the whole, of nothing.
#[test]
fn forged_perplexities_are_errors() {
    let mut sums = SubsetPerplexity::new(1, Pooling::Lines).unwrap();
    sums.push(&[true], 3, 2.5).unwrap();
    sums.push(&[false], 2, 0.1).unwrap();
    let good = sums.to_bytes().unwrap();
    let (first, second) = (24, 24 + 16 + 312);
    // The top digit of a sum of 312 bytes ends it.
    let changes: [(usize, &[u8]); 5] = [
        (first, &4u64.to_le_bytes()),
        (second, &[0; 16]),
        (second, &[1; 16]),
        (first + 16, &[0; 312]),
        (second + 16 + 304, &(-1i64).to_le_bytes()),
    ];
    for (at, new) in changes {
        let found = SubsetPerplexity::from_bytes(&replaced(&good, at, new));
        assert!(matches!(found, Err(Error::Corrupt { .. })), "byte {at}: {found:?}");
    }
}

#[test]
fn forged_tallies_are_errors() {
    let rules = Rules::c4_pages();
    let mut tally = Tally::new(&rules).unwrap();
    tally.push(&rules.judge("void main() { }").unwrap()).unwrap();
    tally.push(&rules.judge("One. Two. Three. Four. Five.").unwrap()).unwrap();
    let good = tally.to_bytes().unwrap();
    assert_eq!(Tally::from_bytes(&good).unwrap(), tally);
    // Magic 8, version 4, documents, passed, rules, then how many failed each: 1, 0, 1.
    let [documents, passed, n, failed] = [12, 20, 28, 36];
    let with = |at: usize, new: u64| Tally::from_bytes(&replaced(&good, at, &new.to_le_bytes()));
    for (at, new) in [
        (documents, 1 << 63),
        (documents, 0),
        (documents, 5),
        (passed, 3),
        (passed, 2),
        (n, 2),
        (n, u64::MAX),
        (failed, 2),
    ] {
        let found = with(at, new);
        assert!(matches!(found, Err(Error::Corrupt { .. })), "byte {at}, {new}: {found:?}");
    }
    let mut most = with(documents, (1 << 63) - 1);
    assert!(most.is_err(), "2^63 - 2 documents failed two rules");
    most = Tally::from_bytes(&replaced(
        &replaced(&good, documents, &((1u64 << 63) - 1).to_le_bytes()),
        passed,
        &((1u64 << 63) - 2).to_le_bytes(),
    ));
    let mut most = most.unwrap();
    let before = most.clone();
    let more = most.push(&rules.judge("").unwrap());
    assert!(matches!(more, Err(Error::TooLarge { what: "documents", .. })) && most == before);
    assert!(matches!(most.merge(&tally), Err(Error::TooLarge { what: "documents", .. })) && most == before);
}

#[test]
fn damaged_bytes_are_errors() {
    let mut sums = SubsetPerplexity::new(1, Pooling::Lines).unwrap();
    sums.push(&[true], 3, 2.5).unwrap();
    sums.push(&[false], 2, 0.1).unwrap();
    let good = sums.to_bytes().unwrap();
    assert_eq!(SubsetPerplexity::from_bytes(&good).unwrap(), sums);
    let mut scores = Scores::new();
    scores.push(3, Some(0.5), 10).unwrap();
    scores.push(4, None, 0).unwrap();
    let other = scores.to_bytes().unwrap();
    assert_eq!(Scores::from_bytes(&other).unwrap().to_bytes().unwrap(), other);
    for i in 0..good.len() {
        let mut bad = good.clone();
        bad[i] ^= 1 << (i % 8);
        assert!(matches!(SubsetPerplexity::from_bytes(&bad), Err(Error::Corrupt { .. })));
        assert!(SubsetPerplexity::from_bytes(&good[..i]).is_err());
    }
    for i in 0..other.len() {
        let mut bad = other.clone();
        bad[i] ^= 1 << (i % 8);
        assert!(matches!(Scores::from_bytes(&bad), Err(Error::Corrupt { .. })));
        assert!(Scores::from_bytes(&other[..i]).is_err());
    }
    assert!(Scores::from_bytes(&good).is_err() && SubsetPerplexity::from_bytes(&other).is_err());
}
