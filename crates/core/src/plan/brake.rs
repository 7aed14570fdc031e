//! When removals are held: by flag, by the controller's ConfigMap, or because too much is to be removed at once.

use std::collections::BTreeMap;
use std::time::Duration;

use super::annotated::End;
use super::placement::{is_controlling_service, owning_service};
use super::removals::{ConfigMapSight, Hold, Losses, Removals};
use super::{BindingPlan, BindingView, annotated};
use crate::api::condition::HoldCause;
use crate::api::{DirectAccessBindingStatus, names};
use crate::model::{Address, KeyProblem, Reading, Route};
use crate::mutant::{self, Mutant};

/// The time over which removals are counted together.
pub const WINDOW: Duration = Duration::from_secs(60);
/// The most bindings that may lose more than half of their targets within [`WINDOW`].
pub const BINDINGS: usize = 5;

/// Counts what rounds remove, over all load balancers. Forgetting it makes it count anew.
#[derive(Clone, Debug, Default)]
pub struct MassRemovals {
    bindings: BTreeMap<String, Lost>,
    switch: Switch,
}

/// What one binding has lost.
#[derive(Clone, Debug, Default)]
struct Lost {
    /// Targets that have left or were to, with the moment at which that was last so.
    targets: BTreeMap<(Route, Address), Duration>,
    /// Targets that had weight when last counted.
    weighted: usize,
    /// Of them, those that were to leave.
    leaving: usize,
}

/// Whether too much was to be removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Switch {
    #[default]
    Off,
    On,
}

impl Lost {
    /// More than half of the targets that there were are gone, or are to go.
    fn is_most(&self) -> bool {
        // Those that have left before are not among those that have weight.
        let left_before = self.targets.len().saturating_sub(self.leaving);
        self.targets.len() * 2 > self.weighted + left_before
    }
}

impl MassRemovals {
    /// Takes in what a round is about to take from a binding, before it does. `at` is the time since some moment that stays the same.
    pub fn count(&mut self, uid: &str, losses: &Losses, at: Duration) {
        self.forget(at);
        if losses.leaving.is_empty() && !self.bindings.contains_key(uid) {
            return;
        }
        let lost = self.bindings.entry(uid.to_owned()).or_default();
        lost.targets.extend(losses.leaving.iter().map(|target| (target.clone(), at)));
        (lost.weighted, lost.leaving) = (losses.weighted, losses.leaving.len());
        if self.is_too_much() {
            self.switch = Switch::On;
        }
    }

    /// A leadership begins, and this is what statuses say. What was counted within this process goes on to count.
    fn begin(&mut self, recorded: Switch, at: Duration) {
        self.forget(at);
        self.switch = if self.is_too_much() { Switch::On } else { recorded };
    }

    /// Forgets what has left longer ago than [`WINDOW`].
    fn forget(&mut self, at: Duration) {
        self.bindings.retain(|_, lost| {
            lost.targets.retain(|_, then| at.saturating_sub(*then) < WINDOW);
            !lost.targets.is_empty()
        });
    }

    fn is_too_much(&self) -> bool {
        self.bindings.values().filter(|lost| lost.is_most()).count() > BINDINGS && !mutant::is(Mutant::NoBrake)
    }

    /// Too much was to be removed at once, and nobody has let it go on since.
    pub fn is_on(&self) -> bool {
        self.switch == Switch::On
    }
}

/// What the controller's ConfigMap says of removals. Where it says nothing, they are held when too much is to be removed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldWord {
    /// They are held.
    Hold,
    /// They go on, however much is to be removed.
    GoOn,
}

impl HoldWord {
    /// The command by which a ConfigMap that exists says it.
    pub fn command(self, namespace: &str) -> String {
        let word = match self {
            Self::Hold => "true",
            Self::GoOn => "false",
        };
        let (name, key) = (names::CONTROLLER_CONFIG, names::HOLD_REMOVALS_KEY);
        format!(r#"kubectl -n {namespace} patch configmap {name} --type merge -p '{{"data":{{"{key}":"{word}"}}}}'"#)
    }

    /// Reads the ConfigMap's data. A key that is almost the one that counts is a typing error where that is missing, and the word is not
    /// absent.
    pub fn read_data(data: &BTreeMap<String, String>) -> Reading<Self> {
        const KEY: &str = names::HOLD_REMOVALS_KEY;
        match (data.get(KEY), data.keys().find(|other| annotated::is_near(other, KEY))) {
            (None, Some(near)) => Reading::Unreadable(annotated::misspelt(near, KEY)),
            (value, _) => Self::read(value.map(String::as_str)),
        }
    }

    /// Reads the value of the key.
    pub fn read(value: Option<&str>) -> Reading<Self> {
        const FORM: &str = "\"true\" or \"false\"";
        match Reading::text(names::HOLD_REMOVALS_KEY, value, FORM) {
            Reading::Absent => Reading::Absent,
            Reading::Unreadable(problem) => Reading::Unreadable(problem),
            Reading::Said("true") => Reading::Said(Self::Hold),
            Reading::Said("false") => Reading::Said(Self::GoOn),
            Reading::Said(other) => Reading::Unreadable(KeyProblem::unreadable(names::HOLD_REMOVALS_KEY, other, FORM)),
        }
    }
}

/// Whether the controller runs with `--hold-removals`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HoldFlag {
    /// It does not.
    #[default]
    Unset,
    /// It does.
    Set,
}

/// The controller's ConfigMap, as it was last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldConfig {
    /// What it says.
    pub word: Reading<HoldWord>,
    /// Whether it exists.
    pub sight: ConfigMapSight,
    /// Its UID; `None` where it is not known.
    pub uid: Option<String>,
}

impl Default for HoldConfig {
    fn default() -> Self {
        Self { word: Reading::Absent, sight: ConfigMapSight::Absent, uid: None }
    }
}

/// Whether removals are held. One for all load balancers.
#[derive(Clone, Debug)]
pub struct Brake {
    flag: HoldFlag,
    /// The namespace of the ConfigMap.
    namespace: String,
    config: HoldConfig,
    /// The word that is followed: the last one that could be read, and one that cannot be where there is none.
    word: Reading<HoldWord>,
    mass: MassRemovals,
}

impl Default for Brake {
    fn default() -> Self {
        Self::new(HoldFlag::default(), "")
    }
}

impl Brake {
    /// Nothing was counted yet.
    pub fn new(flag: HoldFlag, namespace: &str) -> Self {
        let (config, mass) = (HoldConfig::default(), MassRemovals::default());
        Self { flag, namespace: namespace.to_owned(), config, word: Reading::Absent, mass }
    }

    /// A leadership begins, over bindings with these statuses. What an earlier one has held by itself, of this replica or of another,
    /// stays held until somebody lets it go on. What the ConfigMap says is to be heard anew. `at` is as in [`MassRemovals::count`].
    pub fn begin<'a>(&mut self, statuses: impl IntoIterator<Item = &'a DirectAccessBindingStatus>, at: Duration) {
        (self.config, self.word) = (HoldConfig::default(), Reading::Absent);
        let recorded = if is_recorded(HoldCause::Mass, statuses) { Switch::On } else { Switch::Off };
        self.mass.begin(recorded, at);
    }

    /// Takes in what the ConfigMap says. What cannot be read changes no word that could be; where there is none, it holds, because it may
    /// have been meant to. While nobody knows whether it exists, it may say that they are held. Returns what is wrong, when it is new.
    pub fn hear(&mut self, config: &HoldConfig) -> Option<KeyProblem> {
        if self.config == *config {
            return None;
        }
        self.config = config.clone();
        match &config.word {
            _ if config.sight == ConfigMapSight::Refused => self.word = Reading::Absent,
            Reading::Unreadable(problem) => {
                if !matches!(self.word, Reading::Said(_)) {
                    self.word = config.word.clone();
                }
                return Some(problem.clone());
            }
            Reading::Absent | Reading::Said(_) => self.word = config.word.clone(),
        }
        if self.word == Reading::Said(HoldWord::GoOn) {
            self.mass = MassRemovals::default();
        }
        None
    }

    /// Takes in what a round is about to do, before it does. While somebody has said what is to be, nothing is counted. Nor is what leaves because
    /// somebody deletes its binding or says "false": no words are plainer than that, and namespaces that come and go must not wait for anybody.
    pub fn count(&mut self, views: &[BindingView], plans: &[BindingPlan], at: Duration) {
        let is_refused = self.config.sight == ConfigMapSight::Refused;
        if self.word != Reading::Absent || self.flag == HoldFlag::Set || is_refused {
            return;
        }
        for (view, plan) in views.iter().zip(plans).filter(|(view, _)| !is_said(view)) {
            self.mass.count(view.uid(), &plan.losses, at);
        }
    }

    /// The namespace of the ConfigMap.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Whether removals are held now.
    pub fn removals(&self) -> Removals {
        let reason = match (self.flag, &self.word) {
            (HoldFlag::Set, _) => HoldCause::Flag,
            (HoldFlag::Unset, Reading::Said(HoldWord::GoOn)) => return Removals::Allowed,
            // It outlasts what the ConfigMap holds, and so it is what is recorded.
            (HoldFlag::Unset, _) if self.mass.is_on() => HoldCause::Mass,
            (HoldFlag::Unset, _) if self.config.sight == ConfigMapSight::Refused => HoldCause::ConfigMapRefused,
            (HoldFlag::Unset, Reading::Said(HoldWord::Hold)) => HoldCause::ConfigMap,
            (HoldFlag::Unset, Reading::Unreadable(_)) => HoldCause::ConfigMapUnreadable,
            (HoldFlag::Unset, Reading::Absent) => return Removals::Allowed,
        };
        Removals::Held(Hold { reason, namespace: self.namespace.clone(), config_map: self.config.sight })
    }
}

/// Whether statuses say that removals are held for this reason. It is written into all of them, so it counts where more than five say it, or
/// most of them; fewer may have been left by a hold that is over, because they could not be written since.
pub fn is_recorded<'a>(cause: HoldCause, statuses: impl IntoIterator<Item = &'a DirectAccessBindingStatus>) -> bool {
    let says = |status: &&DirectAccessBindingStatus| match status.removals_held_by() {
        Some(said) => said == cause,
        // A word of a later version holds until somebody lets it go on.
        None => cause == HoldCause::Mass && status.removals_held_by.is_some(),
    };
    let (saying, others): (Vec<_>, Vec<_>) = statuses.into_iter().partition(says);
    saying.len() > BINDINGS || saying.len() > others.len()
}

/// Somebody has said in this very object, or in its Service, that it is to go: by deleting it, or by the annotation "false". What the
/// controller infers from a word that is missing is not said: a template that has lost the annotation, or another type of Service, ends
/// many at once.
fn is_said(view: &BindingView) -> bool {
    if view.is_deleting() {
        return !is_deleted_by_us(view);
    }
    let is_of_service = owning_service(&view.binding).is_some();
    is_of_service && view.binding.parked().is_some_and(|parked| parked.reason == End::SaidFalse.as_str())
}

/// The controller has deleted the binding, as far as can be seen: the Service that it was made for stays, and does not ask for it any more,
/// without saying so. While the Service says anything, readable or not, a deletion is somebody else's.
fn is_deleted_by_us(view: &BindingView) -> bool {
    let Some(service) = view.service.as_deref().filter(|service| !service.is_deleting) else { return false };
    let mut owners = view.binding.metadata.owner_references.iter().flatten();
    let is_of_service = owners.any(|owner| is_controlling_service(owner) && owner.uid == service.uid);
    is_of_service && (!service.is_load_balancer || !service.annotations.contains_key(names::DIRECT_ACCESS))
}
