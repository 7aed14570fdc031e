//! The figures for reading.

use std::fmt::Write;

use crate::Results;
use crate::figures::{Figures, median};
use crate::latency::{GateLatency, Percentiles};
use crate::peer::Row;

/// A line of the table: what it is, and its value in each phase that has one.
struct Line {
    name: String,
    decimals: usize,
    values: Vec<Option<f64>>,
}

/// All figures: a line for each, a column for each phase, and the medians of phases of one kind.
pub(crate) fn table(results: &Results) -> String {
    let phases = &results.phases;
    let mut text = title(results);
    let mut kinds: Vec<&str> = phases.iter().map(|figures| figures.phase).collect();
    kinds.dedup();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let of_kind: Vec<&Figures> = phases.iter().filter(|figures| figures.phase == kind).collect();
        let _ = write!(text, "\n{}", layout(kind, &lines(&of_kind)));
    }
    if !results.comparison.is_empty() {
        let _ = write!(text, "\n{}", comparison(&results.comparison));
    }
    text
}

fn title(results: &Results) -> String {
    let (setting, build) = (&results.setting, results.build);
    let scenario = setting.scenario.map_or(String::new(), |scenario| format!("scenario {scenario:?}: "));
    format!(
        "{scenario}{} Pods in {} bindings, surge {} %, cloud at {} of real time, {} ms a call, {build} build, {} cores\n",
        results.pods, results.bindings, setting.surge, results.time_scale, setting.call_milliseconds, results.cores
    )
}

fn lines(phases: &[&Figures]) -> Vec<Line> {
    let line = |name: &str, decimals, value: &dyn Fn(&Figures) -> Option<f64>| Line {
        name: name.to_owned(),
        decimals,
        values: phases.iter().map(|figures| value(figures)).collect(),
    };
    let mut lines = vec![
        line("until available, or counted for, s", 2, &|figures| Some(figures.seconds)),
        line("until all new Pods are ready, s", 2, &|figures| figures.all_ready_seconds),
        line("until old Pods and targets are gone, s", 2, &|figures| Some(figures.settled_seconds)),
        line("restart: ready, s", 2, &|figures| figures.restart.map(|restart| restart.ready_seconds)),
        line("restart: all targets and their health read, s", 2, &|figures| {
            figures.restart.map(|restart| restart.verified_seconds)
        }),
        line("restart: reads until then", 0, &|figures| {
            figures.restart.map(|restart| number(restart.reads_until_verified))
        }),
    ];
    lines.extend(latency(phases, "ContainersReady to gate", |latency| latency.from_containers_ready));
    lines.extend(latency(phases, "healthy in the cloud to gate", |latency| latency.from_healthy));
    lines.push(line("cloud calls: reads", 0, &|figures| Some(number(figures.cloud_calls.reads))));
    lines.push(line("cloud calls: writes", 0, &|figures| Some(number(figures.cloud_calls.writes))));
    lines.extend(counts(phases, |figures| figures.cloud_calls.by_action.iter().map(own).collect()));
    lines.push(line("targets described", 0, &|figures| Some(number(figures.cloud_calls.described))));
    lines.extend(counts(phases, |figures| figures.cloud_calls.described_by_action.iter().map(own).collect()));
    lines.push(line("API-server requests, without the Lease's", 0, &|figures| {
        Some(number(size(figures.api_server_requests.total)))
    }));
    let kinds = |figures: &Figures| -> Vec<(String, u64)> {
        figures.api_server_requests.by_kind.iter().map(|(kind, count)| (kind.clone(), size(*count))).collect()
    };
    lines.extend(counts(phases, kinds));
    lines.push(line("controller: CPU, s", 2, &|figures| Some(figures.cpu_seconds)));
    lines.push(line("controller: peak memory, MiB", 0, &|figures| Some(number(figures.peak_memory_kib) / 1024.0)));
    lines.push(line("load average of the machine before", 2, &|figures| Some(figures.load_average)));
    lines.push(line("requests sent", 0, &|figures| figures.traffic.as_ref().map(|traffic| number(traffic.sent))));
    lines.push(line("requests lost", 0, &|figures| figures.traffic.as_ref().map(|traffic| number(traffic.lost))));
    lines.retain(|line| line.values.iter().any(Option::is_some));
    lines
}

fn number(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

fn size(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn own((key, count): (&String, &u64)) -> (String, u64) {
    (key.clone(), *count)
}

fn latency(phases: &[&Figures], name: &str, of: impl Fn(&GateLatency) -> Percentiles) -> Vec<Line> {
    type Pick = fn(Percentiles) -> f64;
    let picks: [(&str, Pick); 4] = [
        ("p50", |found| found.p50),
        ("p90", |found| found.p90),
        ("p99", |found| found.p99),
        ("max", |found| found.max),
    ];
    let line = |(rank, pick): (&str, Pick)| Line {
        name: format!("{name}, {rank}, s"),
        decimals: 3,
        values: phases.iter().map(|figures| Some(pick(of(figures.gate_latency_seconds.as_ref()?)))).collect(),
    };
    picks.into_iter().map(line).collect()
}

/// A line for each key of any phase.
fn counts(phases: &[&Figures], of: impl Fn(&Figures) -> Vec<(String, u64)>) -> Vec<Line> {
    let columns: Vec<Vec<(String, u64)>> = phases.iter().map(|figures| of(figures)).collect();
    let mut keys: Vec<&String> = columns.iter().flatten().map(|(key, _)| key).collect();
    keys.sort();
    keys.dedup();
    let value = |column: &Vec<(String, u64)>, key: &String| {
        Some(column.iter().find(|(found, _)| found == key).map_or(0.0, |(_, count)| number(*count)))
    };
    let line = |key: &String| Line {
        name: format!("  {key}"),
        decimals: 0,
        values: columns.iter().map(|column| value(column, key)).collect(),
    };
    keys.into_iter().map(line).collect()
}

fn layout(kind: &str, lines: &[Line]) -> String {
    let width = lines.iter().map(|line| line.name.len()).max().unwrap_or_default().max(kind.len());
    let phases = lines.first().map_or(0, |line| line.values.len());
    let mut text = format!("{kind:width$}");
    // Writing to a String cannot fail.
    for phase in 1..=phases {
        let _ = write!(text, "  {:>9}", format!("phase {phase}"));
    }
    text.push_str(if phases > 1 { "     median\n" } else { "\n" });
    for Line { name, decimals, values } in lines {
        let _ = write!(text, "{name:width$}");
        let middle = median(values.iter().copied().flatten().collect());
        for value in values.iter().copied().chain((phases > 1).then_some(middle)) {
            let shown = value.map_or("-".to_owned(), |value| format!("{value:.decimals$}"));
            let _ = write!(text, "  {shown:>9}");
        }
        text.push('\n');
    }
    text
}

/// The figures beside those of the best peer.
fn comparison(rows: &[Row]) -> String {
    let heads = ["work", "peer, tuned", "here", "to reach", "reached"].map(str::to_owned);
    let cells = rows.iter().map(|row| {
        let reached = if row.is_reached { "yes" } else { "no" };
        [row.work.to_owned(), row.peer.to_owned(), row.here.clone(), row.to_reach.clone(), reached.to_owned()]
    });
    let all: Vec<[String; 5]> = std::iter::once(heads).chain(cells).collect();
    let width = |column: usize| all.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or_default();
    let mut text = String::new();
    for row in &all {
        let cells: Vec<String> = row.iter().enumerate().map(|(at, cell)| format!("{cell:w$}", w = width(at))).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}
