//! AArch64. Up to four arguments come in x0 to x3; two more go into the registers behind.

/// Where an indirect call may land: `bti c`, which older processors take for nothing.
macro_rules! landing {
    () => {
        "hint #34"
    };
}

/// The return address, as the argument behind so many.
#[rustfmt::skip]
macro_rules! return_address {
    (1) => { "mov x1, x30" };
    (2) => { "mov x2, x30" };
    (3) => { "mov x3, x30" };
    (4) => { "mov x4, x30" };
}

/// 0, as the same.
#[rustfmt::skip]
macro_rules! nobody {
    (1) => { "mov x1, #0" };
    (2) => { "mov x2, #0" };
    (3) => { "mov x3, #0" };
    (4) => { "mov x4, #0" };
}

/// A number, as the argument behind that.
#[rustfmt::skip]
macro_rules! number {
    (1, $number:literal) => { concat!("mov w2, #", $number) };
    (2, $number:literal) => { concat!("mov w3, #", $number) };
    (3, $number:literal) => { concat!("mov w4, #", $number) };
    (4, $number:literal) => { concat!("mov w5, #", $number) };
}

macro_rules! jump {
    () => {
        "b {function}"
    };
}
