//! What runs have left behind: how it is found.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::caller::{Caller, Refused};
use super::step::{PREFIX, RUN_DIGITS};
use crate::model::Class;

/// What is looked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scope<'a> {
    /// The run; `None`: all runs.
    pub(super) run: Option<&'a str>,
    /// A load balancer that was given to a run: only listeners of it are looked for.
    pub(super) given: Option<&'a str>,
    /// Load balancers and listeners that are known to be the run's.
    pub(super) known: &'a [String],
}

/// What is left: ids, with the names that are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Load balancers.
    pub load_balancers: Vec<(String, String)>,
    /// Listeners of the load balancer that was given.
    pub listeners: Vec<(String, String)>,
    /// The load balancer that was given.
    pub given: Option<String>,
}

impl Leftovers {
    /// Nothing is left.
    pub fn is_empty(&self) -> bool {
        self.load_balancers.is_empty() && self.listeners.is_empty()
    }

    /// In words, one line each.
    pub fn words(&self) -> String {
        let given = self.given.as_deref().unwrap_or_default();
        let load_balancers = self.load_balancers.iter().map(|(id, name)| format!("load balancer {id}, named {name}\n"));
        let listeners = self.listeners.iter().map(|(id, name)| format!("listener {id} of {given}, named {name}\n"));
        load_balancers.chain(listeners).collect()
    }

    /// The runs that it is of, each once.
    pub fn runs(&self) -> Vec<String> {
        let rows = self.load_balancers.iter().chain(&self.listeners);
        let runs: BTreeSet<_> = rows.filter_map(|(_, name)| run_of(name)).map(str::to_owned).collect();
        runs.into_iter().collect()
    }

    /// What of it is of this run.
    #[must_use]
    pub fn of(mut self, run: &str) -> Self {
        for rows in [&mut self.load_balancers, &mut self.listeners] {
            rows.retain(|(_, name)| run_of(name) == Some(run));
        }
        self
    }

    /// Whether it has this id.
    pub(super) fn has(&self, id: &str) -> bool {
        self.load_balancers.iter().chain(&self.listeners).any(|(known, _)| known == id)
    }
}

/// Looks for what is left.
///
/// # Errors
/// When it cannot be read.
pub(super) async fn find(caller: &mut Caller, scope: Scope<'_>) -> Result<Leftovers, Refused> {
    let tag = match scope.run {
        Some(run) => json!({"Filters": [{"Name": format!("tag:{PREFIX}"), "Values": [run]}], "Limit": 100}),
        None => json!({"Filters": [{"Name": "tag-key", "Values": [PREFIX]}], "Limit": 100}),
    };
    let mut reads = vec![tag];
    // A tag may be shown late; a name is there as soon as the load balancer is.
    reads.extend(scope.run.map(|run| json!({"LoadBalancerName": format!("{PREFIX}-{run}"), "Limit": 100})));
    let mut rows = Vec::new();
    for read in &reads {
        rows.extend(pages(caller, read).await?);
    }
    // One by one: of several, a cloud might refuse all when one is not there.
    for id in scope.known.iter().filter(|id| id.starts_with("lb-")) {
        match pages(caller, &json!({"LoadBalancerIds": [id]})).await {
            Err(Refused { class: Some(Class::NotFound), .. }) => {}
            found => rows.extend(found?),
        }
    }
    let mut left = Leftovers { given: scope.given.map(str::to_owned), ..Leftovers::default() };
    for row in &rows {
        let Some(id) = row["LoadBalancerId"].as_str().filter(|id| Some(*id) != scope.given) else { continue };
        if is_of_a_run(row, scope) && !left.has(id) {
            left.load_balancers.push((id.to_owned(), text(&row["LoadBalancerName"])));
        }
    }
    if let Some(given) = scope.given {
        left.listeners = listeners(caller, given, scope).await?;
    }
    Ok(left)
}

/// All rows of a read of load balancers, page after page. A reply that has no list, or fewer rows than it counts, shows nothing: neither what
/// is there nor what is not.
async fn pages(caller: &mut Caller, read: &Value) -> Result<Vec<Value>, Refused> {
    let mut rows: Vec<Value> = Vec::new();
    loop {
        let mut read = read.clone();
        read["Offset"] = json!(rows.len());
        let reply = caller.ask("DescribeLoadBalancers", &read).await?;
        let (page, total) = (list("DescribeLoadBalancers", &reply, "LoadBalancerSet")?, count(&reply));
        rows.extend(page.iter().cloned());
        match total {
            Some(total) if rows.len() >= total => return Ok(rows),
            Some(total) if page.is_empty() => return Err(unread("DescribeLoadBalancers", rows.len(), total)),
            Some(_) => {}
            None => return Err(no_list("DescribeLoadBalancers", "TotalCount")),
        }
    }
}

fn list<'a>(action: &str, reply: &'a Value, member: &str) -> Result<&'a Vec<Value>, Refused> {
    reply[member].as_array().ok_or_else(|| no_list(action, member))
}

fn count(reply: &Value) -> Option<usize> {
    usize::try_from(reply["TotalCount"].as_u64()?).ok()
}

fn no_list(action: &str, member: &str) -> Refused {
    Refused {
        class: None,
        words: format!("{action}: the reply has no {member}, so that it does not say what is there"),
    }
}

fn unread(action: &str, shown: usize, total: usize) -> Refused {
    Refused {
        class: None,
        words: format!("{action}: the reply shows {shown} of {total}, so that it does not say what is not there"),
    }
}

/// Listeners of runs on a load balancer that was given; none where that is gone.
async fn listeners(caller: &mut Caller, given: &str, scope: Scope<'_>) -> Result<Vec<(String, String)>, Refused> {
    let reply = match caller.ask("DescribeListeners", &json!({"LoadBalancerId": given})).await {
        Err(Refused { class: Some(Class::NotFound), .. }) => return Ok(Vec::new()),
        reply => reply?,
    };
    let is_own = |row: &Value| {
        let of_run = |run: &str| scope.run.map_or_else(|| is_run(run), |own| run == own);
        let is_known = scope.known.iter().any(|known| row["ListenerId"] == **known);
        is_known || row["ListenerName"].as_str().and_then(run_of).is_some_and(of_run)
    };
    let all = list("DescribeListeners", &reply, "Listeners")?;
    if let Some(total) = count(&reply).filter(|total| *total > all.len()) {
        return Err(unread("DescribeListeners", all.len(), total));
    }
    let rows = all.iter().filter(|row| is_own(row));
    Ok(rows.map(|row| (text(&row["ListenerId"]), text(&row["ListenerName"]))).collect())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The run that a name of ours is of.
fn run_of(name: &str) -> Option<&str> {
    let rest = name.strip_prefix(PREFIX)?.strip_prefix('-')?;
    rest.split(|letter: char| !letter.is_ascii_alphanumeric()).next()
}

/// Runs have such names; whatever else has our tag, or begins as our names do, is somebody else's.
pub(super) fn is_run(text: &str) -> bool {
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
}
