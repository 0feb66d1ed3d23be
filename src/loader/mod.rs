//! The dynamic loader: in which object an address lies, and what a name means to that object.
//!
//! Nothing here knows of OpenSSL, holds a lock of ours, or keeps an object loaded unless it says so.

mod find;
mod object;
mod relocations;
mod scope;
mod symbols;
mod unwind;

pub(crate) use find::{here, is_here, is_loaded, nth};
pub(crate) use object::Object;
pub(crate) use relocations::{bindings, references};
pub(crate) use scope::{behind_us, everybodys, program};
pub(crate) use unwind::caller;

/// Finds out how to find objects: once, while the program has one thread.
pub(crate) fn begin() {
    find::use_quick_way(everybodys(c"_dl_find_object"));
}

#[cfg(test)]
mod tests {
    use super::find::{by_iteration, find_object};
    use super::*;

    fn both(address: usize) -> [Option<Object>; 2] {
        begin();
        assert!(find_object().is_some(), "this glibc has the quick way");
        [Object::at(address), by_iteration(address)]
    }

    #[test]
    fn two_ways_to_find_an_object_agree() {
        for address in [both as *const () as usize, libc::getpid as *const () as usize] {
            let [Some(quick), Some(slow)] = both(address) else { panic!("{address:#x}") };
            assert_eq!((quick.base, quick.dynamic), (slow.base, slow.dynamic));
            assert_eq!(quick.path(), slow.path());
            assert!(quick.contains(address) && slow.contains(address));
            assert!(quick.contains(slow.start) && quick.contains(slow.end - 1));
        }
        let nowhere = Box::new(0_u8);
        assert_eq!(both((&raw const *nowhere).addr()), [None, None]);
    }

    #[test]
    fn names_are_found_in_the_object_that_is_asked() {
        let libc_so = Object::at(libc::getpid as *const () as usize).unwrap();
        assert!(libc_so.path().to_bytes().ends_with(b"libc.so.6"));
        let handle = libc_so.handle().unwrap();
        assert_eq!(
            handle.find(c"getpid", None).unwrap().as_ptr() as usize,
            libc::getpid as *const () as usize
        );
        assert_eq!(handle.find(c"SSL_new", None), None);
        assert_eq!(nth(0).unwrap().path(), c"");
        assert_eq!(nth(100_000), None);
    }

    #[test]
    fn an_object_that_has_gone_has_no_handle() {
        let mut gone = Object::at(libc::getpid as *const () as usize).unwrap();
        gone.dynamic = 1;
        assert!(gone.handle().is_none());
    }
}
