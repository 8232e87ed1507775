//! The registers of the interrupted thread: the real ones in the signal's frame, those of AVX-512 kept beside them.

use core::cell::UnsafeCell;

use iced_x86::{Instruction, Register};

/// The trap flag of the processor: a signal after every instruction.
const TRAP: i64 = 0x100;

/// The bytes of a register; what lies above the vector's length is zero.
pub(crate) type Vector = [u8; 64];

/// Offsets in the XSAVE area, standard format: SSE registers, header, upper halves of AVX.
const MXCSR: usize = 24;
const XMM: usize = 160;
const MAGIC: usize = 464;
const HEADER: usize = 512;
const YMM_HIGH: usize = 576;
/// The kernel's sign that the frame has the extended state.
const EXTENDED: u32 = 0x4650_5853;

struct Kept {
    /// Bytes 32 to 63 of the registers 0 to 15.
    upper: [[u8; 32]; 16],
    /// The registers 16 to 31.
    more: [Vector; 16],
    masks: [u64; 8],
}

thread_local! {
    static KEPT: UnsafeCell<Kept> =
        const { UnsafeCell::new(Kept { upper: [[0; 32]; 16], more: [[0; 64]; 16], masks: [0; 8] }) };
}

pub(crate) struct Frame<'a> {
    general: &'a mut [i64; 23],
    state: *mut u8,
    kept: *mut Kept,
}

impl<'a> Frame<'a> {
    /// # Safety
    /// `context` is the one that the kernel gave to the signal's handler.
    pub(crate) unsafe fn new(context: &'a mut libc::ucontext_t) -> Self {
        let state = context.uc_mcontext.fpregs.cast::<u8>();
        // SAFETY: the kernel writes the XSAVE area and marks it; AVX2 machines have the AVX part at this offset.
        unsafe {
            assert_eq!(
                state.add(MAGIC).cast::<u32>().read_unaligned(),
                EXTENDED,
                "no extended state in the signal's frame"
            );
            let present = state.add(HEADER).cast::<u64>();
            if present.read() & 2 == 0 {
                state.add(XMM).write_bytes(0, 256);
            }
            if present.read() & 4 == 0 {
                state.add(YMM_HIGH).write_bytes(0, 256);
            }
            present.write(present.read() | 6);
        }
        Self { general: &mut context.uc_mcontext.gregs, state, kept: KEPT.with(|kept| kept.get()) }
    }

    pub(crate) fn rip(&self) -> u64 {
        self.general[libc::REG_RIP as usize] as u64
    }

    pub(crate) fn set_rip(&mut self, to: u64) {
        self.general[libc::REG_RIP as usize] = to as i64;
    }

    /// Asks for a signal after the next instruction while a register has an upper half that the processor has not: an
    /// ordinary AVX instruction would clear it.
    pub(crate) fn watch(&mut self) {
        // SAFETY: of this thread alone.
        let upper = unsafe { (*self.kept).upper.iter().flatten().any(|byte| *byte != 0) };
        let flags = &mut self.general[libc::REG_EFL as usize];
        *flags = if upper { *flags | TRAP } else { *flags & !TRAP };
    }

    pub(crate) fn flags(&self) -> u64 {
        self.general[libc::REG_EFL as usize] as u64
    }

    /// Sets the flags of `which` to those of `to`.
    pub(crate) fn put_flags(&mut self, which: u64, to: u64) {
        self.general[libc::REG_EFL as usize] = (self.flags() & !which | to) as i64;
    }

    fn index(register: Register) -> usize {
        use libc::*;
        const NUMBERS: [i32; 16] = [
            REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8, REG_R9, REG_R10,
            REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
        ];
        NUMBERS[register.full_register().number()] as usize
    }

    pub(crate) fn general(&self, register: Register) -> u64 {
        self.general[Self::index(register)] as u64
    }

    pub(crate) fn set_general(&mut self, register: Register, value: u64) {
        self.general[Self::index(register)] = value as i64;
    }

    pub(crate) fn mxcsr(&self) -> u32 {
        // SAFETY: within the area.
        unsafe { self.state.add(MXCSR).cast::<u32>().read_unaligned() }
    }

    pub(crate) fn mask(&self, number: usize) -> u64 {
        // SAFETY: of this thread alone.
        unsafe { (*self.kept).masks[number] }
    }

    pub(crate) fn set_mask(&mut self, number: usize, to: u64) {
        // SAFETY: of this thread alone.
        unsafe { (*self.kept).masks[number] = to }
    }

    pub(crate) fn clear_upper(&mut self, number: usize) {
        // SAFETY: of this thread alone.
        unsafe { (*self.kept).upper[number] = [0; 32] }
    }

    pub(crate) fn forget_upper(&mut self) {
        // SAFETY: of this thread alone.
        unsafe { (*self.kept).upper = [[0; 32]; 16] }
    }

    pub(crate) fn vector(&self, number: usize) -> Vector {
        let mut bytes = [0; 64];
        // SAFETY: within the area; the rest is of this thread alone.
        unsafe {
            if number >= 16 {
                return (*self.kept).more[number - 16];
            }
            let (low, middle) = (self.state.add(XMM + 16 * number), self.state.add(YMM_HIGH + 16 * number));
            low.copy_to_nonoverlapping(bytes.as_mut_ptr(), 16);
            middle.copy_to_nonoverlapping(bytes.as_mut_ptr().add(16), 16);
            bytes[32..].copy_from_slice(&(*self.kept).upper[number]);
        }
        bytes
    }

    pub(crate) fn set_vector(&mut self, number: usize, bytes: &Vector) {
        // SAFETY: as above.
        unsafe {
            if number >= 16 {
                (*self.kept).more[number - 16] = *bytes;
                return;
            }
            let (low, middle) = (self.state.add(XMM + 16 * number), self.state.add(YMM_HIGH + 16 * number));
            low.copy_from_nonoverlapping(bytes.as_ptr(), 16);
            middle.copy_from_nonoverlapping(bytes.as_ptr().add(16), 16);
            (*self.kept).upper[number].copy_from_slice(&bytes[32..]);
        }
    }

    /// The address of the memory operand.
    pub(crate) fn address(&self, instruction: &Instruction) -> *mut u8 {
        if instruction.segment_prefix() != Register::None {
            super::give_up("a segment prefix", instruction);
        }
        let operand =
            (0..instruction.op_count()).find(|i| instruction.op_kind(*i) == iced_x86::OpKind::Memory);
        let address = instruction.virtual_address(operand.unwrap_or(0), 0, |register, _, _| {
            // In user programs only fs and gs have a base.
            if register.is_segment_register() { Some(0) } else { Some(self.general(register)) }
        });
        match address {
            Some(address) => address as *mut u8,
            None => super::give_up("no address", instruction),
        }
    }
}
