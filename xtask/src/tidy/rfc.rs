//! `docs/rfc/`: a table for each RFC that says, section by section, which file does it and which
//! test shows it, or why there is none. Tables and citations name only what exists.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::{File, Tree};

const CONTENTS: &str = "docs/rfc/contents/";

/// One table: every section of the RFC in its order, with files and tests that exist.
pub(super) fn tables(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for contents in contents(tree) {
        let path = format!("docs/rfc/{}.md", number(contents));
        let Some(page) = tree.files.iter().find(|file| file.path == path) else {
            findings.push(Finding::whole(&contents.path, format!("there is no {path}")));
            continue;
        };
        let rows = rows(page);
        let (told, wanted): (Vec<&str>, Vec<&str>) =
            (rows.iter().map(|row| row.section).collect(), contents.text.lines().collect());
        let missing = wanted.iter().filter(|section| !told.contains(section));
        findings.extend(missing.map(|it| Finding::whole(&path, format!("no row for {it}"))));
        for row in &rows {
            findings.extend(judge(tree, &path, row, &wanted));
        }
    }
    findings
}

/// Where the code says "RFC 8656 §7.2", the RFC has such a section.
pub(super) fn citations(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for contents in contents(tree) {
        let citation = format!("RFC {} §", number(contents));
        let sections: BTreeSet<&str> =
            contents.text.lines().filter_map(|line| line.split(' ').next()).collect();
        for file in tree.files.iter().filter(|file| file.extension() == "rs") {
            for (line, text) in file.lines() {
                let cited = text.split(&citation).skip(1).map(section_number);
                let unknown = cited.filter(|it| !it.is_empty() && !sections.contains(it));
                let finding =
                    |it| Finding::at(&file.path, line, format!("{citation}{it} does not exist"));
                findings.extend(unknown.map(finding));
            }
        }
    }
    findings
}

/// `| section | done by | shown by |`
struct Row<'a> {
    line: usize,
    section: &'a str,
    done_by: &'a str,
    shown_by: &'a str,
}

fn judge(tree: &Tree, path: &str, row: &Row<'_>, sections: &[&str]) -> Vec<Finding> {
    let mut wrong = Vec::new();
    if !sections.contains(&row.section) {
        wrong.push(format!("{} is no section of the RFC", row.section));
    }
    let files: Vec<&str> = quoted(row.done_by).collect();
    for file in &files {
        if !tree.paths.contains(&format!("crates/{file}")) {
            wrong.push(format!("there is no crates/{file}"));
        }
    }
    if files.is_empty() && row.shown_by.trim().is_empty() {
        wrong.push(format!("{}: neither a file nor a reason", row.section));
    }
    let tests: Vec<&str> = if files.is_empty() { vec![] } else { quoted(row.shown_by).collect() };
    if !files.is_empty() && tests.is_empty() {
        wrong.push(format!("{}: no test shows it", row.section));
    }
    wrong.extend(
        tests.iter().filter(|test| !has_test(tree, test)).map(|it| format!("no test {it}")),
    );
    wrong.into_iter().map(|message| Finding::at(path, row.line, message)).collect()
}

/// `turn/tests/x.rs`, a file with tests in it, or `turn/tests/x.rs::name`, one of them.
fn has_test(tree: &Tree, test: &str) -> bool {
    let (path, name) = test.split_once("::").map_or((test, None), |(path, it)| (path, Some(it)));
    let path = format!("crates/{path}");
    let Some(file) = tree.files.iter().find(|file| file.path == path) else { return false };
    let is_named = |function: &str| match name {
        Some(name) => function.trim_start().starts_with(&format!("fn {name}(")),
        None => true,
    };
    let lines: Vec<&str> = file.text.lines().collect();
    lines.windows(2).any(|pair| pair[0].trim() == "#[test]" && is_named(pair[1]))
}

fn contents(tree: &Tree) -> impl Iterator<Item = &File> {
    tree.files.iter().filter(|file| file.path.starts_with(CONTENTS))
}

fn number(contents: &File) -> &str {
    contents.path.trim_start_matches(CONTENTS).trim_end_matches(".txt")
}

fn rows(page: &File) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for (line, text) in page.lines() {
        let mut cells = text.split('|').skip(1);
        let (Some(section), Some(done_by), Some(shown_by)) =
            (cells.next(), cells.next(), cells.next())
        else {
            continue;
        };
        let section = section.trim();
        if section.starts_with(|first: char| first.is_ascii_digit()) {
            rows.push(Row { line, section, done_by, shown_by });
        }
    }
    rows
}

fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The number at the beginning of `text`; a full stop behind it ends a sentence.
fn section_number(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text[..end].trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "#[test]\nfn it_works() {}\nfn no_test() {}\n";

    fn tree(table: &str) -> Tree {
        Tree::of(&[
            ("docs/rfc/contents/9999.txt", "1 Introduction\n2.1 Doing\n"),
            ("docs/rfc/9999.md", table),
            ("crates/turn/src/doing.rs", "//! RFC 9999 §2.1: Doing.\n"),
            ("crates/turn/tests/doing.rs", CODE),
        ])
    }

    #[test]
    fn a_table_has_every_section_with_files_and_tests_that_exist() {
        let introduction = "| 1 Introduction | – | explains |\n";
        for (row, findings) in [
            ("| 2.1 Doing | `turn/src/doing.rs` | `turn/tests/doing.rs` |", 0),
            ("| 2.1 Doing | `turn/src/doing.rs` | `turn/tests/doing.rs::it_works` |", 0),
            ("| 2.1 Doing | – | not yet |", 0),
            ("", 1),
            ("| 2.1 Doing | – |  |", 1),
            ("| 2.1 Doing | `turn/src/doing.rs` | surely |", 1),
            ("| 2.1 Doing | `turn/src/gone.rs` | `turn/tests/doing.rs` |", 1),
            ("| 2.1 Doing | `turn/src/doing.rs` | `turn/tests/doing.rs::no_test` |", 1),
            ("| 2.1 Doing | `turn/src/doing.rs` | `turn/tests/gone.rs` |", 1),
            ("| 2.1 Undoing | – | not yet |", 2),
        ] {
            let found = tables(&tree(&format!("{introduction}{row}\n")));
            assert_eq!(found.len(), findings, "{row}: {found:?}");
        }
    }

    #[test]
    fn what_is_cited_exists() {
        for (text, findings) in [
            ("//! RFC 9999 §2.1: Doing.", 0),
            ("//! RFC 9999 §2.1.", 0),
            ("//! RFC 9999 §1, RFC 9999 §3", 1),
            ("//! RFC 9999 §2.1.1", 1),
            ("//! RFC 1234 §77", 0),
        ] {
            let contents = ("docs/rfc/contents/9999.txt", "1 Introduction\n2.1 Doing\n");
            let tree = Tree::of(&[contents, ("crates/a.rs", text)]);
            assert_eq!(citations(&tree).len(), findings, "{text}");
        }
    }
}
