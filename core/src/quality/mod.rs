//! Text quality: which lines and documents read like text worth training on, without a model of
//! what "good" means.
//!
//! **The score** (Sharma, Padthe, Ardalani, Tirumala et al. 2024, *Text Quality-Based Pruning for
//! Efficient Training of Language Models*):
//!
//! 1. F yes-or-no predicates are asked of every line ([`Predicate`], or the caller's own matrix).
//! 2. A language model's perplexity is taken on all lines and on the lines that pass predicate i
//!    ([`SubsetPerplexity`]; the model is the caller's).
//! 3. w_i = max(0, (PPL_all - PPL_i) / PPL_all): a predicate counts as far as its lines are
//!    easier to predict ([`Weighting`]).
//! 4. score(line) = sum_i w_i I_i(line) / sum_i w_i, and score(document) = the mean over its
//!    lines, weighted by their tokens ([`TextQuality`]).
//! 5. The documents of the lowest scores go ([`Scores`], [`QualityPruning`]).
//!
//! The paper leaves much of this open; every such choice is an option with a name:
//!
//! | open | option | default |
//! |---|---|---|
//! | what the 14 predicates are | [`Predicate`]: ten that need no parser, defined here; other matrices | all ten |
//! | polarity | every predicate is stored as pass = good; the paper's name is its [`alias`](Predicate::alias) | |
//! | a subset's perplexity | [`Pooling`]: over tokens, or the mean over lines | tokens |
//! | a predicate that no line passes | [`EmptySubset`]: weight 0, or an error | weight 0 |
//! | every weight 0 | [`NoWeight`]: an error, or every line scores 1 | error |
//! | what a line is | [`Split`]: lines, or sentences | lines |
//! | a line's tokens | [`Unit`]: words, pieces between blanks, characters; or the caller's counts | words |
//! | a document without tokens | has no score (`None`, NaN in arrays) and ranks below every other | |
//! | 40 % less of what | [`Share`]: documents, or tokens | documents |
//! | equal scores at the cut | [`Ties`]: the lower id stays, or all of them stay | lower id |
//!
//! **Document rules** ([`Rules`], [`C4`]): the filters of Gopher, C4 and FineWeb, each rule with
//! its measure, its published threshold and its source. A paper and its program cut differently: what is called
//! `released` is the program's, of a version that is named.
//!
//! **Exactness.** Both means are the `f64` *nearest to the exact quotient*: sums without rounding,
//! one rounding at the end. So a line that passes everything scores exactly 1, a document lies
//! between its lines, cutting a line in two equal ones changes nothing, and anybody can check with
//! `float(sum(Fraction(w) * i ...) / sum(Fraction(w) ...))` in Python. Everything is counted in
//! integers or summed exactly, so shards merge without a trace: [`SubsetPerplexity`], [`Scores`]
//! and [`Tally`] give the same bits for any split of the data and any order of merging.
//!
//! **Characters, words, sentences** are those of Unicode Standard Annex 29 (extended grapheme
//! clusters; segments that hold a letter or a digit), by the crate unicode-segmentation, Unicode
//! [`UNICODE_VERSION`]. Case and alphabetic letters are those of the Rust core library.
//!
//! English is assumed by two predicates ([`STOP_WORDS`], "javascript") and by Gopher's and C4's
//! word lists; the others know no language.

mod bytes;
mod c4;
mod line;
mod mean;
mod measures;
mod perplexity;
mod prune;
mod repetition;
mod rules;
mod score;
mod sentences;
mod text;
mod weights;

pub use c4::{C4, Cleaned, LineFault, PageFault};
pub use line::{LineFacts, Predicate, STOP_WORDS};
pub use measures::{GOPHER_STOP_WORDS, Measure, Page};
pub use perplexity::{Perplexities, Pooling, SubsetPerplexity};
pub use prune::{QualityPruned, QualityPruning, Scores, Share, Ties};
pub use rules::{Bound, DocumentRule, Rules, Tally, Verdict};
pub use score::{DocumentScore, TextQuality, doc_scores, line_scores};
pub use text::{Split, Unit};
pub use unicode_segmentation::UNICODE_VERSION;
pub use weights::{EmptySubset, NoWeight, Weighting, Weights};
