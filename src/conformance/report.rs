//! What is printed: the plan before a run, and what was seen after it. Pure.

use std::fmt::Write;

use serde_json::{Value, json};

use super::belief::{Judged, Verdict};
use super::step::{ACTIONS, Asked};

/// Most characters of what was seen.
const LONGEST: usize = 140;

/// What a run would do.
pub fn plan(asked: &Asked, region: &str) -> String {
    let mut text = String::new();
    let subject = match (&asked.load_balancer, asked.public) {
        (Some(id), _) => format!(
            "Uses the load balancer {id} in {region}. Nothing of it is touched but listeners that the run makes, whose names begin with {}, at \
             ports {} to {}.",
            asked.name(),
            asked.first_port,
            asked.first_port.saturating_add(99),
        ),
        (None, is_public) => format!(
            "Makes one {} load balancer in {region}, the smallest, named {}, with the tag {}={}, and deletes it.",
            if is_public { "public" } else { "internal" },
            asked.name(),
            super::step::PREFIX,
            asked.run,
        ),
    };
    let cost = match asked.load_balancer {
        Some(_) => {
            "Makes no load balancer, and so adds no hours of one; see the vendor's page of prices for what else is billed."
        }
        None => {
            "A load balancer is billed by the hour, also the smallest, and this one is there for some minutes; a public one may be billed for \
             traffic, too. See the vendor's page of prices."
        }
    };
    let targets = match asked.targets.first() {
        Some((ip, port)) => {
            format!("Registers {ip} port {port} with the listeners of the run; health checks reach it.")
        }
        None => "Registers no target: none was given, and what needs one is not asked.".to_owned(),
    };
    let _ = writeln!(
        text,
        "{subject}\n{targets}\nTakes some minutes, ten at most, with at most 10 calls in a second.\n{cost}"
    );
    let _ = writeln!(text, "Calls {} actions: {}.", ACTIONS.len(), ACTIONS.join(", "));
    text
}

/// What was seen, as a table.
pub fn table(judged: &[Judged]) -> String {
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
    text
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What was seen, as JSON.
pub fn document(judged: &[Judged]) -> Value {
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
    json!({"differences": differences(judged), "beliefs": judged.iter().map(row).collect::<Vec<_>>()})
}

/// How many differ.
pub fn differences(judged: &[Judged]) -> usize {
    judged.iter().filter(|one| matches!(one.verdict, Verdict::Differs(_))).count()
}
