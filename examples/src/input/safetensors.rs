//! The `.safetensors` format: a u64 header length, a JSON header, the values.

use safetensors::tensor::{Dtype as Stored, SafeTensors};

use super::{Dtype, Layout, two_dimensions, value_bytes};

/// The longest header that the format allows.
const LONGEST: u64 = 100_000_000;

/// Where the wanted tensor lies in `bytes`: the one named `tensor`, or the only 2-D one.
///
/// # Errors
/// One clause that says what is wrong, to follow the file's name.
pub fn layout(bytes: &[u8], tensor: Option<&str>) -> Result<Layout, String> {
    let Found { name, dtype, shape, start, bytes } = find(bytes, tensor, 2, "[rows, values]")?;
    let (rows, dim) = two_dimensions(&shape).map_err(|what| format!("tensor '{name}' {what}"))?;
    let need = value_bytes(rows, dim, dtype.size())?;
    if bytes != need {
        return Err(format!("tensor '{name}' holds {bytes} bytes, its shape needs {need}"));
    }
    Ok(Layout { dtype, rows, dim, fortran_order: false, start, tensor: Some(name) })
}

/// A tensor of a file.
pub struct Found {
    /// The name of the tensor.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Shape.
    pub shape: Vec<usize>,
    /// Byte at which its values begin.
    pub start: usize,
    /// Bytes of its values.
    pub bytes: usize,
}

/// Finds the tensor named `tensor` in `bytes`, or the only one of so many `dimensions`; `wanted` says what they are.
///
/// # Errors
/// One clause that says what is wrong, to follow the file's name.
pub fn find(bytes: &[u8], tensor: Option<&str>, dimensions: usize, wanted: &str) -> Result<Found, String> {
    let tensors = open(bytes)?;
    let mut names: Vec<&str> = tensors.names();
    names.sort_unstable();
    let name = match tensor {
        Some(name) => name,
        None => {
            let fits = |name: &&&str| tensors.tensor(name).is_ok_and(|t| t.shape().len() == dimensions);
            let candidates: Vec<&str> = names.iter().filter(fits).copied().collect();
            match candidates[..] {
                [one] => one,
                [] => return Err(format!("has no tensor of {wanted} among {}", list(&names))),
                _ => {
                    let names = list(&candidates);
                    return Err(format!("has several tensors of {wanted}; pick one with --tensor: {names}"));
                }
            }
        }
    };
    let view =
        tensors.tensor(name).map_err(|_| format!("has no tensor '{name}'; it has {}", list(&names)))?;
    let dtype = match view.dtype() {
        Stored::F32 => Dtype::F32,
        Stored::F16 => Dtype::F16,
        Stored::BF16 => Dtype::Bf16,
        other => return Err(format!("tensor '{name}' holds {other:?}; F32, F16 or BF16 is needed")),
    };
    Ok(Found {
        name: name.to_string(),
        dtype,
        shape: view.shape().to_vec(),
        start: view.data().as_ptr().addr() - bytes.as_ptr().addr(),
        bytes: view.data().len(),
    })
}

/// The tensors of a whole file.
///
/// # Errors
/// One clause that says what is wrong, to follow the file's name.
pub fn open(bytes: &[u8]) -> Result<SafeTensors<'_>, String> {
    let header = bytes.first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
    if header > LONGEST || bytes.get(8).is_some_and(|first| *first != b'{') {
        return Err("is not a .safetensors file: no header stands at its start".into());
    }
    if bytes.len() < 8 || (bytes.len() as u64 - 8) < header {
        return Err(format!(
            "is truncated inside its header: {header} bytes of it announced, the file has {}",
            bytes.len()
        ));
    }
    SafeTensors::deserialize(bytes).map_err(|e| {
        let (listed, held) = (listed(bytes, header), bytes.len() as u64 - 8 - header);
        match e {
            safetensors::SafeTensorError::MetadataIncompleteBuffer if held > listed => {
                format!(
                    "holds {} bytes after the {listed} bytes of values that its header lists",
                    held - listed
                )
            }
            safetensors::SafeTensorError::MetadataIncompleteBuffer => {
                format!("is truncated: its header lists {listed} bytes of values, the file holds {held}")
            }
            other => format!("is not a valid .safetensors file: {other}"),
        }
    })
}

/// Bytes of values that the header announces.
fn listed(bytes: &[u8], header: u64) -> u64 {
    let header: serde_json::Value =
        serde_json::from_slice(&bytes[8..8 + header as usize]).unwrap_or_default();
    let ends =
        header.as_object().into_iter().flatten().filter_map(|(_, entry)| entry["data_offsets"][1].as_u64());
    ends.max().unwrap_or(0)
}

fn list(names: &[&str]) -> String {
    const SHOWN: usize = 8;
    let mut text: Vec<String> = names.iter().take(SHOWN).map(|name| format!("'{name}'")).collect();
    match names.len() {
        0 => return "no tensors at all".into(),
        n if n > SHOWN => text.push(format!("{} more", n - SHOWN)),
        _ => {}
    }
    text.join(", ")
}
