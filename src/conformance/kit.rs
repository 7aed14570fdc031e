//! The kit as a whole: looks for what is left, runs the script, takes away what it made, and judges.

use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::caller::Caller;
use super::cleaning::{Cleaning, Unfinished};
use super::journal::{Journal, StateError};
use super::leftovers::{self, Leftovers, Scope};
use super::options::Arguments;
use super::pace::Times;
use super::recording::Recording;
use super::redact::redact;
use super::run::Run;
use super::state::{Creation, Kind, Origin, RunState, Status};
use super::step::{Asked, PREFIX};
use crate::clb::{Credentials, RawCalls, Settings};
use crate::model::Region;

/// Why there is no result. Each is a sentence for people.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The client cannot be made, or the cloud refuses reads.
    #[error("{0}")]
    Cloud(String),
    /// There is the state file of an earlier run.
    #[error(
        "an earlier run has left something behind; take it away with --resume first, with the same other flags:\n{0}"
    )]
    Left(String),
    /// The state file cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The state file cannot be written.
    #[error("the state file cannot be written, so that the run has ended: {0}; what it had made was taken away")]
    NotWritten(#[from] std::io::Error),
    /// Replies to calls with these flags and this key would say nothing of the run of a state file: what to do, and what may be left.
    #[error("nothing was looked for, since the state file is of another run: {0}")]
    AnotherOrigin(String),
    /// Something may be left: why, what, and what to do.
    #[error("{0}")]
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
    endpoint: Option<String>,
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
        let (region, endpoint) = (arguments.region.clone(), arguments.endpoint.clone());
        Ok(Self { caller: Caller::new(raw, times), region, endpoint })
    }

    /// Lines about how it goes are given to this; without it, to nobody.
    #[must_use]
    pub fn with_notes(mut self, notes: fn(&str)) -> Self {
        self.caller.notes = notes;
        self
    }

    /// Where a run with this name makes what it makes, and by whose key.
    pub async fn origin(&mut self, run: &str, load_balancer: Option<&str>) -> Origin {
        let caller = self.caller.ask("GetCallerIdentity", &json!({})).await.unwrap_or(Value::Null);
        let account = caller["AccountId"].as_str().filter(|account| !account.is_empty());
        Origin {
            run: run.to_owned(),
            region: self.region.clone(),
            endpoint: self.endpoint.clone(),
            account: account.map(str::to_owned),
            key: self.caller.key(),
            load_balancer: load_balancer.map(str::to_owned),
        }
    }

    /// What runs have made and not taken away, or not yet: on this load balancer or on those of their own.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn left(&mut self, load_balancer: Option<&str>) -> Result<Leftovers, Trouble> {
        let scope = Scope { given: load_balancer, ..Scope::default() };
        leftovers::find(&mut self.caller, scope).await.map_err(|refused| Trouble::Cloud(refused.words))
    }

    /// Runs the script, and takes away what it has made: also when it is stopped or takes too long. What there was no time for is not
    /// in the recording.
    ///
    /// # Errors
    /// When the state file cannot be made, or the recording cannot be redacted.
    pub async fn run(&mut self, asked: &Asked, state: &Path, stop: &CancellationToken) -> Result<Ended, Trouble> {
        let origin = self.origin(&asked.run, asked.load_balancer.as_deref()).await;
        let mut journal = Journal::create(state, origin)?;
        let longest = self.caller.times.longest_run;
        let mut run = Run::new(asked, &mut self.caller, &mut journal);
        let mut is_cut = false;
        let ended = tokio::select! {
            ended = timeout(longest, run.script()) => {
                is_cut = ended.is_err();
                ended.unwrap_or(Ok(())).map_err(Trouble::NotWritten)
            }
            () = stop.cancelled() => Err(Trouble::Interrupted),
        };
        let mut recording = std::mem::take(&mut run.recording);
        recording.is_cut = is_cut;
        let cleaned = self.take_away(journal, true).await;
        let recording =
            redact(&recording, &asked.run, &asked.values()).map_err(|error| Trouble::Cloud(error.to_string()))?;
        Ok(Ended { recording, trouble: cleaned.err().or(ended.err()) })
    }

    /// Takes away what the run of a state file has left, and then the file. Brings what has gone, one line each.
    ///
    /// # Errors
    /// When something may be left: the file stays.
    pub async fn clean(&mut self, journal: Journal) -> Result<String, Trouble> {
        let origin = &journal.state().origin;
        let here = self.origin(&origin.run, None).await;
        if let Some(why) = origin.differs(&here).filter(|_| !journal.state().is_over()) {
            let words = journal.state().words();
            return Err(Trouble::AnotherOrigin(format!("{why}.\nThis may be left of it:\n{}", words.trim_end())));
        }
        self.take_away(journal, true).await
    }

    /// Takes away what runs have left, as it was confirmed, and nothing else.
    ///
    /// # Errors
    /// When something of it may be left.
    pub async fn clean_confirmed(&mut self, confirmed: &Leftovers) -> Result<String, Trouble> {
        let origin = self.origin("", confirmed.given.as_deref()).await;
        let rows = [(Kind::LoadBalancer, &confirmed.load_balancers), (Kind::Listener, &confirmed.listeners)];
        let rows = rows.into_iter().flat_map(|(kind, rows)| rows.iter().map(move |row| (kind, row)));
        let creations = rows.enumerate().map(|(number, (kind, (id, name)))| Creation {
            number,
            step: "found".to_owned(),
            kind,
            names: vec![name.clone()],
            on: origin.load_balancer.clone().filter(|_| kind == Kind::Listener),
            asked_at: Timestamp::now(),
            status: Status::Made(vec![id.clone()]),
        });
        let state = RunState { creations: creations.collect(), origin };
        self.take_away(Journal::unwritten(state), false).await
    }

    async fn take_away(&mut self, mut journal: Journal, adopts: bool) -> Result<String, Trouble> {
        match Cleaning::new(&mut self.caller, &mut journal, adopts).run().await {
            Ok(gone) => {
                let path = journal.path().map(Path::to_owned).unwrap_or_default();
                journal.remove().map_err(|error| StateError::Io { path, error })?;
                Ok(gone.iter().map(|line| format!("{line}\n")).collect())
            }
            Err(Unfinished::State(error)) => Err(Trouble::NotWritten(error)),
            Err(Unfinished::Refused(why)) => Err(Trouble::Remains(self.remains(&journal, Some(&why)))),
            Err(Unfinished::Waiting) => Err(Trouble::Remains(self.remains(&journal, None))),
        }
    }

    /// Why something may be left, what that is, and what to do.
    fn remains(&self, journal: &Journal, why: Option<&str>) -> String {
        let whys: Vec<_> = why.into_iter().chain(journal.not_written()).collect();
        let why = if whys.is_empty() { String::new() } else { format!(" ({})", whys.join("; ")) };
        let later = journal.settled_at(&self.caller.times).filter(|at| *at > Timestamp::now());
        let later = later.map(|at| format!(" after {}", at.strftime("%H:%M:%S UTC"))).unwrap_or_default();
        let file = journal.path().map(|path| format!(" The state file {} stays until then.", path.display()));
        let state = journal.state();
        let words = match state.is_over() {
            true => {
                format!("what has {PREFIX}-{} in its name: reads still show it, or cannot be made\n", state.origin.run)
            }
            false => state.words(),
        };
        format!(
            "it is not proven that nothing is left{why}. This may be left:\n{words}Look for it in the console of CLB, region {}, and run \
             clb-conformance --resume again{later}, in this folder, with the same flags and a key of the same account.{}",
            self.region,
            file.unwrap_or_default(),
        )
    }
}
