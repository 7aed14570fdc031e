//! What is made and written again and again: a wish makes one thing, and what was written is not written again at once.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tke_direct_access_core::reconcile::Write;

use crate::act::Act;

/// Writes are counted over so long.
const WINDOW: Duration = Duration::from_secs(60);
/// The most writes of the same within [`WINDOW`]: what is refused is tried again after two seconds, and later and later.
const SAME: usize = 20;
/// The most that is made for one wish: another one where somebody has taken it back while it was on its way.
const MADE: u32 = 2;

/// What was made and written lately.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    /// By its name, how many bindings and load balancers were made for what a user has said last.
    made: BTreeMap<(String, &'static str), u32>,
    /// What was written last, by what it is about, and when.
    written: BTreeMap<(&'static str, String), (Write, VecDeque<Duration>)>,
}

impl Repeats {
    /// Hears of what is done to the world: a user's word is another wish.
    pub(crate) fn hear_act(&mut self, act: &Act) {
        match act {
            Act::Service { name, .. }
            | Act::DeleteService(name)
            | Act::Binding { name, .. }
            | Act::DeleteBinding(name) => {
                self.made.retain(|(of, _), _| of != name);
            }
            // What somebody has deleted may be made again.
            Act::Console(_) => self.made.clear(),
            _ => {}
        }
    }

    /// Something was made for the binding of this name. Says how many are made for one wish, where those are too many.
    pub(crate) fn made(&mut self, name: &str, what: &'static str) -> Option<u32> {
        let count = self.made.entry((name.to_owned(), what)).or_default();
        *count += 1;
        (*count > MADE).then_some(*count)
    }

    /// Something is written. Says how often it was within a while, where that is too often.
    pub(crate) fn written(&mut self, write: &Write, now: Duration) -> Option<usize> {
        let about = about(write);
        match self.written.get_mut(&about) {
            Some((last, times)) if is_same(last, write) => {
                times.push_back(now);
                while times.front().is_some_and(|then| now.saturating_sub(*then) > WINDOW) {
                    times.pop_front();
                }
                (times.len() > SAME).then_some(times.len())
            }
            _ => {
                self.written.insert(about, (write.clone(), VecDeque::from([now])));
                None
            }
        }
    }
}

/// What a write is about: kind and name.
fn about(write: &Write) -> (&'static str, String) {
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    match write {
        Write::Finalizers { binding, .. } => ("finalizers", name(&binding.metadata.name)),
        Write::Status { binding, .. } => ("status", name(&binding.metadata.name)),
        Write::Gate { pod, .. } => ("gate", pod.name.clone()),
        Write::Annotations { service, .. } => ("annotations", service.key.name.clone()),
        Write::Ingress { service, .. } => ("addresses", service.key.name.clone()),
        Write::NewBinding(new) => ("new binding", new.service().key.name.clone()),
        Write::OwnBinding { service, .. } => ("binding", service.key.name.clone()),
        Write::Mark { binding, .. } => ("mark", binding.name.clone()),
        Write::Deletion { binding, .. } => ("deletion", binding.name.clone()),
        Write::ServiceConditions { service, .. } => ("conditions", service.key.name.clone()),
        Write::NewConfig { config } => ("new config", name(&config.metadata.name)),
        Write::Config { config } => ("config", name(&config.metadata.name)),
        Write::ConfigStatus { config, .. } => ("config status", name(&config.object.metadata.name)),
    }
}

/// Whether two writes about the same thing write the same, whatever was read before.
fn is_same(one: &Write, other: &Write) -> bool {
    match (one, other) {
        (Write::Finalizers { binding, ours }, Write::Finalizers { binding: of, ours: other }) => {
            binding.metadata.uid == of.metadata.uid && ours == other
        }
        (Write::Status { status, .. }, Write::Status { status: other, .. }) => status == other,
        (Write::Gate { uid, condition, .. }, Write::Gate { uid: of, condition: other, .. }) => {
            uid == of && condition == other
        }
        (Write::Annotations { service, wanted }, Write::Annotations { service: of, wanted: other }) => {
            service.uid == of.uid && wanted == other
        }
        (Write::Ingress { service, addresses }, Write::Ingress { service: of, addresses: other }) => {
            service.uid == of.uid && addresses == other
        }
        (Write::NewBinding(one), Write::NewBinding(other)) => {
            one.service().uid == other.service().uid && one.wanted() == other.wanted()
        }
        (Write::OwnBinding { wanted, uid, .. }, Write::OwnBinding { wanted: other, uid: of, .. }) => {
            uid == of && wanted == other
        }
        (Write::Mark { uid, mark, .. }, Write::Mark { uid: of, mark: other, .. }) => {
            uid == of && mark.is_some() == other.is_some()
        }
        (
            Write::ServiceConditions { condition, bound_by_hand, .. },
            Write::ServiceConditions { condition: other, bound_by_hand: by_hand, .. },
        ) => condition == other && bound_by_hand == by_hand,
        (Write::ConfigStatus { status, .. }, Write::ConfigStatus { status: other, .. }) => status == other,
        (one, other) => one == other,
    }
}
