//! What one client says at once: texts that came together go together.

/// One text or more, in one piece of memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Texts {
    all: String,
    /// Where each but the first begins.
    begins: Vec<usize>,
}

impl Texts {
    /// One, with room for so many bytes in all.
    pub(crate) fn first(text: &str, bytes: usize) -> Self {
        let mut all = String::with_capacity(bytes.max(text.len()));
        all.push_str(text);
        Self { all, begins: Vec::new() }
    }

    /// Another one.
    pub(crate) fn push(&mut self, text: &str) {
        self.begins.push(self.all.len());
        self.all.push_str(text);
    }

    /// How many they are.
    pub(crate) fn len(&self) -> usize {
        1 + self.begins.len()
    }

    /// One after another.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let begins = [0].into_iter().chain(self.begins.iter().copied());
        let ends = self.begins.iter().copied().chain([self.all.len()]);
        begins.zip(ends).map(|(begin, end)| &self.all[begin..end])
    }
}

impl From<String> for Texts {
    fn from(all: String) -> Self {
        Self { all, begins: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_out_as_they_went_in() {
        let mut texts = Texts::first("", 8);
        assert_eq!((texts.len(), texts.iter().collect::<Vec<_>>()), (1, vec![""]));
        texts.push("one");
        texts.push("");
        texts.push("zwölf");
        assert_eq!(texts.iter().collect::<Vec<_>>(), ["", "one", "", "zwölf"]);
        assert_eq!(Texts::from("one".to_owned()), Texts::first("one", 0));
    }
}
