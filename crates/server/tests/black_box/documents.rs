//! What the documents say about the configuration holds.

use std::fs;
use std::path::Path;

use crate::certificate;
use crate::jwt_keys;
use crate::program::{Folder, run};

#[test]
fn every_example_is_a_valid_configuration() {
    for document in ["README.md", "docs/configuration.md"] {
        let text = read(document);
        let examples: Vec<&str> =
            text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert!(!examples.is_empty(), "{document}");
        for example in examples {
            let folder = Folder::with("kopru.toml", example);
            certificate::write(&folder, "fullchain.pem", "privkey.pem");
            folder.write("tokens.pem", &jwt_keys::an_ec_key());
            let said = run(&folder, &["check", "kopru.toml"]);
            assert_eq!(said.code, 0, "{document}: {}", said.stderr);
        }
    }
}

#[test]
fn every_key_has_its_row() {
    let text = read("docs/configuration.md");
    for (header, heading) in [
        ("", "# The configuration"),
        ("[http]", "## `[http]`"),
        ("[https]", "## `[https]`"),
        ("[turn]", "## `[turn]`"),
        ("[turn.auth]", "### `[turn.auth]`"),
        ("[turn.peers]", "### `[turn.peers]`"),
        ("[turn.limits]", "### `[turn.limits]`"),
        ("[signaling]", "## `[signaling]`"),
        ("[signaling.auth]", "### `[signaling.auth]`"),
        ("[signaling.auth.jwt]", "### `[signaling.auth]`"),
        ("[[signaling.auth.jwt.keys]]", "### `[[signaling.auth.jwt.keys]]`"),
        ("[signaling.limits]", "### `[signaling.limits]`"),
        ("[[ice_servers]]", "## `[[ice_servers]]`"),
        ("[pages]", "## `[pages]`"),
        ("[admin]", "## `[admin]`"),
    ] {
        let (_, chapter) = text.split_once(heading).unwrap_or_else(|| panic!("no {heading}"));
        let chapter = if header.is_empty() { chapter } else { until_next_heading(chapter) };
        // A key that is none makes kopru list those that are.
        let folder = Folder::with("kopru.toml", &format!("{header}\nqqqqqqqq = 1\n"));
        let said = run(&folder, &["check", "kopru.toml"]);
        let (_, known) = said.stderr.split_once("known here: ").unwrap_or_else(|| {
            panic!("{header}: {}", said.stderr);
        });
        for key in known.lines().next().unwrap().split(", ") {
            // In a row of its table, or as a table of its own.
            let below = format!("{}.{key}]`", header.trim_end_matches(']'));
            let forms = [format!("`{key}`"), format!(".{key}`")];
            let tables = [format!("`[{key}]`"), format!("`[[{key}]]`"), below];
            let is_there = forms.iter().any(|form| chapter.contains(form))
                || tables.iter().any(|table| text.contains(table))
                || chapter.contains(&format!("`{key}."));
            assert!(is_there, "{header} {key} is not in docs/configuration.md");
        }
    }
}

#[test]
fn every_default_is_what_the_document_says() {
    let folder = Folder::with("kopru.toml", "");
    let printed = run(&folder, &["check", "kopru.toml"]).stdout;
    let text = read("docs/configuration.md");
    let mut compared = 0;
    let mut table = "";
    for line in printed.lines() {
        if line.starts_with('[') {
            table = line;
            continue;
        }
        let Some((key, value)) = line.split_once(" = ") else { continue };
        let value = value.trim_end_matches("# default").trim();
        let Some((_, chapter)) = text.split_once(&format!("`{table}`")) else { continue };
        let row = until_next_heading(chapter)
            .lines()
            .find(|row| row.starts_with(&format!("| `{key}` |")));
        let Some(documented) = row.and_then(|row| row.split('|').nth(2)) else { continue };
        // What is found out, and what depends on the host's IPv6.
        if documented.contains("found out") || value.contains("3478") {
            continue;
        }
        assert_eq!(documented.trim(), format!("`{value}`"), "{table} {key}");
        compared += 1;
    }
    assert!(compared >= 15, "only {compared} rows were compared");
}

fn until_next_heading(chapter: &str) -> &str {
    chapter.split("\n#").next().unwrap_or(chapter)
}

fn read(document: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(document)).unwrap()
}
