//! What a read makes of each member that is missing: one row for each that matters. All others fail nothing and hide nothing.

use super::*;

/// What becomes of a read when a member is null, or is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It fails.
    Fails,
    /// The listener is told apart as unreadable.
    Unreadable,
    /// The row is left out, because of this.
    LeftOut(&'static str),
    /// The list is taken for empty, because of this.
    Empty(&'static str),
    /// The value is one that is told another way, or is not told at all.
    Same,
}
use Outcome::{Empty, Fails, LeftOut, Same, Unreadable};

/// Action, member by JSON pointer with `*` for an item, and what becomes of the read.
const ROWS: &[(&str, &str, Outcome)] = &[
    ("DescribeLoadBalancers", "/LoadBalancerSet", Fails),
    ("DescribeLoadBalancers", "/LoadBalancerSet/*/AddressIPVersion", Fails),
    ("DescribeLoadBalancers", "/LoadBalancerSet/*/LoadBalancerId", Fails),
    ("DescribeLoadBalancers", "/LoadBalancerSet/*/LoadBalancerVips", Fails),
    ("DescribeLoadBalancers", "/LoadBalancerSet/*/SnatPro", Fails),
    ("DescribeLoadBalancers", "/LoadBalancerSet/*/Status", Fails),
    ("DescribeLoadBalancers", "/LoadBalancerSet/*/Tags/*/TagKey", Fails),
    ("DescribeListeners", "/Listeners", Fails),
    ("DescribeListeners", "/Listeners/*/ListenerId", Fails),
    ("DescribeListeners", "/Listeners/*/ListenerName", Fails),
    ("DescribeListeners", "/Listeners/*/Port", Unreadable),
    ("DescribeListeners", "/Listeners/*/Protocol", Unreadable),
    (
        "DescribeListeners",
        "/Listeners/*/Rules",
        Empty("null where there are none; the targets tell of rules that were lost"),
    ),
    ("DescribeListeners", "/Listeners/*/Rules/*/LocationId", Unreadable),
    ("DescribeListeners", "/Listeners/*/Rules/*/Url", Unreadable),
    ("DescribeTargets", "/Listeners", Fails),
    ("DescribeTargets", "/Listeners/*/ListenerId", Fails),
    (
        "DescribeTargets",
        "/Listeners/*/Rules",
        Empty("null where there are none; rules that are listed are asked for again"),
    ),
    ("DescribeTargets", "/Listeners/*/Rules/*/LocationId", Fails),
    ("DescribeTargets", "/Listeners/*/Rules/*/Targets", Empty("null is how the cloud writes an empty list here")),
    ("DescribeTargets", "/Listeners/*/Rules/*/Targets/*/Port", Fails),
    ("DescribeTargets", "/Listeners/*/Rules/*/Targets/*/PrivateIpAddresses", Fails),
    ("DescribeTargets", "/Listeners/*/Rules/*/Targets/*/Weight", Fails),
    ("DescribeTargets", "/Listeners/*/Targets", Empty("null is how the cloud writes an empty list here")),
    ("DescribeTargets", "/Listeners/*/Targets/*/Port", Fails),
    ("DescribeTargets", "/Listeners/*/Targets/*/PrivateIpAddresses", Fails),
    ("DescribeTargets", "/Listeners/*/Targets/*/Weight", Fails),
    ("DescribeTargetHealth", "/LoadBalancers", Fails),
    ("DescribeTargetHealth", "/LoadBalancers/*/LoadBalancerId", Fails),
    (
        "DescribeTargetHealth",
        "/LoadBalancers/*/Listeners",
        Empty("without health nothing is opened and nothing is removed"),
    ),
    ("DescribeTargetHealth", "/LoadBalancers/*/Listeners/*/ListenerId", Fails),
    ("DescribeTargetHealth", "/LoadBalancers/*/Listeners/*/Rules", Empty("as above")),
    ("DescribeTargetHealth", "/LoadBalancers/*/Listeners/*/Rules/*/LocationId", Fails),
    ("DescribeTargetHealth", "/LoadBalancers/*/Listeners/*/Rules/*/Targets", Empty("as above")),
    ("DescribeTargetHealth", "/LoadBalancers/*/Listeners/*/Rules/*/Targets/*/IP", Fails),
    ("DescribeTargetHealth", "/LoadBalancers/*/Listeners/*/Rules/*/Targets/*/Port", Fails),
    ("GetCallerIdentity", "/AccountId", Fails),
    ("DescribeQuota", "/QuotaSet", Fails),
    ("DescribeQuota", "/QuotaSet/*/QuotaId", LeftOut("what is not known is asked for again")),
    ("DescribeQuota", "/QuotaSet/*/QuotaLimit", LeftOut("what is not known is asked for again")),
];

/// What a read shows to be there: one line for each thing, and how many of them are unreadable.
type Things = (Vec<String>, usize);

fn things(action: &str, told: Value) -> Result<Things> {
    let health = |(id, rows): (LoadBalancerId, Vec<TargetHealth>)| {
        rows.into_iter().map(|row| format!("{id} {} {} {}", row.listener, row.rule, row.address)).collect::<Vec<_>>()
    };
    Ok(match action {
        "DescribeLoadBalancers" => {
            let one = |found: &LoadBalancer| {
                format!("{} {:?} {} {:?}", found.id, found.addresses, found.vpc_id, found.status)
            };
            (load_balancers(reply(told))?.iter().map(one).collect(), 0)
        }
        "DescribeListeners" => {
            let Listing { listeners, unreadable } = listing(reply(told))?;
            let rules = |one: &Listener| {
                one.rules.iter().map(|rule| format!(" {}{}", rule.domain, rule.url)).collect::<String>()
            };
            let one = |one: &Listener| format!("{} {} {} {}{}", one.id, one.name, one.protocol, one.port, rules(one));
            let things = listeners.iter().map(one).chain(unreadable.iter().map(|one| format!("unreadable {}", one.id)));
            (things.collect(), unreadable.len())
        }
        "DescribeTargets" => {
            let of = |(route, targets): (Route, Vec<RegisteredTarget>)| {
                targets.into_iter().map(move |target| format!("{route:?} {} {}", target.address, target.weight))
            };
            (targets(reply(told))?.into_iter().flat_map(of).collect(), 0)
        }
        "DescribeTargetHealth" => (super::health(reply(told))?.into_iter().flat_map(health).collect(), 0),
        "GetCallerIdentity" => (vec![account(reply(told))?.to_string()], 0),
        _ => (quotas(reply(told))?.into_iter().map(|(id, limit)| format!("{id} {limit}")).collect(), 0),
    })
}

/// The first example of a reply, without its envelope.
fn example(action: &str) -> Value {
    let examples: Vec<Value> = serde_json::from_str(EXAMPLES).unwrap();
    let found = examples.into_iter().find(|one| one["action"] == action && one.get("reply").is_some()).unwrap();
    found["reply"]["Response"].clone()
}

/// Pointers to all members below a value.
fn members(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, inner) in object {
                found.push(format!("{at}/{name}"));
                members(inner, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, inner)| members(inner, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

fn pattern(pointer: &str) -> String {
    let parts = pointer.split('/').map(|part| if part.parse::<usize>().is_ok() { "*" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// What became of a read, by what it shows with a member and without it.
fn outcome(with: &Things, without: Result<Things>) -> Option<Outcome> {
    let Ok(without) = without else { return Some(Fails) };
    match without {
        without if without == *with => Some(Same),
        (things, 1) if things.len() == with.0.len() => Some(Unreadable),
        (things, 0) if things != with.0 => None,
        _ => Some(Same),
    }
}

#[test]
fn each_member_that_is_missing_has_its_outcome() {
    let mut met = Vec::new();
    for action in [
        "DescribeLoadBalancers",
        "DescribeListeners",
        "DescribeTargets",
        "DescribeTargetHealth",
        "DescribeQuota",
        "GetCallerIdentity",
    ] {
        let told = example(action);
        let with = things(action, told.clone()).unwrap();
        let mut pointers = Vec::new();
        members(&told, "", &mut pointers);
        for pointer in pointers.into_iter().filter(|pointer| !told.pointer(pointer).unwrap().is_null()) {
            let mut partial = told.clone();
            *partial.pointer_mut(&pointer).unwrap() = Value::Null;
            let found = outcome(&with, things(action, partial));
            let pattern = pattern(&pointer);
            let row = ROWS.iter().find(|row| row.0 == action && row.1 == pattern);
            let expected = row.map_or(Same, |row| row.2);
            let is_expected = match expected {
                // A list that was empty before is the same without it.
                Empty(why) | LeftOut(why) => !why.is_empty() && matches!(found, None | Some(Same)),
                other => found == Some(other),
            };
            assert!(is_expected, "{action} {pointer}: {found:?}, not {expected:?}");
            met.extend(row.filter(|_| found != Some(Same)));
        }
    }
    for row in ROWS {
        assert!(met.contains(&row), "{row:?} was not met: the example has no such member, or nothing depends on it");
    }
}
