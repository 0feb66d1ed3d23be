//! BPF_PROG_TEST_RUN: the program on a frame that no device has seen.

use std::io::{Error, Result};
use std::os::fd::{AsRawFd as _, BorrowedFd};

const BPF_PROG_TEST_RUN: libc::c_int = 10;

/// As `union bpf_attr` has it for this command.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    program: u32,
    verdict: u32,
    size_in: u32,
    size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
    context_size_in: u32,
    context_size_out: u32,
    context_in: u64,
    context_out: u64,
    flags: u32,
    cpu: u32,
    batch_size: u32,
    unused: u32,
}

/// What became of a frame.
pub struct Run<'a> {
    /// What the program returned.
    pub verdict: u32,
    /// The frame as it is now.
    pub frame: &'a [u8],
    /// Nanoseconds for one run.
    pub nanoseconds: u32,
}

/// Runs a program on a frame, `repeat` times (on what the run before left); `out` is for the frame
/// that comes out.
pub fn run<'a>(
    program: BorrowedFd<'_>,
    frame: &[u8],
    repeat: u32,
    out: &'a mut [u8],
) -> Result<Run<'a>> {
    run_in(program, frame, &[], repeat, out)
}

/// The same with what else the program is to see, a `struct __sk_buff` or `struct xdp_md`; none where
/// it is empty.
pub fn run_in<'a>(
    program: BorrowedFd<'_>,
    frame: &[u8],
    context: &[u8],
    repeat: u32,
    out: &'a mut [u8],
) -> Result<Run<'a>> {
    let too_long = |_| Error::from_raw_os_error(libc::E2BIG);
    let mut attributes = Attributes {
        program: u32::try_from(program.as_raw_fd()).map_err(too_long)?,
        size_in: u32::try_from(frame.len()).map_err(too_long)?,
        size_out: u32::try_from(out.len()).map_err(too_long)?,
        data_in: frame.as_ptr().addr() as u64,
        data_out: out.as_mut_ptr().addr() as u64,
        repeat,
        context_size_in: u32::try_from(context.len()).map_err(too_long)?,
        context_in: if context.is_empty() { 0 } else { context.as_ptr().addr() as u64 },
        ..Attributes::default()
    };
    // SAFETY: the attributes are as long as is said, and all buffers in them; they outlive the call.
    #[allow(unsafe_code)]
    let status = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_PROG_TEST_RUN,
            &raw mut attributes,
            size_of::<Attributes>(),
        )
    };
    if status < 0 {
        return Err(Error::last_os_error());
    }
    let size = usize::try_from(attributes.size_out).map_err(too_long)?;
    Ok(Run {
        verdict: attributes.verdict,
        frame: out.get(..size).unwrap_or_default(),
        nanoseconds: attributes.duration,
    })
}
