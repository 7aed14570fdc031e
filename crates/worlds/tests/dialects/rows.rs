//! What happens to a world at rest.

use serde_json::{Value, json};
use tke_direct_access::sim::Effect;
use tke_direct_access_worlds::{Act, Console, Dialect, Fault};

use crate::scene::{binding, calls, config, listeners, named, other, refused, rollout, scale, service, workload};

/// An act, as it is made when it is needed.
type Make = fn() -> Act;

/// A row of the tables.
pub(crate) struct Row {
    /// Its name.
    pub(crate) name: &'static str,
    /// What the cloud is like besides.
    pub(crate) before: &'static [Make],
    /// What happens, in seconds after the world has come to rest.
    pub(crate) acts: &'static [(u64, Make)],
    /// What the end says on the cloud that is believed in.
    pub(crate) ends: &'static str,
}

const READY: &str = "binding web: Ready True Ready";

/// A row of the table *console*, or one after which the binding is ready.
const fn row(name: &'static str, acts: &'static [(u64, Make)]) -> Row {
    Row { name, before: &[], acts, ends: READY }
}

/// A row that ends in another way.
const fn ending(name: &'static str, ends: &'static str, acts: &'static [(u64, Make)]) -> Row {
    Row { name, before: &[], acts, ends }
}

/// The other binding has a load balancer made.
fn made() -> Act {
    other(&json!({"create": {"network": "Public", "dynamicVip": true}}), &one_listener())
}

fn one_listener() -> Value {
    json!([{"port": 80, "protocol": "TCP", "servicePort": "http"}])
}

const fn console(console: Console) -> Act {
    Act::Console(console)
}

/// Listeners by place: 0 is that of layer 4, 1 that of layer 7, 2 somebody else's. Targets: 0 and 1 are those of layer 4, then those of the
/// rules.
pub(crate) const ROWS: &[Row] = &[
    // The table console.
    row("the listener of layer 4 is renamed", &[(0, || console(Console::Rename(0)))]),
    row("the listener of layer 7 is renamed", &[(0, || console(Console::Rename(1)))]),
    row(
        "a listener is stopped for a while",
        &[(0, || console(Console::Stop(0, true))), (20, rollout), (150, || console(Console::Stop(0, false)))],
    ),
    ending(
        "a listener is stopped",
        "binding web: Ready False ListenerStopped",
        &[(0, || console(Console::Stop(1, true))), (30, || Act::DeletePod(2))],
    ),
    row("the listener of layer 4 is deleted", &[(0, || console(Console::RemoveListener(0)))]),
    row("the listener of layer 7 is deleted", &[(0, || console(Console::RemoveListener(1)))]),
    row("a target of somebody is on the binding's listener", &[(0, || console(Console::AddTarget(0))), (20, rollout)]),
    row(
        "targets are deregistered",
        &[(0, || console(Console::RemoveTarget(0))), (20, || console(Console::RemoveTarget(2)))],
    ),
    row(
        "targets are reweighted",
        &[
            (0, || console(Console::Reweight(0, 77))),
            (10, || console(Console::Reweight(1, 0))),
            (20, || console(Console::Reweight(2, 0))),
        ],
    ),
    row(
        "targets are deregistered while their weights change",
        &[
            (0, rollout),
            (14, || console(Console::RemoveTarget(0))),
            (15, || console(Console::RemoveTarget(1))),
            (16, || console(Console::RemoveTarget(2))),
            (17, || console(Console::RemoveTarget(3))),
        ],
    ),
    row("a switch is switched off", &[(0, || console(Console::SwitchOff(1)))]),
    ending(
        "the load balancer is deleted",
        "binding web: Ready False LoadBalancerNotFound",
        &[(0, || console(Console::RemoveLoadBalancer(0)))],
    ),
    // The table replacement.
    row("a rollout", &[(0, rollout)]),
    row("a Pod is deleted", &[(0, || Act::DeletePod(2))]),
    row("scaled to none and back", &[(0, || scale(0)), (60, || scale(2))]),
    row("scaled up and down", &[(0, || scale(5)), (60, || scale(1))]),
    row(
        "the selector goes to other Pods",
        &[(0, || service("web", "green", 8080)), (90, || Act::DeleteWorkload("web".to_owned()))],
    ),
    row("the Pods' port changes", &[(0, || service("web", "web", 8081))]),
    row("all Pods are unready for a while", &[(0, || Act::Unready(2, 40)), (0, || Act::Unready(3, 40))]),
    row(
        "a version that never gets ready, and one that does",
        &[(0, || Act::Broken("web".to_owned(), true)), (60, || Act::Broken("web".to_owned(), false))],
    ),
    row("the listener's port changes", &[(0, || binding(&listeners(81, &["a.example", "b.example"])))]),
    row("a rule goes and another one comes", &[(0, || binding(&listeners(80, &["b.example", "c.example"])))]),
    row(
        "the type of a check changes",
        &[
            (0, || {
                config(
                    &json!({"checkType": "HTTP", "httpCheckPath": "/alive", "httpVersion": "HTTP/1.1", "httpCheckDomain": "a.example"}),
                    false,
                )
            }),
            (30, || config(&json!({"checkType": "TCP", "intervalTime": 8}), true)),
        ],
    ),
    ending("the binding is deleted", "lb-one: TCP 9999 of somebody", &[(0, || Act::DeleteBinding("web".to_owned()))]),
    row(
        "the Service is deleted and made again",
        &[(0, || Act::DeleteService("web".to_owned())), (40, || service("web", "web", 8080))],
    ),
    Row {
        name: "a rollout where there is room for one more",
        before: &[|| Act::Dialect(Dialect::Targets(3))],
        acts: &[(0, rollout)],
        ends: READY,
    },
    row(
        "a load balancer is made and goes",
        &[(0, || made()), (60, rollout), (150, || Act::DeleteBinding("other".to_owned())), (240, || made())],
    ),
    Row {
        name: "a load balancer is made for a binding with a dot in its name",
        before: &[],
        acts: &[(0, || {
            named("other.one", &json!({"create": {"network": "Public", "dynamicVip": true}}), &one_listener())
        })],
        ends: "binding other.one: Ready True Ready",
    },
    // The table cloud: refused for one item, refused whole, denied, throttled, slow, empty, partial, malformed, done but reply lost.
    row(
        "the same Pods on a second listener of the protocol",
        &[
            (0, || other(&json!({"id": "lb-one"}), &json!([{"port": 82, "protocol": "TCP", "servicePort": "http"}]))),
            (20, rollout),
            (80, || scale(3)),
            // After the last Event of the gates that wait.
            (450, || scale(2)),
        ],
    ),
    row(
        "registrations fail for a listener",
        &[
            (0, || {
                calls(
                    "BatchRegisterTargets",
                    3,
                    Effect::FailListeners { listeners: Vec::new(), message: "no".to_owned() },
                )
            }),
            (0, rollout),
        ],
    ),
    row(
        "registrations are refused",
        &[(0, || calls("BatchRegisterTargets", 4, refused("InternalError"))), (0, rollout)],
    ),
    row(
        "weights are refused",
        &[(0, || calls("BatchModifyTargetWeight", 4, refused("FailedOperation"))), (0, rollout)],
    ),
    row(
        "deregistrations are denied",
        &[(0, || calls("BatchDeregisterTargets", 5, refused("UnauthorizedOperation"))), (0, rollout)],
    ),
    row(
        "replies are lost",
        &[
            (0, || calls("BatchRegisterTargets", 1, Effect::LostReply)),
            (0, || calls("BatchModifyTargetWeight", 1, Effect::LostReply)),
            (0, || calls("BatchDeregisterTargets", 1, Effect::LostReply)),
            (0, || calls("ModifyListener", 1, Effect::LostReply)),
            (0, rollout),
            (5, || config(&json!({"intervalTime": 9, "healthNum": 3}), false)),
        ],
    ),
    row(
        "tasks fail and targets are lost",
        &[
            (0, || calls("BatchModifyTargetWeight", 2, Effect::FailTask { message: "no".to_owned() })),
            (0, || calls("BatchRegisterTargets", 1, Effect::LoseTargets)),
            (0, || calls("ModifyListener", 1, Effect::FailTask { message: "no".to_owned() })),
            (0, rollout),
            (5, || config(&json!({"intervalTime": 9, "healthNum": 3}), false)),
        ],
    ),
    row(
        "reads are empty, in part, and malformed",
        &[
            (0, || calls("DescribeTargets", 1, Effect::EmptyReply)),
            (0, || calls("DescribeListeners", 1, Effect::PartialReply)),
            (0, || calls("DescribeTargetHealth", 1, Effect::MalformedBody { body: None })),
            (0, rollout),
            (30, || calls("DescribeListeners", 1, Effect::EmptyReply)),
            (31, || calls("DescribeTargets", 1, Effect::PartialReply)),
        ],
    ),
    row(
        "everything is throttled, and slow",
        &[
            (0, || Act::Fault(Fault::Calls { action: None, count: 20, effect: refused("RequestLimitExceeded") })),
            (0, rollout),
            (60, || Act::Fault(Fault::Slow(9, 40))),
            (60, || workload("web", 3)),
        ],
    ),
];
