//! ARCHITECTURE.md, "Crates": who may import whom.

use serde_json::Value;

use super::Finding;
use super::tree::Tree;

/// A crate of ours, what it may import, and what its tests may import besides.
struct Layer {
    package: &'static str,
    imports: &'static [&'static str],
    tests_import: &'static [&'static str],
}

const LAYERS: &[Layer] = &[
    Layer { package: "kopru-stun", imports: &[], tests_import: &[] },
    Layer { package: "kopru-turn", imports: &["kopru-stun"], tests_import: &["kopru-sim"] },
    Layer { package: "kopru-signal", imports: &["kopru-stun"], tests_import: &["kopru-sim"] },
    Layer {
        package: "kopru-net",
        imports: &["kopru-stun", "kopru-turn"],
        tests_import: &["kopru-sim"],
    },
    Layer {
        package: "kopru-server",
        imports: &["kopru-stun", "kopru-turn", "kopru-signal", "kopru-net"],
        tests_import: &["kopru-sim"],
    },
    Layer {
        package: "kopru-sim",
        imports: &["kopru-stun", "kopru-turn", "kopru-signal"],
        tests_import: &[],
    },
    Layer {
        package: "kopru-fuzz",
        imports: &[
            "kopru-stun",
            "kopru-turn",
            "kopru-signal",
            "kopru-net",
            "kopru-server",
            "kopru-sim",
        ],
        tests_import: &[],
    },
    // It counts the instructions of both cores without sockets.
    Layer {
        package: "kopru-bench",
        imports: &["kopru-stun", "kopru-turn", "kopru-signal"],
        tests_import: &[],
    },
    Layer { package: "xtask", imports: &[], tests_import: &[] },
];

/// Crates that bring an async runtime along.
const ASYNC: &[&str] = &["tokio", "async-std", "smol", "axum", "hyper", "tower", "futures"];

/// No arrow between our crates but those of the drawing; `sim` and `xtask` never ship.
pub(super) fn arrows(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for edge in edges(&tree.metadata) {
        let Some(layer) = LAYERS.iter().find(|layer| layer.package == edge.from) else {
            findings.push(edge.finding("is a crate without a place in the drawing"));
            continue;
        };
        let ours = edge.to.starts_with("kopru-") || edge.to == "xtask";
        let allowed = layer.imports.contains(&edge.to)
            || (edge.for_tests && layer.tests_import.contains(&edge.to));
        if ours && !allowed {
            findings.push(edge.finding("may not import"));
        }
    }
    findings
}

/// Crates that may bring one: the server, and the bench, whose bare relay stands on the same.
const ASYNC_ALLOWED: &[&str] = &["kopru-server", "kopru-bench"];

/// Nothing below the server knows an async runtime; its tests may.
pub(super) fn async_runtime(tree: &Tree) -> Vec<Finding> {
    let foreign = |edge: &Edge<'_>| {
        let root = edge.to.split('-').next().unwrap_or(edge.to);
        (ASYNC.contains(&edge.to) || ASYNC.contains(&root)) && !ASYNC_ALLOWED.contains(&edge.from)
    };
    let edges = edges(&tree.metadata).into_iter();
    edges
        .filter(|edge| foreign(edge) && !edge.for_tests)
        .map(|edge| edge.finding("may not bring in an async runtime by"))
        .collect()
}

struct Edge<'a> {
    from: &'a str,
    to: &'a str,
    for_tests: bool,
}

impl Edge<'_> {
    fn finding(&self, what: &str) -> Finding {
        let kind = if self.for_tests { " (in its tests)" } else { "" };
        Finding::whole("Cargo.toml", format!("{} {what} {}{kind}", self.from, self.to))
    }
}

fn edges(metadata: &Value) -> Vec<Edge<'_>> {
    let mut edges = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            edges.push(Edge {
                from: package["name"].as_str().unwrap_or_default(),
                to: dependency["name"].as_str().unwrap_or_default(),
                for_tests: dependency["kind"].as_str() == Some("dev"),
            });
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tree(from: &str, to: &str, kind: Option<&str>) -> Tree {
        let dependency = json!({ "name": to, "kind": kind });
        let package = json!({ "name": from, "dependencies": [dependency] });
        Tree { metadata: json!({ "packages": [package] }), ..Tree::default() }
    }

    #[test]
    fn only_the_drawn_arrows_pass() {
        let table = [
            ("kopru-net", "kopru-turn", None, true),
            ("kopru-turn", "kopru-net", None, false),
            ("kopru-turn", "kopru-signal", None, false),
            ("kopru-turn", "kopru-sim", Some("dev"), true),
            ("kopru-turn", "kopru-sim", None, false),
            ("kopru-server", "kopru-sim", Some("build"), false),
            ("kopru-server", "xtask", Some("dev"), false),
            ("kopru-new", "serde", None, false),
            ("kopru-stun", "hmac", None, true),
        ];
        for (from, to, kind, passes) in table {
            assert_eq!(arrows(&tree(from, to, kind)).is_empty(), passes, "{from} {to} {kind:?}");
        }
    }

    #[test]
    fn an_async_runtime_is_the_servers_alone() {
        let table = [
            ("kopru-server", "tokio", None, true),
            ("kopru-server", "axum-server", None, true),
            ("kopru-net", "tokio", None, false),
            ("kopru-signal", "tokio-util", None, false),
            ("kopru-net", "tokio", Some("dev"), true),
            ("kopru-net", "socket2", None, true),
        ];
        for (from, to, kind, passes) in table {
            assert_eq!(async_runtime(&tree(from, to, kind)).is_empty(), passes, "{from} {to}");
        }
    }
}
