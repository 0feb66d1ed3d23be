//! The repairs of an SSL_CTX, switched on and off.

use super::done;
use crate::hello::error::Fault;
use crate::openssl::{Context, SSL_CTX, SslCtx};
use crate::service::repairs::Repairs;
use std::ffi::{c_int, c_uint};

/// No repair: what OpenSSL's own function does.
pub const DTLSV1_LISTEN_REPAIR_NONE: c_uint = 0;
/// The first ServerHello goes out under the record sequence number of the ClientHello that it
/// answers (RFC 6347 section 4.2.1). OpenSSL 3.2 to 4.0 begin at 1 instead, which a client drops
/// as a replay when a HelloVerifyRequest came under that number. Only where the hello's number is 2
/// or more; the write BIO may be of any kind.
pub const DTLSV1_LISTEN_REPAIR_SEQUENCE: c_uint = 1;
/// What stands behind the verified record in its datagram is dropped, as OpenSSL 1.1.1 to 3.1 do;
/// later ones pass it on to the handshake.
pub const DTLSV1_LISTEN_REPAIR_TRAILING: c_uint = 2;
/// A hello in several fragments is put together, and handed over whole. In DTLSv1_listen() only where
/// the read BIO is libssl's own datagram BIO.
pub const DTLSV1_LISTEN_REPAIR_FRAGMENTS: c_uint = 4;
/// Every repair. The default.
pub const DTLSV1_LISTEN_REPAIR_ALL: c_uint = 7;

/// Chooses what an SSL_CTX's DTLSv1_listen() repairs. Without a call: what DTLSV1_LISTEN_REPAIR
/// says in the environment (none, all, or some of sequence, trailing and fragments, with commas
/// between them), else DTLSV1_LISTEN_REPAIR_ALL.
///
/// `ctx`: may be in use by other threads. `repairs`: DTLSV1_LISTEN_REPAIR_NONE, or others of
/// these or'ed together. A change holds for hellos that come after it.
///
/// Returns 1, or 0 with the reason queued (`ctx` NULL, a bit in `repairs` unknown, no memory).
///
/// # Safety
///
/// `ctx` is NULL or a live SSL_CTX.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listen_set_repairs(
    ctx: *mut SSL_CTX,
    repairs: c_uint,
) -> c_int {
    done(|libssl| {
        // SAFETY: by this function's contract.
        let ctx = unsafe { SslCtx::from_c(ctx, libssl) }.ok_or(Fault::NullArgument)?;
        let repairs = repairs_of(repairs).ok_or(Fault::InvalidArgument)?;
        Context::of(ctx)?.repairs.set(repairs);
        Ok(())
    })
}

/// `None` where a bit is none of the header's.
fn repairs_of(mask: c_uint) -> Option<Repairs> {
    const BITS: [(c_uint, Repairs); 3] = [
        (DTLSV1_LISTEN_REPAIR_SEQUENCE, Repairs::SEQUENCE),
        (DTLSV1_LISTEN_REPAIR_TRAILING, Repairs::TRAILING),
        (DTLSV1_LISTEN_REPAIR_FRAGMENTS, Repairs::FRAGMENTS),
    ];
    if mask & !DTLSV1_LISTEN_REPAIR_ALL != 0 {
        return None;
    }
    let chosen = BITS.iter().filter(|(bit, _)| mask & bit != 0);
    Some(chosen.fold(Repairs::NONE, |all, (_, repair)| all.and(*repair)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repairs_by_their_bits() {
        assert_eq!(repairs_of(DTLSV1_LISTEN_REPAIR_NONE), Some(Repairs::NONE));
        assert_eq!(repairs_of(DTLSV1_LISTEN_REPAIR_ALL), Some(Repairs::ALL));
        for (bit, repair) in [
            (DTLSV1_LISTEN_REPAIR_SEQUENCE, Repairs::SEQUENCE),
            (DTLSV1_LISTEN_REPAIR_TRAILING, Repairs::TRAILING),
            (DTLSV1_LISTEN_REPAIR_FRAGMENTS, Repairs::FRAGMENTS),
        ] {
            assert_eq!(repairs_of(bit), Some(repair));
        }
        for mask in [8, 15, 256, 257, c_uint::MAX] {
            assert_eq!(repairs_of(mask), None);
        }
    }
}
