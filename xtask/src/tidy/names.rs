//! A file is named for the thing in it, so that a guess finds it.

use super::Finding;
use super::tree::Tree;

/// Words that would be true of any file.
const VAGUE: &[&str] = &[
    "manager", "handler", "helper", "helpers", "util", "utils", "context", "info", "common", "misc",
];

/// No file and no folder of ours has a name made of words that say nothing.
pub(super) fn vague(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for path in &tree.paths {
        let name = path.rsplit('/').next().unwrap_or(path);
        for word in name.split(['.', '_', '-']).filter(|word| VAGUE.contains(word)) {
            findings.push(Finding::whole(path, format!("\"{word}\" does not say what it holds")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vague_words_are_found_as_words() {
        let table = [
            ("crates/net/src/utils.rs", 1),
            ("crates/net/src/socket_manager.rs", 1),
            ("ui/src/helpers/time.ts", 1),
            ("crates/net/src/informed.rs", 0),
            ("crates/turn/src/channel_data.rs", 0),
        ];
        for (path, count) in table {
            assert_eq!(vague(&Tree::of(&[(path, "")])).len(), count, "{path}");
        }
    }
}
