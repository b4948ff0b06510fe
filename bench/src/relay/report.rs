//! What the scenarios found, as tables, drawings and targets.

use super::relayed::Relayed;
use super::scenario::{Bound, Figure, Scenario, Target};
use super::turns::Runs;
use crate::plot::Chart;
use crate::report::Report;
use crate::rounds::Median;

/// Writes down what one scenario found.
pub(crate) fn add(report: &mut Report, scenario: &Scenario, found: &[Runs]) {
    let head = [
        "server",
        "kpps",
        "Gbit/s",
        "CPU each, µs",
        "its core, %",
        "p50, µs",
        "p99, µs",
        "lost, %",
        "MiB",
    ];
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    report.table(&scenario.title, &head, &rows);
    let runs = || found.iter().flat_map(|it| &it.runs);
    let limited = runs().filter(|run| run.is_generator_the_limit()).count();
    if limited > 0 {
        report.remark(&format!(
            "**The generator was the limit in {limited} of {} runs**: kpps are a lower bound \
             there; CPU each is not touched by it.",
            runs().count()
        ));
    }
    if let Some(figure) = scenario.drawn {
        let title = format!("{}: {}", scenario.title, figure.name);
        let bars = found.iter().map(|it| (it.name.as_str(), it.median(figure.of)));
        report.chart(bars.fold(Chart::new(&title), |chart, (name, it)| chart.bar(name, it)));
    }
    for target in &scenario.targets {
        judge(report, &scenario.title, target, found);
    }
}

fn row(found: &Runs) -> Vec<String> {
    let median = |figure: fn(&Relayed) -> f64| found.median(figure).to_string();
    vec![
        found.name.clone(),
        median(Relayed::kpps),
        median(Relayed::gbit_s),
        median(Relayed::cpu_us),
        median(|it| it.server_busy() * 100.0),
        median(Relayed::p50_us),
        median(Relayed::p99_us),
        median(|it| it.loss * 100.0),
        format!("{:.1}", found.resident_kib as f64 / 1024.0),
    ]
}

fn judge(report: &mut Report, title: &str, target: &Target, found: &[Runs]) {
    let Figure { name, of } = target.figure;
    let Some(kopru) = found.first() else { return };
    let Some(beside) = &target.beside else {
        let median = kopru.median(of);
        let wanted = format!("{title}: {name} {}", target.bound.text(""));
        return report.target(&wanted, median.to_string(), target.bound.is_reached(median));
    };
    let other = found.iter().find(|it| it.entry == *beside);
    let whose = other.map_or_else(|| beside.which.to_string(), |it| it.name.clone());
    let wanted = format!("{title}: {name} {}", target.bound.text(&format!(" × {whose}")));
    match other {
        Some(other) => {
            let ratio = kopru.ratio(other, of);
            report.target(&wanted, format!("{ratio} ×"), target.bound.is_reached(ratio));
        }
        None => report.target(&wanted, "not measured".to_owned(), false),
    }
}

impl Bound {
    /// As it is read, with what the number is multiplied with.
    pub(crate) fn text(self, unit: &str) -> String {
        match self {
            Self::AtLeast(bound) => format!("≥ {bound}{unit}"),
            Self::AtMost(bound) => format!("≤ {bound}{unit}"),
            Self::NoMore => format!("no more than 1{unit}, told by the lower quarter"),
        }
    }

    /// Whether that is enough.
    pub(crate) fn is_reached(self, found: Median) -> bool {
        match self {
            Self::AtLeast(bound) => found.value >= bound,
            Self::AtMost(bound) => found.value <= bound,
            Self::NoMore => found.low <= 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_reached_by_the_median() {
        let found = Median { value: 2.0, low: 0.9, high: 3.0 };
        assert!(Bound::AtLeast(2.0).is_reached(found) && !Bound::AtLeast(2.1).is_reached(found));
        assert!(Bound::AtMost(2.0).is_reached(found) && !Bound::AtMost(1.9).is_reached(found));
        assert!(Bound::NoMore.is_reached(found));
        assert!(!Bound::NoMore.is_reached(Median { low: 1.01, ..found }));
        assert_eq!(Bound::AtMost(0.87).text(" × coturn"), "≤ 0.87 × coturn");
    }
}
