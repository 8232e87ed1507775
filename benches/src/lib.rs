//! What the benchmark programs share: a matrix from a .npy file, results to .npy files, the
//! process's own time and memory, and plain command lines.
//!
//! Only little-endian C-order arrays of two dimensions are read, which is what the drivers in
//! `peers/` write.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use half::f16;
use ndarray::{Array2, Axis, s};
use pauca::{IntoRows, Rows};

pub mod random;

/// Anything that ends a benchmark program.
pub type Failure = Box<dyn Error>;

/// Rows as they lie in the file.
pub enum Matrix {
    /// f32 rows.
    F32(Array2<f32>),
    /// f16 rows.
    F16(Array2<f16>),
}

impl Matrix {
    /// Reads a .npy file of f2 or f4, at most `limit` rows of it.
    ///
    /// # Errors
    /// Unreadable files, other types, other orders.
    pub fn read(path: &Path, limit: usize) -> Result<Self, Failure> {
        let bytes = fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let refused = |what: &str| format!("{}: {what}", path.display());
        if bytes.len() < 12 || !bytes.starts_with(b"\x93NUMPY") {
            return Err(refused("not a .npy file").into());
        }
        let (start, length) = match bytes[6] {
            1 => (10, u16::from_le_bytes([bytes[8], bytes[9]]) as usize),
            _ => (12, u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize),
        };
        let header = bytes.get(start..start + length).ok_or_else(|| refused("truncated header"))?;
        let header = std::str::from_utf8(header)?;
        if !header.contains("'fortran_order': False") {
            return Err(refused("not in C order").into());
        }
        let shape = header.split_once("'shape': (").and_then(|(_, rest)| rest.split_once(')'));
        let sizes: Vec<usize> = shape
            .ok_or_else(|| refused("no shape"))?
            .0
            .split(',')
            .filter_map(|size| size.trim().parse().ok())
            .collect();
        let &[n, d] = sizes.as_slice() else { return Err(refused("not of two dimensions").into()) };
        let data = &bytes[start + length..];
        let mut matrix = if header.contains("'<f4'") {
            let (values, _) = data.as_chunks();
            Matrix::F32(Array2::from_shape_vec(
                (n, d),
                values.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            )?)
        } else if header.contains("'<f2'") {
            let (values, _) = data.as_chunks();
            Matrix::F16(Array2::from_shape_vec(
                (n, d),
                values.iter().map(|b| f16::from_le_bytes(*b)).collect(),
            )?)
        } else {
            return Err(refused("neither f2 nor f4").into());
        };
        let kept = limit.min(n);
        match &mut matrix {
            Matrix::F32(x) => x.slice_axis_inplace(Axis(0), (0..kept).into()),
            Matrix::F16(x) => x.slice_axis_inplace(Axis(0), (0..kept).into()),
        }
        Ok(matrix)
    }

    /// The rows for the library.
    ///
    /// # Errors
    /// None for a matrix that was read.
    pub fn rows(&self) -> pauca::Result<Rows<'_>> {
        match self {
            Matrix::F32(x) => x.into_rows(),
            Matrix::F16(x) => x.into_rows(),
        }
    }

    /// The rows widened to f32.
    pub fn widened(&self) -> Array2<f32> {
        match self {
            Matrix::F32(x) => x.slice(s![.., ..]).to_owned(),
            Matrix::F16(x) => x.mapv(f16::to_f32),
        }
    }
}

/// Writes a .npy file of version 1; `kind` is NumPy's name of the type, such as `<f4`.
///
/// # Errors
/// What the file system says.
pub fn write_npy(path: &Path, kind: &str, shape: &[usize], data: &[u8]) -> Result<(), Failure> {
    let sizes: String = shape.iter().map(|size| format!("{size},")).collect();
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({sizes}), }}");
    let padding = (64 - (10 + header.len() + 1) % 64) % 64;
    header.extend(std::iter::repeat_n(' ', padding));
    header.push('\n');
    let mut file = fs::File::create(path).map_err(|e| format!("{}: {e}", path.display()))?;
    file.write_all(b"\x93NUMPY\x01\x00")?;
    file.write_all(&u16::try_from(header.len())?.to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    Ok(file.write_all(data)?)
}

/// Wall time, processor time and memory of one piece of work of this process.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Seconds on the wall.
    pub wall: f64,
    /// Seconds of all threads, user and system; NaN where /proc does not say.
    pub cpu: f64,
    /// Largest resident memory during the work minus that before it, MB; NaN where /proc does not
    /// say.
    pub extra_mb: f64,
}

/// Runs `work` and measures it.
pub fn measure<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let clock = Clock::start();
    let result = work();
    (result, clock.cost())
}

/// What a piece of work is measured against.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Instant,
    cpu: f64,
    memory: f64,
    forgotten: bool,
}

impl Clock {
    /// From now on.
    pub fn start() -> Self {
        // Makes the kernel forget the largest resident size so far.
        let forgotten = fs::write("/proc/self/clear_refs", "5").is_ok();
        Self { memory: status("VmRSS:"), cpu: cpu_seconds(), wall: Instant::now(), forgotten }
    }

    /// The cost since the start.
    pub fn cost(&self) -> Cost {
        let wall = self.wall.elapsed().as_secs_f64();
        let peak = if self.forgotten { status("VmHWM:") } else { f64::NAN };
        Cost { wall, cpu: cpu_seconds() - self.cpu, extra_mb: (peak - self.memory) / 1024.0 }
    }
}

fn status(field: &str) -> f64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(field));
    value.and_then(|v| v.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(f64::NAN)
}

/// User and system time in hundredths of a second, the unit in which Linux reports it.
fn cpu_seconds() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (ticks(11) + ticks(12)) / 100.0
}

/// A command line of `--name value` pairs.
pub struct Options(BTreeMap<String, String>);

impl Options {
    /// The arguments of this process; only the names in `known` are accepted.
    ///
    /// # Errors
    /// Unknown names and names without a value.
    pub fn read(known: &[&str]) -> Result<Self, Failure> {
        let mut found = BTreeMap::new();
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let Some(bare) = name.strip_prefix("--").filter(|bare| known.contains(bare)) else {
                return Err(format!("{name}: not one of --{}", known.join(" --")).into());
            };
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            found.insert(bare.to_owned(), value);
        }
        Ok(Self(found))
    }

    /// The value of a name that must be there.
    ///
    /// # Errors
    /// The name is missing.
    pub fn text(&self, name: &str) -> Result<&str, Failure> {
        self.0.get(name).map(String::as_str).ok_or_else(|| format!("--{name} is missing").into())
    }

    /// The number of a name, or `default`.
    ///
    /// # Errors
    /// The value is no such number.
    pub fn number<T: std::str::FromStr>(&self, name: &str, default: T) -> Result<T, Failure> {
        match self.0.get(name) {
            Some(value) => value.parse().map_err(|_| format!("--{name} {value}: not a number").into()),
            None => Ok(default),
        }
    }
}
