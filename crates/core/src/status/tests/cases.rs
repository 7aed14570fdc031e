//! Inputs of the status functions, as wide as they can come. The properties here use them, and `tests/gitops` gives the statuses
//! to the tools that read them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::tke_direct_access::api::condition::{ConditionType, Reason};
use super::tke_direct_access::api::{
    DirectAccessBinding, DirectAccessBindingStatus, TkeServiceConfig, TkeServiceConfigStatus, names,
};
use super::tke_direct_access::model::{
    AccountId, Attributes, Caller, Class, Failure, IpFamily, Limits, ListenerId, LoadBalancer, LoadBalancerId,
    LoadBalancerStatus, Protocol, Region, Witnesses,
};
use super::tke_direct_access::plan::vpc::ClusterVpc;
use super::tke_direct_access::plan::{
    BindingPlan, BindingView, Cloud, Cluster, ClusterView, ConfigView, Counts, Departure, Flags, Frozen, ListenerFacts,
    Maker, Management, Observed, Outcome, Pending, Problem, ReadState, Remembered, Removals, Sight, Snapshot, Step,
    StepOutcome,
};
use super::tke_direct_access::status::{RefusedGate, RefusedWrites, Round, Visit, binding_status, config_status};

pub(crate) const T0: i64 = 1_800_000_000;
const LISTENER: &str = "lbl-1";

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(crate) fn failure(class: Class) -> Failure {
    Failure { class, action: "RegisterTargets", code: "Code".to_owned(), message: "words".to_owned(), request_id: None }
}

/// What the reads of the cloud gave.
#[derive(Clone, Debug)]
pub(crate) enum Read {
    Worked,
    Missing,
    Failed(Failure),
}

/// One input of the status function.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) generation: i64,
    pub(crate) suspend: bool,
    pub(crate) deleting: bool,
    /// The value of the annotation that asks for a round.
    pub(crate) asked: Option<String>,
    pub(crate) read: Read,
    /// What became of the step that the binding waits for.
    pub(crate) outcome: Option<StepOutcome>,
    pub(crate) failed_task: Option<Failure>,
    pub(crate) plan: BindingPlan,
    /// Seconds since the round before.
    pub(crate) after: i64,
}

impl Case {
    /// A round whose reads worked and which changed nothing.
    pub(crate) fn of(plan: BindingPlan) -> Self {
        Self {
            generation: 1,
            suspend: false,
            deleting: false,
            asked: None,
            read: Read::Worked,
            outcome: None,
            failed_task: None,
            plan,
            after: 0,
        }
    }

    /// The binding as the API server has it, with this status.
    pub(crate) fn object(&self, status: &DirectAccessBindingStatus) -> Value {
        let mut object = self.bare();
        object["status"] = serde_json::to_value(status).unwrap();
        object
    }

    fn bare(&self) -> Value {
        let mut object = json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
            "metadata": {"name": "web", "namespace": "shop", "uid": "u", "generation": self.generation},
            "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-1"}, "suspend": self.suspend},
        });
        if self.deleting {
            object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        if let Some(asked) = &self.asked {
            object["metadata"]["annotations"] = json!({names::RECONCILE_REQUESTED_AT: asked});
        }
        object
    }

    fn cloud(&self) -> Cloud {
        match &self.read {
            Read::Worked => Cloud::Observed(Observed {
                load_balancer: load_balancer(),
                listeners: Vec::new(),
                targets: BTreeMap::new(),
                health: Ok(Vec::new()),
                health_basis: None,
            }),
            Read::Missing => Cloud::Missing(Witnesses::ListAndListeners),
            Read::Failed(failure) => Cloud::Failed(failure.clone()),
        }
    }

    pub(crate) fn view(&self) -> BindingView {
        let binding: DirectAccessBinding = serde_json::from_value(self.bare()).unwrap();
        let view = ClusterView {
            binding: Arc::new(binding),
            service: None,
            slices: Vec::new(),
            pods: Arc::new(BTreeMap::new()),
            certificates: BTreeMap::new(),
            config: ConfigView::None,
            speaks_for_service: true,
            departure: Departure::Usual,
        };
        let cloud = Cloud::Unplaced(Vec::new());
        view.on(&cloud, &Remembered::default(), |_| false, |_| std::collections::BTreeSet::new())
    }
}

fn load_balancer() -> LoadBalancer {
    LoadBalancer {
        id: LoadBalancerId::new("lb-1"),
        name: "shop".to_owned(),
        status: LoadBalancerStatus::Running,
        addresses: vec![IpAddr::from([203, 0, 113, 1])],
        domain: None,
        family: IpFamily::V4,
        vpc_id: "vpc-1".to_owned(),
        snat_pro: false,
        tags: Vec::new(),
        attributes: Attributes::default(),
    }
}

fn listener(counts: Counts) -> ListenerFacts {
    ListenerFacts {
        protocol: Protocol::Tcp,
        port: 80,
        id: Some(ListenerId::new(LISTENER)),
        desired: counts.desired,
        healthy: counts.healthy,
        maker: Maker::Binding,
        service_port: None,
        rules: Vec::new(),
        flags: Flags::default(),
    }
}

/// A plan of a binding whose world is as it should be, with one listener.
pub(crate) fn settled(counts: Counts) -> BindingPlan {
    BindingPlan {
        counts,
        listeners: vec![listener(counts)],
        sight: Sight::Whole,
        management: Management::Manage,
        ..BindingPlan::default()
    }
}

fn class() -> impl Strategy<Value = Failure> + Clone {
    prop::sample::select(Class::ALL.to_vec()).prop_map(failure)
}

fn problem() -> impl Strategy<Value = Problem> {
    let conditions = [ConditionType::Accepted, ConditionType::ResolvedRefs, ConditionType::Programmed];
    (prop::sample::select(Reason::ALL.to_vec()), prop::sample::select(conditions.to_vec()))
        .prop_map(|(reason, condition)| Problem { condition, reason, message: "what to do".to_owned() })
}

fn counts() -> impl Strategy<Value = Counts> {
    (0usize..4, 0usize..4, 0usize..4, 0usize..4, any::<bool>()).prop_map(
        |(desired, missing, ill, unhealthy, is_off)| {
            let registered = desired.saturating_sub(missing);
            let healthy = registered.saturating_sub(ill);
            let unchecked = if is_off { healthy } else { 0 };
            Counts {
                weighted: registered,
                desired,
                registered,
                healthy,
                unhealthy: unhealthy.min(registered - healthy),
                unchecked,
                draining: 0,
            }
        },
    )
}

fn plan() -> impl Strategy<Value = BindingPlan> {
    let rarely = || prop::bool::weighted(0.2);
    let pending = (prop::option::weighted(0.4, 1usize..3), prop::option::weighted(0.2, 1usize..3));
    let flags = (rarely(), rarely(), rarely(), rarely());
    (prop::collection::vec(problem(), 0..3), counts(), pending, flags, 0.0..1.0).prop_map(
        |(mut problems, counts, (register, delete), (is_blind, is_dull, is_idle, is_bare), luck)| {
            // Two thirds of all rounds find nothing wrong.
            if luck < 0.66 {
                problems.clear();
            }
            let settled = settled(counts);
            BindingPlan {
                problems,
                pending: Pending {
                    register: register.unwrap_or_default(),
                    delete: delete.unwrap_or_default(),
                    ..Pending::default()
                },
                listeners: if is_bare { Vec::new() } else { settled.listeners.clone() },
                sight: match (is_blind, is_dull) {
                    (true, _) => Sight::Nothing,
                    (false, true) => Sight::WithoutHealth,
                    (false, false) => Sight::Whole,
                },
                management: if is_idle { Management::Freeze(Frozen::Suspended) } else { Management::Manage },
                ..settled
            }
        },
    )
}

/// Every input of the status function that matters to its conditions.
pub(crate) fn case() -> impl Strategy<Value = Case> {
    let read = prop_oneof![
        7 => Just(Read::Worked),
        1 => Just(Read::Missing),
        2 => class().prop_map(Read::Failed),
    ];
    let outcome = prop_oneof![3 => class().prop_map(StepOutcome::Failed), 1 => class().prop_map(StepOutcome::Held)];
    let rarely = || prop::bool::weighted(0.1);
    let asked = prop::option::weighted(0.2, "[ -~]{0,300}");
    let binding = (1i64..4, rarely(), rarely(), asked);
    let round = (read, prop::option::weighted(0.3, outcome), prop::option::weighted(0.1, class()));
    (binding, round, plan(), 0i64..300).prop_map(
        |((generation, suspend, deleting, asked), (read, outcome, failed_task), mut plan, after)| {
            if suspend {
                // As the plan has it: nothing is done, and that is the first thing to say.
                let message = "nothing is changed".to_owned();
                let paused = Problem { condition: ConditionType::Accepted, reason: Reason::Suspended, message };
                plan.problems.insert(0, paused);
                plan.management = Management::Freeze(Frozen::Suspended);
            }
            Case { generation, suspend, deleting, asked, read, outcome, failed_task, plan, after }
        },
    )
}

/// The status after a round.
pub(crate) fn status(case: &Case, previous: &DirectAccessBindingStatus, now: Timestamp) -> DirectAccessBindingStatus {
    status_with(case, previous, now, &[], &[])
}

/// The status after a round in which the API server did not take these gates and other writes.
pub(crate) fn status_with(
    case: &Case,
    previous: &DirectAccessBindingStatus,
    now: Timestamp,
    refused_gates: &[RefusedGate],
    refused_writes: &[(String, RefusedWrites)],
) -> DirectAccessBindingStatus {
    let snapshot = Snapshot {
        load_balancer: LoadBalancerId::new("lb-1"),
        region: Region::new("ap-guangzhou"),
        cloud: case.cloud(),
        caller: Caller::Known(AccountId::new("100000000001")),
        bindings: Vec::new(),
        cluster: Cluster::default(),
        vpc: ClusterVpc::Pending,
        reads: ReadState::Settled,
        removals: Removals::Allowed,
        limits: Limits::default(),
        remembered: Remembered::default(),
        now,
        at: std::time::Duration::ZERO,
    };
    let register = || Step::Register(Vec::new());
    let outcome = Outcome {
        steps: case.outcome.clone().map(|outcome| (register(), outcome)).into_iter().collect(),
        ..Outcome::default()
    };
    let failed_task = case.failed_task.clone().map(|failure| (register(), failure));
    let region = Region::new("ap-guangzhou");
    let round = Round {
        snapshot: &snapshot,
        outcome: &outcome,
        region: &region,
        failed_task: failed_task.as_ref(),
        refused_gates,
        refused_writes,
        visit: Visit::Later,
    };
    binding_status(&round, &case.view(), &case.plan, &[], previous)
}

/// One input of the status function of configs.
#[derive(Clone, Debug)]
pub(crate) struct ConfigCase {
    pub(crate) generation: i64,
    spec: Value,
    /// The generation that each binding has shown to be in force.
    users: Vec<Option<i64>>,
    is_one_suspended: bool,
}

impl ConfigCase {
    /// A config with a good entry, used by bindings that have shown these generations of it to be in force.
    pub(crate) fn of(generation: i64, users: &[Option<i64>]) -> Self {
        Self { generation, spec: specs().swap_remove(1), users: users.to_vec(), is_one_suspended: false }
    }

    /// A config of which nothing can be applied.
    pub(crate) fn invalid(generation: i64) -> Self {
        Self { spec: specs().swap_remove(4), ..Self::of(generation, &[]) }
    }

    /// The config as the API server has it, with this status.
    pub(crate) fn object(&self, status: &TkeServiceConfigStatus) -> Value {
        let mut object = self.bare();
        object["status"] = serde_json::to_value(status).unwrap();
        object
    }

    /// The config as the API server has it where the definition has no status.
    pub(crate) fn bare(&self) -> Value {
        json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "TkeServiceConfig",
            "metadata": {"name": "web", "namespace": "shop", "uid": "c", "generation": self.generation},
            "spec": {"loadBalancer": self.spec},
        })
    }

    /// The status after a look at it.
    pub(crate) fn status(&self, previous: &TkeServiceConfigStatus, now: Timestamp) -> TkeServiceConfigStatus {
        let config: TkeServiceConfig = serde_json::from_value(self.bare()).unwrap();
        let users: Vec<_> = self.users.iter().enumerate().map(|(index, shown)| self.user(index, *shown)).collect();
        config_status(&config.clone().into(), &users, previous, now)
    }

    fn user(&self, index: usize, shown: Option<i64>) -> Arc<DirectAccessBinding> {
        let mut object = json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
            "metadata": {"name": format!("web-{index}"), "namespace": "shop"},
            "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-1"}, "serviceConfigRef": {"name": "web"},
                "suspend": self.is_one_suspended && index == 0, "listeners": [{"port": 80, "protocol": "TCP"}]},
        });
        if let Some(shown) = shown {
            object["status"] = json!({
                "observedGeneration": 1, "observedConfigGeneration": shown, "conditions": [],
                "targets": {"desired": 1, "registered": 1, "healthy": 1, "draining": 0, "excluded": 0, "summary": "1/1"},
            });
        }
        Arc::new(serde_json::from_value(object).unwrap())
    }
}

fn specs() -> Vec<Value> {
    vec![
        json!({}),
        json!({"l4Listeners": [{"protocol": "TCP", "port": 80, "scheduler": "WRR"}]}),
        // No binding has such a listener.
        json!({"l4Listeners": [{"protocol": "UDP", "port": 53, "scheduler": "WRR"}]}),
        // Session persistence does not go with this way of scheduling.
        json!({"l4Listeners": [{"protocol": "TCP", "port": 80, "scheduler": "LEAST_CONN",
            "session": {"enable": true, "sessionExpireTime": 600}}]}),
        json!({"l4Listeners": [{"protocol": "TCP", "port": 80, "healthCheck": {"timeout": 999}}]}),
    ]
}

/// Every input of the status function of configs that matters to its conditions.
pub(crate) fn config_case() -> impl Strategy<Value = ConfigCase> {
    let users = prop::collection::vec(prop::option::weighted(0.8, 1i64..4), 0..4);
    (1i64..4, prop::sample::select(specs()), users, any::<bool>()).prop_map(
        |(generation, spec, users, is_one_suspended)| ConfigCase { generation, spec, users, is_one_suspended },
    )
}
