//! The command line of `prune-layers`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use super::heal::Like;
use crate::flags::Running;
use crate::values::{bytes, positive};

/// Finds the block of layers that a model can best do without, from its hidden states, and drops
/// it.
///
/// Without STATES it runs on states of SmolLM2-135M that ship with the library and writes
/// out/layers.
#[derive(Clone, Debug, Parser)]
#[command(name = "prune-layers", version, max_term_width = 100, after_help = AFTER)]
pub struct Args {
    /// Hidden states, state 0 being the embedding and the last one taken before the final norm:
    /// [samples, layers + 1, values] at the last token of each text, or [sequences, layers + 1, tokens, values].
    /// .npy (f32, f16) or .safetensors (f32, f16, bf16), memory-mapped; files, folders, quoted patterns
    #[arg(value_name = "STATES")]
    pub states: Vec<PathBuf>,

    /// Layers of the model [default: those of --apply]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub layers: Option<usize>,

    /// Which axis of STATES comes first [default: told by the number of layers]
    #[arg(long, value_enum)]
    pub order: Option<Order>,

    /// Of states at all tokens: the last real token of each sequence, or all of them [default: last]
    #[arg(long, value_enum, value_name = "WHICH")]
    pub tokens: Option<Which>,

    /// Real tokens of states at all tokens, [sequences, tokens], .npy [default: the tensor attention_mask or
    /// mask of each .safetensors file; else all]
    #[arg(long, value_name = "FILE")]
    pub mask: Option<PathBuf>,

    /// Also compute linear CKA of all states; keeps the rows in memory, or sums of values squared
    #[arg(long)]
    pub cka: bool,

    /// Layers to drop: writes their mergekit configuration, and with --apply the model
    #[arg(long, value_name = "N")]
    pub drop: Option<usize>,

    /// Which block of that size
    #[arg(long, value_enum, default_value_t = Choose::Nearest)]
    pub choose: Choose,

    /// What is measured between two states
    #[arg(long, value_enum, default_value_t = Measure::Angular)]
    pub metric: Measure,

    /// Layers at the input that stay
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub keep_first: usize,

    /// Layers at the output that stay
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub keep_last: usize,

    /// Measured damage of blocks: CSV of layers,first,damage (first layer counted from 0)
    #[arg(long, value_name = "FILE")]
    pub damage: Option<PathBuf>,

    /// Also write this model without the dropped layers: its folder, the index of its shards, or one
    /// .safetensors file
    #[arg(long, value_name = "MODEL", requires = "drop")]
    pub apply: Option<PathBuf>,

    /// The configuration of that model [default: config.json beside it, where there is one]
    #[arg(long, value_name = "FILE", requires = "apply")]
    pub config: Option<PathBuf>,

    /// Which list of layers, where the model has several, as model.language_model.layers
    #[arg(long, value_name = "KEY", requires = "apply")]
    pub layer_list: Option<String>,

    /// Most bytes of values in a file of the written model [default: as in the model]
    #[arg(long, value_name = "SIZE", requires = "apply", value_parser = bytes)]
    pub shard_size: Option<u64>,

    /// Also take a family of models whose dropped layers nobody compared: its keys alone decide
    #[arg(long, requires = "apply")]
    pub any_family: bool,

    /// Also write heal.json: QLoRA with the settings of the paper for this model
    #[arg(long, value_name = "LIKE", value_enum, requires = "drop")]
    pub heal: Option<Like>,

    /// Name of the model in mergekit's configuration
    #[arg(long, value_name = "NAME", default_value = "model")]
    pub model: String,

    /// Which tensor of a .safetensors file of states
    #[arg(long, value_name = "NAME")]
    pub tensor: Option<String>,

    /// How the run goes.
    #[command(flatten)]
    pub running: Running,
}

const AFTER: &str = "Layers are named with their base: \"layers 21 to 25, counted from 1 (20 to 24 from 0)\". \
The last layer stays unless --keep-last 0 says otherwise.\n\n\
The last of the hidden states that transformers gives comes after the final norm: take the input of the norm instead, \
or the last layer seems to do what the norm does.\n\n\
--apply writes the whole folder of the model: weights, configuration, tokenizer. The configuration is rewritten key by \
key; what cannot be said of fewer layers is refused with the key's name.\n\n\
Exit codes: 0 done, 1 bad data, 2 bad usage, 130 stopped.";

/// Which axis comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Order {
    /// [samples, layers + 1, values]
    Samples,
    /// [layers + 1, samples, values]
    States,
}

/// Which tokens of a sequence are samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// The last real one, which has seen the whole text: the angle of the paper
    Last,
    /// All real ones: the mean of block influence
    All,
}

/// How the block is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Choose {
    /// The block whose input and output are nearest
    Nearest,
    /// The deepest block, but for the last layer
    Deepest,
    /// The layers of least influence, not necessarily side by side
    Influence,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Measure {
    /// The angle, in half turns
    Angular,
    /// 1 - cosine: block influence
    Cosine,
}

impl Measure {
    /// The name of the measure, with its unit.
    pub fn title(self) -> &'static str {
        match self {
            Self::Angular => "angular distance (half turns)",
            Self::Cosine => "1 - cosine",
        }
    }
}
