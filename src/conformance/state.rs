//! What a run has asked for, and what became of it. Pure.
//!
//! A creation is over only with a [`Proof`]: a reply that shows nothing is not enough, since reads may lag, may be another account's, and may
//! be of another region. Nor is a refusal: of two copies of a call, the one that is refused may be the second.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Where a run makes what it makes, and by whose key. Replies to calls of another origin say nothing of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// What all names of the run have in common.
    pub run: String,
    /// The region.
    pub region: String,
    /// The endpoint that was given; `None`: the public one.
    pub endpoint: Option<String>,
    /// The account, as GetCallerIdentity names it; `None` where it did not.
    pub account: Option<String>,
    /// A digest of the key's id.
    pub key: String,
    /// The load balancer that was given, which is not deleted.
    pub load_balancer: Option<String>,
}

impl Origin {
    /// Why replies to calls of another origin say nothing of this one, and what to do; `None` when they do.
    pub fn differs(&self, other: &Self) -> Option<String> {
        let endpoint = |origin: &Self| origin.endpoint.clone().unwrap_or_else(|| "the public endpoint".to_owned());
        if self.region != other.region {
            return Some(format!("it was made in the region {}: give that with --region", self.region));
        }
        if self.endpoint != other.endpoint {
            let how = if self.endpoint.is_some() { "give that with --endpoint" } else { "leave --endpoint out" };
            return Some(format!("it was made at {}, and this is {}: {how}", endpoint(self), endpoint(other)));
        }
        match (&self.account, &other.account) {
            (Some(own), Some(asked)) if own != asked => {
                Some(format!("it is of the account {own}, and this key is of {asked}: use a key of {own}"))
            }
            // A key is of one account.
            _ if self.key == other.key => None,
            (Some(_), Some(_)) => None,
            _ => Some(
                "the key is another one, and GetCallerIdentity does not say whether the account is the same: use the key of the run"
                    .to_owned(),
            ),
        }
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A load balancer of the run's own.
    LoadBalancer,
    /// Listeners.
    Listener,
}

/// A creation that a run has asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Creation {
    /// Its place among those of the run, from 0.
    pub number: usize,
    /// The step of the script.
    pub step: String,
    /// What was asked for.
    pub kind: Kind,
    /// The names that it was asked for with.
    pub names: Vec<String>,
    /// The load balancer of listeners.
    pub on: Option<String>,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// What became of it.
    pub status: Status,
}

/// What became of a creation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// It was asked for, and it is not known whether anything was made.
    Asked,
    /// It was refused with this code. A copy of the call may have made something: what reads show at once.
    Refused(String),
    /// This was made, and is not known to be gone: ids, at least one.
    Made(Vec<String>),
    /// Nothing of it is left.
    Gone(Proof),
}

/// Why nothing of a creation is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Proof {
    /// It was refused with this code, and two reads some time apart did not show anything of it.
    Refused(String),
    /// The task of its deletion has ended well.
    Deleted,
    /// The load balancer that it was made on is gone.
    WithLoadBalancer,
    /// Two reads some time apart did not show what it had made, and its deletion was refused in between, since it is not there.
    NotThere,
    /// Its answer never came, and reads did not show anything of it for so long that nothing turns up any more.
    NeverShown,
}

/// All that a run has asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunState {
    /// Where, and by whom.
    pub origin: Origin,
    /// In the order in which they were asked for.
    pub creations: Vec<Creation>,
}

impl RunState {
    /// Nothing is left.
    pub fn is_over(&self) -> bool {
        self.creations.iter().all(|one| matches!(one.status, Status::Gone(_)))
    }

    /// The creations that may have left something.
    pub fn open(&self) -> impl Iterator<Item = &Creation> {
        self.creations.iter().filter(|one| !matches!(one.status, Status::Gone(_)))
    }

    /// Ids of this kind that were made and are not known to be gone, each once. A load balancer that was given is never among them.
    pub fn made(&self, kind: Kind) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        for one in self.creations.iter().filter(|one| one.kind == kind) {
            let Status::Made(made) = &one.status else { continue };
            ids.extend(made.iter().filter(|id| Some(*id) != self.origin.load_balancer.as_ref()).cloned());
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Whether an id is one that a creation has made, also when it is gone by now.
    fn knows(&self, id: &str) -> bool {
        self.creations.iter().any(|one| matches!(&one.status, Status::Made(ids) if ids.iter().any(|made| made == id)))
    }

    /// The creation that something with this name is of, where its answer has named nothing.
    fn asked_for(&self, kind: Kind, name: &str) -> Option<&Creation> {
        let asked = |one: &&Creation| one.kind == kind && matches!(one.status, Status::Asked | Status::Refused(_));
        let named = self.creations.iter().filter(asked).find(|one| one.names.iter().any(|known| known == name));
        // A load balancer is renamed by the script.
        named.or_else(|| self.creations.iter().filter(asked).find(|_| kind == Kind::LoadBalancer))
    }

    /// The rows that change when a read has shown something of the run.
    pub(super) fn shown(&self, kind: Kind, (id, name): (&str, &str), now: Timestamp) -> Option<Creation> {
        if self.knows(id) {
            return None;
        }
        let made = Status::Made(vec![id.to_owned()]);
        if let Some(creation) = self.asked_for(kind, name) {
            return Some(Creation { status: made, ..creation.clone() });
        }
        let on = self.origin.load_balancer.clone().filter(|_| kind == Kind::Listener);
        let (number, names) = (self.creations.len(), vec![name.to_owned()]);
        Some(Creation { number, step: "found".to_owned(), kind, names, on, asked_at: now, status: made })
    }

    /// The rows that change when an id is gone: its own, and of a load balancer those of its listeners.
    pub(super) fn without(&self, id: &str, proof: &Proof) -> Vec<Creation> {
        let changed = |one: &Creation| {
            let status = match &one.status {
                Status::Made(ids) if ids.iter().any(|made| made == id) => {
                    let left: Vec<_> = ids.iter().filter(|made| *made != id).cloned().collect();
                    if left.is_empty() { Status::Gone(proof.clone()) } else { Status::Made(left) }
                }
                Status::Made(_) | Status::Asked | Status::Refused(_) if one.on.as_deref() == Some(id) => {
                    Status::Gone(Proof::WithLoadBalancer)
                }
                _ => return None,
            };
            Some(Creation { status, ..one.clone() })
        };
        self.creations.iter().filter_map(changed).collect()
    }

    /// When the last of the creations has had its time, of which something may turn up; `None` when there is none. `settled` is how long what
    /// is made of a kind takes to be shown.
    pub fn settled_at(&self, settled: impl Fn(Kind) -> SignedDuration) -> Option<Timestamp> {
        // Of what is gone, a copy may be left, unless it goes with its load balancer.
        let is_over = |one: &&Creation| one.status == Status::Gone(Proof::WithLoadBalancer);
        let rest = self.creations.iter().filter(|one| !is_over(one));
        rest.filter_map(|one| one.asked_at.checked_add(settled(one.kind)).ok()).max()
    }

    /// What may be left, one line each: what to look for in the console.
    pub fn words(&self) -> String {
        self.open().map(Creation::words).collect()
    }
}

impl Creation {
    /// Reads that look for what is left show it: listeners of the run's own load balancer go with that.
    pub(super) fn is_looked_for(&self, origin: &Origin) -> bool {
        self.kind == Kind::LoadBalancer || (self.on.is_some() && self.on == origin.load_balancer)
    }

    /// What to look for, in a line for each id.
    fn words(&self) -> String {
        let names = self.names.join(", ");
        let on = self.on.as_ref().map(|id| format!(" of {id}")).unwrap_or_default();
        let what = match self.kind {
            Kind::LoadBalancer => "load balancer",
            Kind::Listener => "listener",
        };
        match &self.status {
            Status::Made(ids) => ids.iter().map(|id| format!("{what} {id}{on}, made as {names}\n")).collect(),
            Status::Asked => {
                let at = self.asked_at.strftime("%H:%M:%S UTC");
                format!(
                    "perhaps a {what}{on} named {names}: it was asked for at {at}, and no answer says whether it was made\n"
                )
            }
            Status::Refused(code) => {
                format!(
                    "perhaps a {what}{on} named {names}: it was refused with {code}, and reads have not shown yet that there is none\n"
                )
            }
            Status::Gone(_) => String::new(),
        }
    }
}
