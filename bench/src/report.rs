//! A dated result: a page with tables, and a drawing beside it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::BenchError;
use crate::machine;
use crate::plot::Chart;

/// What a run found, in the order in which it is to be read.
#[derive(Debug, Default)]
pub(crate) struct Report {
    page: String,
    charts: Vec<Chart>,
    /// What a figure must be, and whether it is.
    targets: Vec<(String, String, bool)>,
}

impl Report {
    /// Begins with when and where.
    pub(crate) fn begin(title: &str, how: &str) -> Self {
        let mut page = format!("# {title}, {}\n\n", machine::today());
        let (where_, commit) = (machine::describe(), machine::commit());
        let load = machine::load_average();
        _ = writeln!(page, "{where_}; load average before: {load:.2}. kopru {commit}. {how}\n");
        Self { page, ..Self::default() }
    }

    /// A table under its title.
    pub(crate) fn table(&mut self, title: &str, head: &[&str], rows: &[Vec<String>]) {
        _ = writeln!(self.page, "## {title}\n\n| {} |", head.join(" | "));
        _ = writeln!(self.page, "|{}", "---|".repeat(head.len()));
        for row in rows {
            _ = writeln!(self.page, "| {} |", row.join(" | "));
        }
        self.page.push('\n');
    }

    /// A remark on the table before it.
    pub(crate) fn remark(&mut self, text: &str) {
        _ = writeln!(self.page, "{text}\n");
    }

    /// A drawing, below those before it.
    pub(crate) fn chart(&mut self, chart: Chart) {
        self.charts.push(chart);
    }

    /// What was to be reached, what was found, and whether that is enough.
    pub(crate) fn target(&mut self, wanted: &str, found: String, is_reached: bool) {
        self.targets.push((wanted.to_owned(), found, is_reached));
    }

    /// Writes page and drawing into `folder` under today's date, and says where the page is.
    pub(crate) fn write(mut self, folder: &Path, name: &str) -> Result<PathBuf, BenchError> {
        let targets = std::mem::take(&mut self.targets);
        let rows: Vec<Vec<String>> = targets
            .into_iter()
            .map(|(wanted, found, is_reached)| {
                vec![wanted, found, if is_reached { "yes" } else { "**no**" }.to_owned()]
            })
            .collect();
        self.table("Targets", &["wanted", "found", "reached"], &rows);
        let stem = format!("{}-{name}", machine::today());
        _ = writeln!(self.page, "![The same as a drawing]({stem}.svg)");
        let failed = BenchError::io("writing the result");
        fs::create_dir_all(folder).map_err(&failed)?;
        fs::write(folder.join(format!("{stem}.svg")), Chart::sheet(&self.charts))
            .map_err(&failed)?;
        let path = folder.join(format!("{stem}.md"));
        fs::write(&path, &self.page).map_err(&failed)?;
        println!("{}", self.page);
        Ok(path)
    }
}
