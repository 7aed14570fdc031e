//! Where the leader's key for the cloud is from, and until when it lasts.

use jiff::Timestamp;

use super::Check;
use crate::api::names;
use crate::cli::error::of_api_server;
use crate::cli::lease;
use crate::cli::session::Session;

const CHECK: &str = "Key";
const ENDED: &str = "Look for \"no key for the cloud\" in the log of the controller: it says why the source gives none. docs/security.md says what each \
                     source needs.";

pub(super) async fn check(session: &Session) -> Check {
    match lease::read(session).await {
        Ok(found) => {
            let annotations = found.and_then(|lease| lease.metadata.annotations).unwrap_or_default();
            judge(annotations.get(names::LEADER_KEY).map(String::as_str), Timestamp::now())
        }
        Err(error) => Check::unknown(CHECK, format!("the Lease cannot be read: {}", of_api_server(&error))),
    }
}

/// By the words in the Lease.
fn judge(words: Option<&str>, now: Timestamp) -> Check {
    let Some(words) = words else {
        return Check::unknown(
            CHECK,
            "the Lease does not say where the leader's key is from: nobody leads, or it has none yet",
        );
    };
    let Some((source, until)) = words.split_once(" until ") else {
        let what = format!(
            "the leader's key is from {words}, without an end; docs/security.md says how to do without such a key"
        );
        return Check::fine(CHECK, what);
    };
    match until.parse::<Timestamp>() {
        Ok(ends) if ends <= now => {
            Check::wrong(CHECK, format!("the leader's key is from {source}, and has ended at {until}"), ENDED)
        }
        Ok(ends) => {
            let minutes = ends.duration_since(now).as_mins();
            Check::fine(
                CHECK,
                format!("the leader's key is from {source}, lasts for {minutes} min, and is renewed before"),
            )
        }
        Err(_) => Check::unknown(CHECK, format!("the Lease says what this version does not know: {words}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_key_is_judged_by_its_end() {
        let now = "2026-11-28T05:00:00Z".parse().unwrap();
        for (words, verdict, part) in [
            (None, Verdict::Unknown, "nobody leads"),
            (Some("environment"), Verdict::Fine, "environment, without an end"),
            (Some("web-identity until 2026-11-28T05:41:10Z"), Verdict::Fine, "web-identity, lasts for 41 min"),
            (Some("machine-role until 2026-11-28T04:59:59Z"), Verdict::Wrong, "machine-role, and has ended at"),
            (Some("machine-role until tomorrow"), Verdict::Unknown, "does not know"),
        ] {
            let check = judge(words, now);
            assert_eq!(check.verdict, verdict, "{words:?}");
            assert!(check.message.contains(part), "{}", check.message);
        }
    }
}
