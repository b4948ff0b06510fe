//! Links between the documents of the tree.

use super::Finding;
use super::tree::Tree;

/// Every relative link of a Markdown file leads to a file or folder of the tree.
pub(super) fn broken(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.extension() == "md") {
        let folder = file.path.rsplit_once('/').map_or("", |it| it.0);
        let mut in_code = false;
        for (number, line) in file.lines() {
            in_code ^= line.trim_start().starts_with("```");
            if in_code {
                continue;
            }
            let dead = targets(line).filter(|target| !leads_somewhere(tree, folder, target));
            findings.extend(dead.map(|it| Finding::at(&file.path, number, format!("no {it}"))));
        }
    }
    findings
}

/// What stands between `](` and `)`, without titles and anchors.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let behind_text = line.split("](").skip(1);
    behind_text.filter_map(|rest| rest.split([')', ' ', '#']).next()).filter(|it| !it.is_empty())
}

fn leads_somewhere(tree: &Tree, folder: &str, target: &str) -> bool {
    if target.contains("://") || target.starts_with("mailto:") {
        return true;
    }
    let (base, target) = match target.strip_prefix('/') {
        Some(absolute) => ("", absolute),
        None => (folder, target),
    };
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part != ".." {
            parts.push(part);
        } else if parts.pop().is_none() {
            return false;
        }
    }
    parts.is_empty() || tree.paths.contains(&parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_links_are_followed() {
        let table = [
            ("[a](protocol.md)", 0),
            ("[a](protocol.md#errors) and [b](../README.md \"title\")", 0),
            ("[a](https://example.org/x) [b](#here) [c](mailto:a@b.c)", 0),
            ("[a](../crates/turn)", 0),
            ("[a](gone.md)", 1),
            ("[a](../../outside.md)", 1),
            ("[a](gone.md) [b](protocol.md) [c](missing/x.md)", 2),
            ("```\n[a](gone.md)\n```", 0),
        ];
        for (text, count) in table {
            let tree = Tree::of(&[
                ("docs/start.md", text),
                ("docs/protocol.md", ""),
                ("README.md", ""),
                ("crates/turn/src/lib.rs", ""),
            ]);
            assert_eq!(broken(&tree).len(), count, "{text}");
        }
    }
}
