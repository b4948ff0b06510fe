//! Bars as SVG, with a line from the lower to the upper quarter.

use std::fmt::Write as _;

use crate::rounds::Median;

/// Some bars of one unit.
#[derive(Debug)]
pub(crate) struct Chart {
    title: String,
    bars: Vec<(String, Median)>,
}

impl Chart {
    /// Without bars; the title names the unit.
    pub(crate) fn new(title: &str) -> Self {
        Self { title: title.to_owned(), bars: Vec::new() }
    }

    /// With one more.
    pub(crate) fn bar(mut self, label: &str, median: Median) -> Self {
        self.bars.push((label.to_owned(), median));
        self
    }

    /// A drawing with all of these, one below the other.
    pub(crate) fn sheet(charts: &[Self]) -> String {
        let height: u32 = charts.iter().map(Self::height).sum();
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             font-family=\"sans-serif\" font-size=\"13\">\n\
             <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n"
        );
        let mut top = 0;
        for chart in charts {
            chart.draw(&mut svg, top);
            top += chart.height();
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn height(&self) -> u32 {
        TITLE_HEIGHT + BAR_HEIGHT * u32::try_from(self.bars.len()).unwrap_or_default() + MARGIN
    }

    fn draw(&self, svg: &mut String, top: u32) {
        let longest = self.bars.iter().map(|(_, median)| median.high).fold(f64::MIN, f64::max);
        let x = |value: f64| f64::from(LABEL_WIDTH) + value / longest * f64::from(BAR_WIDTH);
        let title = &self.title;
        _ = writeln!(
            svg,
            "<text x=\"{MARGIN}\" y=\"{}\" font-weight=\"bold\">{title}</text>",
            top + 20
        );
        let mut y = top + TITLE_HEIGHT;
        for (label, median) in &self.bars {
            let Median { value, low, high } = *median;
            let (begin, end) = (x(0.0), x(value));
            _ = writeln!(
                svg,
                "<text x=\"{MARGIN}\" y=\"{}\">{label}</text>\
                 <rect x=\"{begin}\" y=\"{y}\" width=\"{:.1}\" height=\"16\" fill=\"#3b6ea8\"/>\
                 <path d=\"M{:.1} {line}H{:.1}\" stroke=\"#111\" stroke-width=\"2\"/>\
                 <text x=\"{:.1}\" y=\"{}\">{value:.2}</text>",
                y + 13,
                end - begin,
                x(low),
                x(high),
                x(high.max(value)) + 6.0,
                y + 13,
                line = y + 8,
            );
            y += BAR_HEIGHT;
        }
    }
}

const WIDTH: u32 = 720;
const LABEL_WIDTH: u32 = 220;
const BAR_WIDTH: u32 = 400;
const BAR_HEIGHT: u32 = 24;
const TITLE_HEIGHT: u32 = 32;
const MARGIN: u32 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_width_and_charts_lie_below_each_other() {
        let one = |value| Median { value, low: value, high: value };
        let chart = || Chart::new("µs").bar("a", one(2.0)).bar("b", one(1.0));
        let svg = Chart::sheet(&[chart(), chart()]);
        assert!(svg.contains("width=\"400.0\"") && svg.contains("width=\"200.0\""));
        assert!(svg.contains("viewBox=\"0 0 720 184\""), "{svg}");
        assert_eq!(svg.matches(">µs</text>").count(), 2);
    }
}
