//! Reads options out of a TOML tree. An option is declared by reading it: its key, its default and
//! its form stand in one place, and from there come the errors, the list of known keys and the
//! effective configuration that `kopru check` prints.

use std::cell::RefCell;
use std::path::Path;

use super::error::{ConfigError, Mistake};
use super::section::{Section, Table};

/// What reading a file gathers: the mistakes, and every option with the value it takes effect with.
pub(crate) struct Reader<'a> {
    file: &'a str,
    folder: &'a Path,
    text: &'a str,
    errors: RefCell<Vec<ConfigError>>,
    effective: RefCell<Vec<Effective>>,
}

/// A line of the effective configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effective {
    /// `[turn.peers]`
    Table(String),
    /// `[[ice_servers]]`
    TableOfArray(String),
    /// `workers = 0`
    Value {
        /// The key without its table.
        key: String,
        /// The value as TOML, a secret masked.
        value: String,
        /// Not in the file.
        is_default: bool,
    },
}

impl<'a> Reader<'a> {
    /// `file` as the user named it, the folder that paths in it start from, and what it says.
    pub(crate) fn new(file: &'a str, folder: &'a Path, text: &'a str) -> Self {
        Self { file, folder, text, errors: RefCell::default(), effective: RefCell::default() }
    }

    /// The whole file as a section without a name.
    pub(crate) fn root(&'a self, table: &'a Table<'a>) -> Section<'a> {
        Section::new(self, String::new(), None, Some(table))
    }

    /// Where relative paths of the file start.
    pub(crate) fn folder(&self) -> &'a Path {
        self.folder
    }

    /// Notes a mistake.
    pub(crate) fn mistake(&self, line: Option<usize>, key: impl Into<String>, mistake: Mistake) {
        let file = self.file.to_owned();
        self.errors.borrow_mut().push(ConfigError { file, line, key: key.into(), mistake });
    }

    /// The line, counted from 1, of a place in the text.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    pub(super) fn effective(&self, line: Effective) {
        self.effective.borrow_mut().push(line);
    }

    /// The mistakes in the order of the file, and the effective configuration.
    pub(crate) fn into_parts(self) -> (Vec<ConfigError>, Vec<Effective>) {
        let mut errors = self.errors.into_inner();
        errors.sort_by_key(|error| error.line);
        (errors, self.effective.into_inner())
    }
}
