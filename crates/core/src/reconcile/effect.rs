//! What goes into a machine and what comes out of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::core::DynamicObject;

use super::Reply;
use super::creation::NewBinding;
use crate::api::event::EventWord;
use crate::api::{DirectAccessBinding, DirectAccessBindingStatus, TkeServiceConfigStatus};
use crate::model::{
    Failure, KeyProblem, Limits, Listener, LoadBalancer, ObjectKey, RegisteredTarget, Route, Service, ServiceCondition,
    TargetHealth, TaskId, TaskState, Witnesses,
};
use crate::plan::DepartureSight;
use crate::plan::annotated::End;
use crate::plan::config::ConfigObject;
use crate::plan::{BindingPlan, BindingView, Observed, Step};
use crate::status::service::Application;
use crate::status::{GateCondition, RefusalKind};

/// Names an effect whose result comes back. No machine uses one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(super) u64);

/// The targets of each route.
pub type Targets = BTreeMap<Route, Vec<RegisteredTarget>>;

/// What a machine takes in.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one is moved at a time")]
pub enum Input {
    /// Something has changed in what the caches show.
    News(News),
    /// The time that it asked to be woken at has come.
    Due,
    /// What a read has given.
    Answer(Ticket, Answer),
    /// What the cloud says to the call that was made last.
    Replied(Result<Reply, Failure>),
    /// What became of a write to Kubernetes.
    Written(Ticket, Result<Taken, NotTaken>),
}

/// What kind of change it is that a round looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    /// Pods come and go, which cures no refusal.
    Members,
    /// Something that somebody has written: what was refused before may work now.
    Input,
}

/// What a machine has done for it. Results come back as [`Input`], in any order.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a step has few, and each is moved once")]
pub enum Effect {
    /// The round with this number begins.
    Begun(u64),
    /// Read, side by side with everything else.
    Read(Ticket, Read),
    /// Nobody waits for what this read gives any more.
    Forget(Ticket),
    /// Make this call of the cloud. There is one at a time.
    Call(Step),
    /// Write this to Kubernetes.
    Write(Ticket, Write),
    /// Publish an Event.
    Tell(Notice),
    /// Say this in the log.
    Log(Line),
    /// Show this in metrics.
    Show(Shown),
    /// Wake the machine at this time, and not at the time asked for before; `None` for no time.
    WakeAt(Option<Duration>),
    /// The round has ended.
    Ended(RoundEnd),
}

/// What is read, of a load balancer or of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// How a task fares.
    Task(TaskId),
    /// The load balancer with its listeners and targets.
    Frame,
    /// The targets of these listeners.
    Targets(Vec<Listener>),
    /// The health of all targets.
    Health,
    /// The load balancers that carry this tag.
    Tagged(String, String),
    /// The quotas of the account.
    Quotas,
    /// The id of the certificate in a Secret.
    Certificate(ObjectKey),
    /// The definition of DirectAccessBindings, and these Services, which own bindings that go.
    Definition(Vec<ObjectKey>),
    /// Something that is not about a load balancer.
    Other(OtherRead),
}

/// What is read of Kubernetes by machines that are not about a load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtherRead {
    /// A TkeServiceConfig as it is, with fields that this version does not know.
    Config(ObjectKey),
    /// A Service as it is, before a binding is made for it.
    Service(ObjectKey),
    /// Whether TkeServiceConfigs have a status.
    StatusField,
}

impl OtherRead {
    /// The answer where nothing has come.
    pub fn refused(&self, refused: NotTaken) -> Answer {
        match self {
            Self::Config(_) => Answer::Config(Err(refused)),
            Self::Service(_) => Answer::Service(Err(refused)),
            // A write will tell.
            Self::StatusField => Answer::StatusField(StatusField::There),
        }
    }
}

/// What a read gives.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is moved twice")]
pub enum Answer {
    /// How the task fares.
    Task(Result<TaskState, Failure>),
    /// The load balancer without health.
    Frame(Result<Frame, Failure>),
    /// The targets.
    Targets(Result<Targets, Failure>),
    /// Health.
    Health(Result<Vec<TargetHealth>, Failure>),
    /// The load balancers.
    Tagged(Result<Vec<LoadBalancer>, Failure>),
    /// The limits that follow from quotas, or usual ones where the cloud does not say.
    Quotas(Limits),
    /// The id of a certificate, or why there is none.
    Certificate(Result<String, String>),
    /// What is there of the definition and the Services.
    Definition(DepartureSight),
    /// The config; `None` when there is none.
    Config(Result<Option<Box<DynamicObject>>, NotTaken>),
    /// The Service; `None` when there is none.
    Service(Result<Option<Box<Service>>, NotTaken>),
    /// Whether there is a status.
    StatusField(StatusField),
}

/// Whether the definition of TkeServiceConfigs has a status: TKE's own has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusField {
    /// It has, or the API server does not say: a write will tell.
    There,
    /// It has none.
    Missing,
}

/// What a read of a load balancer shows.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a read makes one, and it is moved twice")]
pub enum Frame {
    /// All of it but health.
    Shown(Observed),
    /// Nothing.
    NotShown(Witnesses),
}

/// What is written to Kubernetes.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Our finalizers on a binding become these; those of others stay, and the list that was read must be the list that is there.
    Finalizers {
        /// The binding as it was read.
        binding: Arc<DirectAccessBinding>,
        /// Ours from now on.
        ours: Vec<&'static str>,
    },
    /// The status of a binding.
    Status {
        /// The binding as it was read.
        binding: Arc<DirectAccessBinding>,
        /// All of the status.
        status: Box<DirectAccessBindingStatus>,
    },
    /// The condition of a readiness gate.
    Gate {
        /// The Pod.
        pod: ObjectKey,
        /// Its UID.
        uid: String,
        /// What the condition says.
        condition: GateCondition,
    },
    /// Our annotations of a Service become these.
    Annotations {
        /// The Service as it was read.
        service: Arc<Service>,
        /// All of ours.
        wanted: BTreeMap<String, String>,
    },
    /// The addresses in the status of a Service.
    Ingress {
        /// The Service as it was read.
        service: Arc<Service>,
        /// IP addresses and domain names.
        addresses: Vec<String>,
    },
    /// A binding is made for an annotated Service.
    NewBinding(NewBinding),
    /// The binding of an annotated Service becomes this. None is made by it.
    OwnBinding {
        /// The Service as it was read.
        service: Arc<Service>,
        /// The UID of the binding.
        uid: String,
        /// What the binding is to be like.
        wanted: Box<Application>,
    },
    /// The mark that a binding is parked.
    Mark {
        /// The binding.
        binding: ObjectKey,
        /// Its UID.
        uid: String,
        /// The value; `None` takes the mark off.
        mark: Option<String>,
    },
    /// A binding is deleted.
    Deletion {
        /// The binding.
        binding: ObjectKey,
        /// Its UID.
        uid: String,
    },
    /// Our conditions in the status of a Service.
    ServiceConditions {
        /// The Service as it was read.
        service: Arc<Service>,
        /// What has become of what it asks for; `None` takes it off.
        condition: Option<ServiceCondition>,
        /// The record of a binding that somebody has made for it; `None` takes it off.
        bound_by_hand: Option<ServiceCondition>,
    },
    /// A TkeServiceConfig that is made.
    NewConfig {
        /// All of it.
        config: Box<DynamicObject>,
    },
    /// A TkeServiceConfig that becomes this, if it still has the version that was read.
    Config {
        /// All of it.
        config: Box<DynamicObject>,
    },
    /// The status of a TkeServiceConfig.
    ConfigStatus {
        /// The config as it was read.
        config: Arc<ConfigObject>,
        /// All of the status.
        status: Box<TkeServiceConfigStatus>,
    },
}

impl Write {
    /// The namespace of what is written.
    pub fn namespace(&self) -> &str {
        let found = match self {
            Self::Finalizers { binding, .. } | Self::Status { binding, .. } => binding.metadata.namespace.as_deref(),
            Self::Gate { pod, .. } => Some(&*pod.namespace),
            Self::Annotations { service, .. }
            | Self::Ingress { service, .. }
            | Self::OwnBinding { service, .. }
            | Self::ServiceConditions { service, .. } => Some(&*service.key.namespace),
            Self::Mark { binding, .. } | Self::Deletion { binding, .. } => Some(&*binding.namespace),
            Self::NewBinding(new) => Some(&*new.service().key.namespace),
            Self::NewConfig { config } | Self::Config { config } => config.metadata.namespace.as_deref(),
            Self::ConfigStatus { config, .. } => config.object.metadata.namespace.as_deref(),
        };
        found.unwrap_or_default()
    }
}

/// A write was taken.
#[derive(Clone, Debug)]
pub enum Taken {
    /// The binding is this now.
    Binding(Arc<DirectAccessBinding>),
    /// What the object is now is not needed.
    Other,
}

/// Why a write was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotTaken {
    /// What that says of the next attempt.
    pub kind: RefusalKind,
    /// The API server's words.
    pub words: String,
}

/// An Event.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// What it is about.
    pub about: ObjectReference,
    /// Why, in one word, and whether it is bad news.
    pub word: EventWord,
    /// What the controller was about, in one word.
    pub action: String,
    /// What has happened.
    pub note: String,
}

/// What the log says.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// The controller's ConfigMap cannot be read.
    HoldUnreadable {
        /// What is wrong with it.
        problem: KeyProblem,
        /// What is in force, in words.
        until_then: &'static str,
    },
    /// A task has failed.
    TaskFailed(TaskId, Step, String),
    /// How a task fares cannot be read.
    TaskUnreadable(TaskId, Failure),
    /// Something was done for a binding.
    Changed {
        /// Namespace and name of the binding.
        binding: String,
        /// The reason of the Event.
        reason: String,
        /// What was done.
        note: String,
    },
    /// A status was written.
    Status {
        /// Namespace and name of the binding.
        binding: String,
        /// The condition Ready with its reason, where that is new.
        ready: Option<(String, String)>,
    },
    /// A machine has panicked, and begins from nothing in a while.
    Panicked {
        /// What it is about: namespace and name of an object, or the name of a namespace.
        key: String,
        /// What the panic says.
        words: String,
    },
    /// The binding of a Service is parked.
    Parked {
        /// Namespace and name of the Service.
        service: String,
        /// How its user has ended it.
        end: End,
    },
    /// The binding of a Service is deleted.
    Deleted {
        /// Namespace and name of the Service.
        service: String,
        /// How its user has ended it.
        end: End,
    },
}

/// What metrics show.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is moved once")]
pub enum Shown {
    /// What has been found of a binding.
    Binding(BindingView, BindingPlan, Box<DirectAccessBindingStatus>),
    /// How full the load balancer is.
    Use(UseOfQuotas),
    /// These bindings, by UID, are all that there are.
    Bindings(Vec<String>),
}

/// What is in use of what quotas allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UseOfQuotas {
    /// Targets of the fullest listener or rule.
    pub targets: usize,
    /// Listeners.
    pub listeners: usize,
    /// Rules of the fullest listener.
    pub rules: usize,
    /// What may be.
    pub limits: Limits,
}

/// How a round ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RoundEnd {
    /// In one word.
    pub result: RoundResult,
    /// What the log says of it; `None` where the round goes on when something has been read.
    pub report: Option<RoundReport>,
    /// How long it has taken.
    pub elapsed: Duration,
    /// How long until the next one; `None` where nothing is bound to the load balancer any more.
    pub after: Option<Duration>,
}

/// How a round ended, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoundResult {
    /// There is nothing left to do or to wait for.
    Settled,
    /// Something is under way.
    UnderWay,
    /// A call or a write has failed.
    Failed,
}

/// What the log says of a round.
#[derive(Clone, Debug, PartialEq)]
pub struct RoundReport {
    /// The first failure.
    pub failure: Option<Failure>,
    /// How many steps were planned.
    pub steps: usize,
}
