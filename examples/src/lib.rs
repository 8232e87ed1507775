//! The shared part of the programs built on **pauca**: reading embeddings, metadata and pictures,
//! writing results that are complete or absent, progress, checkpoints, plots and pages.
//!
//! | module | job |
//! |---|---|
//! | [`input`] | the one place that opens files: embeddings of many files as one (`.npy`, `.safetensors`, `.parquet`), records aligned by row, pictures |
//! | [`run`] | what a program does around its own work: from its arguments to a finished folder |
//! | [`flags`], [`values`] | flags that mean the same in every program; what their values may be |
//! | [`shipped`] | the data that the programs run on when nothing is named |
//! | [`output`] | an output folder whose files appear together, with their SHA-256; the data set again without what went |
//! | [`machine`] | the processor or a device, as `--backend` asks |
//! | [`checkpoint`] | a stopped run on disk: settings, identity of the input, state of the library |
//! | [`stepping`] | clustering step by step, its state saved between steps |
//! | [`console`] | what is said on a terminal or a pipe, and never ends a run |
//! | [`progress`], [`interrupt`] | what a person or a machine sees; the first and the second Ctrl-C |
//! | [`plots`], [`page`] | SVG plots, and the one self-contained HTML page |
//! | [`failure`] | one line that says what is wrong and where; exit codes |
//! | [`curate`] | the program `curate` |
//! | [`pairs`] | the program `filter-pairs` |
//! | [`prune_layers`] | the program `prune-layers` |
//! | [`prune_code`] | the program `prune-code` |
//! | [`memorization`] | the program `memorization` |
//! | [`score_text`] | the program `score-text` |
//! | [`tokenize`] | the program `tokenize` |
#![deny(unsafe_code)]

pub mod checkpoint;
pub mod console;
pub mod curate;
pub mod failure;
pub mod flags;
pub mod input;
pub mod interrupt;
pub mod machine;
pub mod memorization;
pub mod output;
pub mod page;
pub mod pairs;
pub mod plots;
pub mod progress;
pub mod prune_code;
pub mod prune_layers;
pub mod run;
pub mod score_text;
pub mod shipped;
pub mod stepping;
pub mod tokenize;
pub mod values;
