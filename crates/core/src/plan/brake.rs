//! When removals are held: by flag, by the controller's ConfigMap, or because too much is to be removed at once.

use std::collections::BTreeMap;
use std::time::Duration;

use super::removals::{ConfigMapSight, Hold, Losses, Removals};
use super::{BindingPlan, BindingView};
use crate::api::condition::HoldCause;
use crate::api::names;
use crate::model::{Address, KeyProblem, Reading, Route};

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
        self.bindings.retain(|_, lost| {
            lost.targets.retain(|_, then| at.saturating_sub(*then) < WINDOW);
            !lost.targets.is_empty()
        });
        if losses.leaving.is_empty() && !self.bindings.contains_key(uid) {
            return;
        }
        let lost = self.bindings.entry(uid.to_owned()).or_default();
        lost.targets.extend(losses.leaving.iter().map(|target| (target.clone(), at)));
        (lost.weighted, lost.leaving) = (losses.weighted, losses.leaving.len());
        if self.bindings.values().filter(|lost| lost.is_most()).count() > BINDINGS {
            self.switch = Switch::On;
        }
    }

    /// Too much was to be removed at once, and nobody has let it go on since.
    pub fn is_on(&self) -> bool {
        self.switch == Switch::On
    }
}

/// What the controller's ConfigMap says of removals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HoldWord {
    /// Nothing: they are held when too much is to be removed at once.
    #[default]
    Automatic,
    /// They are held.
    Hold,
    /// They go on, however much is to be removed.
    GoOn,
}

impl HoldWord {
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
}

impl Default for HoldConfig {
    fn default() -> Self {
        Self { word: Reading::Absent, sight: ConfigMapSight::Absent }
    }
}

/// Whether removals are held. One for all load balancers.
#[derive(Clone, Debug, Default)]
pub struct Brake {
    flag: HoldFlag,
    /// The namespace of the ConfigMap.
    namespace: String,
    config: HoldConfig,
    /// The last word that could be read.
    word: HoldWord,
    mass: MassRemovals,
}

impl Brake {
    /// Nothing was counted yet.
    pub fn new(flag: HoldFlag, namespace: &str) -> Self {
        Self { flag, namespace: namespace.to_owned(), ..Self::default() }
    }

    /// Takes in what the ConfigMap says. What cannot be read changes nothing; while nobody knows whether it exists, it may say that they
    /// are held. Returns what is wrong, when it is new.
    pub fn hear(&mut self, config: &HoldConfig) -> Option<KeyProblem> {
        if self.config == *config {
            return None;
        }
        self.config = config.clone();
        match &config.word {
            _ if config.sight == ConfigMapSight::Refused => self.word = HoldWord::Hold,
            Reading::Absent => self.word = HoldWord::Automatic,
            Reading::Said(word) => self.word = *word,
            Reading::Unreadable(problem) => return Some(problem.clone()),
        }
        if self.word == HoldWord::GoOn {
            self.mass = MassRemovals::default();
        }
        None
    }

    /// Takes in what a round is about to do, before it does. While somebody has said what is to be, nothing is counted. Nor is what leaves because
    /// its binding is being deleted: no words are plainer than that, and namespaces that come and go must not wait for anybody.
    pub fn count(&mut self, views: &[BindingView], plans: &[BindingPlan], at: Duration) {
        if self.word != HoldWord::Automatic || self.flag == HoldFlag::Set {
            return;
        }
        for (view, plan) in views.iter().zip(plans).filter(|(view, _)| !view.is_deleting()) {
            self.mass.count(view.uid(), &plan.losses, at);
        }
    }

    /// Whether removals are held now.
    pub fn removals(&self) -> Removals {
        let reason = match (self.flag, self.word) {
            (HoldFlag::Set, _) => HoldCause::Flag,
            (HoldFlag::Unset, HoldWord::Hold) => HoldCause::ConfigMap,
            (HoldFlag::Unset, HoldWord::Automatic) if self.mass.is_on() => HoldCause::Mass,
            (HoldFlag::Unset, HoldWord::Automatic | HoldWord::GoOn) => return Removals::Allowed,
        };
        Removals::Held(Hold { reason, namespace: self.namespace.clone(), config_map: self.config.sight })
    }
}
