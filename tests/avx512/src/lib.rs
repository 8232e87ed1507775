//! Carries out the AVX-512 instructions of a program on an x86-64 machine that has AVX2 only, so that the kernels
//! of that level can be tested for their bits anywhere: `tests/avx512/run.sh`.
//!
//! Preloaded into a program (`LD_PRELOAD`), it answers the illegal-instruction signal. From the first such instruction on
//! the program goes one instruction at a time: those of AVX-512 are carried out here on registers kept beside the real ones,
//! all others by the processor, as long as a register has an upper half that is not zero. Everything between is seen because
//! an ordinary AVX instruction clears the upper half of its destination, which the processor does not have.
//!
//! An instruction that is not known here ends the program with its name: nothing is guessed.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod execute;
mod frame;
mod scalar;

use iced_x86::{Decoder, DecoderOptions, EncodingKind, Instruction, Mnemonic, OpKind};

use frame::Frame;

/// Bytes of the longest instruction.
const LONGEST: usize = 15;

#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;

extern "C" fn start() {
    for signal in [libc::SIGILL, libc::SIGTRAP] {
        // SAFETY: the action is wholly written; the handler has the three-argument form that SA_SIGINFO asks for.
        unsafe {
            let mut action: libc::sigaction = core::mem::zeroed();
            action.sa_sigaction = answer as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
            libc::sigaction(signal, &action, core::ptr::null_mut());
        }
    }
}

/// Ends the program with a line that says why.
pub(crate) fn give_up(why: &str, instruction: &Instruction) -> ! {
    eprintln!("avx512: {why}: {:?} at {:#x}", instruction.code(), instruction.ip());
    std::process::abort()
}

extern "C" fn answer(signal: i32, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel hands a handler with SA_SIGINFO the context of the thread that it interrupted.
    let mut frame = unsafe { Frame::new(&mut *context.cast()) };
    let mut met = signal == libc::SIGTRAP;
    loop {
        // SAFETY: the program was about to run the code at this address.
        let code = unsafe { core::slice::from_raw_parts(frame.rip() as *const u8, LONGEST) };
        let instruction = Decoder::with_ip(64, code, frame.rip(), DecoderOptions::NONE).decode();
        if instruction.mnemonic() == Mnemonic::Vzeroupper || instruction.mnemonic() == Mnemonic::Vzeroall {
            frame.forget_upper();
            return frame.watch();
        }
        match instruction.code().encoding() {
            EncodingKind::EVEX => execute::execute(&mut frame, &instruction),
            EncodingKind::VEX if of_masks(&instruction) => execute::execute(&mut frame, &instruction),
            _ if !met => give_up("an illegal instruction that is not of AVX-512", &instruction),
            EncodingKind::VEX => {
                if instruction.op0_kind() == OpKind::Register
                    && instruction.op0_register().is_vector_register()
                {
                    if !only_compares(instruction.mnemonic()) {
                        frame.clear_upper(instruction.op0_register().number());
                    }
                }
                return frame.watch();
            }
            _ if scalar::execute(&mut frame, &instruction) => continue,
            _ => return frame.watch(),
        }
        met = true;
        frame.set_rip(instruction.next_ip());
    }
}

/// Whether it reads or writes a mask register: encoded like AVX, but of AVX-512.
fn of_masks(instruction: &Instruction) -> bool {
    (0..instruction.op_count())
        .any(|i| instruction.op_kind(i) == OpKind::Register && instruction.op_register(i).is_k())
}

/// The AVX instructions whose first operand is not written.
fn only_compares(mnemonic: Mnemonic) -> bool {
    use Mnemonic::*;
    matches!(mnemonic, Vptest | Vtestps | Vtestpd | Vcomiss | Vcomisd | Vucomiss | Vucomisd)
}
