//! What runs have left behind: how it is found, and taken away.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::caller::{Caller, Refused};
use super::journal::Made;
use super::pace::pause;
use super::step::{PREFIX, RUN_DIGITS};
use crate::model::Class;

/// How long a listener may turn up whose creation was asked for; load balancers take longer.
const LISTENER_SETTLED: SignedDuration = SignedDuration::from_secs(10);
/// Listeners in one deletion.
const MOST_DELETIONS: usize = 20;

/// What is looked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scope<'a> {
    /// The run; `None`: all runs.
    pub(super) run: Option<&'a str>,
    /// A load balancer that was given to a run: only listeners of it are looked for.
    pub(super) given: Option<&'a str>,
    /// Load balancers that are known to be the run's.
    pub(super) known: &'a [String],
}

impl<'a> Scope<'a> {
    pub(super) fn of(made: &'a Made) -> Self {
        Self { run: Some(&made.run), given: made.load_balancer.as_deref(), known: &made.created }
    }
}

/// What is left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Load balancers, by id.
    pub load_balancers: Vec<String>,
    /// Listeners of a load balancer that was given, by id, with the load balancer.
    pub listeners: Vec<(String, String)>,
}

impl Leftovers {
    /// Nothing is left.
    pub fn is_empty(&self) -> bool {
        self.load_balancers.is_empty() && self.listeners.is_empty()
    }

    /// In words, one line each.
    pub fn words(&self) -> String {
        let load_balancers = self.load_balancers.iter().map(|id| format!("load balancer {id}\n"));
        let listeners = self.listeners.iter().map(|(owner, id)| format!("listener {id} of {owner}\n"));
        load_balancers.chain(listeners).collect()
    }
}

/// Looks for what is left.
///
/// # Errors
/// In words, when it cannot be read.
pub(super) async fn find(caller: &mut Caller, scope: Scope<'_>) -> Result<Leftovers, String> {
    let tag = match scope.run {
        Some(run) => json!({"Filters": [{"Name": format!("tag:{PREFIX}"), "Values": [run]}], "Limit": 100}),
        None => json!({"Filters": [{"Name": "tag-key", "Values": [PREFIX]}], "Limit": 100}),
    };
    let mut reads = vec![tag];
    // A tag may be shown late; a name is there as soon as the load balancer is.
    reads.extend(scope.run.map(|run| json!({"LoadBalancerName": format!("{PREFIX}-{run}"), "Limit": 100})));
    reads.extend((!scope.known.is_empty()).then(|| json!({"LoadBalancerIds": scope.known})));
    let mut left = Leftovers::default();
    for read in reads {
        let reply = caller.ask("DescribeLoadBalancers", &read).await.map_err(|refused| refused.words)?;
        for row in reply["LoadBalancerSet"].as_array().into_iter().flatten() {
            let Some(id) = row["LoadBalancerId"].as_str().filter(|id| Some(*id) != scope.given) else { continue };
            if is_of_a_run(row, scope) && !left.load_balancers.iter().any(|known| known == id) {
                left.load_balancers.push(id.to_owned());
            }
        }
    }
    if let Some(given) = scope.given {
        let reply = caller.ask("DescribeListeners", &json!({"LoadBalancerId": given})).await;
        let reply = reply.map_err(|refused| refused.words)?;
        let is_own = |run: &str| scope.run.map_or_else(|| is_run(run), |own| run == own);
        let rows = reply["Listeners"].as_array().into_iter().flatten();
        let own = rows.filter(|row| row["ListenerName"].as_str().and_then(run_of).is_some_and(is_own));
        let ids = own.filter_map(|row| row["ListenerId"].as_str());
        left.listeners = ids.map(|id| (given.to_owned(), id.to_owned())).collect();
    }
    Ok(left)
}

/// The run that a name of ours is of.
fn run_of(name: &str) -> Option<&str> {
    let rest = name.strip_prefix(PREFIX)?.strip_prefix('-')?;
    rest.split(|letter: char| !letter.is_ascii_alphanumeric()).next()
}

/// Runs have such names; whatever else has our tag, or begins as our names do, is somebody else's.
fn is_run(text: &str) -> bool {
    text.len() == RUN_DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A load balancer is a given run's when it has its tag or name, or its id is known; it is some run's when it has both a run's tag and its
/// name. Whatever filters do, nothing else is.
fn is_of_a_run(row: &Value, scope: Scope<'_>) -> bool {
    let tags = row["Tags"].as_array().into_iter().flatten();
    let tag = tags.filter(|tag| tag["TagKey"] == PREFIX).find_map(|tag| tag["TagValue"].as_str());
    let named = row["LoadBalancerName"].as_str().and_then(run_of);
    match scope.run {
        None => tag.is_some_and(is_run) && tag == named,
        Some(run) => {
            let is_known = scope.known.iter().any(|known| row["LoadBalancerId"] == **known);
            tag == Some(run) || named == Some(run) || is_known
        }
    }
}

/// What is taken away.
#[derive(Clone, Copy, Debug)]
pub(super) enum Goal<'a> {
    /// All that a run has made, also what turns up late.
    Made(&'a Made),
    /// This, which somebody has seen and confirmed, and nothing else.
    Confirmed(&'a Leftovers),
}

impl Goal<'_> {
    /// The part of what is left that is meant.
    fn of(self, mut left: Leftovers) -> Leftovers {
        if let Goal::Confirmed(confirmed) = self {
            left.load_balancers.retain(|id| confirmed.load_balancers.contains(id));
            left.listeners.retain(|listener| confirmed.listeners.contains(listener));
        }
        left
    }
}

/// Takes away what is left of a run, or what was confirmed, until nothing of it is left.
///
/// # Errors
/// In words, when something is still there in the end.
pub(super) async fn clean(caller: &mut Caller, scope: Scope<'_>, goal: Goal<'_>) -> Result<Leftovers, String> {
    let began = Instant::now();
    let mut removed = Leftovers::default();
    let mut trouble = None;
    loop {
        match find(caller, scope).await.map(|left| goal.of(left)) {
            Ok(left) if left.is_empty() => match goal {
                Goal::Made(made) if !is_settled(made, &removed, caller) => {}
                Goal::Made(_) | Goal::Confirmed(_) => return Ok(removed),
            },
            Ok(left) => {
                trouble = remove(caller, &left).await.err().or(trouble);
                removed.load_balancers.extend(left.load_balancers);
                removed.listeners.extend(left.listeners);
                removed.load_balancers.sort_unstable();
                removed.load_balancers.dedup();
                removed.listeners.sort_unstable();
                removed.listeners.dedup();
            }
            Err(words) => trouble = Some(words),
        }
        if began.elapsed() > caller.times.longest_wait.max(caller.times.settled) {
            return Err(trouble.unwrap_or_else(|| "it is still there".to_owned()));
        }
        pause(caller.times.between_looks).await;
    }
}

/// Whether nothing more can turn up. A run makes one load balancer, so that nothing does once that is gone.
fn is_settled(made: &Made, removed: &Leftovers, caller: &Caller) -> bool {
    let longest = SignedDuration::try_from(caller.times.settled).unwrap_or(SignedDuration::ZERO);
    let longest = if made.load_balancer.is_some() { longest.min(LISTENER_SETTLED) } else { longest };
    !removed.load_balancers.is_empty() || made.unsettled(Timestamp::now(), longest).is_zero()
}

/// Asks once for the removal of each. What is locked stays for the next round.
async fn remove(caller: &mut Caller, left: &Leftovers) -> Result<(), String> {
    let mut result = Ok(());
    for id in &left.load_balancers {
        let request = json!({"LoadBalancerIds": [id]});
        result = result.and(outcome(caller.ask("DeleteLoadBalancer", &request).await));
    }
    for chunk in left.listeners.chunks(MOST_DELETIONS) {
        // A chunk is never empty: without ids, all listeners would go.
        let ids: Vec<_> = chunk.iter().map(|(_, id)| id).collect();
        let request = json!({"LoadBalancerId": chunk.first().map(|(owner, _)| owner), "ListenerIds": ids});
        result = result.and(outcome(caller.ask("DeleteLoadBalancerListeners", &request).await));
    }
    result
}

fn outcome(result: Result<Value, Refused>) -> Result<(), String> {
    match result {
        Ok(_) | Err(Refused { class: Some(Class::NotFound | Class::Busy), .. }) => Ok(()),
        Err(refused) => Err(refused.words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_run_has_made_is_its_own() {
        let row = |id: &str, name: &str, tag: (&str, &str)| json!({"LoadBalancerId": id, "LoadBalancerName": name, "Tags": [{"TagKey": tag.0, "TagValue": tag.1}]});
        let (whole, renamed) = ("clb-conformance-0000aaaa", "web");
        let tagged = row("lb-1", renamed, (PREFIX, "0000aaaa"));
        let named = json!({"LoadBalancerId": "lb-2", "LoadBalancerName": whole, "Tags": null});
        let both = row("lb-3", whole, (PREFIX, "0000aaaa"));
        let other = row("lb-4", renamed, ("team", "0000aaaa"));
        let known = ["lb-4".to_owned()];
        let run = Scope { run: Some("0000aaaa"), ..Scope::default() };
        let all = Scope::default();
        for (row, scope, expected) in [
            (&tagged, run, true),
            (&named, run, true),
            (&both, run, true),
            (&other, run, false),
            (&other, Scope { known: &known, ..run }, true),
            (&tagged, Scope { run: Some("0000bbbb"), ..run }, false),
            (&both, all, true),
            (&tagged, all, false),
            (&named, all, false),
            (&other, all, false),
            (&row("lb-5", "clb-conformance-never", (PREFIX, "never")), all, false),
            (&row("lb-6", "clb-conformance-0000bbbb", (PREFIX, "0000aaaa")), all, false),
            (&row("lb-7", "clb-conformance-0000aaaab", (PREFIX, "0000aaaa")), all, false),
        ] {
            assert_eq!(is_of_a_run(row, scope), expected, "{row} {scope:?}");
        }
        let names = ["clb-conformance-0000aaaa-tcp", "clb-conformance-dashboard", "clb-conformance-", "dashboard"];
        let runs = names.map(|name| run_of(name).is_some_and(is_run));
        assert_eq!(runs, [true, false, false, false]);
    }

    #[test]
    fn nothing_is_taken_away_that_was_not_confirmed() {
        let left = |ids: &[&str]| Leftovers {
            load_balancers: ids.iter().map(|id| (*id).to_owned()).collect(),
            listeners: ids.iter().map(|id| ("lb-given".to_owned(), format!("lbl-{id}"))).collect(),
        };
        let goal = left(&["1", "2"]);
        assert_eq!(Goal::Confirmed(&goal).of(left(&["2", "3"])), left(&["2"]));
    }
}
