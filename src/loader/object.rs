//! A program or a shared library that is loaded.

use std::ffi::{CStr, c_char};

/// An object that is loaded: a program or a shared library. The values stay what they are when the
/// object is unloaded; nothing is read through them by then, which is the care of whoever keeps one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    /// Where its first segment begins and its last one ends.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// What is added to the addresses in its file.
    pub(super) base: usize,
    /// Its dynamic section.
    pub(super) dynamic: usize,
    pub(super) path: *const c_char,
}

impl Object {
    pub(crate) const fn contains(&self, address: usize) -> bool {
        address >= self.start && address < self.end
    }

    /// All that tells it from another one, for who keeps it in atomics.
    pub(crate) const WORDS: usize = 5;

    pub(crate) fn words(&self) -> [usize; Self::WORDS] {
        [self.start, self.end, self.base, self.dynamic, self.path.expose_provenance()]
    }

    /// From [`words`](Self::words), `None` for those of nothing. The object is one that is loaded.
    pub(crate) fn from_words(words: [usize; Self::WORDS]) -> Option<Self> {
        let [start, end, base, dynamic, path] = words;
        let path = std::ptr::with_exposed_provenance(path);
        if start == 0 { None } else { Some(Self { start, end, base, dynamic, path }) }
    }

    /// Calls `each` with the tags of the dynamic section and their values; addresses are real ones.
    pub(super) fn each_dynamic(&self, mut each: impl FnMut(usize, usize)) {
        const NULL: usize = 0;
        let mut at = self.dynamic;
        loop {
            let entry = std::ptr::with_exposed_provenance::<[usize; 2]>(at);
            // SAFETY: the object is loaded, and its dynamic section ends with DT_NULL.
            let [tag, value] = unsafe { entry.read() };
            if tag == NULL {
                return;
            }
            // The loader writes real addresses there on most machines, and leaves offsets on the
            // others.
            let is_offset = is_address(tag) && value < self.start;
            each(tag, if is_offset { value.wrapping_add(self.base) } else { value });
            at = at.wrapping_add(size_of::<[usize; 2]>());
        }
    }

    /// Its file, as the loader names it; empty for the program.
    pub(crate) fn path(&self) -> &CStr {
        if self.path.is_null() {
            return c"";
        }
        // SAFETY: the loader's string, there as long as the object.
        unsafe { CStr::from_ptr(self.path) }
    }
}

/// Is the value of this tag an address, of those that are looked at here?
const fn is_address(tag: usize) -> bool {
    // DT_STRTAB, DT_SYMTAB, DT_RELA, DT_REL, DT_JMPREL, DT_GNU_HASH, DT_VERSYM
    matches!(tag, 5 | 6 | 7 | 17 | 23 | 0x6FFF_FEF5 | 0x6FFF_FFF0)
}
