//! The figures for reading.

use std::fmt::Write;

use crate::Results;
use crate::latency::Percentiles;
use crate::phase::Figures;

/// A line of the table: what it is, and its value in each phase.
struct Line {
    name: String,
    values: Vec<String>,
}

/// All figures: a line for each, a column for each phase.
pub(crate) fn table(results: &Results) -> String {
    let phases = &results.phases;
    let line = |name: &str, value: &dyn Fn(&Figures) -> String| Line {
        name: name.to_owned(),
        values: phases.iter().map(value).collect(),
    };
    let setting = &results.setting;
    let title = format!(
        "{} Pods, surge {} %, cloud at {} of real time, {} ms a call, {} build",
        setting.pods, setting.surge, setting.time_scale, setting.call_milliseconds, results.build
    );
    let mut lines = vec![
        line("", &|figures| figures.phase.to_owned()),
        line("until available, s", &|figures| figures.seconds.to_string()),
        line("until old Pods and targets are gone, s", &|figures| figures.settled_seconds.to_string()),
    ];
    lines.extend(latency(phases, "ContainersReady to gate", |figures| {
        figures.gate_latency_seconds.from_containers_ready
    }));
    lines.extend(latency(phases, "healthy in the cloud to gate", |figures| figures.gate_latency_seconds.from_healthy));
    lines.push(line("cloud calls: reads", &|figures| figures.cloud_calls.reads.to_string()));
    lines.push(line("cloud calls: writes", &|figures| figures.cloud_calls.writes.to_string()));
    lines.extend(counts(phases, |figures| {
        figures.cloud_calls.by_action.iter().map(|(action, count)| (action.clone(), count.to_string())).collect()
    }));
    let total = |figures: &Figures| figures.api_server_requests.values().sum::<usize>().to_string();
    lines.push(line("API-server requests", &total));
    lines.extend(counts(phases, |figures| {
        figures.api_server_requests.iter().map(|(kind, count)| (kind.clone(), count.to_string())).collect()
    }));
    lines.push(line("controller: CPU, s", &|figures| figures.cpu_seconds.to_string()));
    lines.push(line("controller: peak memory, MiB", &|figures| (figures.peak_memory_kib / 1024).to_string()));
    if phases.iter().any(|figures| figures.traffic.is_some()) {
        let sent = |figures: &Figures| figures.traffic.as_ref().map_or("-".to_owned(), |found| found.sent.to_string());
        let lost = |figures: &Figures| figures.traffic.as_ref().map_or("-".to_owned(), |found| found.lost.to_string());
        lines.push(line("requests sent", &sent));
        lines.push(line("requests lost", &lost));
    }
    format!("{title}\n\n{}", layout(&lines))
}

fn latency(phases: &[Figures], name: &str, of: impl Fn(&Figures) -> Percentiles) -> Vec<Line> {
    type Pick = fn(Percentiles) -> f64;
    let picks: [(&str, Pick); 4] = [
        ("p50", |found| found.p50),
        ("p90", |found| found.p90),
        ("p99", |found| found.p99),
        ("max", |found| found.max),
    ];
    let line = |(rank, pick): (&str, Pick)| Line {
        name: format!("{name}, {rank}, s"),
        values: phases.iter().map(|figures| format!("{:.3}", pick(of(figures)))).collect(),
    };
    picks.into_iter().map(line).collect()
}

/// A line for each key of any phase.
fn counts(phases: &[Figures], of: impl Fn(&Figures) -> Vec<(String, String)>) -> Vec<Line> {
    let columns: Vec<Vec<(String, String)>> = phases.iter().map(of).collect();
    let mut keys: Vec<&String> = columns.iter().flatten().map(|(key, _)| key).collect();
    keys.sort();
    keys.dedup();
    let value = |column: &Vec<(String, String)>, key: &String| {
        column.iter().find(|(found, _)| found == key).map_or("0".to_owned(), |(_, count)| count.clone())
    };
    keys.iter()
        .map(|key| Line { name: format!("  {key}"), values: columns.iter().map(|column| value(column, key)).collect() })
        .collect()
}

fn layout(lines: &[Line]) -> String {
    let width = lines.iter().map(|line| line.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for line in lines {
        // Writing to a String cannot fail.
        let _ = write!(text, "{:width$}", line.name);
        for value in &line.values {
            let _ = write!(text, "  {value:>10}");
        }
        text.push('\n');
    }
    text
}
