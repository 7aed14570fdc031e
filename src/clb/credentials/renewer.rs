//! Asks a source for keys, again and again.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::super::error::{NO_CREDENTIALS, own};
use super::schedule::{SHORTEST, Standing, pause};
use super::source::{Fetched, Source, SourceError, Unavailable};
use super::{Credentials, Given, Held};
use crate::model::Failure;

/// How long the first key is waited for at the start.
const FIRST: Duration = Duration::from_secs(10);

/// Hears about keys, not what they are.
pub trait KeyObserver: Send + Sync {
    /// A source has given a key, which ends at this time; `None`: it has no end that is known.
    fn given(&self, source: &'static str, ends: Option<Timestamp>);

    /// A source was asked for a key and has given none.
    fn failed(&self, source: &'static str);
}

impl KeyObserver for () {
    fn given(&self, _: &'static str, _: Option<Timestamp>) {}

    fn failed(&self, _: &'static str) {}
}

/// Keeps the current key, and renews it ahead of its end.
pub struct Renewer {
    source: Source,
    held: watch::Sender<Held>,
    given: watch::Sender<Option<Given>>,
    refused: Arc<Notify>,
    observer: Arc<dyn KeyObserver>,
    failures: u32,
    /// When the current key ends.
    ends: Option<Instant>,
}

impl Renewer {
    /// A renewer, and what has its keys. There is none before the first was asked for.
    pub fn new(source: Source, observer: Arc<dyn KeyObserver>) -> (Self, Credentials) {
        let (held, receiver) = watch::channel(Err(own("", NO_CREDENTIALS, "nobody has asked for a key yet")));
        let refused = Arc::new(Notify::new());
        let heard = source.gives_another_when_asked().then(|| refused.clone());
        let (given, known) = watch::channel(None);
        let credentials = Credentials { held: receiver, given: Some(known), refused: heard };
        (Self { source, held, given, refused, observer, failures: 0, ends: None }, credentials)
    }

    /// Asks for the first key, and waits a while for it. Where it is late or refused, [`keep`](Self::keep) goes on.
    ///
    /// # Errors
    /// When the source is not there: nobody has set up any.
    pub async fn begin(&mut self) -> Result<(), SourceError> {
        match timeout(FIRST, self.renew()).await {
            Ok(Err(failure)) => Err(SourceError::None(Some(failure))),
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }

    /// When the current key ends; `None` when no end is known.
    pub fn ends(&self) -> Option<Timestamp> {
        let left = self.ends?.saturating_duration_since(Instant::now());
        Timestamp::now().checked_add(left).ok()
    }

    /// The name of the source.
    pub const fn source(&self) -> &'static str {
        self.source.name()
    }

    /// Renews the key whenever it is time. Never ends.
    pub async fn keep(mut self) {
        loop {
            let left = self.ends.map(|ends| ends.saturating_duration_since(Instant::now()));
            let standing = Standing { left, failures: self.failures, changes: self.source.changes() };
            let waited = async {
                match pause(standing) {
                    Some(pause) => sleep(pause).await,
                    None => pending().await,
                }
            };
            let refused = async {
                // However many calls are refused, the source is not asked more often.
                sleep(SHORTEST).await;
                self.refused.notified().await;
            };
            tokio::select! {
                () = waited => {}
                () = refused => {}
            }
            // A source that was there at the start is not given up.
            let _ = self.renew().await;
        }
    }

    /// Asks once. The error says that the source is not there.
    async fn renew(&mut self) -> Result<(), Failure> {
        let source = self.source.name();
        let (failure, is_absent) = match self.source.fetch().await {
            Ok(fetched) => {
                self.take(fetched);
                return Ok(());
            }
            Err(Unavailable::Absent(failure)) => (failure, true),
            Err(Unavailable::Passing(failure)) => (failure, false),
        };
        self.failures = self.failures.saturating_add(1);
        self.observer.failed(source);
        let request_id = failure.request_id.as_deref();
        tracing::warn!(source, request_id, %failure, "no key for the cloud was given; asking again");
        let message = format!("there is no key yet from {source}: {failure}");
        // A key that is there stays, also beyond its end: the cloud decides what it takes.
        self.held.send_if_modified(|held| {
            let is_without = held.is_err();
            if is_without {
                *held = Err(own("", NO_CREDENTIALS, message));
            }
            is_without
        });
        if is_absent { Err(failure) } else { Ok(()) }
    }

    fn take(&mut self, Fetched { keys, lasts }: Fetched) {
        let source = self.source.name();
        self.failures = 0;
        self.ends = lasts.and_then(|lasts| Instant::now().checked_add(lasts));
        let ends = self.ends();
        self.observer.given(source, ends);
        self.given.send_replace(Some(Given { source, ends }));
        let is_new = self.held.send_if_modified(|held| {
            let is_new = held.as_ref() != Ok(&keys);
            *held = Ok(keys);
            is_new
        });
        if is_new {
            let ends = ends.map(tracing::field::display);
            tracing::info!(source, ends, "there is a key for the cloud");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Mutex;

    use super::super::{SECRET_ID, SECRET_KEY, Sources};
    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<bool>>);

    impl KeyObserver for Heard {
        fn given(&self, source: &'static str, ends: Option<Timestamp>) {
            assert_eq!((source, ends), ("files", None));
            self.0.lock().unwrap().push(true);
        }

        fn failed(&self, _: &'static str) {
            self.0.lock().unwrap().push(false);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn keys_in_files_are_read_again_and_stay_where_they_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let write = |id: &str| {
            fs::write(folder.path().join(SECRET_ID), id).unwrap();
            fs::write(folder.path().join(SECRET_KEY), "key").unwrap();
        };
        let sources = Sources { folder: Some(folder.path().to_owned()), ..Sources::default() };
        let heard = Arc::new(Heard::default());
        let (mut renewer, credentials) = Renewer::new(Source::choose(&sources, |_| None).unwrap(), heard.clone());
        let id = || credentials.current().map(|keys| keys.secret_id).map_err(|failure| failure.message);
        assert_eq!(id(), Err("nobody has asked for a key yet".to_owned()));
        renewer.begin().await.unwrap();
        assert!(id().unwrap_err().ends_with("TENCENTCLOUD_SECRET_ID is not set"));
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(renewer.keep());
        let pass = async |seconds| sleep(Duration::from_secs(seconds)).await;
        write("AKID1");
        pass(2).await;
        assert_eq!(id(), Ok("AKID1".to_owned()), "after a failure it is tried again at once");
        write("AKID2");
        pass(12).await;
        assert_eq!(id(), Ok("AKID2".to_owned()));
        fs::remove_file(folder.path().join(SECRET_KEY)).unwrap();
        let before = heard.0.lock().unwrap().len();
        pass(300).await;
        let failures = heard.0.lock().unwrap()[before..].iter().filter(|given| !**given).count();
        assert_eq!(id(), Ok("AKID2".to_owned()), "the last one stays");
        assert!((8..=12).contains(&failures), "{failures} attempts in five minutes");
    }
}
