//! The few ordinary instructions of the kernels' loops. The processor could carry them out as well, at the price of a signal each.

use iced_x86::{ConditionCode, Instruction, Mnemonic, OpKind, Register};

use super::frame::Frame;

const CARRY: u64 = 1;
const PARITY: u64 = 1 << 2;
const ADJUST: u64 = 1 << 4;
const ZERO: u64 = 1 << 6;
const SIGN: u64 = 1 << 7;
const OVERFLOW: u64 = 1 << 11;

/// Carries it out and goes on to the next one, or leaves it to the processor (false).
pub(crate) fn execute(frame: &mut Frame, instruction: &Instruction) -> bool {
    let jumps = match instruction.mnemonic() {
        Mnemonic::Nop => Some(false),
        _ if instruction.is_jmp_short_or_near() => Some(true),
        _ if instruction.is_jcc_short_or_near() => condition(frame, instruction),
        _ => None,
    };
    if let Some(jumps) = jumps {
        frame.set_rip(if jumps { instruction.near_branch_target() } else { instruction.next_ip() });
        return true;
    }
    let (size, register) = (width(instruction.op0_register()), instruction.op0_register());
    if instruction.op0_kind() != OpKind::Register || size == 0 || instruction.has_lock_prefix() {
        return false;
    }
    use Mnemonic::*;
    let b = match instruction.mnemonic() {
        Add | Sub | Cmp | And | Test | Or | Xor | Mov => operand(frame, instruction, 1, size),
        Inc | Dec => Some(1),
        Mul if size == 8 => {
            let product = u128::from(frame.general(Register::RAX)) * u128::from(frame.general(register));
            frame.set_general(Register::RAX, product as u64);
            frame.set_general(Register::RDX, (product >> 64) as u64);
            let large = product >> 64 != 0; // the other flags are undefined
            frame.put_flags(CARRY | OVERFLOW, if large { CARRY | OVERFLOW } else { 0 });
            frame.set_rip(instruction.next_ip());
            return true;
        }
        Cmova | Cmovae | Cmovb | Cmovbe | Cmove | Cmovne | Cmovs | Cmovns | Cmovl | Cmovle | Cmovg
        | Cmovge
            if size >= 4 =>
        {
            let Some(new) = operand(frame, instruction, 1, size) else { return false };
            let old = cut(frame.general(register), size);
            let Some(holds) = condition(frame, instruction) else { return false };
            frame.set_general(register, if holds { new } else { old });
            frame.set_rip(instruction.next_ip());
            return true;
        }
        Lea if size >= 4 => {
            frame.set_general(register, cut(frame.address(instruction) as u64, size));
            frame.set_rip(instruction.next_ip());
            return true;
        }
        _ => None,
    };
    let (Some(a), Some(b)) = (operand(frame, instruction, 0, size), b) else { return false };
    let top = |x: u64| x >> (8 * size - 1) & 1 == 1;
    let value = match instruction.mnemonic() {
        Mov => b,
        Add | Inc => cut(a.wrapping_add(b), size),
        Sub | Cmp | Dec => cut(a.wrapping_sub(b), size),
        And | Test => a & b,
        Or => a | b,
        _ => a ^ b,
    };
    let (carry, overflow) = match instruction.mnemonic() {
        Add | Inc => (value < a, top(a) == top(b) && top(value) != top(a)),
        Sub | Cmp | Dec => (a < b, top(a) != top(b) && top(value) != top(a)),
        _ => (false, false),
    };
    if instruction.mnemonic() != Mov {
        let keeps_carry = matches!(instruction.mnemonic(), Inc | Dec);
        let set = |on: bool, flag: u64| if on { flag } else { 0 };
        let flags = set(if keeps_carry { frame.flags() & CARRY != 0 } else { carry }, CARRY)
            | set((value as u8).count_ones() % 2 == 0, PARITY)
            | set((a ^ b ^ value) & 0x10 != 0, ADJUST)
            | set(value == 0, ZERO)
            | set(top(value), SIGN)
            | set(overflow, OVERFLOW);
        frame.put_flags(CARRY | PARITY | ADJUST | ZERO | SIGN | OVERFLOW, flags);
    }
    if !matches!(instruction.mnemonic(), Cmp | Test) {
        // Of a byte's register the rest stays; that of a half is cleared.
        let kept = if size == 1 { frame.general(register) & !0xff } else { 0 };
        frame.set_general(register, kept | value);
    }
    frame.set_rip(instruction.next_ip());
    true
}

/// 8, 4 or, for the lowest byte, 1; else 0.
fn width(register: Register) -> usize {
    use Register::{AH, BH, CH, DH};
    match register {
        r if r.is_gpr64() => 8,
        r if r.is_gpr32() => 4,
        r if r.is_gpr8() && !matches!(r, AH | BH | CH | DH) => 1,
        _ => 0,
    }
}

fn cut(x: u64, size: usize) -> u64 {
    x & u64::MAX >> (64 - 8 * size)
}

fn operand(frame: &Frame, instruction: &Instruction, operand: u32, size: usize) -> Option<u64> {
    match instruction.op_kind(operand) {
        OpKind::Register if width(instruction.op_register(operand)) == size => {
            Some(cut(frame.general(instruction.op_register(operand)), size))
        }
        OpKind::Memory
            if instruction.memory_size().size() == size && instruction.segment_prefix() == Register::None =>
        {
            let mut bytes = [0; 8];
            // SAFETY: the program reads this memory in this instruction.
            unsafe { frame.address(instruction).copy_to_nonoverlapping(bytes.as_mut_ptr(), size) };
            Some(u64::from_le_bytes(bytes))
        }
        OpKind::Immediate8
        | OpKind::Immediate8to32
        | OpKind::Immediate8to64
        | OpKind::Immediate32
        | OpKind::Immediate32to64
        | OpKind::Immediate64 => Some(cut(instruction.immediate(operand), size)),
        _ => None,
    }
}

/// Whether the instruction's condition holds.
fn condition(frame: &Frame, instruction: &Instruction) -> Option<bool> {
    let has = |flag: u64| frame.flags() & flag != 0;
    Some(match instruction.condition_code() {
        ConditionCode::o => has(OVERFLOW),
        ConditionCode::no => !has(OVERFLOW),
        ConditionCode::b => has(CARRY),
        ConditionCode::ae => !has(CARRY),
        ConditionCode::e => has(ZERO),
        ConditionCode::ne => !has(ZERO),
        ConditionCode::be => has(CARRY) || has(ZERO),
        ConditionCode::a => !has(CARRY) && !has(ZERO),
        ConditionCode::s => has(SIGN),
        ConditionCode::ns => !has(SIGN),
        ConditionCode::l => has(SIGN) != has(OVERFLOW),
        ConditionCode::ge => has(SIGN) == has(OVERFLOW),
        ConditionCode::le => has(ZERO) || has(SIGN) != has(OVERFLOW),
        ConditionCode::g => !has(ZERO) && has(SIGN) == has(OVERFLOW),
        _ => return None,
    })
}
