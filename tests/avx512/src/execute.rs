//! What the instructions do.

use core::arch::x86_64::*;

use iced_x86::{Instruction, Mnemonic, OpKind, Register};

use super::frame::{Frame, Vector};
use super::give_up;

/// Bytes of one element: what a mask's bit stands for.
fn element(instruction: &Instruction) -> usize {
    use Mnemonic::*;
    match instruction.mnemonic() {
        Vmovups | Vmovaps | Vmovdqu32 | Vmovdqa32 | Vaddps | Vsubps | Vmulps | Vdivps | Vminps | Vmaxps
        | Vfmadd132ps | Vfmadd213ps | Vfmadd231ps | Vfnmadd132ps | Vfnmadd213ps | Vfnmadd231ps | Vcmpps
        | Vxorps | Vandps | Vandnps | Vorps | Vpxord | Vpandd | Vpandnd | Vpord | Vptestmd | Vptestnmd
        | Vpslld | Vpsrld | Vpternlogd | Vbroadcastss | Vpbroadcastd | Vpaddd | Vpmovzxbd | Vpmovzxwd
        | Vbroadcastf32x4 | Vinsertf32x4 | Vextractf32x4 | Vextracti32x4 | Vinserti32x4 | Vmovss | Vmovd
        | Vpcmpd | Vpcmpud | Vpcmpgtd | Vpcmpeqd => 4,
        Vmovupd | Vmovapd | Vmovdqu64 | Vmovdqa64 | Vaddpd | Vsubpd | Vmulpd | Vdivpd | Vminpd | Vmaxpd
        | Vfmadd132pd | Vfmadd213pd | Vfmadd231pd | Vfnmadd132pd | Vfnmadd213pd | Vfnmadd231pd | Vcmppd
        | Vxorpd | Vandpd | Vandnpd | Vorpd | Vpxorq | Vpandq | Vpandnq | Vporq | Vptestmq | Vptestnmq
        | Vpsllq | Vpsrlq | Vpternlogq | Vbroadcastsd | Vpbroadcastq | Vpaddq | Vpmovzxbq | Vpmovzxwq
        | Vpmovzxdq | Vbroadcastf64x4 | Vinsertf64x4 | Vextractf64x4 | Vextracti64x4 | Vinserti64x4
        | Vmovsd | Vmovq | Vpcmpq | Vpcmpuq | Vpcmpgtq | Vpcmpeqq | Vcvtdq2pd | Vcvtps2pd => 8,
        _ => give_up("not known", instruction),
    }
}

/// A vector operand, or a memory operand of `bytes` bytes; embedded broadcasts are spread.
fn source(frame: &Frame, instruction: &Instruction, operand: u32, bytes: usize) -> Vector {
    if instruction.op_kind(operand) == OpKind::Register {
        return frame.vector(instruction.op_register(operand).number());
    }
    let (mut value, from) = ([0; 64], frame.address(instruction));
    let size = if instruction.is_broadcast() { element(instruction) } else { bytes };
    // SAFETY: the program reads this memory in this instruction.
    unsafe { from.copy_to_nonoverlapping(value.as_mut_ptr(), size) };
    if instruction.is_broadcast() {
        for at in (size..bytes).step_by(size) {
            value.copy_within(0..size, at);
        }
    }
    value
}

/// The length of the vectors in bytes.
fn length(instruction: &Instruction) -> usize {
    let of = |operand| match instruction.op_kind(operand) {
        OpKind::Register if instruction.op_register(operand).is_vector_register() => {
            instruction.op_register(operand).size()
        }
        OpKind::Memory if !instruction.is_broadcast() => instruction.memory_size().size(),
        _ => 0,
    };
    (0..instruction.op_count()).map(of).max().unwrap_or(0)
}

/// One bit an element: which of the destination's are written.
fn written(frame: &Frame, instruction: &Instruction) -> u64 {
    match instruction.op_mask() {
        Register::None => u64::MAX,
        mask => frame.mask(mask.number()),
    }
}

/// Writes the first `bytes` of `value` to the first operand, element by element under the mask.
fn write(frame: &mut Frame, instruction: &Instruction, value: &Vector, bytes: usize) {
    let (mask, size) = (written(frame, instruction), element(instruction));
    if instruction.op0_kind() == OpKind::Memory {
        let to = frame.address(instruction);
        for at in (0..bytes).step_by(size).filter(|at| mask >> (at / size) & 1 == 1) {
            // SAFETY: the program writes this element in this instruction.
            unsafe { to.add(at).copy_from_nonoverlapping(value.as_ptr().add(at), size) };
        }
        return;
    }
    let number = instruction.op0_register().number();
    let old = if instruction.zeroing_masking() { [0; 64] } else { frame.vector(number) };
    let mut new = [0; 64];
    for at in (0..bytes).step_by(size) {
        let from = if mask >> (at / size) & 1 == 1 { value } else { &old };
        new[at..at + size].copy_from_slice(&from[at..at + size]);
    }
    frame.set_vector(number, &new);
}

/// `f` on the 256-bit halves of three vectors.
fn halves(a: &Vector, b: &Vector, c: &Vector, f: impl Fn(__m256i, __m256i, __m256i) -> __m256i) -> Vector {
    let mut out = [0; 64];
    for half in [0, 32] {
        // SAFETY: 32 bytes from either half; the program runs on a machine with AVX2.
        unsafe {
            let load = |x: &Vector| _mm256_loadu_si256(x.as_ptr().add(half).cast());
            _mm256_storeu_si256(out.as_mut_ptr().add(half).cast(), f(load(a), load(b), load(c)));
        }
    }
    out
}

/// The bits of `f` on the elements.
fn bits(a: &Vector, b: &Vector, bytes: usize, size: usize, f: impl Fn(u64, u64) -> bool) -> u64 {
    (0..bytes / size).map(|i| u64::from(f(lane(a, i, size), lane(b, i, size))) << i).sum()
}

/// Element `i` of `size` bytes, zero-extended.
fn lane(x: &Vector, i: usize, size: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes[..size].copy_from_slice(&x[i * size..(i + 1) * size]);
    u64::from_le_bytes(bytes)
}

/// `f` on every element of `size` bytes.
fn lanes(x: &Vector, bytes: usize, size: usize, f: impl Fn(u64) -> u64) -> Vector {
    let mut out = [0; 64];
    for i in 0..bytes / size {
        out[i * size..(i + 1) * size].copy_from_slice(&f(lane(x, i, size)).to_le_bytes()[..size]);
    }
    out
}

/// Each element of `from` bytes zero-extended to `to` bytes.
fn extended(x: &Vector, bytes: usize, from: usize, to: usize) -> Vector {
    let mut out = [0; 64];
    for i in 0..bytes / to {
        out[i * to..i * to + from].copy_from_slice(&x[i * from..(i + 1) * from]);
    }
    out
}

pub(crate) fn execute(frame: &mut Frame, instruction: &Instruction) {
    if !instruction.is_broadcast() && instruction.rounding_control() != iced_x86::RoundingControl::None {
        give_up("embedded rounding", instruction);
    }
    // SAFETY: loading MXCSR as the program has it, with all exceptions masked, and restoring the handler's own.
    unsafe {
        let (mut own, theirs) = (0u32, frame.mxcsr() | 0x1f80);
        core::arch::asm!("stmxcsr [{}]", in(reg) &raw mut own, options(nostack));
        core::arch::asm!("ldmxcsr [{}]", in(reg) &raw const theirs, options(nostack));
        carry_out(frame, instruction);
        core::arch::asm!("ldmxcsr [{}]", in(reg) &raw const own, options(nostack));
    }
}

/// # Safety
/// The machine has AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
unsafe fn carry_out(frame: &mut Frame, instruction: &Instruction) {
    use Mnemonic::*;
    let bytes = length(instruction);
    let get = |frame: &Frame, operand| source(frame, instruction, operand, bytes);
    macro_rules! arithmetic {
        ($single:ident, $double:ident) => {{
            let (a, b) = (get(frame, 1), get(frame, 2));
            let value = halves(&a, &b, &b, |a, b, _| {
                if element(instruction) == 4 {
                    _mm256_castps_si256($single(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b)))
                } else {
                    _mm256_castpd_si256($double(_mm256_castsi256_pd(a), _mm256_castsi256_pd(b)))
                }
            });
            write(frame, instruction, &value, bytes);
        }};
    }
    macro_rules! fused {
        // operands in the order of x * y + z
        ($single:ident, $double:ident, $x:literal, $y:literal, $z:literal) => {{
            let (x, y, z) = (get(frame, $x), get(frame, $y), get(frame, $z));
            let value = halves(&x, &y, &z, |x, y, z| {
                if element(instruction) == 4 {
                    let (x, y, z) = (_mm256_castsi256_ps(x), _mm256_castsi256_ps(y), _mm256_castsi256_ps(z));
                    _mm256_castps_si256($single(x, y, z))
                } else {
                    let (x, y, z) = (_mm256_castsi256_pd(x), _mm256_castsi256_pd(y), _mm256_castsi256_pd(z));
                    _mm256_castpd_si256($double(x, y, z))
                }
            });
            write(frame, instruction, &value, bytes);
        }};
    }
    macro_rules! logic {
        ($f:expr) => {{
            let f: fn(u64, u64) -> u64 = $f;
            let (a, b) = (get(frame, 1), get(frame, 2));
            let mut value = [0; 64];
            for i in 0..8 {
                value[i * 8..i * 8 + 8].copy_from_slice(&f(lane(&a, i, 8), lane(&b, i, 8)).to_le_bytes());
            }
            write(frame, instruction, &value, bytes);
        }};
    }
    match instruction.mnemonic() {
        Vmovups | Vmovupd | Vmovaps | Vmovapd | Vmovdqu32 | Vmovdqu64 | Vmovdqa32 | Vmovdqa64 => {
            let (mask, size) = (written(frame, instruction), element(instruction));
            let aligned = matches!(instruction.mnemonic(), Vmovaps | Vmovapd | Vmovdqa32 | Vmovdqa64);
            let in_memory = (0..2).any(|i| instruction.op_kind(i) == OpKind::Memory);
            if aligned && in_memory && !(frame.address(instruction) as usize).is_multiple_of(bytes) {
                give_up("not aligned", instruction);
            }
            let value = if instruction.op1_kind() == OpKind::Memory {
                // What the mask leaves out is not read: it may lie on a page that is not there.
                let (mut value, from) = ([0; 64], frame.address(instruction));
                for at in (0..bytes).step_by(size).filter(|at| mask >> (at / size) & 1 == 1) {
                    // SAFETY: the program reads this element in this instruction.
                    unsafe { from.add(at).copy_to_nonoverlapping(value.as_mut_ptr().add(at), size) };
                }
                value
            } else {
                get(frame, 1)
            };
            write(frame, instruction, &value, bytes);
        }
        Vaddps | Vaddpd => arithmetic!(_mm256_add_ps, _mm256_add_pd),
        Vsubps | Vsubpd => arithmetic!(_mm256_sub_ps, _mm256_sub_pd),
        Vmulps | Vmulpd => arithmetic!(_mm256_mul_ps, _mm256_mul_pd),
        Vdivps | Vdivpd => arithmetic!(_mm256_div_ps, _mm256_div_pd),
        Vminps | Vminpd => arithmetic!(_mm256_min_ps, _mm256_min_pd),
        Vmaxps | Vmaxpd => arithmetic!(_mm256_max_ps, _mm256_max_pd),
        Vfmadd132ps | Vfmadd132pd => fused!(_mm256_fmadd_ps, _mm256_fmadd_pd, 0, 2, 1),
        Vfmadd213ps | Vfmadd213pd => fused!(_mm256_fmadd_ps, _mm256_fmadd_pd, 1, 0, 2),
        Vfmadd231ps | Vfmadd231pd => fused!(_mm256_fmadd_ps, _mm256_fmadd_pd, 1, 2, 0),
        Vfnmadd132ps | Vfnmadd132pd => fused!(_mm256_fnmadd_ps, _mm256_fnmadd_pd, 0, 2, 1),
        Vfnmadd213ps | Vfnmadd213pd => fused!(_mm256_fnmadd_ps, _mm256_fnmadd_pd, 1, 0, 2),
        Vfnmadd231ps | Vfnmadd231pd => fused!(_mm256_fnmadd_ps, _mm256_fnmadd_pd, 1, 2, 0),
        Vxorps | Vxorpd | Vpxord | Vpxorq => logic!(|a, b| a ^ b),
        Vandps | Vandpd | Vpandd | Vpandq => logic!(|a, b| a & b),
        Vandnps | Vandnpd | Vpandnd | Vpandnq => logic!(|a, b| !a & b),
        Vorps | Vorpd | Vpord | Vporq => logic!(|a, b| a | b),
        Vcmpps | Vcmppd => compare(frame, instruction, bytes),
        Vpcmpd | Vpcmpud | Vpcmpgtd | Vpcmpeqd | Vpcmpq | Vpcmpuq | Vpcmpgtq | Vpcmpeqq => {
            compare_integers(frame, instruction, bytes);
        }
        // Exact: every i32 and every f32 is an f64 (a denormal f32 with the flag that reads it as zero is not).
        Vcvtdq2pd | Vcvtps2pd if !instruction.is_broadcast() => {
            let bytes = instruction.op0_register().size();
            let (from, mut value) = (source(frame, instruction, 1, bytes / 2), [0; 64]);
            for i in 0..bytes / 8 {
                let bits = lane(&from, i, 4) as u32;
                let wide = match instruction.mnemonic() {
                    Vcvtdq2pd => f64::from(bits.cast_signed()),
                    _ if frame.mxcsr() & 0x40 != 0 => {
                        give_up("a conversion that reads denormals as zero", instruction)
                    }
                    _ => f64::from(f32::from_bits(bits)),
                };
                value[i * 8..i * 8 + 8].copy_from_slice(&wide.to_bits().to_le_bytes());
            }
            write(frame, instruction, &value, bytes);
        }
        Vptestmd | Vptestmq | Vptestnmd | Vptestnmq => {
            let size = element(instruction);
            let not = matches!(instruction.mnemonic(), Vptestnmd | Vptestnmq);
            let found = bits(&get(frame, 1), &get(frame, 2), bytes, size, |a, b| (a & b != 0) != not);
            frame.set_mask(instruction.op0_register().number(), found & written(frame, instruction));
        }
        Vpternlogd | Vpternlogq => {
            let (a, b, c) = (get(frame, 0), get(frame, 1), get(frame, 2));
            let table = instruction.immediate8();
            let mut value = [0; 64];
            for (i, out) in value.iter_mut().enumerate() {
                for bit in 0..8 {
                    let at = (a[i] >> bit & 1) << 2 | (b[i] >> bit & 1) << 1 | (c[i] >> bit & 1);
                    *out |= (table >> at & 1) << bit;
                }
            }
            write(frame, instruction, &value, bytes);
        }
        Vpslld | Vpsllq | Vpsrld | Vpsrlq if instruction.op2_kind() == OpKind::Immediate8 => {
            let (size, by) = (element(instruction), u32::from(instruction.immediate8()));
            let left = matches!(instruction.mnemonic(), Vpslld | Vpsllq);
            let value = lanes(&get(frame, 1), bytes, size, |x| {
                if by >= 8 * size as u32 {
                    0
                } else if left {
                    x << by
                } else {
                    x >> by
                }
            });
            write(frame, instruction, &value, bytes);
        }
        Vpaddd | Vpaddq => {
            let (a, b, size) = (get(frame, 1), get(frame, 2), element(instruction));
            let mut value = [0; 64];
            for i in 0..bytes / size {
                let sum = lane(&a, i, size).wrapping_add(lane(&b, i, size));
                value[i * size..(i + 1) * size].copy_from_slice(&sum.to_le_bytes()[..size]);
            }
            write(frame, instruction, &value, bytes);
        }
        Vbroadcastss | Vbroadcastsd | Vpbroadcastd | Vpbroadcastq | Vbroadcastf32x4 | Vbroadcastf64x4 => {
            let part = match instruction.mnemonic() {
                Vbroadcastf32x4 => 16,
                Vbroadcastf64x4 => 32,
                _ => element(instruction),
            };
            let register = instruction.op1_register();
            let mut value = match instruction.op1_kind() {
                OpKind::Register if register.is_gpr() => {
                    let mut value = [0; 64];
                    value[..8].copy_from_slice(&frame.general(register).to_le_bytes());
                    value
                }
                _ => source(frame, instruction, 1, part),
            };
            for at in (part..64).step_by(part) {
                value.copy_within(0..part, at);
            }
            write(frame, instruction, &value, instruction.op0_register().size());
        }
        Vpmovzxbd => spread(frame, instruction, 1, 4),
        Vpmovzxwd => spread(frame, instruction, 2, 4),
        Vpmovzxbq => spread(frame, instruction, 1, 8),
        Vpmovzxwq => spread(frame, instruction, 2, 8),
        Vpmovzxdq => spread(frame, instruction, 4, 8),
        Vinsertf64x4 | Vinserti64x4 | Vinsertf32x4 | Vinserti32x4 => {
            let part = if matches!(instruction.mnemonic(), Vinsertf64x4 | Vinserti64x4) { 32 } else { 16 };
            let bytes = instruction.op0_register().size();
            let (mut value, new) = (get(frame, 1), source(frame, instruction, 2, part));
            let at = instruction.immediate8() as usize % (bytes / part) * part;
            value[at..at + part].copy_from_slice(&new[..part]);
            write(frame, instruction, &value, bytes);
        }
        Vextractf64x4 | Vextracti64x4 | Vextractf32x4 | Vextracti32x4 => {
            let part = if matches!(instruction.mnemonic(), Vextractf64x4 | Vextracti64x4) { 32 } else { 16 };
            let from = frame.vector(instruction.op1_register().number());
            let at = instruction.immediate8() as usize % (instruction.op1_register().size() / part) * part;
            let mut value = [0; 64];
            value[..part].copy_from_slice(&from[at..at + part]);
            write(frame, instruction, &value, part);
        }
        Vmovss | Vmovsd | Vmovd | Vmovq if instruction.op_count() == 2 => {
            if instruction.op_mask() != Register::None {
                give_up("a masked scalar", instruction);
            }
            let size = element(instruction);
            let from_general =
                instruction.op1_kind() == OpKind::Register && instruction.op1_register().is_gpr();
            let mut value = [0; 64];
            if from_general {
                value[..8].copy_from_slice(&frame.general(instruction.op1_register()).to_le_bytes());
            } else {
                value = source(frame, instruction, 1, size);
            }
            value[size..].fill(0);
            if instruction.op0_kind() == OpKind::Register && instruction.op0_register().is_gpr() {
                frame.set_general(instruction.op0_register(), lane(&value, 0, size));
            } else if instruction.op0_kind() == OpKind::Memory {
                write(frame, instruction, &value, size);
            } else {
                frame.set_vector(instruction.op0_register().number(), &value);
            }
        }
        Kmovb | Kmovw | Kmovd | Kmovq => move_mask(frame, instruction),
        Kortestb | Kortestw | Kortestd | Kortestq => {
            let width = match instruction.mnemonic() {
                Kortestb => 8,
                Kortestw => 16,
                Kortestd => 32,
                _ => 64,
            };
            let all = u64::MAX >> (64 - width);
            let or = (mask_of(frame, instruction, 0) | mask_of(frame, instruction, 1)) & all;
            // Zero and carry; sign, overflow, parity and adjust are cleared.
            frame.put_flags(0x8d5, u64::from(or == 0) << 6 | u64::from(or == all));
        }
        Korw | Kandw | Kxorw | Korb | Kandb => {
            let (a, b) = (mask_of(frame, instruction, 1), mask_of(frame, instruction, 2));
            let value = match instruction.mnemonic() {
                Korw | Korb => a | b,
                Kandw | Kandb => a & b,
                _ => a ^ b,
            };
            let width = if matches!(instruction.mnemonic(), Korb | Kandb) { 0xff } else { 0xffff };
            frame.set_mask(instruction.op0_register().number(), value & width);
        }
        Kunpckbw | Kunpckwd | Kunpckdq => {
            let width = match instruction.mnemonic() {
                Kunpckbw => 8,
                Kunpckwd => 16,
                _ => 32,
            };
            let low = mask_of(frame, instruction, 2) & ((1 << width) - 1);
            let high = mask_of(frame, instruction, 1) & ((1 << width) - 1);
            frame.set_mask(instruction.op0_register().number(), high << width | low);
        }
        _ => give_up("not known", instruction),
    }
}

fn mask_of(frame: &Frame, instruction: &Instruction, operand: u32) -> u64 {
    frame.mask(instruction.op_register(operand).number())
}

/// From, to or between mask registers.
fn move_mask(frame: &mut Frame, instruction: &Instruction) {
    let size = match instruction.mnemonic() {
        Mnemonic::Kmovb => 1,
        Mnemonic::Kmovw => 2,
        Mnemonic::Kmovd => 4,
        _ => 8,
    };
    let all = u64::MAX >> (64 - 8 * size);
    let value = match instruction.op1_kind() {
        OpKind::Memory => lane(&source(frame, instruction, 1, size), 0, size),
        _ if instruction.op1_register().is_k() => mask_of(frame, instruction, 1),
        _ => frame.general(instruction.op1_register()),
    } & all;
    if instruction.op0_kind() == OpKind::Memory {
        // SAFETY: the program writes these bytes in this instruction.
        unsafe { frame.address(instruction).copy_from_nonoverlapping(value.to_le_bytes().as_ptr(), size) };
    } else if instruction.op0_register().is_k() {
        frame.set_mask(instruction.op0_register().number(), value);
    } else {
        frame.set_general(instruction.op0_register(), value);
    }
}

fn spread(frame: &mut Frame, instruction: &Instruction, from: usize, to: usize) {
    let bytes = instruction.op0_register().size();
    let value = extended(&source(frame, instruction, 1, bytes * from / to), bytes, from, to);
    write(frame, instruction, &value, bytes);
}

/// The ordered, quiet predicates that the kernels use.
fn compare(frame: &mut Frame, instruction: &Instruction, bytes: usize) {
    let size = element(instruction);
    let (a, b) = (source(frame, instruction, 1, bytes), source(frame, instruction, 2, bytes));
    // Decided by the processor's own comparison, which heeds the flag that reads denormals as zero.
    macro_rules! by {
        ($predicate:ident) => {
            // SAFETY: the machine has AVX2; the casts are between types of the same bits.
            halves(&a, &b, &b, |a, b, _| unsafe {
                if size == 4 {
                    _mm256_castps_si256(_mm256_cmp_ps::<$predicate>(
                        _mm256_castsi256_ps(a),
                        _mm256_castsi256_ps(b),
                    ))
                } else {
                    _mm256_castpd_si256(_mm256_cmp_pd::<$predicate>(
                        _mm256_castsi256_pd(a),
                        _mm256_castsi256_pd(b),
                    ))
                }
            })
        };
    }
    let found = match i32::from(instruction.immediate8()) {
        _CMP_EQ_OQ => by!(_CMP_EQ_OQ),
        _CMP_LT_OQ | _CMP_LT_OS => by!(_CMP_LT_OQ),
        _CMP_LE_OQ | _CMP_LE_OS => by!(_CMP_LE_OQ),
        _CMP_GE_OQ | _CMP_GE_OS => by!(_CMP_GE_OQ),
        _CMP_GT_OQ | _CMP_GT_OS => by!(_CMP_GT_OQ),
        _ => give_up("a predicate that is not known", instruction),
    };
    let found = bits(&found, &found, bytes, size, |a, _| a != 0);
    frame.set_mask(instruction.op0_register().number(), found & written(frame, instruction));
}

/// Comparisons of integers, by the predicate of the mnemonic or of the immediate.
fn compare_integers(frame: &mut Frame, instruction: &Instruction, bytes: usize) {
    use Mnemonic::*;
    let size = element(instruction);
    let (a, b) = (source(frame, instruction, 1, bytes), source(frame, instruction, 2, bytes));
    let predicate = match instruction.mnemonic() {
        Vpcmpeqd | Vpcmpeqq => 0,
        Vpcmpgtd | Vpcmpgtq => 6,
        _ => instruction.immediate8() & 7,
    };
    let unsigned = matches!(instruction.mnemonic(), Vpcmpud | Vpcmpuq);
    // Sign-extended, or with the sign's bit turned over, so that one comparison serves both.
    let order = |x: u64| {
        let shifted = (x << (64 - 8 * size)).cast_signed() >> (64 - 8 * size);
        if unsigned { (x ^ 1 << 63).cast_signed() } else { shifted }
    };
    let found = bits(&a, &b, bytes, size, |a, b| {
        let order = order(a).cmp(&order(b));
        match predicate {
            0 => order.is_eq(),
            1 => order.is_lt(),
            2 => order.is_le(),
            3 => false,
            4 => order.is_ne(),
            5 => order.is_ge(),
            6 => order.is_gt(),
            _ => true,
        }
    });
    frame.set_mask(instruction.op0_register().number(), found & written(frame, instruction));
}
