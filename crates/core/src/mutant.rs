//! Faults put in on purpose, each at one place, so that checks can show that they would find it. Without the feature `mutants` there
//! are none, and the compiler takes the places out.

macro_rules! mutants {
    ($($(#[doc = $words:literal])+ $name:ident,)+) => {
        /// A fault that can be put in.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Mutant {
            $($(#[doc = $words])+ $name,)+
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// What it does, in one sentence.
            pub const fn words(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($words),+),)+
                }
            }
        }
    };
}

mutants! {
    /// Who leaves waits for nobody: there is no floor.
    NoFloor,
    /// When nobody is left who serves, those that could serve on go too.
    LastGoes,
    /// A gate opens when its Pod is registered, whatever the cloud finds.
    GateWithoutHealth,
    /// A gate opens although its Pod is not registered.
    GateWithoutTarget,
    /// A gate opens when one of several listeners or rules has its Pod registered and healthy.
    GateByOneRoute,
    /// A route that is not in what is wished counts as not wanted any more, whyever it is not.
    AbsentIsUnwanted,
    /// A load balancer that one read does not show counts as gone.
    GoneAtFirstSight,
    /// Targets of others are taken away.
    ForeignTargets,
    /// A listener that is named by its id gets the settings of the config.
    SettingsOfOthers,
    /// A load balancer that is named by its id gets settings that nobody has asked for.
    NamedIsManaged,
    /// The last finalizer goes with the first round after the deletion, whatever is left.
    FinalizerFirst,
    /// What was read before a task ended serves for a plan after it.
    StaleReads,
    /// A target of a Pod that is gone stays.
    GoneStays,
    /// A target of a Pod that is gone loses its weight, and stays.
    GoneStaysWithoutWeight,
    /// An address that has become another Pod's counts as that of the Pod before.
    AddressStays,
    /// All targets whose addresses have become other Pods' are registered anew at once.
    AllAnew,
    /// A target waits until others serve in its place, although its Pod is awaited on another listener.
    NobodyPasses,
    /// All targets whose Pods are awaited on another listener go at once.
    AllPass,
    /// What drains is never taken away.
    DrainsForEver,
    /// Nothing is registered while something else is to be done.
    Starves,
    /// A weight that somebody has changed stays.
    DriftStays,
    /// An annotation that asks for direct access and cannot be read ends the wish.
    UnreadableEndsWish,
    /// Protocols that cannot be read count as not said.
    UnreadableIsUsual,
    /// A load balancer is made without what is said of it and cannot be read.
    MadeWithoutWord,
    /// A weight of a Pod that cannot be read counts as not said.
    UnreadableIsNoWeight,
    /// One annotation that cannot be read has the binding of its Service stand still.
    OneWordStopsAll,
    /// A listener of ours that somebody has renamed counts as somebody else's.
    RenamedIsForeign,
    /// A listener of somebody else counts as ours.
    ForeignListeners,
    /// A listener goes for one of another protocol whose certificate is missing.
    GoesBeforeCertificate,
    /// Who has weight counts as serving, whatever the cloud finds.
    WeightServes,
    /// After a start, nobody counts as serving before the first read of health.
    UnreadServesNobody,
    /// Who is reached at another port leaves the old one at once.
    PortChangesAtOnce,
    /// A Pod that is not selected any more is deregistered as soon as it has no weight.
    NoTimeToDrain,
    /// The preStop sleep of a Pod that is being deleted counts for nothing.
    SleepIgnored,
    /// What slices do not name leaves at once.
    SlicesDecide,
    /// Readiness gates of others are not read.
    OtherGatesIgnored,
    /// Targets without a tag are nobody's, although the cloud shows no tags.
    UntaggedStays,
    /// A binding that was made again does not know what its predecessor has left.
    HeirForgets,
    /// A load balancer that was created goes with its binding, whoever else uses it.
    DeletesWhatIsUsed,
    /// While nobody can say why a binding goes, what it has is taken away.
    UnknownEndGoes,
    /// A binding that has nothing in the cloud waits for evidence of that when it is deleted.
    UnsubmittedWaits,
    /// The cloud is asked for things before the finalizer that says so is there.
    WritesBeforeFinalizer,
    /// `suspend` is not read.
    SuspendIgnored,
    /// Who is not looked at, because the binding is suspended, loses the weight.
    SuspendDrains,
    /// A load balancer that was created stays when its binding goes.
    CreatedStays,
    /// A refusal of one item holds up everything of its kind.
    RefusedForOneIsForAll,
    /// What is refused is held longer each time, without end.
    EndlessBackOff,
    /// What is refused is tried again at once.
    RefusedIsAskedHotly,
    /// Weights wait for health, however long it takes to read.
    WeightsWaitForHealth,
    /// The first read of a new leader that fails is shown in statuses.
    FirstLookTells,
    /// A status shows what was refused for somebody else.
    TroubleOfOthers,
    /// A leader leads on when its Lease is over.
    LeadsOn,
    /// A candidate does not wait until the Lease of the leader is over.
    WaitsForNobody,
    /// A replica leads before it has listed everything: what it has not listed counts as gone.
    UnlistedIsGone,
    /// A leader begins with what its watches last brought, however far they are behind.
    BeginsBehind,
    /// A gate that is open is closed again.
    GateCloses,
    /// A gate opens when one of several bindings says so.
    OneOpensForAll,
    /// The gates of Pods that no binding selects stay closed.
    UnboundWaits,
    /// Who is wanted and finds no room waits until somebody leaves by himself.
    NoRoomIsMade,
    /// A load balancer is created without a look for one that is there.
    CreatesBlindly,
    /// `deletionPolicy: Retain` is not read.
    RetainIgnored,
    /// The targets of a binding that leaves everything in place lose their weight as it goes.
    RetainDrains,
    /// A status is written again in each round.
    Restless,
    /// The cloud is read again as soon as it was read.
    ReadsOn,
    /// Health is read several times a second for as long as the last Pod that could serve is kept.
    LastIsReadOften,
    /// A load balancer is read often while a gate waits for something else than the cloud.
    GatesAreReadOften,
    /// A port that somebody else has is said to be a quota that is full.
    ConflictIsQuota,
    /// A write that the API server has refused is not tried again.
    NotTriedAgain,
    /// The second entry of a config is dropped, and nothing is said.
    EntryDropped,
    /// An annotation that is neither `"true"` nor `"false"` counts as absent.
    UnreadableIsAbsent,
    /// A bad value anywhere in a config leaves all of it without effect.
    OneBadSpoilsAll,
    /// An annotation without a value counts as absent.
    EmptyIsAbsent,
    /// A number of a config that is too large is cut to what is possible, and nothing is said.
    CutsInSilence,
    /// What is wrong with a config is not shown to those who use it.
    UsersNotTold,
    /// A write whose answer was lost counts as under way for ever.
    LostAnswerWaits,
    /// A load balancer whose creation is recorded counts as asked for, although the replica crashed before the call.
    RecordedIsDone,
    /// What was refused as wrong once is held for a day.
    RefusalStays,
    /// A binding is made for what a cache shows of its Service, without a look at the API server.
    MadeUnasked,
    /// What the API server has taken is written again with each look, for as long as caches do not show it.
    WrittenAgain,
    /// However much is to be removed at once, nothing holds it.
    NoBrake,
    /// A load balancer that was made, and has lost its tag, goes with its binding.
    UnmarkedGoes,
}

impl std::str::FromStr for Mutant {
    type Err = String;

    /// Reads the name as it is spelt here.
    fn from_str(text: &str) -> Result<Self, String> {
        let name = |mutant: &Self| format!("{mutant:?}");
        let found = Self::ALL.iter().copied().find(|mutant| name(mutant) == text);
        let names = || Self::ALL.iter().map(name).collect::<Vec<_>>().join(", ");
        found.ok_or_else(|| format!("there is no such fault; there are {}", names()))
    }
}

/// Faults of others' and of our own past that cannot be put in, each with what makes it impossible.
pub const IMPOSSIBLE: &[(&str, &str)] = &[
    (
        "A finalizer of somebody else, added between our read and our write, is lost.",
        "reconcile::Write::Finalizers has our own finalizers only, and no list that was read.",
    ),
    (
        "An annotation of several hundred kilobytes is expanded in memory.",
        "model::Annotation::TooLong keeps none of its text, and plan::weight looks ordinals up.",
    ),
    (
        "A binding that is retained and made again by hand, under another UID, adopts its former targets without consent.",
        "plan::adoption knows the UIDs of bindings of one Service, and those that the annotation of the binding names.",
    ),
];

#[cfg(feature = "mutants")]
thread_local! {
    /// The fault that is put in.
    static CHOSEN: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
    /// The faults whose places were reached: a bit for each, by its place among all.
    static REACHED: std::cell::Cell<u128> = const { std::cell::Cell::new(0) };
}

#[cfg(feature = "mutants")]
const _: () = assert!(Mutant::ALL.len() <= 128, "there is a bit for each");

/// Puts a fault in, for this thread, and takes the one before out.
#[cfg(feature = "mutants")]
pub fn put_in(mutant: Option<Mutant>) {
    CHOSEN.set(mutant);
}

/// The faults whose places this thread has reached since it was asked last: all others would have made no difference.
#[cfg(feature = "mutants")]
pub fn take_reached() -> Vec<Mutant> {
    let reached = REACHED.take();
    Mutant::ALL.iter().copied().filter(|mutant| reached >> (*mutant as u32) & 1 == 1).collect()
}

/// Whether this fault is put in.
#[cfg(feature = "mutants")]
pub fn is(mutant: Mutant) -> bool {
    REACHED.set(REACHED.get() | 1 << (mutant as u32));
    CHOSEN.get() == Some(mutant)
}

/// Whether this fault is put in: there are none.
#[cfg(not(feature = "mutants"))]
pub const fn is(_: Mutant) -> bool {
    false
}
