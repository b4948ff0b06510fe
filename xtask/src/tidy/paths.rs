//! Paths of one machine have no place in a tree that is cloned to others.

use super::Finding;
use super::tree::Tree;

/// Folders below `/` that hold somebody's own files.
const PRIVATE: &[&str] = &["home", "root", "work", "Users"];

/// No file names a path inside a private folder of some machine.
pub(super) fn machine_paths(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| !file.path.ends_with("package-lock.json")) {
        for (number, line) in file.lines() {
            if let Some(folder) = PRIVATE.iter().find(|folder| names_folder(line, folder)) {
                findings.push(Finding::at(&file.path, number, format!("a path in /{folder}")));
            }
        }
    }
    findings
}

/// Whether the line holds `/folder/…` as the beginning of a path, not in the middle of one.
fn names_folder(line: &str, folder: &str) -> bool {
    let needle = format!("/{folder}/");
    line.match_indices(&needle).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + needle.len()..].chars().next();
        let starts_path = !before.is_some_and(|c| c.is_alphanumeric() || "._-/~}*)".contains(c));
        starts_path && after.is_some_and(|c| c.is_alphanumeric() || c == '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_paths_into_private_folders_count() {
        let (home, work) = (format!("/{}/", "home"), format!("/{}/", "work"));
        let table = [
            (format!("see {home}ada/x"), 1),
            (format!("\"{work}main\""), 1),
            (format!("docs{work}flow.md"), 0),
            (format!("https://example.org{home}page"), 0),
            ("/etc/kopru/kopru.toml".to_owned(), 0),
        ];
        for (line, count) in table {
            assert_eq!(machine_paths(&Tree::of(&[("a.md", &line)])).len(), count, "{line}");
        }
    }
}
