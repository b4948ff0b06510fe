//! What the rules look at: the files that git knows or would add, and the crates that cargo sees.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// One text file, its path relative to the root with `/` between the parts.
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

impl File {
    /// What follows the last dot of the name; empty when there is none.
    pub(super) fn extension(&self) -> &str {
        self.path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |it| it.1)
    }

    /// Lines with their numbers, counted from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// The tree as the rules see it.
#[derive(Default)]
pub(super) struct Tree {
    /// Text files that people write; what a tool generates is left out.
    pub(super) files: Vec<File>,
    /// Every path, generated and binary files too, and every folder.
    pub(super) paths: BTreeSet<String>,
    /// The output of `cargo metadata`.
    pub(super) metadata: Value,
}

impl Tree {
    /// Reads the tree at `root`. Fails when git or cargo can't be asked there.
    pub(super) fn read(root: &Path) -> io::Result<Self> {
        let listing = output(root, "git", &["ls-files", "-z", "-co", "--exclude-standard"])?;
        let mut tree = Self::default();
        for path in listing.split('\0').filter(|path| root.join(path).is_file()) {
            tree.add_path(path);
            if is_generated(path) {
                continue;
            }
            if let Ok(text) = String::from_utf8(std::fs::read(root.join(path))?) {
                tree.files.push(File { path: path.to_owned(), text });
            }
        }
        let metadata = ["metadata", "--format-version", "1", "--no-deps", "--offline"];
        tree.metadata = serde_json::from_str(&output(root, "cargo", &metadata)?)?;
        Ok(tree)
    }

    fn add_path(&mut self, path: &str) {
        let mut end = path.len();
        self.paths.insert(path.to_owned());
        while let Some(slash) = path[..end].rfind('/') {
            end = slash;
            self.paths.insert(path[..end].to_owned());
        }
    }

    /// A tree of the given files, for the tests of the rules.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.add_path(path);
            tree.files.push(File { path: (*path).to_owned(), text: (*text).to_owned() });
        }
        tree
    }
}

/// The built pages and Cargo.lock are written by tools; package-lock.json too, but has a rule.
fn is_generated(path: &str) -> bool {
    path.contains("/dist/") || path.ends_with("Cargo.lock")
}

fn output(root: &Path, program: &str, arguments: &[&str]) -> io::Result<String> {
    let output = Command::new(program).args(arguments).current_dir(root).output()?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("{program} {}: {message}", arguments.join(" "))));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_brings_its_folders() {
        let tree = Tree::of(&[("a/b/c.rs", "")]);
        assert!(["a", "a/b", "a/b/c.rs"].iter().all(|path| tree.paths.contains(*path)));
    }

    #[test]
    fn the_extension_is_of_the_name_not_of_a_folder() {
        for (path, expect) in [("a.b/c", ""), ("a/c.test.mjs", "mjs"), (".npmrc", "npmrc")] {
            let file = File { path: path.to_owned(), text: String::new() };
            assert_eq!(file.extension(), expect, "{path}");
        }
    }
}
