//! `kopru check`: the effective configuration as TOML, secrets masked.

use std::fmt::Write;

use super::reader::Effective;

/// Prints every option with the value it takes effect with; defaults say so.
pub(crate) fn print(effective: &[Effective]) -> String {
    let mut text = String::new();
    let mut header = None;
    for line in effective {
        match line {
            Effective::Table(path) => header = Some(format!("[{path}]")),
            Effective::TableOfArray(path) => header = Some(format!("[[{path}]]")),
            Effective::Value { key, value, is_default } => {
                // A table without a value of its own is named by the tables in it.
                if let Some(header) = header.take() {
                    let gap = if text.is_empty() { "" } else { "\n" };
                    _ = writeln!(text, "{gap}{header}");
                }
                let assignment = format!("{key} = {value}");
                let note = if *is_default { "# default" } else { "" };
                _ = writeln!(text, "{}", format!("{assignment:<42} {note}").trim_end());
            }
        }
    }
    text
}
