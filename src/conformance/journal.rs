//! The state file: what a run is about to make, written before it is made, so that it is found again whatever happens to the run.
//!
//! The first line says what the file is, the second has the origin of the run, and each line after it has a creation as it is from then on. The
//! last line counts as not written when it was not written to its end: nothing follows a line before it is on the disk. Whatever else is
//! in a file, it is none of ours and stays as it is. The file is locked while a program uses it.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::pace::Times;
use super::recording::{Answer, Entry};
use super::seen::class;
use super::state::{Creation, Kind, Origin, Proof, RunState, Status};
use crate::model::Class;

/// The first line.
const HEADER: &str = r#"{"clbConformanceState":1}"#;

/// Why there is no state file to go on with. Each is a sentence for people.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// There is one already.
    #[error("there is the state file {} of an earlier run", .0.display())]
    Exists(PathBuf),
    /// Another program holds it.
    #[error("another run uses the state file {}: wait for its end, or give this one a file of its own with --state", .0.display())]
    InUse(PathBuf),
    /// It has something else.
    #[error("{} is not a state file of this version: {reason}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It cannot be read or written.
    #[error("the state file {}: {error}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The file, with what is in it.
#[derive(Debug)]
pub struct Journal {
    /// `None`: it is of what somebody has confirmed, and is written nowhere.
    file: Option<(PathBuf, File)>,
    state: RunState,
    /// How late reads have shown what was made, by kind: the shortest time that was seen.
    shown_within: BTreeMap<Kind, SignedDuration>,
    /// Whether it goes on when the file cannot be written: why it cannot be.
    unwritten: Unwritten,
}

/// What becomes of a line that cannot be written.
#[derive(Debug)]
enum Unwritten {
    /// Nothing is to be made that it does not name.
    Stops,
    /// What is there is taken away nevertheless: the first reason.
    GoesOn(Option<String>),
}

impl Journal {
    /// A new file of a run that has asked for nothing.
    ///
    /// # Errors
    /// When there is one, or it cannot be written.
    pub fn create(path: &Path, origin: Origin) -> Result<Self, StateError> {
        let broken = |error| StateError::Io { path: path.to_owned(), error };
        let file = match File::options().append(true).create_new(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(in_use(path).unwrap_or_else(|| StateError::Exists(path.to_owned())));
            }
            file => file.map_err(broken)?,
        };
        lock(&file, path)?;
        let text = serde_json::to_string(&origin).map_err(|error| broken(error.into()))?;
        let state = RunState { origin, creations: Vec::new() };
        let mut journal = Self::new(Some((path.to_owned(), file)), state);
        journal.append(HEADER).and_then(|()| journal.append(&text)).map_err(broken)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()).map_err(broken)?;
        Ok(journal)
    }

    /// The one that an earlier run has left; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read, or another program uses it.
    pub fn open(path: &Path) -> Result<Option<Self>, StateError> {
        let broken = |error| StateError::Io { path: path.to_owned(), error };
        let mut file = match File::options().append(true).read(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(broken)?,
        };
        lock(&file, path)?;
        let unreadable = |reason| StateError::Unreadable { path: path.to_owned(), reason };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(broken)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let (lines, rest) = bytes.split_at(whole);
        if lines.is_empty() && !HEADER.as_bytes().starts_with(rest) {
            return Err(unreadable(format!("it does not begin with {HEADER}")));
        }
        let text = str::from_utf8(lines).map_err(|error| unreadable(error.to_string()))?;
        let state = parse(text).map_err(unreadable)?;
        if !rest.is_empty() {
            // What was not written to its end must not become a part of the next line.
            file.set_len(u64::try_from(whole).unwrap_or(u64::MAX)).map_err(broken)?;
        }
        Ok(Some(Self::new(Some((path.to_owned(), file)), state)))
    }

    const fn new(file: Option<(PathBuf, File)>, state: RunState) -> Self {
        Self { file, state, shown_within: BTreeMap::new(), unwritten: Unwritten::Stops }
    }

    /// One of these creations that is written nowhere.
    pub(super) const fn unwritten(state: RunState) -> Self {
        Self::new(None, state)
    }

    /// From now on nothing is made any more: what is there is taken away also when that cannot be written down.
    pub(super) fn goes_on_unwritten(&mut self) {
        self.unwritten = Unwritten::GoesOn(None);
    }

    /// Why the file could not be written since then.
    pub(super) fn not_written(&self) -> Option<&str> {
        match &self.unwritten {
            Unwritten::GoesOn(why) => why.as_deref(),
            Unwritten::Stops => None,
        }
    }

    /// A read has shown these ids: what was made of this kind is shown at least so soon.
    pub(super) fn read(&mut self, kind: Kind, ids: &[&str]) {
        let now = Timestamp::now();
        let is_shown = |one: &&Creation| {
            one.kind == kind
                && matches!(&one.status, Status::Made(made) if made.iter().any(|id| ids.contains(&id.as_str())))
        };
        let within = self.state.creations.iter().filter(is_shown).map(|one| now.duration_since(one.asked_at)).min();
        let known = self.shown_within.get(&kind).copied();
        if let Some(within) = within.into_iter().chain(known).min() {
            self.shown_within.insert(kind, within);
        }
    }

    /// How long after it was asked for something of this kind is not made any more when no read shows it. Silence says nothing before a read
    /// has shown something of the run.
    pub(super) fn settled(&self, kind: Kind, times: &Times) -> SignedDuration {
        let of = |time| SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
        let longest = of(times.settled);
        let within = self.shown_within.get(&kind).map(|within| within.saturating_add(*within));
        within.map_or(longest, |within| within.saturating_add(of(times.reads_apart)).min(longest))
    }

    /// When the last creation has had its time.
    pub(super) fn settled_at(&self, times: &Times) -> Option<Timestamp> {
        self.state.settled_at(|kind| self.settled(kind, times))
    }

    /// What is in it.
    pub const fn state(&self) -> &RunState {
        &self.state
    }

    /// Where it is; `None` when it is written nowhere.
    pub fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
    }

    /// A call is about to make something. It is on the disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn before(&mut self, step: &str, action: &str, request: &Value) -> io::Result<usize> {
        let (kind, names) = match action {
            "CreateLoadBalancer" => (Kind::LoadBalancer, vec![text(&request["LoadBalancerName"])]),
            _ => (Kind::Listener, request["ListenerNames"].as_array().into_iter().flatten().map(text).collect()),
        };
        let on = request["LoadBalancerId"].as_str().map(str::to_owned);
        let number = self.state.creations.len();
        let step = step.to_owned();
        self.set(Creation { number, step, kind, names, on, asked_at: Timestamp::now(), status: Status::Asked })?;
        Ok(number)
    }

    /// What the answer says of the creation with this number. A fault of the cloud, or a success without ids, says nothing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn after(&mut self, number: usize, entry: &Entry) -> io::Result<()> {
        let status = match &entry.answer {
            Answer::Reply(reply) => made(reply),
            Answer::Error { code, .. } if is_certain(class(entry)) => Some(Status::Refused(code.clone())),
            Answer::Error { .. } | Answer::Unanswered(_) => None,
        };
        match (status, self.state.creations.get(number)) {
            (Some(status), Some(creation)) => self.set(Creation { status, ..creation.clone() }),
            _ => Ok(()),
        }
    }

    /// The task of a step has named what it made.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn named(&mut self, step: &str, reply: &Value) -> io::Result<()> {
        let asked = self.state.open().find(|one| one.step == step && one.status == Status::Asked).cloned();
        match (asked, made(reply)) {
            (Some(creation), Some(status)) => self.set(Creation { status, ..creation }),
            _ => Ok(()),
        }
    }

    /// A read has shown something of the run: its id and name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn shown(&mut self, kind: Kind, row: (&str, &str)) -> io::Result<()> {
        self.state.shown(kind, row, Timestamp::now()).map_or(Ok(()), |creation| self.set(creation))
    }

    /// What had this id is gone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn gone(&mut self, id: &str, proof: &Proof) -> io::Result<()> {
        self.state.without(id, proof).into_iter().try_for_each(|creation| self.set(creation))
    }

    /// A creation is from now on as it is here. One that could not be written is not asked for.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn set(&mut self, creation: Creation) -> io::Result<()> {
        let mut written = serde_json::to_string(&creation).map_err(io::Error::from).and_then(|text| self.append(&text));
        if let (Err(error), Unwritten::GoesOn(why)) = (&written, &mut self.unwritten) {
            why.get_or_insert_with(|| error.to_string());
            written = Ok(());
        }
        if written.is_ok() || creation.status != Status::Asked {
            place(&mut self.state, creation);
        }
        written
    }

    fn append(&mut self, line: &str) -> io::Result<()> {
        let Some((_, file)) = &mut self.file else { return Ok(()) };
        let whole = file.metadata()?.len();
        let written = file.write_all(format!("{line}\n").as_bytes()).and_then(|()| file.sync_all());
        if written.is_err() {
            // What was written of it must not become a part of the next line.
            file.set_len(whole)?;
        }
        written
    }

    /// Removes the file, which must have nothing that may be left.
    ///
    /// # Errors
    /// When something may be left, or it cannot be removed.
    pub(super) fn remove(self) -> io::Result<()> {
        if !self.state.is_over() {
            return Err(io::Error::other("it names what may be left"));
        }
        match self.file.map(|(path, _)| fs::remove_file(path)) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// What a success has made; `None` when it does not say.
fn made(reply: &Value) -> Option<Status> {
    let ids = ["LoadBalancerIds", "ListenerIds"].iter().find_map(|list| reply[*list].as_array());
    let ids: Vec<_> = ids.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    (!ids.is_empty()).then_some(Status::Made(ids))
}

/// A call that is refused with this class has made nothing.
const fn is_certain(class: Option<Class>) -> bool {
    !matches!(class, None | Some(Class::Unreachable | Class::Transient))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn place(state: &mut RunState, creation: Creation) {
    match state.creations.get_mut(creation.number) {
        Some(known) => *known = creation,
        None => state.creations.push(creation),
    }
}

fn lock(file: &File, path: &Path) -> Result<(), StateError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => StateError::InUse(path.to_owned()),
        TryLockError::Error(error) => StateError::Io { path: path.to_owned(), error },
    })
}

/// Whether another program holds a file that is there.
fn in_use(path: &Path) -> Option<StateError> {
    let file = File::open(path).ok()?;
    lock(&file, path).err()
}

/// What whole lines have.
fn parse(text: &str) -> Result<RunState, String> {
    let mut lines = text.lines();
    let Some(header) = lines.next() else { return Ok(RunState::default()) };
    if header != HEADER {
        return Err(format!("it does not begin with {HEADER}"));
    }
    // A file without an origin is of a run that has asked for nothing.
    let Some(origin) = lines.next() else { return Ok(RunState::default()) };
    let broken = |number: usize, error: serde_json::Error| format!("line {number}: {error}");
    let origin = serde_json::from_str(origin).map_err(|error| broken(2, error))?;
    let mut state = RunState { origin, creations: Vec::new() };
    for (number, line) in (3..).zip(lines) {
        let creation: Creation = serde_json::from_str(line).map_err(|error| broken(number, error))?;
        if creation.number > state.creations.len() {
            return Err(format!("line {number}: the creation {} is missing", state.creations.len()));
        }
        place(&mut state, creation);
    }
    Ok(state)
}
