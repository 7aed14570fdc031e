//! The state file: what a run is about to make, written before it is made, so that it is found again whatever happens to the run.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What is in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    /// What all names of the run have in common.
    pub run: String,
    /// The region.
    pub region: String,
    /// The load balancer that was given, which is not deleted.
    pub load_balancer: Option<String>,
    /// Load balancers of the run, as far as their ids are known.
    pub created: Vec<String>,
    /// The step of the last creation.
    pub asked: Option<String>,
    /// When it was asked for.
    pub asked_at: Option<Timestamp>,
    /// Its reply is known.
    pub is_answered: bool,
}

impl Made {
    /// Nothing yet.
    pub fn new(run: &str, region: &str, load_balancer: Option<&str>) -> Self {
        Self {
            run: run.to_owned(),
            region: region.to_owned(),
            load_balancer: load_balancer.map(str::to_owned),
            created: Vec::new(),
            asked: None,
            asked_at: None,
            is_answered: true,
        }
    }

    /// How long the last creation may still show what it makes; zero when its reply is known.
    pub(super) fn unsettled(&self, now: Timestamp, settled: SignedDuration) -> SignedDuration {
        match self.asked_at.filter(|_| !self.is_answered) {
            Some(at) => (settled - now.duration_since(at)).clamp(SignedDuration::ZERO, settled),
            None => SignedDuration::ZERO,
        }
    }
}

/// The file, with what is in it.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    pub(super) made: Made,
}

impl Journal {
    /// One that is to be written.
    pub const fn new(path: PathBuf, made: Made) -> Self {
        Self { path, made }
    }

    /// The one that an earlier run has left; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(Some(Self { path: path.to_owned(), made: serde_json::from_str(&text)? })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Something is about to be made. It is on the disk when this returns.
    pub(super) fn before(&mut self, step: &str) -> io::Result<()> {
        self.made.asked = Some(step.to_owned());
        self.made.asked_at = Some(Timestamp::now());
        self.made.is_answered = false;
        self.write()
    }

    /// It was answered, with the ids of load balancers.
    pub(super) fn after<'a>(&mut self, load_balancers: impl Iterator<Item = &'a str>) -> io::Result<()> {
        for id in load_balancers {
            if !self.made.created.iter().any(|known| known == id) {
                self.made.created.push(id.to_owned());
            }
        }
        self.made.is_answered = true;
        self.write()
    }

    /// Writes all of it beside the file, and puts it in its place: the file is there as a whole or as it was.
    fn write(&self) -> io::Result<()> {
        let beside = self.path.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all((serde_json::to_string_pretty(&self.made)? + "\n").as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    /// Nothing is left.
    pub(super) fn remove(self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        assert!(Journal::read(&path).unwrap().is_none());
        let mut journal = Journal::new(path.clone(), Made::new("0a1b2c3d", "ap-guangzhou", None));
        journal.before("create").unwrap();
        let read = Journal::read(&path).unwrap().unwrap();
        assert_eq!((read.made.asked.as_deref(), read.made.is_answered), (Some("create"), false));
        journal.after(["lb-1", "lb-1"].into_iter()).unwrap();
        let read = Journal::read(&path).unwrap().unwrap();
        assert_eq!((read.made.created.as_slice(), read.made.is_answered), (["lb-1".to_owned()].as_slice(), true));
        journal.remove().unwrap();
        assert!(Journal::read(&path).unwrap().is_none());
    }

    #[test]
    fn a_creation_without_a_known_reply_is_waited_for() {
        let mut made = Made::new("0a1b2c3d", "ap-guangzhou", None);
        let now = Timestamp::constant(1_700_000_000, 0);
        let minute = SignedDuration::from_secs(60);
        assert_eq!(made.unsettled(now, minute), SignedDuration::ZERO);
        made.is_answered = false;
        made.asked_at = Some(now - SignedDuration::from_secs(45));
        assert_eq!(made.unsettled(now, minute), SignedDuration::from_secs(15));
        made.asked_at = Some(now - SignedDuration::from_secs(61));
        assert_eq!(made.unsettled(now, minute), SignedDuration::ZERO);
    }
}
