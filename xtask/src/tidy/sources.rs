//! CONTRIBUTING.md, "Style": sizes, and what a Rust file begins with.

use super::Finding;
use super::tree::{File, Tree};

const LINES_MAX: usize = 800;
const LINES_WORTH_SPLITTING: usize = 500;
const COLUMNS_MAX: usize = 100;

/// Languages that people write and read here as code.
const CODE: &[&str] = &["rs", "mjs", "js", "ts", "tsx", "css", "py", "sh", "c", "h"];

/// Nobody keeps 800 lines in mind at once.
pub(super) fn too_long(tree: &Tree) -> Vec<Finding> {
    longer_than(tree, LINES_MAX)
}

/// Files that ask for a split; they break no rule yet.
pub(super) fn worth_splitting(tree: &Tree) -> Vec<Finding> {
    longer_than(tree, LINES_WORTH_SPLITTING)
}

fn longer_than(tree: &Tree, limit: usize) -> Vec<Finding> {
    let lengths = code(tree).map(|file| (file, file.text.lines().count()));
    let long = lengths.filter(|(_, lines)| *lines > limit);
    long.map(|(file, lines)| Finding::whole(&file.path, format!("{lines} lines"))).collect()
}

/// Two files fit beside each other on a screen. A link or a hash can't be broken, so a line
/// without a space in it may be as wide as it is.
pub(super) fn too_wide(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in code(tree) {
        for (number, line) in file.lines() {
            let columns = line.chars().count();
            let breakable = line.trim_start().trim_start_matches(['/', '!', '*', ' ']);
            if columns > COLUMNS_MAX && breakable.contains(' ') {
                findings.push(Finding::at(&file.path, number, format!("{columns} columns")));
            }
        }
    }
    findings
}

/// The first line of a Rust file cites its RFC section or says what the file is for.
pub(super) fn module_doc(tree: &Tree) -> Vec<Finding> {
    let rust = tree.files.iter().filter(|file| file.extension() == "rs");
    rust.filter(|file| !file.text.starts_with("//! "))
        .map(|file| Finding::at(&file.path, 1, "does not begin with //!"))
        .collect()
}

fn code(tree: &Tree) -> impl Iterator<Item = &File> {
    tree.files.iter().filter(|file| CODE.contains(&file.extension()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_judged_at_its_limits() {
        for (lines, notes, errors) in [(500, 0, 0), (501, 1, 0), (800, 1, 0), (801, 1, 1)] {
            let tree = Tree::of(&[("a.rs", &"x\n".repeat(lines)), ("a.md", &"x\n".repeat(9000))]);
            assert_eq!((worth_splitting(&tree).len(), too_long(&tree).len()), (notes, errors));
        }
    }

    #[test]
    fn width_is_counted_in_characters() {
        let table = [
            (format!("x {}", "é".repeat(98)), true),
            (format!("x {}", "é".repeat(99)), false),
            (format!("// https://{}", "x".repeat(200)), true),
            (format!("// see https://{}", "x".repeat(200)), false),
        ];
        for (line, passes) in table {
            assert_eq!(too_wide(&Tree::of(&[("a.ts", &line)])).is_empty(), passes, "{line}");
        }
    }

    #[test]
    fn a_rust_file_begins_with_its_module_doc() {
        for (text, passes) in [("//! A thing.\n", true), ("use std::io;\n", false), ("", false)] {
            assert_eq!(module_doc(&Tree::of(&[("a.rs", text)])).is_empty(), passes, "{text}");
        }
    }
}
