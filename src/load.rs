//! What is to be known, or asked for, before the program begins: its stderr is what it was given then,
//! nothing of the program's runs yet that could be in the way, and it has forked off no process.

use crate::service::secrets;
use crate::{openssl, os, stats};

/// The loader calls what stands here.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = at_load;

extern "C" fn at_load() {
    os::remember_stderr();
    openssl::caller::at_load();
    stats::at_load();
    secrets::draw_at_load();
}
