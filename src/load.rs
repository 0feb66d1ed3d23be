//! What is to be known, or asked for, before the program begins: its stderr is what it was given then,
//! and nothing of the program's runs yet that could be in the way.

use crate::{os, stats};

/// The loader calls what stands here.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = at_load;

extern "C" fn at_load() {
    os::remember_stderr();
    stats::at_load();
}
