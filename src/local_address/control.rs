//! Control messages (cmsg(3)).

use libc::{c_int, c_uint};
use std::mem::zeroed;

/// Room for control messages, aligned as their headers.
#[repr(C, align(8))]
pub(super) struct Control(pub(super) [u8; 128]);

/// The one control message of a message that has room for it.
pub(super) fn put<T>(message: &mut libc::msghdr, (level, kind): (c_int, c_int), info: T) {
    let len = size_of::<T>() as c_uint;
    // SAFETY: there is room for a header.
    let at = unsafe { libc::CMSG_FIRSTHDR(message) };
    // SAFETY: takes a length.
    let cmsg_len = unsafe { libc::CMSG_LEN(len) } as _;
    // SAFETY: takes a length.
    let mut header = unsafe { zeroed::<libc::cmsghdr>() };
    (header.cmsg_len, header.cmsg_level, header.cmsg_type) = (cmsg_len, level, kind);
    // SAFETY: takes a length.
    unsafe { at.write(header) };
    // SAFETY: takes a length.
    let data = unsafe { libc::CMSG_DATA(at) };
    // SAFETY: there is room for the longest, 20 bytes.
    unsafe { data.cast::<T>().write_unaligned(info) };
    // SAFETY: takes a length.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(len) } as _;
}
