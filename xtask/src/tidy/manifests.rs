//! What Cargo.toml and clippy.toml must say in every crate.

use super::Finding;
use super::tree::{File, Tree};

/// Every crate takes the workspace's lints, which forbid `unsafe`; net alone may soften that.
pub(super) fn unsafe_code(tree: &Tree) -> Vec<Finding> {
    let crates = tree.files.iter().filter(|file| is_manifest(file) && file.path != "Cargo.toml");
    crates
        .filter(|file| file.path != "crates/net/Cargo.toml")
        .filter(|file| !forbids_unsafe(&file.text))
        .map(|file| Finding::whole(&file.path, "neither inherits nor states unsafe_code = forbid"))
        .collect()
}

fn forbids_unsafe(manifest: &str) -> bool {
    let inherited = sections(manifest)
        .any(|(section, _, line)| section == "lints" && code(line) == "workspace = true");
    let stated = sections(manifest).any(|(section, _, line)| {
        section == "lints.rust" && code(line) == "unsafe_code = \"forbid\""
    });
    inherited || stated
}

/// A dependency carries its reason on its own line or on the line above. Our own crates need none:
/// ARCHITECTURE.md draws them.
pub(super) fn reasons(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().filter(|file| is_manifest(file)).flat_map(unexplained).collect()
}

fn unexplained(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut above = "";
    let mut inside_value = false;
    for (section, number, line) in sections(&file.text) {
        let lists_dependencies = section.ends_with("dependencies");
        let starts_entry = !inside_value && code(line).contains('=');
        if lists_dependencies && starts_entry {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            let explained = line.contains('#') || above.trim_start().starts_with('#');
            if !name.starts_with("kopru-") && !explained {
                findings.push(Finding::at(&file.path, number, format!("why {name}?")));
            }
            inside_value = line.contains('[') && !line.contains(']');
        } else if inside_value && line.contains(']') {
            inside_value = false;
        }
        above = line;
    }
    findings
}

/// Clippy reads only the nearest clippy.toml: each copy repeats every line of the root's, and the
/// stricter ones of the protocol cores are the same.
pub(super) fn clippy_copies(tree: &Tree) -> Vec<Finding> {
    let find = |path: &str| tree.files.iter().find(|file| file.path == path);
    let Some(root) = find("clippy.toml") else {
        return vec![Finding::whole("clippy.toml", "is missing")];
    };
    let mut findings = Vec::new();
    for copy in tree.files.iter().filter(|file| file.path.ends_with("/clippy.toml")) {
        let missing = settings(root).filter(|line| !settings(copy).any(|it| it == *line));
        findings.extend(missing.map(|line| Finding::whole(&copy.path, format!("lacks: {line}"))));
    }
    let cores = ["crates/stun/clippy.toml", "crates/turn/clippy.toml", "crates/signal/clippy.toml"];
    let first = find(cores[0]).map(|file| settings(file).collect::<Vec<_>>());
    for core in &cores[1..] {
        if find(core).map(|file| settings(file).collect::<Vec<_>>()) != first {
            findings.push(Finding::whole(core, format!("differs from {}", cores[0])));
        }
    }
    findings
}

fn settings(file: &File) -> impl Iterator<Item = &str> {
    file.text.lines().map(code).filter(|line| !line.is_empty())
}

fn is_manifest(file: &File) -> bool {
    file.path == "Cargo.toml" || file.path.ends_with("/Cargo.toml")
}

/// The lines of a TOML file below the header of their section, numbered from 1.
fn sections(text: &str) -> impl Iterator<Item = (&str, usize, &str)> {
    let mut section = "";
    text.lines().enumerate().filter_map(move |(index, line)| {
        if line.starts_with('[') {
            section = code(line).trim_matches(['[', ']']);
            return None;
        }
        Some((section, index + 1, line))
    })
}

/// A line without its comment.
fn code(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_is_forbidden_by_inheriting_or_by_saying_so() {
        let table = [
            ("crates/turn/Cargo.toml", "[lints]\nworkspace = true\n", true),
            ("xtask/Cargo.toml", "[lints.rust]\nunsafe_code = \"forbid\"\n", true),
            ("crates/turn/Cargo.toml", "[lints.rust]\nunsafe_code = \"deny\"\n", false),
            ("crates/turn/Cargo.toml", "[dependencies]\nworkspace = true\n", false),
            ("crates/net/Cargo.toml", "[lints.rust]\nunsafe_code = \"deny\"\n", true),
            ("Cargo.toml", "[workspace]\n", true),
        ];
        for (path, text, passes) in table {
            assert_eq!(unsafe_code(&Tree::of(&[(path, text)])).is_empty(), passes, "{path} {text}");
        }
    }

    #[test]
    fn a_dependency_without_a_reason_is_found() {
        let table = [
            ("[dependencies]\nlibc = \"0.2\"\n", 1),
            ("[dependencies]\nlibc = \"0.2\" # system calls\n", 0),
            ("[dev-dependencies]\n# system calls\nlibc = \"0.2\"\n", 0),
            ("[dependencies]\nkopru-stun.workspace = true\n", 0),
            ("[package]\nname = \"x\"\n", 0),
            ("[dependencies]\n# why\na = { features = [\n  \"b=1\",\n] }\nc = \"1\"", 1),
            ("[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"\n", 1),
        ];
        for (text, count) in table {
            assert_eq!(reasons(&Tree::of(&[("Cargo.toml", text)])).len(), count, "{text}");
        }
    }

    #[test]
    fn a_copy_that_lost_a_line_is_found() {
        let root = ("clippy.toml", "# why\na = 1\nb = 2\n");
        let cores = |signal| {
            let same = "a = 1\nb = 2\nc = 3\n";
            Tree::of(&[
                root,
                ("crates/stun/clippy.toml", same),
                ("crates/turn/clippy.toml", same),
                ("crates/signal/clippy.toml", signal),
            ])
        };
        assert_eq!(clippy_copies(&cores("a = 1\nb = 2\nc = 3\n")), []);
        assert_eq!(clippy_copies(&cores("a = 1\nb = 2\n")).len(), 1, "a ban is missing");
        assert_eq!(clippy_copies(&cores("a = 9\nb = 2\nc = 3\n")).len(), 2, "and a number differs");
        assert_eq!(clippy_copies(&Tree::of(&[])).len(), 1);
    }
}
