//! What is printed: the plan before a run, and what was seen after it. Pure.

use std::fmt::Write;

use serde_json::{Value, json};

use super::belief::{Judged, Verdict};
use super::recording::Recording;
use super::seen::Seen;
use super::state::Origin;
use super::step::{Asked, PREFIX, actions};

/// Where the vendor says what a load balancer costs.
const PRICES: &str = "https://www.tencentcloud.com/document/product/214/36999";

/// Most characters of what was seen.
const LONGEST: usize = 140;

/// What a run would do.
pub fn plan(asked: &Asked, origin: &Origin) -> String {
    let (name, first, last) = (asked.name(), asked.first_port, asked.first_port.saturating_add(99));
    let subject = match (&asked.load_balancer, asked.public) {
        (Some(id), _) => format!(
            "Uses the load balancer {id}. Nothing of it is touched but listeners that the run makes and deletes, whose names begin with \
             {name}, at ports {first} to {last}."
        ),
        (None, is_public) => format!(
            "Makes one {} load balancer, the smallest, named {name}, with the tag {PREFIX}={}, and deletes it.",
            if is_public { "public" } else { "internal" },
            asked.run,
        ),
    };
    let cost = match asked.load_balancer {
        Some(_) => "Makes no load balancer, and so adds no hours of one.",
        None => {
            "A load balancer is billed by the hour, also the smallest, and this one is there for some minutes; a public one may be billed \
             for traffic, too."
        }
    };
    let targets = match asked.targets.first() {
        Some((ip, port)) => {
            format!("Registers {ip} port {port} with the listeners of the run; health checks reach it.")
        }
        None => "Registers no target: none was given, and what needs one is not asked.".to_owned(),
    };
    let account = origin.account.as_deref().unwrap_or("unknown: GetCallerIdentity does not say");
    let endpoint = origin.endpoint.as_deref().unwrap_or("the public one");
    let region = &origin.region;
    let actions = actions(&asked.inputs());
    format!(
        "Account {account}, region {region}, endpoint: {endpoint}.\n{subject}\n{targets}\nTakes some minutes, ten at most, with at most 10 \
         calls in a second.\n{cost} Look at the vendor's page of prices: {PRICES}\nCalls {} actions: {}.\n",
        actions.len(),
        actions.join(", "),
    )
}

/// What was seen, as a table.
pub fn table(judged: &[Judged], recording: &Recording) -> String {
    let mut text = String::new();
    let width = judged.iter().map(|one| one.belief.name.len()).max().unwrap_or_default();
    let mut family = None;
    for one in judged {
        if family.replace(one.belief.family) != Some(one.belief.family) {
            let _ = writeln!(text, "{}", one.belief.family.words());
        }
        let (name, word) = (one.belief.name, one.verdict.word());
        let _ = writeln!(text, "  {name:width$}  {word:9}  {}", shortened(one.verdict.seen()));
        if matches!(one.verdict, Verdict::Differs(_)) {
            let _ = writeln!(text, "  {:width$}  believed:  {}", "", one.belief.belief);
        }
    }
    let number = |word: &str| judged.iter().filter(|one| one.verdict.word() == word).count();
    let (believed, differs, not_asked) = (number("believed"), number("differs"), number("not asked"));
    let _ = writeln!(text, "{} beliefs: {believed} as believed, {differs} differ, {not_asked} not asked", judged.len());
    let is_open = |one: &&Judged| matches!(one.verdict, Verdict::NotAsked(_));
    let open = judged.iter().filter(is_open).count();
    if open > 0 {
        let _ = writeln!(text, "{open} of those not asked could not be asked though the run had what they need");
    }
    if recording.is_cut {
        text.push_str("The run ended by its time limit: what comes late in its script was not asked.\n");
    }
    if Seen::new(recording).meets_taken_ports() {
        text.push_str("A port that the run wanted is in use: give it others with --first-port.\n");
    }
    text
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What was seen, as JSON.
pub fn document(judged: &[Judged], recording: &Recording) -> Value {
    let row = |one: &Judged| {
        let Judged { belief, verdict } = one;
        json!({
            "name": belief.name,
            "family": belief.family,
            "believed": belief.belief,
            "assumption": belief.assumption,
            "verdict": verdict.word(),
            "seen": verdict.seen(),
        })
    };
    json!({"differences": differences(judged), "isCut": recording.is_cut, "beliefs": judged.iter().map(row).collect::<Vec<_>>()})
}

/// How many differ.
pub fn differences(judged: &[Judged]) -> usize {
    judged.iter().filter(|one| matches!(one.verdict, Verdict::Differs(_))).count()
}
