//! Blocks of layers and what a pruned network is made of.

use alloc::format;
use alloc::string::String;
use core::fmt;
use core::ops::Range;

use crate::check;
use crate::error::Result;

/// A contiguous block of layers, `start..end` counted from 0. As text it names both countings,
/// since the papers count from 1 and most code from 0.
///
/// ```
/// use pauca::layers::Block;
/// let block = Block::new(20, 25);
/// assert_eq!((block.first_layer(), block.last_layer()), (21, 25));
/// assert_eq!(block.to_string(), "layers 21 to 25, counted from 1 (20 to 24 from 0)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Block {
    /// First layer of the block, counted from 0.
    pub start: usize,
    /// First layer after the block, counted from 0.
    pub end: usize,
}

impl Block {
    /// The layers `start..end`, counted from 0; empty where `end <= start`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end: end.max(start) }
    }

    /// Number of layers.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The layers, counted from 0.
    pub fn layers(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The first layer, counted from 1.
    pub fn first_layer(&self) -> usize {
        self.start + 1
    }

    /// The last layer (inclusive), counted from 1; one less than the first for an empty block.
    pub fn last_layer(&self) -> usize {
        self.end
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, end } = *self;
        match self.len() {
            0 => write!(f, "no layer"),
            1 => write!(f, "layer {end}, counted from 1 ({start} from 0)"),
            _ => write!(f, "layers {} to {end}, counted from 1 ({start} to {} from 0)", start + 1, end - 1),
        }
    }
}

/// A block and the mean distance between its input and its output.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Choice {
    /// The block.
    pub block: Block,
    /// d(start, len).
    pub distance: f64,
}

/// Layers that stay whatever the distances say. By default the last one: in the paper, blocks
/// with it are among the most distant for every model and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Keep {
    /// Layers at the input that stay.
    pub first: usize,
    /// Layers at the output that stay.
    pub last: usize,
}

impl Default for Keep {
    fn default() -> Self {
        Self { first: 0, last: 1 }
    }
}

impl Keep {
    /// The layers that may go.
    pub(crate) fn free(&self, n_layers: usize) -> Range<usize> {
        let start = self.first.min(n_layers);
        start..n_layers.saturating_sub(self.last).max(start)
    }
}

/// The simple heuristic: the deepest `n` layers but the last, which always stays.
///
/// The paper says "(L - n) to (L - 1) inclusive", *counted from 1*; counted from 0, as in its
/// equations 1 and 2, the same words would drop the last layer. *Source*: Gromov et al. 2024,
/// section 3.2, who heal the network after it.
///
/// # Errors
/// [`InvalidParameter`](crate::Error::InvalidParameter) for n > L - 1.
///
/// ```
/// let block = pauca::layers::deepest(32, 9)?;
/// assert_eq!((block.first_layer(), block.last_layer()), (23, 31));
/// assert_eq!(block.layers(), 22..31);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn deepest(n_layers: usize, n: usize) -> Result<Block> {
    check::parameter("n", n as f64, "at most L - 1", n < n_layers)?;
    Ok(Block::new(n_layers - 1 - n, n_layers - 1))
}

/// A mergekit configuration (merge method `passthrough`) that keeps all layers but `dropped`,
/// which are counted from 0, in any order. `dtype`, such as `bfloat16`, is left out when empty.
///
/// # Errors
/// [`InvalidParameter`](crate::Error::InvalidParameter) for a layer that does not exist,
/// [`Empty`](crate::Error::Empty) when no layer is
/// left.
///
/// ```
/// let yaml = pauca::layers::mergekit(30, &[20, 21, 22], "org/model", "float16")?;
/// assert!(yaml.contains("layer_range: [0, 20]") && yaml.contains("layer_range: [23, 30]"));
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn mergekit(n_layers: usize, dropped: &[usize], model: &str, dtype: &str) -> Result<String> {
    for &layer in dropped {
        check::parameter("dropped layer", layer as f64, "below the number of layers", layer < n_layers)?;
    }
    let mut yaml = String::from("slices:\n");
    let mut start = 0;
    let mut any = false;
    while start < n_layers {
        let end = (start..n_layers).find(|layer| dropped.contains(layer)).unwrap_or(n_layers);
        if end > start {
            any = true;
            let model = quoted(model);
            yaml += &format!("  - sources:\n      - model: {model}\n        layer_range: [{start}, {end}]\n");
        }
        start = end + 1;
    }
    check::not_empty("the pruned network", usize::from(any))?;
    yaml += "merge_method: passthrough\n";
    if !dtype.is_empty() {
        yaml += &format!("dtype: {}\n", quoted(dtype));
    }
    Ok(yaml)
}

/// A YAML double-quoted scalar.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out += &format!("\\U{:08x}", c as u32),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
