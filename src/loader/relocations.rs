//! What an object's references are bound to: read from the places that the loader filled in.

use super::Object;
use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// One reference of an object to a name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding<'a> {
    pub(crate) name: &'a CStr,
    /// The word that the loader fills in, as long as the object is loaded.
    pub(crate) slot: &'a AtomicUsize,
    /// What it holds now.
    pub(crate) value: usize,
}

/// Calls `each` with the references of a loaded object that are bound by now, until it gives
/// something. One that is bound at its first call, and has not been called, holds an address of the
/// object's own: it is left out, but for a function that the object has itself.
pub(crate) fn bindings<'a, T>(
    object: &'a Object,
    mut each: impl FnMut(Binding<'a>) -> Option<T>,
) -> Option<T> {
    references(object, |binding, is_bound| if is_bound { each(binding) } else { None })
}

/// The same with those that are not bound yet.
pub(crate) fn references<'a, T>(
    object: &'a Object,
    mut each: impl FnMut(Binding<'a>, bool) -> Option<T>,
) -> Option<T> {
    let tables = Tables::of(object)?;
    for (table, size, entry) in [tables.plt, tables.other] {
        let mut at = table;
        let end = table.wrapping_add(size);
        while entry != 0 && at < end {
            // SAFETY: within the object's table of relocations.
            let binding = unsafe { tables.binding(object, at) };
            if let Some(found) = binding.and_then(|(binding, is_bound)| each(binding, is_bound)) {
                return Some(found);
            }
            at = at.wrapping_add(entry);
        }
    }
    None
}

/// The head of `Elf64_Rela` and `Elf64_Rel`, or of their brothers of 32 bits: the same words.
#[repr(C)]
struct Relocation {
    offset: usize,
    info: usize,
}

/// `Elf64_Sym`.
#[cfg(target_pointer_width = "64")]
#[repr(C)]
pub(super) struct Symbol {
    pub(super) st_name: u32,
    pub(super) st_info: u8,
    _st_other: u8,
    pub(super) st_shndx: u16,
    pub(super) st_value: u64,
    _st_size: u64,
}

/// `Elf32_Sym`.
#[cfg(target_pointer_width = "32")]
#[repr(C)]
pub(super) struct Symbol {
    pub(super) st_name: u32,
    pub(super) st_value: u32,
    _st_size: u32,
    pub(super) st_info: u8,
    _st_other: u8,
    pub(super) st_shndx: u16,
}

/// The symbol's number in `r_info`.
const SYMBOL_AT: u32 = if cfg!(target_pointer_width = "64") { 32 } else { 8 };

const DT_PLTRELSZ: usize = 2;
const DT_STRTAB: usize = 5;
const DT_SYMTAB: usize = 6;
const DT_RELA: usize = 7;
const DT_RELASZ: usize = 8;
const DT_REL: usize = 17;
const DT_RELSZ: usize = 18;
const DT_PLTREL: usize = 20;
const DT_JMPREL: usize = 23;

const RELA: usize = size_of::<[usize; 3]>();
const REL: usize = size_of::<[usize; 2]>();

/// Address, bytes, bytes of one entry.
type Table = (usize, usize, usize);

#[derive(Default)]
struct Tables {
    strings: usize,
    symbols: usize,
    plt: Table,
    other: Table,
}

impl Tables {
    fn of(object: &Object) -> Option<Self> {
        let mut tables = Self::default();
        object.each_dynamic(|tag, value| match tag {
            DT_STRTAB => tables.strings = value,
            DT_SYMTAB => tables.symbols = value,
            DT_JMPREL => tables.plt.0 = value,
            DT_PLTRELSZ => tables.plt.1 = value,
            DT_PLTREL => tables.plt.2 = if value == DT_RELA { RELA } else { REL },
            DT_RELA => (tables.other.0, tables.other.2) = (value, RELA),
            DT_REL => (tables.other.0, tables.other.2) = (value, REL),
            DT_RELASZ | DT_RELSZ => tables.other.1 = value,
            _ => {}
        });
        (tables.strings != 0 && tables.symbols != 0).then_some(tables)
    }

    /// # Safety
    ///
    /// `at` is the address of one of the loaded object's relocations.
    unsafe fn binding<'a>(&self, object: &'a Object, at: usize) -> Option<(Binding<'a>, bool)> {
        let relocation = std::ptr::with_exposed_provenance::<Relocation>(at);
        // SAFETY: by this function's contract.
        let Relocation { offset, info } = unsafe { relocation.read() };
        let number = info >> SYMBOL_AT;
        if number == 0 {
            return None;
        }
        let symbol = std::ptr::with_exposed_provenance::<Symbol>(self.symbols).wrapping_add(number);
        // SAFETY: a relocation names an entry of its object's symbol table.
        let symbol = unsafe { &*symbol };
        let slot = object.base.wrapping_add(offset);
        let word = std::ptr::with_exposed_provenance::<AtomicUsize>(slot);
        if !object.contains(slot) || !word.is_aligned() {
            return None;
        }
        // SAFETY: within the loaded object, aligned, and as long there as the object. The loader
        // writes whole words to it, and so does whoever else may.
        let slot = unsafe { &*word };
        let value = slot.load(Relaxed);
        let is_bound = value != 0 && (!object.contains(value) || is_own(symbol, object, value));
        let name = self.strings.wrapping_add(usize::try_from(symbol.st_name).ok()?);
        // SAFETY: a symbol's name is a C string of its object's string table.
        let name = unsafe { CStr::from_ptr(std::ptr::with_exposed_provenance(name)) };
        Some((Binding { name, slot, value }, is_bound))
    }
}

/// Does the object define the symbol, and is it what the value points to?
fn is_own(symbol: &Symbol, object: &Object, value: usize) -> bool {
    let at = usize::try_from(symbol.st_value).ok().map(|at| object.base.wrapping_add(at));
    symbol.st_shndx != 0 && at == Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loader;

    #[test]
    fn a_program_is_bound_to_what_its_references_mean() {
        loader::begin();
        let here = Object::at(Tables::of as *const () as usize).unwrap();
        let mut seen = 0;
        let wrong = bindings(&here, |binding| {
            let object = Object::at(binding.value)?;
            if !object.path().to_bytes().ends_with(b"libc.so.6") {
                return None;
            }
            seen += 1;
            assert_eq!(binding.slot.load(Relaxed), binding.value);
            let name = binding.name.to_str().unwrap();
            // Functions that a processor chooses, and data, have other addresses.
            (name == "getpid" && binding.value != libc::getpid as *const () as usize).then_some(())
        });
        assert_eq!(wrong, None);
        assert!(seen > 20, "{seen}");
    }
}
