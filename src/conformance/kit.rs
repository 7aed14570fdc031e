//! The kit as a whole: looks for what is left, runs the script, takes away what it made, and judges.

use std::path::PathBuf;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::caller::Caller;
use super::journal::{Journal, Made};
use super::leftovers::{self, Goal, Leftovers, Scope};
use super::options::Arguments;
use super::pace::Times;
use super::recording::Recording;
use super::redact::redact;
use super::run::Run;
use super::step::Asked;
use crate::clb::{Credentials, RawCalls, Settings};
use crate::model::Region;

/// Why there is no result. Each is a sentence for people.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The client cannot be made, or the cloud refuses reads.
    #[error("{0}")]
    Cloud(String),
    /// An earlier run has left something.
    #[error("an earlier run has left something behind; take it away with --resume first:\n{0}")]
    Left(String),
    /// The state file cannot be read or written.
    #[error("the state file: {0}")]
    State(#[from] std::io::Error),
    /// Something is still there.
    #[error("not everything could be taken away ({0}); try again with --resume")]
    Remains(String),
    /// The recording is not there.
    #[error("cannot write the recording: {0}")]
    Recording(String),
    /// It was interrupted.
    #[error("the run was interrupted; what it had made was taken away")]
    Interrupted,
}

/// What came of a run.
#[derive(Debug)]
pub struct Ended {
    /// What was called and answered, redacted.
    pub recording: Recording,
    /// Why that is not all, or why something remains.
    pub trouble: Option<Trouble>,
}

/// A client for one account and region, at the pace of a run.
pub struct Kit {
    caller: Caller,
    region: String,
}

impl Kit {
    /// Nothing is called yet.
    ///
    /// # Errors
    /// When endpoint or region cannot be used.
    pub fn new(arguments: &Arguments, credentials: Credentials, times: Times) -> Result<Self, Trouble> {
        let mut settings = Settings::new(Region::from(arguments.region.as_str()));
        settings.endpoint.clone_from(&arguments.endpoint);
        let raw = RawCalls::new(&settings, credentials).map_err(|error| Trouble::Cloud(error.to_string()))?;
        Ok(Self { caller: Caller::new(raw, times), region: arguments.region.clone() })
    }

    /// What earlier runs have left, on this load balancer or on those of their own.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn left(&mut self, load_balancer: Option<&str>) -> Result<Leftovers, Trouble> {
        let scope = Scope { given: load_balancer, ..Scope::default() };
        leftovers::find(&mut self.caller, scope).await.map_err(Trouble::Cloud)
    }

    /// Runs the script, and takes away what it has made: also when it is stopped or takes too long. What there was no time for is not
    /// in the recording.
    ///
    /// # Errors
    /// When the recording cannot be redacted.
    pub async fn run(&mut self, asked: &Asked, state: PathBuf, stop: &CancellationToken) -> Result<Ended, Trouble> {
        let made = Made::new(&asked.run, &self.region, asked.load_balancer.as_deref());
        let mut journal = Journal::new(state, made);
        let longest = self.caller.times.longest_run;
        let mut run = Run::new(asked, &mut self.caller, &mut journal);
        let ended = tokio::select! {
            ended = timeout(longest, run.script()) => ended.unwrap_or(Ok(())).map_err(Trouble::State),
            () = stop.cancelled() => Err(Trouble::Interrupted),
        };
        let recording = std::mem::take(&mut run.recording);
        let cleaned = self.clean(journal).await;
        let recording = redact(&recording, &asked.run).map_err(|error| Trouble::Cloud(error.to_string()))?;
        Ok(Ended { recording, trouble: cleaned.err().or(ended.err()) })
    }

    /// Takes away what the run of a state file has left, and then the file.
    ///
    /// # Errors
    /// When something remains; the file stays.
    pub async fn clean(&mut self, journal: Journal) -> Result<Leftovers, Trouble> {
        let made = journal.made.clone();
        let removed = leftovers::clean(&mut self.caller, Scope::of(&made), Goal::Made(&made)).await;
        let removed = removed.map_err(Trouble::Remains)?;
        journal.remove()?;
        Ok(removed)
    }

    /// Takes away what runs have left, as it was confirmed, and nothing else.
    ///
    /// # Errors
    /// When something of it remains.
    pub async fn clean_confirmed(&mut self, load_balancer: Option<&str>, confirmed: &Leftovers) -> Result<(), Trouble> {
        let scope = Scope { given: load_balancer, ..Scope::default() };
        let removed = leftovers::clean(&mut self.caller, scope, Goal::Confirmed(confirmed)).await;
        removed.map(|_| ()).map_err(Trouble::Remains)
    }
}
