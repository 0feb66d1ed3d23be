//! What the library exports, reads and counts is in the manual and in docs/operations.md.
#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const HEADER: &str = include_str!("../include/dtlsv1_listen.h");
const MANUAL: &str = include_str!("../man/dtlsv1_listen.3");
const OPERATIONS: &str = include_str!("../docs/operations.md");

/// The words made of these characters that begin with `start`.
fn words<'a>(text: &'a str, start: &str, of: fn(char) -> bool) -> BTreeSet<&'a str> {
    text.split(|c| !of(c)).filter(|word| word.starts_with(start)).collect()
}

fn is_lower(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}

fn is_upper(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'
}

fn missing<'a>(wanted: &BTreeSet<&'a str>, there: &BTreeSet<&str>) -> Vec<&'a str> {
    wanted.iter().copied().filter(|word| !there.contains(word)).collect()
}

fn sources(directory: &Path, all: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else {
            all.push(path);
        }
    }
}

#[test]
fn every_function() {
    let declared = HEADER.lines().filter(|line| line.starts_with(char::is_alphabetic));
    let declared = declared.filter_map(|line| line.split_once('(')).map(|(before, _)| before);
    let functions: BTreeSet<&str> =
        declared.flat_map(|before| words(before, "dtlsv1_listen_", is_lower)).collect();
    assert!(functions.len() >= 11, "{functions:?}");
    for text in [MANUAL, OPERATIONS] {
        let named = words(text, "dtlsv1_listen_", is_lower);
        assert_eq!(missing(&functions, &named), Vec::<&str>::new());
    }
}

#[test]
fn every_function_of_a_listener() {
    const LISTENER: &str = include_str!("../man/dtlsv1_listener.3");
    let declared = words(HEADER, "dtlsv1_listener_", is_lower);
    assert!(declared.len() >= 12, "{declared:?}");
    let named = words(LISTENER, "dtlsv1_listener_", is_lower);
    assert_eq!(missing(&declared, &named), Vec::<&str>::new());
    let is_name = |name: &&str| !name.ends_with('_');
    let news = words(HEADER, "DTLSV1_NEWS_", is_upper).into_iter().filter(is_name).collect();
    assert_eq!(missing(&news, &words(LISTENER, "DTLSV1_NEWS_", is_upper)), Vec::<&str>::new());
}

#[test]
fn every_environment_variable() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let text: String = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    // As they are asked for: C strings.
    let variables: BTreeSet<&str> = text
        .split("c\"DTLSV1_LISTEN_")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .map(|(name, _)| name)
        .collect();
    assert!(variables.len() >= 7, "{variables:?}");
    for text in [MANUAL, OPERATIONS] {
        let named = words(text, "DTLSV1_LISTEN_", is_upper);
        let named = named.iter().filter_map(|name| name.strip_prefix("DTLSV1_LISTEN_")).collect();
        assert_eq!(missing(&variables, &named), Vec::<&str>::new());
    }
}

#[test]
fn every_counter() {
    let members = HEADER.lines().filter_map(|line| line.trim().strip_prefix("uint64_t "));
    let members: BTreeSet<&str> = members
        .filter_map(|member| member.strip_suffix(';'))
        .map(|member| member.strip_prefix("discards_").unwrap_or(member))
        .collect();
    assert!(members.len() >= 28, "{members:?}");
    assert_eq!(missing(&members, &in_tables(OPERATIONS)), Vec::<&str>::new());
}

/// What the first cells of the tables' rows have in backquotes, and as `reason="name"` there.
fn in_tables(text: &str) -> BTreeSet<&str> {
    let cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let quoted = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    quoted.map(|name| reason(name).unwrap_or(name)).collect()
}

fn reason(name: &str) -> Option<&str> {
    name.split_once("reason=\"")?.1.strip_suffix("\"}")
}

#[test]
fn what_counts_as_in_a_table() {
    let text = "`prose`\n| `a`, `b{reason=\"c\"}` (`d`) | `not this` |\n| in | `nor this` |\n";
    assert_eq!(in_tables(text), BTreeSet::from(["a", "c", "d"]));
}

/// In the manual, `.Sx` names a section or a subsection of its page.
#[test]
fn every_section_that_is_referred_to() {
    for page in [MANUAL, include_str!("../man/dtlsv1-listen.1")] {
        let named = |macros: &[&str]| -> BTreeSet<&str> {
            let lines = page.lines().filter_map(|line| {
                macros.iter().find_map(|each| line.strip_prefix(each)?.strip_prefix(' '))
            });
            lines.map(|name| name.trim_end_matches([' ', '.', ',', ')', ';', ':'])).collect()
        };
        let sections = named(&[".Sh", ".Ss"]);
        assert!(sections.len() >= 8, "{sections:?}");
        assert_eq!(missing(&named(&[".Sx"]), &sections), Vec::<&str>::new());
    }
}
