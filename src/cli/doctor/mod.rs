//! `doctor`: what the controller needs, checked one by one.

mod certificate;
mod cloud;
mod cluster;
mod guard;
mod key;
mod uninstall;

use serde::Serialize;

use super::options::Doctor;
use super::output::{Printer, Tone};
use super::session::Session;
use super::{Ending, Error};

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Verdict {
    /// As it should be.
    Fine,
    /// It works, and deserves a look.
    Doubtful,
    /// It does not work.
    Wrong,
    /// It cannot be told.
    Unknown,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
struct Check {
    /// What.
    check: &'static str,
    /// How it stands.
    verdict: Verdict,
    /// What is the case.
    message: String,
    /// What to do; empty when there is nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    remedy: String,
}

impl Check {
    fn fine(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Fine, message: message.into(), remedy: String::new() }
    }

    fn new(check: &'static str, verdict: Verdict, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, verdict, message: message.into(), remedy: remedy.into() }
    }

    fn wrong(check: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(check, Verdict::Wrong, message, remedy)
    }

    fn doubtful(check: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(check, Verdict::Doubtful, message, remedy)
    }

    fn unknown(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Unknown, message, "")
    }
}

pub(super) async fn run(session: &Session, options: &Doctor, printer: &mut Printer) -> Result<Ending, Error> {
    // Nothing can be said where nobody answers; whoever may not ask is told so by the checks.
    if let Err(error) = session.client.apiserver_version().await
        && !matches!(error, kube::Error::Api(_))
    {
        return Err(Error::kubernetes("nothing can be checked")(error));
    }
    let checks = if options.uninstall {
        uninstall::checks(session).await
    } else {
        let mut checks = cluster::checks(session).await;
        checks.extend(certificate::checks(session).await);
        checks.push(guard::check(session).await);
        checks.push(key::check(session).await);
        checks.extend(cloud::checks(session).await?);
        checks
    };
    match options.output {
        Some(format) => printer.value(format, &serde_json::json!({"checks": checks}))?,
        None => checks.iter().try_for_each(|check| print(check, printer))?,
    }
    let is_wrong = checks.iter().any(|check| check.verdict == Verdict::Wrong);
    Ok(if is_wrong { Ending::Found } else { Ending::Fine })
}

fn print(check: &Check, printer: &mut Printer) -> Result<(), Error> {
    let (mark, tone) = match check.verdict {
        Verdict::Fine => ("✓", Tone::Good),
        Verdict::Doubtful => ("!", Tone::Odd),
        Verdict::Wrong => ("✗", Tone::Bad),
        Verdict::Unknown => ("?", Tone::Faint),
    };
    let mark = printer.tint(tone, mark);
    printer.line(format!("{mark} {:12} {}", check.check, check.message))?;
    if check.remedy.is_empty() { Ok(()) } else { printer.line(format!("  {:12} {}", "", check.remedy)) }
}
