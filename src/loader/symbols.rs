//! An object's own symbols, read from its tables: the loader is not asked, so it takes no lock, makes
//! no memory, and what the program has it log or audit is not added to.

use super::object::Object;
use super::relocations::Symbol;
use std::ffi::{CStr, c_void};
use std::ptr::{NonNull, with_exposed_provenance, with_exposed_provenance_mut};

impl Object {
    /// The object's own function of that name, in its default version. As the loader finds it where
    /// the object has no table of the usual kind.
    pub(crate) fn own(&self, name: &CStr) -> Option<NonNull<c_void>> {
        match Tables::of(self) {
            // SAFETY: the tables are those of a loaded object.
            Some(tables) => unsafe { tables.find(self, name) },
            None => {
                let at = self.handle()?.find(name, None)?;
                self.contains(at.as_ptr().addr()).then_some(at)
            }
        }
    }
}

const DT_STRTAB: usize = 5;
const DT_SYMTAB: usize = 6;
const DT_GNU_HASH: usize = 0x6FFF_FEF5;
const DT_VERSYM: usize = 0x6FFF_FFF0;

/// Of a symbol's version: not the default one.
const HIDDEN: u16 = 0x8000;

struct Tables {
    strings: usize,
    symbols: usize,
    hash: usize,
    /// 0 where symbols have no versions.
    versions: usize,
}

impl Tables {
    fn of(object: &Object) -> Option<Self> {
        let mut tables = Self { strings: 0, symbols: 0, hash: 0, versions: 0 };
        object.each_dynamic(|tag, value| match tag {
            DT_STRTAB => tables.strings = value,
            DT_SYMTAB => tables.symbols = value,
            DT_GNU_HASH => tables.hash = value,
            DT_VERSYM => tables.versions = value,
            _ => {}
        });
        (tables.strings != 0 && tables.symbols != 0 && tables.hash != 0).then_some(tables)
    }

    /// # Safety
    ///
    /// The tables are the loaded object's.
    unsafe fn find(&self, object: &Object, name: &CStr) -> Option<NonNull<c_void>> {
        const WORD: usize = size_of::<u32>();
        let head = with_exposed_provenance::<[u32; 3]>(self.hash);
        // SAFETY: the table begins with its numbers: of buckets, of the first symbol, of filter words.
        let [buckets, first, filters] = unsafe { head.read() }.map(|n| usize::try_from(n).ok());
        let hash = hash(name);
        let behind =
            4_usize.wrapping_mul(WORD).wrapping_add(filters?.wrapping_mul(size_of::<usize>()));
        let bucket_at = self.hash.wrapping_add(behind);
        let chain_at = bucket_at.wrapping_add(buckets?.wrapping_mul(WORD));
        let bucket = usize::try_from(hash).ok()?.checked_rem(buckets?)?;
        let bucket = with_exposed_provenance::<u32>(bucket_at).wrapping_add(bucket);
        // SAFETY: there are so many buckets.
        let mut number = usize::try_from(unsafe { bucket.read() }).ok()?;
        loop {
            let link = number.checked_sub(first?)?;
            let link = with_exposed_provenance::<u32>(chain_at).wrapping_add(link);
            // SAFETY: a chain has a word for each of its symbols, the last one marked.
            let link = unsafe { link.read() };
            // SAFETY: the number is of a symbol of the chain's.
            if link | 1 == hash | 1 && unsafe { self.is_called(number, name) } {
                // SAFETY: the number is of a symbol of the chain's.
                return unsafe { self.address(object, number) };
            }
            if link & 1 != 0 {
                return None;
            }
            number = number.wrapping_add(1);
        }
    }

    /// Has it this name, and is it what a reference without a version means?
    ///
    /// # Safety
    ///
    /// The number is of one of the object's symbols.
    unsafe fn is_called(&self, number: usize, name: &CStr) -> bool {
        if self.versions != 0 {
            let version = with_exposed_provenance::<u16>(self.versions).wrapping_add(number);
            // SAFETY: each symbol has a version.
            if unsafe { version.read() } & HIDDEN != 0 {
                return false;
            }
        }
        // SAFETY: by this function's contract.
        let Ok(at) = usize::try_from(unsafe { self.symbol(number) }.st_name) else { return false };
        // SAFETY: a symbol's name is a C string of its object's string table.
        let its = unsafe { CStr::from_ptr(with_exposed_provenance(self.strings.wrapping_add(at))) };
        its == name
    }

    /// # Safety
    ///
    /// As above.
    unsafe fn symbol(&self, number: usize) -> &Symbol {
        // SAFETY: by this function's contract.
        unsafe { &*with_exposed_provenance::<Symbol>(self.symbols).wrapping_add(number) }
    }

    /// `None` for one that the object only refers to, and for one that is chosen when it is asked for.
    ///
    /// # Safety
    ///
    /// As above.
    unsafe fn address(&self, object: &Object, number: usize) -> Option<NonNull<c_void>> {
        const IFUNC: u8 = 10;
        // SAFETY: by this function's contract.
        let symbol = unsafe { self.symbol(number) };
        if symbol.st_shndx == 0 || symbol.st_info & 0xF == IFUNC {
            return None;
        }
        let at = object.base.wrapping_add(usize::try_from(symbol.st_value).ok()?);
        NonNull::new(with_exposed_provenance_mut(at))
    }
}

/// Of the hash table that GNU's linkers make.
fn hash(name: &CStr) -> u32 {
    let bytes = name.to_bytes().iter();
    bytes.fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add(u32::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::super::begin;
    use super::*;

    #[test]
    fn what_is_read_is_what_the_loader_finds() {
        begin();
        let libc_so = Object::at(libc::getpid as *const () as usize).unwrap();
        let handle = libc_so.handle().unwrap();
        for name in [c"getpid", c"fopen", c"pthread_create", c"realpath", c"environ"] {
            assert_eq!(libc_so.own(name), handle.find(name, None), "{name:?}");
            assert!(libc_so.own(name).is_some());
        }
        for name in [c"SSL_new", c"", c"getpi", c"getpidd"] {
            assert_eq!(libc_so.own(name), None);
        }
        assert_eq!(hash(c"printf"), 0x156B_2BB8);
    }
}
