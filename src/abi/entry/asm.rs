//! The entry itself, of a machine's few instructions.

macro_rules! entry {
    // By name and version, and whose call it is.
    (pub $name:literal $version:literal, $number:literal, $arguments:tt, $function:path) => {
        code!(
            concat!($name, $version),
            concat!(".globl ", $name, $version),
            return_address!($arguments),
            number!($arguments, $number),
            $function
        );
    };
    // For who has looked the name up: nobody knows who calls, but whose function it was.
    (hidden $name:literal $version:literal, $number:literal, $arguments:tt, $function:path) => {
        code!(
            concat!($name, $version),
            concat!(".globl ", $name, $version, "\n.hidden ", $name, $version),
            nobody!($arguments),
            number!($arguments, $number),
            $function
        );
    };
}

macro_rules! code {
    ($symbol:expr, $visible:expr, $from:expr, $number:expr, $function:path) => {
        std::arch::global_asm!(
            concat!(".pushsection .text.", $symbol, ",\"ax\",%progbits"),
            ".p2align 4",
            $visible,
            concat!(".type ", $symbol, ", %function"),
            concat!($symbol, ":"),
            ".cfi_startproc",
            landing!(),
            $from,
            $number,
            jump!(),
            ".cfi_endproc",
            concat!(".size ", $symbol, ", . - ", $symbol),
            ".popsection",
            function = sym $function,
        );
    };
}
