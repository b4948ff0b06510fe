//! One table of the configuration file: which keys it has, which were asked for, which are unknown.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Mistake;
use super::later;
use super::option::{MASK, quoted};
use super::reader::{Effective, Reader};

/// A TOML table whose places in the text are known.
pub(crate) type Table<'a> = DeTable<'a>;

pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// One table of the file, or the absence of one: every option then has its default.
pub(crate) struct Section<'a> {
    pub(super) reader: &'a Reader<'a>,
    path: String,
    line: Option<usize>,
    table: Option<&'a Table<'a>>,
    pub(super) known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    pub(super) fn new(
        reader: &'a Reader<'a>,
        path: String,
        line: Option<usize>,
        table: Option<&'a Table<'a>>,
    ) -> Self {
        Self { reader, path, line, table, known: Vec::new() }
    }

    /// The table `key`, empty when the file has none.
    pub(crate) fn table(&mut self, key: &'static str) -> Section<'a> {
        let path = self.path_of(key);
        self.reader.effective(Effective::Table(path.clone()));
        self.sub(key, path)
    }

    /// The table `key`, if the file has it.
    pub(crate) fn optional_table(&mut self, key: &'static str) -> Option<Section<'a>> {
        self.known.push(key);
        self.value(key)?;
        Some(self.table(key))
    }

    /// The tables `[[key]]`.
    pub(crate) fn tables(&mut self, key: &'static str) -> Vec<Section<'a>> {
        self.known.push(key);
        let Some(value) = self.value(key) else { return Vec::new() };
        let path = self.path_of(key);
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(value, path, "an array of tables, [[…]]");
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (index, value) in array.iter().enumerate() {
            let path = format!("{path}[{index}]");
            match value.get_ref().as_table() {
                Some(table) => {
                    let line = Some(self.line(value));
                    sections.push(Section::new(self.reader, path, line, Some(table)));
                }
                None => self.wrong_type(value, path, "a table"),
            }
        }
        sections
    }

    /// Says in the effective configuration that this section is one `[[key]]` of several.
    pub(crate) fn announce_as(&self, key: &str) {
        self.reader.effective(Effective::TableOfArray(key.to_owned()));
    }

    /// The names of this table, which are the user's own words and not keys.
    pub(crate) fn names(&self) -> Vec<&'a str> {
        self.table
            .into_iter()
            .flat_map(|table| table.keys())
            .map(|name| &**name.get_ref())
            .collect()
    }

    /// What stands at one of [`names`](Self::names).
    pub(crate) fn named(&self, name: &str) -> Named<'a> {
        let Some(value) = self.value(name) else { return Named::Neither };
        let path = format!("{}.{}", self.path, bare_or_quoted(name));
        if let Some(text) = value.get_ref().as_str() {
            self.note(&bare_or_quoted(name), quoted(MASK), false);
            return Named::Text(text);
        }
        if let Some(table) = value.get_ref().as_table() {
            let line = Some(self.line(value));
            self.note(&bare_or_quoted(name), format!("{{ key = \"{MASK}\" }}"), false);
            return Named::Table(Section::new(self.reader, path, line, Some(table)));
        }
        self.wrong_type(value, path, "a password or { key = \"…\" }");
        Named::Neither
    }

    /// Notes that a key must be there.
    pub(crate) fn missing(&self, key: &'static str, why: &'static str) {
        self.reader.mistake(self.line, self.path_of(key), Mistake::Missing(why));
    }

    /// Notes a mistake at a key of this section.
    pub(crate) fn mistake(&self, key: &str, mistake: Mistake) {
        let line = self.value(key).map(|value| self.line(value)).or(self.line);
        self.reader.mistake(line, self.path_of(key), mistake);
    }

    /// Whether the file has this key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// Every key that was not asked for is a mistake.
    pub(crate) fn end(self) {
        let entries = self.table.into_iter().flat_map(|table| table.iter());
        for (key, _) in entries {
            let name: &str = key.get_ref();
            if self.known.contains(&name) {
                continue;
            }
            let path = self.path_of(name);
            let mistake = match later::note(&path) {
                Some(note) => Mistake::NotInThisVersion(note),
                None => self.unknown(name),
            };
            self.reader.mistake(Some(self.reader.line_of(key.span().start)), path, mistake);
        }
    }

    fn unknown(&self, name: &str) -> Mistake {
        let mut known = self.known.clone();
        known.sort_unstable();
        known.dedup();
        let nearest = known
            .iter()
            .map(|key| (strsim::jaro_winkler(name, key), *key))
            .filter(|(likeness, _)| *likeness > 0.8)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, key)| key);
        Mistake::UnknownKey { nearest, known }
    }

    fn sub(&mut self, key: &'static str, path: String) -> Section<'a> {
        self.known.push(key);
        let value = self.value(key);
        let table = value.and_then(|value| {
            let table = value.get_ref().as_table();
            if table.is_none() {
                self.wrong_type(value, path.clone(), "a table");
            }
            table
        });
        let line = value.map(|value| self.line(value));
        Section::new(self.reader, path, line, table)
    }

    pub(super) fn value(&self, key: &str) -> Option<&'a Value<'a>> {
        self.table?.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    pub(super) fn wrong_type(&self, value: &Value<'_>, path: String, wanted: &'static str) {
        let found = value.get_ref().type_str();
        self.reader.mistake(Some(self.line(value)), path, Mistake::Type { wanted, found });
    }

    pub(super) fn line(&self, value: &Value<'_>) -> usize {
        self.reader.line_of(value.span().start)
    }

    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(super) fn note(&self, key: &str, value: String, is_default: bool) {
        let line = Effective::Value { key: key.to_owned(), value, is_default };
        self.reader.effective(line);
    }
}

/// What stands at a name of the user's own.
pub(crate) enum Named<'a> {
    /// A string.
    Text(&'a str),
    /// A table.
    Table(Section<'a>),
    /// Something else, already noted as a mistake.
    Neither,
}

fn bare_or_quoted(name: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if name.bytes().all(bare) { name.to_owned() } else { quoted(name) }
}
