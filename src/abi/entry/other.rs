//! Any other machine: functions, which have no return address to give. Who calls is found by walking
//! up the stack then. All that these functions take and give is as wide as a register.

macro_rules! entry {
    (pub $name:literal $version:literal, $number:literal, $arguments:tt, $function:path) => {
        entry!(@ $name $version, $number, $arguments, $function);
    };
    (hidden $name:literal $version:literal, $number:literal, $arguments:tt, $function:path) => {
        entry!(@ $name $version, $number, $arguments, $function);
    };
    (@ $name:literal $version:literal, $number:literal, 1, $function:path) => {
        entry!(@ $name $version, $number, (a), (usize), $function);
    };
    (@ $name:literal $version:literal, $number:literal, 2, $function:path) => {
        entry!(@ $name $version, $number, (a, b), (usize, usize), $function);
    };
    (@ $name:literal $version:literal, $number:literal, 3, $function:path) => {
        entry!(@ $name $version, $number, (a, b, c), (usize, usize, usize), $function);
    };
    (@ $name:literal $version:literal, $number:literal, 4, $function:path) => {
        entry!(@ $name $version, $number, (a, b, c, d), (usize, usize, usize, usize), $function);
    };
    (@ $name:literal $version:literal, $number:literal, ($($a:ident),*), ($($type:ty),*), $function:path) => {
        const _: () = {
            #[unsafe(export_name = concat!($name, $version))]
            unsafe extern "C-unwind" fn entry($($a: $type),*) -> usize {
                type Function = unsafe extern "C-unwind" fn($($type,)* usize, u32) -> usize;
                let function = $function as *const ();
                // SAFETY: it takes as many words, and gives one or nothing.
                let function = unsafe { std::mem::transmute::<*const (), Function>(function) };
                // SAFETY: the arguments go on as they came.
                unsafe { function($($a,)* 0, $number) }
            }
        };
    };
}
