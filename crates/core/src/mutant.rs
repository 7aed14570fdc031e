//! Faults put in on purpose, each at one place, so that checks can show that they would find it. Without the feature `mutants` there
//! are none, and the compiler takes the places out.

/// A fault that can be put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mutant {
    /// Who leaves waits for nobody: there is no floor.
    NoFloor,
    /// When nobody is left who serves, those that still could go all the same.
    LastGoes,
    /// A gate opens when its Pod is registered, whatever the cloud finds.
    GateWithoutHealth,
    /// A gate opens although its Pod is not registered.
    GateWithoutTarget,
    /// A route that is not in what is wished counts as not wanted any more, whyever it is not.
    AbsentIsUnwanted,
    /// A load balancer that one read does not show counts as gone.
    GoneAtFirstSight,
    /// Targets of others are taken away.
    ForeignTargets,
    /// The last finalizer goes with the first round after the deletion, whatever is left.
    FinalizerFirst,
    /// What was read before a task ended serves for a plan after it.
    StaleReads,
    /// A target of a Pod that is gone stays.
    GoneStays,
    /// An address that has become another Pod's counts as that of the Pod before.
    AddressStays,
    /// What drains is never taken away.
    DrainsForEver,
    /// Nothing is registered while something else is to be done.
    Starves,
    /// A weight that somebody has changed stays.
    DriftStays,
    /// A load balancer is created without a look for one that is there.
    CreatesBlindly,
    /// `deletionPolicy: Retain` is not read.
    RetainIgnored,
    /// A status is written again in each round.
    Restless,
    /// A write that the API server has refused is not tried again.
    NotTriedAgain,
    // What perturbations of single points find.
    /// A write whose answer was lost counts as under way for ever.
    LostAnswerWaits,
    /// A load balancer whose creation is recorded counts as asked for, although the replica crashed before the call.
    RecordedIsDone,
    /// What was refused as wrong once is held for a day.
    RefusalStays,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::NoFloor,
        Self::LastGoes,
        Self::GateWithoutHealth,
        Self::GateWithoutTarget,
        Self::AbsentIsUnwanted,
        Self::GoneAtFirstSight,
        Self::ForeignTargets,
        Self::FinalizerFirst,
        Self::StaleReads,
        Self::GoneStays,
        Self::AddressStays,
        Self::DrainsForEver,
        Self::Starves,
        Self::DriftStays,
        Self::CreatesBlindly,
        Self::RetainIgnored,
        Self::Restless,
        Self::NotTriedAgain,
        Self::LostAnswerWaits,
        Self::RecordedIsDone,
        Self::RefusalStays,
    ];
}

#[cfg(feature = "mutants")]
thread_local! {
    /// The fault that is put in.
    static CHOSEN: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Puts a fault in, for this thread, and takes the one before out.
#[cfg(feature = "mutants")]
pub fn put_in(mutant: Option<Mutant>) {
    CHOSEN.set(mutant);
}

/// Whether this fault is put in.
#[cfg(feature = "mutants")]
pub(crate) fn is(mutant: Mutant) -> bool {
    CHOSEN.get() == Some(mutant)
}

/// Whether this fault is put in: there are none.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn is(_: Mutant) -> bool {
    false
}
