//! When the certificates of listeners end, as far as it is known.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::model::ObjectKey;

/// How long before its end a certificate is reported.
pub const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// What a binding names as a certificate: by an id, or by a Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// By the id of a certificate of the account.
    Id(String),
    /// By a Secret.
    Secret(ObjectKey),
}

/// What a Secret holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// The id of a certificate of the account.
    Id(String),
    /// A certificate that ends then, as far as it says.
    Certificate(Option<Timestamp>),
}

/// Ends of certificates: of those that Secrets hold by the Secrets, and of all others by the cloud.
#[derive(Clone, Debug, Default)]
pub struct Ends {
    secrets: BTreeMap<ObjectKey, Held>,
    ids: BTreeMap<String, Option<Timestamp>>,
}

/// The certificate that ends first, by who says so; `None` where there is none, or nobody says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Soonest {
    /// Of those that Secrets hold.
    pub secret: Option<Timestamp>,
    /// Of those that are named by id.
    pub id: Option<Timestamp>,
}

impl Ends {
    /// A Secret that could be read holds this. What cannot be read changes nothing: its listener keeps what it has.
    pub fn hold(&mut self, secret: &ObjectKey, held: Held) {
        self.secrets.insert(secret.clone(), held);
    }

    /// The cloud says this of the certificates that it was asked for; `None`: it says nothing, and what it has said before counts.
    pub fn answered(&mut self, asked: BTreeSet<String>, ends: Option<&BTreeMap<String, Option<Timestamp>>>) {
        let before = std::mem::take(&mut self.ids);
        let said = ends.unwrap_or(&before);
        self.ids =
            asked.into_iter().map(|id| (said.get(&id).copied().flatten(), id)).map(|(end, id)| (id, end)).collect();
    }

    /// The ids of which only the cloud knows when they end.
    pub fn ids(&self, named: &BTreeSet<Named>) -> BTreeSet<String> {
        let id = |named: &Named| match named {
            Named::Id(id) => Some(id.clone()),
            Named::Secret(secret) => match self.secrets.get(secret)? {
                Held::Id(id) => Some(id.clone()),
                Held::Certificate(_) => None,
            },
        };
        named.iter().filter_map(id).collect()
    }

    /// Whether the cloud was asked for all of these.
    pub fn knows(&self, ids: &BTreeSet<String>) -> bool {
        ids.iter().all(|id| self.ids.contains_key(id))
    }

    /// The end of what is named, and of which certificate.
    fn end(&self, named: &Named) -> Option<(Timestamp, bool)> {
        let of_id = |id: &String| self.ids.get(id).copied().flatten().map(|end| (end, false));
        match named {
            Named::Id(id) => of_id(id),
            Named::Secret(secret) => match self.secrets.get(secret)? {
                Held::Id(id) => of_id(id),
                Held::Certificate(end) => end.map(|end| (end, true)),
            },
        }
    }

    /// Those that end first.
    pub fn soonest(&self, named: &BTreeSet<Named>) -> Soonest {
        let all: Vec<_> = named.iter().filter_map(|named| self.end(named)).collect();
        let first = |by_secret| all.iter().filter(|(_, held)| *held == by_secret).map(|(end, _)| *end).min();
        Soonest { secret: first(true), id: first(false) }
    }

    /// Those that have ended or will soon, and when.
    pub fn soon(&self, named: &BTreeSet<Named>, now: Timestamp) -> Vec<(Named, Timestamp)> {
        let ends = named.iter().filter_map(|named| Some((named.clone(), self.end(named)?.0)));
        ends.filter(|(_, end)| end.duration_since(now) < SOON).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * number)
    }

    fn secret(name: &str) -> ObjectKey {
        ObjectKey::new("shop", name)
    }

    #[test]
    fn each_end_is_said_by_who_knows_it_and_counts_while_it_is_named() {
        let mut ends = Ends::default();
        ends.hold(&secret("web"), Held::Certificate(Some(day(90))));
        ends.hold(&secret("api"), Held::Certificate(Some(day(30))));
        ends.hold(&secret("old"), Held::Id("bought".to_owned()));
        let all: BTreeSet<Named> = [
            Named::Id("own".to_owned()),
            Named::Secret(secret("web")),
            Named::Secret(secret("api")),
            Named::Secret(secret("old")),
            Named::Secret(secret("unread")),
        ]
        .into();
        let ids: BTreeSet<String> = ["bought".to_owned(), "own".to_owned()].into();
        assert_eq!(ends.ids(&all), ids);
        assert!(!ends.knows(&ids));
        assert_eq!(ends.soonest(&all), Soonest { secret: Some(day(30)), id: None });
        // One of them is not there.
        ends.answered(ids.clone(), Some(&[("bought".to_owned(), Some(day(10)))].into()));
        ends.answered(ids.clone(), None);
        assert!(ends.knows(&ids));
        assert_eq!(ends.soonest(&all), Soonest { secret: Some(day(30)), id: Some(day(10)) });
        let web: BTreeSet<Named> = [Named::Secret(secret("web"))].into();
        assert_eq!(ends.soonest(&web), Soonest { secret: Some(day(90)), id: None });
        assert_eq!(ends.soonest(&BTreeSet::new()), Soonest::default());
    }

    #[test]
    fn what_ends_soon_is_named() {
        let mut ends = Ends::default();
        ends.hold(&secret("web"), Held::Certificate(Some(day(90))));
        let (web, named) = (Named::Secret(secret("web")), [Named::Secret(secret("web"))].into());
        for (now, is_soon) in [(75, false), (76, false), (77, true), (91, true)] {
            let expected: Vec<(Named, Timestamp)> = is_soon.then(|| (web.clone(), day(90))).into_iter().collect();
            assert_eq!(ends.soon(&named, day(now)), expected, "day {now}");
        }
        ends.hold(&secret("web"), Held::Certificate(Some(day(180))));
        assert_eq!(ends.soon(&named, day(77)), [], "it was renewed");
    }
}
