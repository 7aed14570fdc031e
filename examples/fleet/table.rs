//! The figures for reading.

use std::fmt::Write;

use crate::Results;
use crate::stage::Figures;
use crate::steps::{Knee, Limit};

/// A line of the table: what it is, and its value in each stage.
type Line = (String, Vec<String>);

/// All figures: a paragraph for the start, a line for each figure of the stages, a column for each stage, and the knee.
pub(crate) fn table(results: &Results) -> String {
    let Results { setting, setup, start_up, fail_over, .. } = results;
    let mut text = format!(
        "{} load balancers, {} bindings, {} Pods; account's rate {} calls per second and action, {} ms a call, {} build, {} processors\n\n",
        setting.load_balancers,
        setting.bindings,
        setting.pods,
        setting.account_rate,
        setting.call_milliseconds,
        results.build,
        results.processors,
    );
    let start = [
        ("Pods written in, s", setup.writing.pods_seconds.to_string()),
        ("all registered and ready in, s", setup.registration_seconds.to_string()),
        ("start to /readyz, s", start_up.ready_seconds.to_string()),
        ("memory then, MiB", start_up.memory_when_ready_mib.to_string()),
        ("start until all is compared with the cloud, s", start_up.verified_seconds.to_string()),
        ("cloud writes until then", start_up.cloud_writes.to_string()),
        ("CPU until then, s", start_up.cpu_seconds.to_string()),
        ("memory then, MiB", start_up.memory_when_verified_mib.to_string()),
        ("leader killed: another leads after, s", fail_over.leads_seconds.to_string()),
        ("leader killed: first cloud call after, s", fail_over.first_call_seconds.to_string()),
        ("leader killed: first gate opens after, s", fail_over.first_gate_seconds.to_string()),
    ];
    layout(&mut text, start.into_iter().map(|(name, value)| (name.to_owned(), vec![value])).collect());
    text.push('\n');
    layout(&mut text, lines(&results.stages));
    if let Some(knee) = &results.knee {
        let _ = write!(text, "\n{}", sentence(knee));
    }
    text
}

fn lines(stages: &[Figures]) -> Vec<Line> {
    let line = |name: &str, value: &dyn Fn(&Figures) -> Option<String>| -> Line {
        let value = |figures: &Figures| value(figures).unwrap_or_else(|| "-".to_owned());
        (name.to_owned(), stages.iter().map(value).collect())
    };
    let number = |value: f64| Some(format!("{value:.2}"));
    let percent = |value: f64| Some(format!("{:.0} %", value * 100.0));
    let mut lines = vec![
        line("Pods replaced per second", &|one| Some(one.churn.to_string())),
        line("Pods measured", &|one| Some(one.pods.to_string())),
        line("of these still waiting", &|one| Some(one.still_waiting.to_string())),
        line("ContainersReady to gate, p50, s", &|one| number(one.gate_latency_seconds?.from_containers_ready.p50)),
        line("ContainersReady to gate, p99, s", &|one| number(one.gate_latency_seconds?.from_containers_ready.p99)),
        line("  without the health check, p50, s", &|one| number(one.gate_latency_seconds?.without_health_check.p50)),
        line("  without the health check, p99, s", &|one| number(one.gate_latency_seconds?.without_health_check.p99)),
        line("healthy in the cloud to gate, p50, s", &|one| number(one.gate_latency_seconds?.from_healthy.p50)),
        line("healthy in the cloud to gate, p99, s", &|one| number(one.gate_latency_seconds?.from_healthy.p99)),
        line("queue depth, mean", &|one| number(one.queue.mean_depth)),
        line("queue depth, most", &|one| Some(one.queue.most.to_string())),
        line("queue wait, p99 at most, s", &|one| number(one.queue.wait_p99?)),
        line("calls wait for the rate, p99 at most, s", &|one| number(one.queue.rate_wait_p99?)),
        line("share of the account's rate", &|one| percent(one.share_of_rate)),
        line("calls refused for the rate", &|one| Some(one.throttled.to_string())),
        line("cloud calls per second", &|one| number(one.calls_per_second.values().sum())),
    ];
    let mut actions: Vec<&String> = stages.iter().flat_map(|one| one.calls_per_second.keys()).collect();
    actions.sort();
    actions.dedup();
    let of = |figures: &Figures, action: &String| figures.calls_per_second.get(action).copied().unwrap_or_default();
    let is_called = |action: &&String| stages.iter().any(|one| of(one, action) > 0.0);
    lines.extend(
        actions
            .into_iter()
            .filter(is_called)
            .map(|action| line(&format!("  {action}"), &|one| number(of(one, action)))),
    );
    lines.extend([
        line("API-server requests per second", &|one| number(one.api_requests_per_second.values().sum())),
        line("controller: cores", &|one| number(one.cpu_cores)),
        line("controller: CPU per replaced Pod, ms", &|one| number(one.cpu_milliseconds_per_pod?)),
        line("controller: memory, MiB", &|one| Some(one.memory_mib.to_string())),
        line("controller: peak memory, MiB", &|one| Some(one.peak_memory_mib.to_string())),
        line("whole machine busy", &|one| percent(one.machine_busy)),
    ]);
    lines
}

fn layout(text: &mut String, lines: Vec<Line>) {
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, values) in lines {
        // Writing to a String cannot fail.
        let _ = write!(text, "{name:width$}");
        for value in values {
            let _ = write!(text, "  {value:>8}");
        }
        text.push('\n');
    }
}

fn sentence(knee: &Knee) -> String {
    let good = knee.last_good_churn.map_or("none".to_owned(), |churn| format!("{churn} Pods per second"));
    let word = |limit: &Limit| match limit {
        Limit::AccountRate => "the account's rate",
        Limit::Core => "a core",
        Limit::GateLatency => "0.9 s from healthy to gate at p99",
    };
    match knee.first_bad_churn {
        Some(churn) => {
            let limits: Vec<_> = knee.used_up.iter().map(word).collect();
            format!("knee: last good stage {good}; at {churn} Pods per second used up: {}\n", limits.join(", "))
        }
        None => format!("knee: not reached in the time that there is; last good stage {good}\n"),
    }
}
