//! A package lock pins versions and hashes; where they are fetched from is the reader's business.

use super::Finding;
use super::tree::Tree;

/// No package-lock.json names the host that a package came from.
pub(super) fn resolved(tree: &Tree) -> Vec<Finding> {
    let locks = tree.files.iter().filter(|file| file.path.ends_with("package-lock.json"));
    let mut findings = Vec::new();
    for file in locks {
        let first = file.lines().find(|(_, line)| line.trim_start().starts_with("\"resolved\""));
        if let Some((number, _)) = first {
            let cure = "names a host: .npmrc lacks omit-lockfile-registry-resolved=true";
            findings.push(Finding::at(&file.path, number, cure));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_in_a_lock_is_found() {
        let with = "{\n  \"version\": \"1.0.0\",\n  \"resolved\": \"https://example.org/a.tgz\"\n}";
        let without = "{\n  \"version\": \"1.0.0\"\n}";
        assert_eq!(resolved(&Tree::of(&[("ui/package-lock.json", with)])).len(), 1);
        assert_eq!(resolved(&Tree::of(&[("ui/package-lock.json", without)])), []);
    }
}
