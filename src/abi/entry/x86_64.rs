//! x86-64. Up to four arguments come in rdi, rsi, rdx and rcx; two more go into the registers behind.

/// Where an indirect call may land.
macro_rules! landing {
    () => {
        "endbr64"
    };
}

/// The return address, as the argument behind so many.
#[rustfmt::skip]
macro_rules! return_address {
    (1) => { "mov rsi, [rsp]" };
    (2) => { "mov rdx, [rsp]" };
    (3) => { "mov rcx, [rsp]" };
    (4) => { "mov r8, [rsp]" };
}

/// 0, as the same.
#[rustfmt::skip]
macro_rules! nobody {
    (1) => { "xor esi, esi" };
    (2) => { "xor edx, edx" };
    (3) => { "xor ecx, ecx" };
    (4) => { "xor r8d, r8d" };
}

/// A number, as the argument behind that.
#[rustfmt::skip]
macro_rules! number {
    (1, $number:literal) => { concat!("mov edx, ", $number) };
    (2, $number:literal) => { concat!("mov ecx, ", $number) };
    (3, $number:literal) => { concat!("mov r8d, ", $number) };
    (4, $number:literal) => { concat!("mov r9d, ", $number) };
}

macro_rules! jump {
    () => {
        "jmp {function}"
    };
}
