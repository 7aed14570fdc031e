//! Certificates that are uploaded from Secrets, of one region: what is known of them, and what is to be done next. Reads and calls are
//! the edge's.
//!
//! - *Looked for before it is made.* Nothing is uploaded before a list has not shown it, and when the reply to an upload is lost, a list
//!   that was begun later decides. What a reply has said to be there is there, also where lists are late.
//! - *The former one goes last.* It is deleted when two looks, 30 s apart or more, say that its Secret needs it no more and that no
//!   listener shows it. A look that could not be made is no evidence, and begins anew.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::api::upload_mark::{Scope, UploadMark};
use crate::model::{ListedCertificate, ObjectKey};
use crate::plan::uploads::{Said, Upload, find, ours, superfluous};

/// How far two looks are apart, at least, that together are evidence.
pub const SETTLED: Duration = Duration::from_secs(30);
/// How soon to look again where it could not be read what is in use.
const UNREAD: Duration = Duration::from_secs(60);
/// How long a list is believed, in which somebody else may delete what it shows.
const LASTS: Duration = Duration::from_secs(300);

/// What a Secret's certificate needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: this is its id.
    Known(String),
    /// A list of what there is.
    List,
    /// An upload with this mark.
    Upload(UploadMark),
    /// Some time: the last upload was refused a moment ago, with these words.
    Time(String),
}

/// What is known of the uploads of one region. All of it may be forgotten at any time.
#[derive(Debug)]
pub struct Uploads {
    scope: Scope,
    /// What there is, and when it was listed; `None`: that is not known.
    listed: Option<(Vec<Upload>, Duration)>,
    /// Uploads whose reply has not come, and when they began.
    uploading: BTreeMap<UploadMark, Duration>,
    /// Uploads that were refused, when, and with which words.
    refused: BTreeMap<UploadMark, (Duration, String)>,
    /// What was uploaded of late, and when.
    fresh: Vec<(Upload, Duration)>,
    said: BTreeMap<ObjectKey, Said>,
    /// Since when looks say that an upload is not needed, by id.
    unused: BTreeMap<String, Duration>,
    /// Uploads that are being deleted, which are nobody's certificate any more.
    going: BTreeSet<String>,
    /// How many looks in a row have found nothing to delete, and for which uploads.
    idle: (u32, Vec<String>),
    /// When the next look is worth its calls.
    due: Duration,
}

impl Uploads {
    /// Nothing is known yet.
    pub const fn new(scope: Scope) -> Self {
        Self {
            scope,
            listed: None,
            uploading: BTreeMap::new(),
            refused: BTreeMap::new(),
            fresh: Vec::new(),
            said: BTreeMap::new(),
            unused: BTreeMap::new(),
            going: BTreeSet::new(),
            idle: (0, Vec::new()),
            due: Duration::ZERO,
        }
    }

    /// Where they are used.
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What a Secret with this chain needs.
    pub fn need(&self, secret: &ObjectKey, fingerprint: &str, at: Duration) -> Need {
        let mark = self.mark(secret, fingerprint);
        match &self.listed {
            Some((uploads, since)) if at < *since + LASTS && !self.uploading.contains_key(&mark) => {
                match (self.find(uploads, &mark), self.refused.get(&mark)) {
                    (Some(found), _) => Need::Known(found.id.clone()),
                    (None, Some((since, words))) if at < *since + SETTLED => Need::Time(words.clone()),
                    (None, _) => Need::Upload(mark),
                }
            }
            _ => Need::List,
        }
    }

    /// The upload of this chain that was last known, where what there is now cannot be listed.
    pub fn last_known(&self, secret: &ObjectKey, fingerprint: &str) -> Option<String> {
        let (uploads, _) = self.listed.as_ref()?;
        self.find(uploads, &self.mark(secret, fingerprint)).map(|found| found.id.clone())
    }

    fn mark(&self, secret: &ObjectKey, fingerprint: &str) -> UploadMark {
        UploadMark::new(&self.scope, &secret.namespace, &secret.name, fingerprint)
    }

    fn find<'a>(&self, uploads: &'a [Upload], mark: &UploadMark) -> Option<&'a Upload> {
        find(uploads.iter().filter(|upload| !self.going.contains(&upload.id)), mark)
    }

    /// A list that was begun at this time shows this.
    pub fn list(&mut self, listed: &[ListedCertificate], at: Duration) {
        self.uploading.retain(|_, begun| at < *begun);
        self.fresh.retain(|(_, uploaded)| at < *uploaded + SETTLED);
        let mut uploads = ours(listed, &self.scope);
        for (upload, _) in &self.fresh {
            if !uploads.contains(upload) {
                uploads.push(upload.clone());
            }
        }
        self.listed = Some((uploads, at));
    }

    /// An upload begins: whether it happens is not known until there is a reply, or another list.
    pub fn begin_upload(&mut self, mark: &UploadMark, at: Duration) {
        self.uploading.insert(mark.clone(), at);
    }

    /// An upload has failed. It may have happened nevertheless.
    pub fn refused(&mut self, mark: UploadMark, words: &str, at: Duration) {
        self.refused.retain(|_, (since, _)| at < *since + SETTLED);
        self.refused.insert(mark, (at, words.to_owned()));
    }

    /// The reply to an upload.
    pub fn uploaded(&mut self, mark: UploadMark, id: &str, at: Duration) {
        self.uploading.remove(&mark);
        let upload = Upload { id: id.to_owned(), mark };
        if let Some((uploads, _)) = &mut self.listed {
            uploads.push(upload.clone());
        }
        self.fresh.push((upload, at));
    }

    /// A Secret says this of its certificate.
    pub fn said(&mut self, secret: &ObjectKey, said: Said) {
        self.said.insert(secret.clone(), said);
    }

    /// The uploads that nobody needs as far as is known, with bindings that name these Secrets.
    pub fn candidates(&mut self, named: &BTreeSet<ObjectKey>, namespace: Option<&str>) -> Vec<String> {
        self.said.retain(|secret, _| named.contains(secret));
        let named = named.iter().map(|secret| (secret.clone(), self.said.get(secret).cloned())).collect();
        let Some((uploads, _)) = &self.listed else { return Vec::new() };
        superfluous(uploads, &named, namespace).into_iter().map(|upload| upload.id.clone()).collect()
    }

    /// Whether a look for these is worth its calls: what somebody has for good is looked at less and less often.
    pub fn is_due(&self, candidates: &[String], at: Duration) -> bool {
        self.idle.1 != candidates || at >= self.due
    }

    /// Takes in a look that was begun at this time: the uploads that nobody needs by a list of that look, and which of all certificates
    /// are in use; `None` where that could not be read. Returns those that are to be deleted.
    pub fn look(&mut self, at: Duration, candidates: &[String], in_use: Option<&BTreeSet<String>>) -> Vec<String> {
        let Some(in_use) = in_use else {
            self.unused.clear();
            (self.idle, self.due) = ((0, candidates.to_vec()), at + UNREAD);
            return Vec::new();
        };
        let free: BTreeSet<&String> = candidates.iter().filter(|id| !in_use.contains(*id)).collect();
        let looks = if self.idle.1 == candidates && free.is_empty() { self.idle.0 + 1 } else { 0 };
        self.idle = (looks, candidates.to_vec());
        let pause = if looks == 0 { Duration::ZERO } else { Duration::from_secs(1 << looks.min(9)) };
        self.due = at + pause;
        self.unused.retain(|id, _| free.contains(id));
        let mut gone = Vec::new();
        for id in free {
            let since = *self.unused.entry(id.clone()).or_insert(at);
            if at >= since + SETTLED {
                gone.push(id.clone());
            }
        }
        gone
    }

    /// A deletion begins, unless the upload has come to be needed since the look. From now on it is nobody's certificate.
    pub fn begin_deletion(&mut self, id: &str, named: &BTreeSet<ObjectKey>, namespace: Option<&str>) -> bool {
        let is_free = self.candidates(named, namespace).iter().any(|candidate| candidate == id);
        if is_free {
            self.going.insert(id.to_owned());
        }
        is_free
    }

    /// A deletion has ended, in whatever way: the next look begins anew, with another list.
    pub fn deleted(&mut self, id: &str) {
        self.unused.remove(id);
        self.going.remove(id);
        self.fresh.retain(|(upload, _)| upload.id != id);
        self.listed = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::upload_mark::fingerprint;

    const WEB: &str = "web";

    fn key() -> ObjectKey {
        ObjectKey::new("shop", WEB)
    }

    fn chain(name: &str) -> String {
        fingerprint([name.as_bytes()])
    }

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A cloud that takes uploads, whose replies and lists may be lost or late.
    #[derive(Default)]
    struct Account {
        there: Vec<ListedCertificate>,
        made: usize,
    }

    impl Account {
        fn upload(&mut self, mark: &UploadMark) -> String {
            self.made += 1;
            let (id, alias) = (format!("cert-{}", self.made), mark.alias("shop", WEB));
            self.there.push(ListedCertificate { id: id.clone(), alias, ends: None });
            id
        }
    }

    fn uploads() -> Uploads {
        Uploads::new(Scope::new("cluster", "ap-guangzhou"))
    }

    /// Does what is needed until the id is known. Returns it.
    fn resolve(uploads: &mut Uploads, account: &mut Account, chain: &str, now: Duration) -> String {
        loop {
            match uploads.need(&key(), chain, now) {
                Need::Known(id) => {
                    uploads.said(&key(), Said::Id(id.clone()));
                    return id;
                }
                Need::List => uploads.list(&account.there, now),
                Need::Time(words) => panic!("nothing was refused: {words}"),
                Need::Upload(mark) => {
                    uploads.begin_upload(&mark, now);
                    let id = account.upload(&mark);
                    uploads.uploaded(mark, &id, now);
                }
            }
        }
    }

    #[test]
    fn nothing_is_uploaded_before_a_list_and_nothing_twice() {
        let (mut uploads, mut account) = (uploads(), Account::default());
        assert_eq!(uploads.need(&key(), &chain("one"), at(0)), Need::List);
        let first = resolve(&mut uploads, &mut account, &chain("one"), at(0));
        // Another binding with the same Secret, another leadership, and a list that is too old.
        assert_eq!(resolve(&mut uploads, &mut account, &chain("one"), at(1)), first);
        assert_eq!(resolve(&mut self::uploads(), &mut account, &chain("one"), at(2)), first);
        assert_eq!(uploads.need(&key(), &chain("one"), at(400)), Need::List);
        assert_eq!(uploads.last_known(&key(), &chain("one")), Some(first));
        assert_eq!(account.made, 1);
    }

    #[test]
    fn an_upload_whose_reply_is_lost_is_looked_for_before_the_next() {
        let (mut uploads, mut account) = (uploads(), Account::default());
        uploads.list(&account.there, at(0));
        let Need::Upload(mark) = uploads.need(&key(), &chain("one"), at(0)) else { panic!("there is none") };
        uploads.begin_upload(&mark, at(2));
        account.upload(&mark);
        // No reply, and a list that was begun before says nothing of it.
        assert_eq!(uploads.need(&key(), &chain("one"), at(3)), Need::List);
        uploads.list(&[], at(1));
        assert_eq!(uploads.need(&key(), &chain("one"), at(3)), Need::List);
        assert_eq!(resolve(&mut uploads, &mut account, &chain("one"), at(4)), "cert-1");
        assert_eq!(account.made, 1);
        // A list that did not show it yet has led to a second one: of the two one goes.
        account.upload(&mark);
        uploads.list(&account.there, at(5));
        assert_eq!(resolve(&mut uploads, &mut account, &chain("one"), at(5)), "cert-1");
        assert_eq!(uploads.candidates(&[key()].into(), None), ["cert-2"]);
    }

    #[test]
    fn what_a_reply_has_said_to_be_there_is_there_though_lists_are_late() {
        let (mut uploads, mut account) = (uploads(), Account::default());
        let id = resolve(&mut uploads, &mut account, &chain("one"), at(0));
        for (seconds, is_there) in [(0, true), (10, true), (29, true), (30, false)] {
            uploads.list(&[], at(seconds));
            let need = uploads.need(&key(), &chain("one"), at(seconds));
            assert_eq!(need == Need::Known(id.clone()), is_there, "at {seconds} s: {need:?}");
        }
        assert_eq!(account.made, 1);
    }

    #[test]
    fn the_former_one_goes_when_two_looks_apart_say_that_nobody_has_it() {
        let (mut uploads, mut account) = (uploads(), Account::default());
        let named: BTreeSet<ObjectKey> = [key()].into();
        let old = resolve(&mut uploads, &mut account, &chain("one"), at(0));
        assert!(uploads.candidates(&named, None).is_empty());
        // It is renewed. As long as it cannot be read, or the new one cannot be uploaded, the former one is needed.
        uploads.said(&key(), Said::Nothing);
        assert!(uploads.candidates(&named, None).is_empty());
        let new = resolve(&mut uploads, &mut account, &chain("two"), at(10));
        assert_ne!(old, new);
        let (used, free) = (BTreeSet::from([old.clone(), new.clone()]), BTreeSet::from([new.clone()]));
        // Seconds, what is read to be in use, and whether it goes.
        let looks: [(u64, Option<&BTreeSet<String>>, bool); 9] = [
            (10, Some(&used), false),
            (60, Some(&used), false),
            (61, Some(&free), false),
            (90, Some(&free), false),
            (91, None, false),
            (92, Some(&free), false),
            (121, Some(&free), false),
            (122, Some(&free), true),
            (130, Some(&free), true),
        ];
        for (seconds, in_use, goes) in looks {
            let candidates = uploads.candidates(&named, None);
            assert_eq!(candidates, std::slice::from_ref(&old));
            let gone = uploads.look(at(seconds), &candidates, in_use);
            assert_eq!(gone, if goes { vec![old.clone()] } else { Vec::new() }, "at {seconds} s");
        }
        // Whoever asks for it while it goes gets another one. A refusal is followed by another two looks.
        assert!(uploads.begin_deletion(&old, &named, None));
        assert!(matches!(uploads.need(&key(), &chain("one"), at(131)), Need::Upload(_)));
        uploads.deleted(&old);
        assert!(uploads.candidates(&named, None).is_empty(), "what there is must be listed again");
        uploads.list(&account.there, at(140));
        let candidates = uploads.candidates(&named, None);
        assert_eq!(uploads.look(at(140), &candidates, Some(&free)), Vec::<String>::new());
        assert_eq!(uploads.look(at(170), &candidates, Some(&free)), std::slice::from_ref(&old));
        // It comes into force again at the last moment.
        uploads.said(&key(), Said::Id(old.clone()));
        assert!(!uploads.begin_deletion(&old, &named, None));
    }

    #[test]
    fn a_refused_upload_is_tried_again_after_a_while() {
        let (mut uploads, mut account) = (uploads(), Account::default());
        uploads.list(&account.there, at(0));
        let Need::Upload(mark) = uploads.need(&key(), &chain("one"), at(0)) else { panic!("there is none") };
        uploads.begin_upload(&mark, at(0));
        uploads.refused(mark.clone(), "too many", at(1));
        assert_eq!(uploads.need(&key(), &chain("one"), at(1)), Need::List, "it may have happened");
        uploads.list(&account.there, at(2));
        assert_eq!(uploads.need(&key(), &chain("one"), at(2)), Need::Time("too many".to_owned()));
        assert!(matches!(uploads.need(&key(), &chain("two"), at(2)), Need::Upload(_)), "it was renewed again");
        assert_eq!(uploads.need(&key(), &chain("one"), at(31)), Need::Upload(mark.clone()));
        // It had happened, and lists were late.
        let id = account.upload(&mark);
        uploads.list(&account.there, at(3));
        assert_eq!(uploads.need(&key(), &chain("one"), at(3)), Need::Known(id));
    }

    #[test]
    fn what_somebody_has_for_good_is_looked_at_less_and_less_often() {
        let mut uploads = uploads();
        let (candidates, used) = (vec!["a".to_owned()], BTreeSet::from(["a".to_owned()]));
        let mut looks = Vec::new();
        for seconds in 0..3600 {
            if uploads.is_due(&candidates, at(seconds)) {
                assert_eq!(uploads.look(at(seconds), &candidates, Some(&used)), Vec::<String>::new());
                looks.push(seconds);
            }
        }
        assert!((10..20).contains(&looks.len()) && looks.contains(&3), "{looks:?}");
        let more = vec!["a".to_owned(), "b".to_owned()];
        assert!(uploads.is_due(&more, at(3600)), "another one is not needed");
    }

    #[test]
    fn one_that_comes_into_force_again_begins_anew() {
        let (mut uploads, mut account) = (uploads(), Account::default());
        let named: BTreeSet<ObjectKey> = [key()].into();
        let old = resolve(&mut uploads, &mut account, &chain("one"), at(0));
        resolve(&mut uploads, &mut account, &chain("two"), at(0));
        let nobody = BTreeSet::new();
        let candidates = uploads.candidates(&named, None);
        assert_eq!(uploads.look(at(0), &candidates, Some(&nobody)), Vec::<String>::new());
        assert_eq!(resolve(&mut uploads, &mut account, &chain("one"), at(1)), old);
        let candidates = uploads.candidates(&named, None);
        assert_eq!(candidates, ["cert-2"]);
        assert_eq!(uploads.look(at(31), &candidates, Some(&nobody)), Vec::<String>::new());
        resolve(&mut uploads, &mut account, &chain("two"), at(32));
        let candidates = uploads.candidates(&named, None);
        assert_eq!(uploads.look(at(33), &candidates, Some(&nobody)), Vec::<String>::new(), "seen once, not twice");
    }
}
