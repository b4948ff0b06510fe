//! The checks that no compiler makes. Each rule is a function from the tree to its findings.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

mod layers;
mod links;
mod locks;
mod manifests;
mod names;
mod paths;
mod rfc;
mod sources;
mod tree;

use tree::Tree;

/// One place in the tree that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    /// Counted from 1; 0 concerns the whole file.
    line: usize,
    message: String,
}

impl Finding {
    fn at(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }

    fn whole(path: &str, message: impl Into<String>) -> Self {
        Self::at(path, 0, message)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

struct Rule {
    name: &'static str,
    check: fn(&Tree) -> Vec<Finding>,
}

const RULES: &[Rule] = &[
    Rule { name: "crates import only the layers below them", check: layers::arrows },
    Rule { name: "the async runtime lives in the server alone", check: layers::async_runtime },
    Rule { name: "unsafe code is allowed in net alone", check: manifests::unsafe_code },
    Rule { name: "every dependency says why it is there", check: manifests::reasons },
    Rule { name: "copies of clippy.toml agree", check: manifests::clippy_copies },
    Rule { name: "no file is longer than 800 lines", check: sources::too_long },
    Rule { name: "no line is wider than 100 columns", check: sources::too_wide },
    Rule { name: "every Rust file begins with what it is", check: sources::module_doc },
    Rule { name: "file names say what is in the file", check: names::vague },
    Rule { name: "nothing names a folder of one machine", check: paths::machine_paths },
    Rule { name: "package locks name no registry host", check: locks::resolved },
    Rule { name: "RFC tables name files and tests that exist", check: rfc::tables },
    Rule { name: "cited sections of RFCs exist", check: rfc::citations },
    Rule { name: "links between documents lead somewhere", check: links::broken },
];

/// Runs the rules of RFCs alone.
pub(crate) fn run_rfc(root: &Path) -> ExitCode {
    let of_rfcs = |rule: &&Rule| rule.name.contains("RFC");
    run_rules(root, &RULES.iter().filter(of_rfcs).collect::<Vec<_>>())
}

/// Runs every rule over the tree at `root` and prints what it found.
pub(crate) fn run(root: &Path) -> ExitCode {
    run_rules(root, &RULES.iter().collect::<Vec<_>>())
}

fn run_rules(root: &Path, rules: &[&Rule]) -> ExitCode {
    let tree = match Tree::read(root) {
        Ok(tree) => tree,
        Err(error) => {
            eprintln!("tidy: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut failed = 0;
    for rule in rules {
        let findings = (rule.check)(&tree);
        let verdict = if findings.is_empty() { "ok  " } else { "FAIL" };
        println!("{verdict} {}", rule.name);
        for finding in &findings {
            println!("       {finding}");
        }
        failed += usize::from(!findings.is_empty());
    }
    for finding in sources::worth_splitting(&tree) {
        println!("note {finding}");
    }
    println!("tidy: {} passed, {failed} failed, 0 skipped", rules.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
