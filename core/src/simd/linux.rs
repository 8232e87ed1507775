//! A request to Linux for which the standard library has no function.

use core::arch::asm;

/// Asks for the registers of AMX: `arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)`. Whether this process may use them.
pub(super) fn ask_for_tiles() -> bool {
    const ARCH_PRCTL: usize = 158;
    const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
    const XFEATURE_XTILEDATA: usize = 18;
    // SAFETY: the request takes two numbers and touches no memory of this process.
    unsafe { call(ARCH_PRCTL, [ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA, 0]) == 0 }
}

/// A system call; 0 or a negative error number for those above.
///
/// # Safety
/// As the call of that number.
unsafe fn call(number: usize, [a, b, c]: [usize; 3]) -> isize {
    let answer;
    // SAFETY: the registers that the kernel changes are named; the rest is the caller's contract.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => answer,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    answer
}
