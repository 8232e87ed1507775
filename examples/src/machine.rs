//! `--backend`: the machine that does the arithmetic of a run. A machine never changes a result.
//!
//! Devices need a build with the feature `wgpu` or `cuda`. Without them only the processor is there, and asking for a device
//! is refused with the reason.

use std::fmt;
use std::str::FromStr;

use pauca::Cpu;

use crate::failure::{Failure, Result};

/// A machine, as it is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// The processor.
    #[default]
    Cpu,
    /// A device by wgpu: this one, or the most capable one.
    Wgpu(Option<usize>),
    /// A device by CUDA: this one, or the first.
    Cuda(Option<usize>),
}

impl FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (name, index) = match text.split_once(':') {
            Some((name, index)) => match index.parse() {
                Ok(index) => (name, Some(index)),
                Err(_) => return Err(format!("{index:?} is no number of a device")),
            },
            None => (text, None),
        };
        match (name, index) {
            ("cpu", None) => Ok(Self::Cpu),
            ("wgpu", index) => Ok(Self::Wgpu(index)),
            ("cuda", index) => Ok(Self::Cuda(index)),
            _ => Err("cpu, wgpu, cuda, or a device such as wgpu:1 is needed".into()),
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, index) = match self {
            Self::Cpu => ("cpu", None),
            Self::Wgpu(index) => ("wgpu", *index),
            Self::Cuda(index) => ("cuda", *index),
        };
        f.write_str(name)?;
        index.map_or(Ok(()), |index| write!(f, ":{index}"))
    }
}

/// A machine that is ready to work: the processor, or a device where the program has them.
#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
pub type Machine = Cpu;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
pub use pauca_gpu::Machine;

/// Opens what is asked for; `cpu` works alone, or beside a device.
///
/// # Errors
/// [`Failure::Usage`] where this program was built without the kind of device, [`Failure::Data`] where this machine has
/// no such device or the device fails its trial.
pub fn open(asked: Asked, cpu: Cpu) -> Result<Machine> {
    let (name, built) = match asked {
        Asked::Cpu => ("cpu", true),
        Asked::Wgpu(_) => ("wgpu", cfg!(feature = "wgpu")),
        Asked::Cuda(_) => ("cuda", cfg!(feature = "cuda")),
    };
    match built {
        true => chosen(asked, cpu),
        false => Err(Failure::usage(format!(
            "--backend {asked}: this program was built without {name}; build it with --features {name}"
        ))),
    }
}

#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
mod kinds {
    use super::{Asked, Cpu, Machine, Result};

    pub fn chosen(_: Asked, cpu: Cpu) -> Result<Machine> {
        Ok(cpu)
    }

    /// The name of a machine for a report: of a device the interface, its number, its kind and its own name.
    pub fn name(_: &Machine) -> String {
        "cpu".into()
    }

    /// The processor of a machine: alone, or beside a device.
    pub fn cpu(machine: &Machine) -> &Cpu {
        machine
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod kinds {
    use pauca_gpu::{Api, Gpu};

    use super::{Asked, Cpu, Failure, Machine, Result};

    pub fn chosen(asked: Asked, cpu: Cpu) -> Result<Machine> {
        let gpu = match asked {
            Asked::Cpu => return Ok(Machine::Cpu(cpu)),
            Asked::Cuda(index) => Gpu::choose(Api::Cuda, index),
            Asked::Wgpu(index) => Gpu::choose(Api::Wgpu, index),
        };
        let gpu = gpu.map_err(|e| Failure::Data(format!("--backend {asked}: {e}")))?;
        Ok(Machine::Gpu(gpu.with_host(cpu)))
    }

    /// The name of a machine for a report: of a device the interface, its number, its kind and its own name.
    pub fn name(machine: &Machine) -> String {
        machine.name()
    }

    /// The processor of a machine: alone, or beside a device.
    pub fn cpu(machine: &Machine) -> &Cpu {
        machine.cpu()
    }
}

use kinds::chosen;
pub use kinds::{cpu, name};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_named_as_they_are_asked_for() {
        for text in ["cpu", "wgpu", "wgpu:0", "cuda", "cuda:11"] {
            assert_eq!(text.parse::<Asked>().unwrap().to_string(), text);
        }
        assert_eq!("wgpu:2".parse(), Ok(Asked::Wgpu(Some(2))));
        for text in ["", "gpu", "cpu:0", "wgpu:", "wgpu:-1", "cuda:x", "CUDA"] {
            assert!(text.parse::<Asked>().is_err(), "{text}");
        }
        assert_eq!("wgpu:x".parse::<Asked>().unwrap_err(), "\"x\" is no number of a device");
    }

    #[test]
    fn a_device_that_is_not_there_is_refused_with_the_reason() {
        let open = |asked| open(asked, Cpu::new().unwrap()).map(|machine| name(&machine));
        assert_eq!(open(Asked::Cpu).unwrap(), "cpu");
        for (asked, built) in [
            (Asked::Wgpu(Some(4242)), cfg!(feature = "wgpu")),
            (Asked::Cuda(Some(4242)), cfg!(feature = "cuda")),
        ] {
            let failure = open(asked).unwrap_err();
            let text = failure.to_string();
            assert_eq!(matches!(failure, Failure::Data(_)), built, "{text}");
            let word = if built { "no such device" } else { "built without" };
            assert!(text.starts_with(&format!("--backend {asked}: ")) && text.contains(word), "{text}");
        }
    }
}
