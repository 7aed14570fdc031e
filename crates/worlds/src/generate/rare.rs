//! What comes together by chance too seldom: in a story of it, a thing or two that the product says and does only then.

use serde_json::{Value, json};
use tke_direct_access::sim::{Departure, Effect};

use super::{Maker, NAMES};
use crate::act::{Act, Console, Dialect, Fault, Workload};

/// One story of so many is of this kind, but for those of users.
const ONE_IN: u64 = 8;
/// Which of them.
const WHICH: u64 = 7;

/// Of so many seeds, one is of a story of this kind.
pub(super) const APART: u64 = 3 * ONE_IN;

/// So far apart are the themes of one story: each meets others in time.
const STRIDE: u64 = 7;

/// What happens.
type Theme = fn(&mut Maker, &str);

/// All of them: one story has two or three, and they take turns.
const THEMES: [Theme; 29] = [
    Maker::denied,
    Maker::selects_nobody,
    Maker::of_another_type,
    Maker::keeps_clients,
    Maker::unchecked,
    Maker::entries_of_nothing,
    Maker::stale_slices,
    Maker::blind_to_tags,
    Maker::not_taken,
    Maker::own_config,
    Maker::somebodys_config,
    Maker::taken_addresses,
    Maker::marked_by_tke,
    Maker::refused_entries,
    Maker::odd_ports,
    Maker::short_grace,
    Maker::other_policy,
    Maker::unreadable_cluster,
    Maker::slow_listeners,
    Maker::silent_service_goes,
    Maker::silent_service_stays,
    Maker::failed_tasks,
    Maker::port_in_use,
    Maker::waits_no_longer,
    Maker::waits_for_nothing,
    Maker::drops_a_rule,
    Maker::no_such_listener,
    Maker::replaced,
    Maker::made_again,
];

/// Whether the story of this seed is of this kind.
pub(super) const fn is_rare(seed: u64) -> bool {
    seed % ONE_IN == WHICH
}

pub(super) const ASKS: &str = "service.cloud.tencent.com/direct-access";
pub(super) const EXISTING: &str = "service.kubernetes.io/tke-existed-lbid";
const TOKEN: &str = "service.cloud.tencent.com/client-token";
const AUTO: &str = "service.cloud.tencent.com/tke-service-config-auto";

/// The id of the listener that the cloud makes first.
pub(super) const FIRST_LISTENER: &str = "lbl-wywg9grc";

impl Maker {
    /// Two or three themes, one after another, each with a name of its own, and then something else.
    pub(super) fn rare(&mut self, turn: u64) {
        let count = 2 + self.chance.below("themes", 2);
        for (name, number) in NAMES.iter().zip(0..count) {
            let place = usize::try_from(turn + number * STRIDE).unwrap_or_default() % THEMES.len();
            THEMES[place](self, name);
            self.pause();
        }
        self.at += 60_000;
        for _ in 0..2 {
            self.something();
            self.pause();
        }
    }

    /// A workload whose Pods have our gate.
    pub(super) fn gated(&mut self, name: &str) {
        let mut workload = self.workload(name);
        (workload.gate, workload.other_gate, workload.replicas) = (true, false, workload.replicas.min(3));
        self.push(Act::Workload(workload));
    }

    pub(super) fn a_service(&mut self, name: &str, annotations: &Value, changes: &Value) {
        let mut spec = json!({
            "type": "LoadBalancer",
            "selector": {"app": name},
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}],
        });
        for (key, value) in changes.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        self.push(Act::Service { name: name.to_owned(), annotations: annotations.clone(), spec });
    }

    pub(super) fn a_binding(&mut self, name: &str, changes: &Value) {
        let mut spec = json!({"serviceRef": {"name": name}, "loadBalancer": {"id": "lb-two"}});
        for (key, value) in changes.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        self.push(Act::Binding { name: name.to_owned(), spec });
    }

    fn a_config(&mut self, name: &str, load_balancer: &Value) {
        self.push(Act::Config { name: name.to_owned(), spec: json!({"loadBalancer": load_balancer}) });
    }

    fn fails(&mut self, action: &str, count: u64, code: &str) {
        let effect = Effect::Error { code: code.to_owned(), message: "it is said so".to_owned() };
        self.push(Act::Fault(Fault::Calls { action: Some(action.to_owned()), count, effect }));
    }

    /// The account may not do something, or has not paid.
    fn denied(&mut self, name: &str) {
        const DENIED: [&str; 2] = ["UnauthorizedOperation", "FailedOperation.InsufficientBalance"];
        self.gated(name);
        self.a_service(name, &json!({}), &json!({}));
        self.a_binding(name, &json!({}));
        self.at += 60_000;
        let code = *self.chance.one_of("code", &DENIED);
        let action = *self.chance.one_of("action", &["CreateListener", "BatchRegisterTargets", "DescribeListeners"]);
        self.fails(action, 4, code);
        let port = json!([{"port": 8443, "protocol": "TCP", "servicePort": "http"}]);
        self.a_binding(name, &json!({"listeners": port}));
        self.push(Act::Rollout(name.to_owned()));
    }

    fn selects_nobody(&mut self, name: &str) {
        self.gated(name);
        self.a_service(name, &json!({}), &json!({"selector": {}}));
        self.a_binding(name, &json!({}));
        if self.chance.once_in("selects later", 2) {
            self.at += 60_000;
            self.a_service(name, &json!({}), &json!({}));
        }
    }

    /// A Service asks that is not of the type LoadBalancer.
    fn of_another_type(&mut self, name: &str) {
        self.gated(name);
        self.a_service(name, &json!({ASKS: "true", EXISTING: "lb-two"}), &json!({"type": "ClusterIP"}));
        self.at += 30_000;
        if self.chance.once_in("becomes one", 2) {
            self.a_service(name, &json!({ASKS: "true", EXISTING: "lb-two"}), &json!({}));
        }
    }

    /// A Service keeps clients with their Pods, which its listeners do not.
    fn keeps_clients(&mut self, name: &str) {
        self.gated(name);
        self.a_service(name, &json!({}), &json!({"sessionAffinity": "ClientIP"}));
        self.a_binding(name, &json!({}));
    }

    /// The health check of a listener is off.
    fn unchecked(&mut self, name: &str) {
        let check = json!({"enable": false});
        self.a_config(name, &json!({"l4Listeners": [{"protocol": "TCP", "port": 80, "healthCheck": check}]}));
        self.a_service(name, &json!({}), &json!({}));
        self.a_binding(name, &json!({"serviceConfigRef": {"name": name}}));
        self.at += 30_000;
        self.gated(name);
        self.at += 30_000;
        self.push(Act::Rollout(name.to_owned()));
    }

    /// A config has entries for what is not there.
    fn entries_of_nothing(&mut self, name: &str) {
        let domain =
            |domain: &str, url: &str| json!({"domain": domain, "rules": [{"url": url, "scheduler": "IP_HASH"}]});
        let layer7 = json!({"protocol": "HTTP", "port": 80,
            "domains": [domain("a.example", "/nowhere"), domain("nobody.example", "/")]});
        let layer4 = json!({"protocol": "TCP", "port": 9999, "scheduler": "LEAST_CONN"});
        self.a_config(name, &json!({"l4Listeners": [layer4], "l7Listeners": [layer7]}));
        self.gated(name);
        self.a_service(name, &json!({}), &json!({}));
        let rules = json!([{"domain": "a.example", "url": "/"}]);
        let listeners = json!([{"port": 80, "protocol": "HTTP", "servicePort": "http", "rules": rules}]);
        self.a_binding(name, &json!({"listeners": listeners, "serviceConfigRef": {"name": name}}));
    }

    /// Nobody hears of slices for minutes, while Pods come and go.
    fn stale_slices(&mut self, name: &str) {
        self.gated(name);
        self.a_service(name, &json!({}), &json!({}));
        self.a_binding(name, &json!({}));
        self.at += 60_000;
        for replica in 0..2 {
            self.push(Act::Fault(Fault::Stall(replica, 2, 200)));
        }
        self.push(Act::Rollout(name.to_owned()));
        self.at += 200_000;
    }

    /// The cloud shows no tags, and a binding is to use a listener that somebody else has made.
    fn blind_to_tags(&mut self, name: &str) {
        self.acts.push((0, Act::Dialect(Dialect::Departs(Departure::TagsHidden))));
        self.acts.push((0, Act::Console(Console::AddListener { load_balancer: 1, port: 9000 })));
        self.gated(name);
        self.a_service(name, &json!({}), &json!({}));
        let listener = json!({"port": 9000, "protocol": "TCP", "servicePort": "http", "listenerId": FIRST_LISTENER});
        self.a_binding(name, &json!({"listeners": [listener]}));
    }

    /// The API server does not take the binding of a Service.
    fn not_taken(&mut self, name: &str) {
        self.gated(name);
        self.push(Act::Fault(Fault::Refuse { status: 403, seconds: 60 }));
        self.a_service(name, &json!({ASKS: "true", EXISTING: "lb-two"}), &json!({}));
        self.at += 60_000;
    }

    /// A config is made for a Service, which gets another port.
    fn own_config(&mut self, name: &str) {
        let port = |name: &str, port: u16| json!({"name": name, "port": port, "protocol": "TCP", "targetPort": 8080});
        let annotations = json!({ASKS: "true", EXISTING: "lb-two", AUTO: "true"});
        self.gated(name);
        self.a_service(name, &annotations, &json!({}));
        self.at += 60_000;
        self.a_service(name, &annotations, &json!({"ports": [port("http", 80), port("more", 81)]}));
    }

    /// Somebody has made the config that is to be made for a Service.
    fn somebodys_config(&mut self, name: &str) {
        let layer4 = json!({"protocol": "TCP", "port": 80, "scheduler": "LEAST_CONN"});
        self.a_config(&format!("{name}-auto-service-config"), &json!({"l4Listeners": [layer4]}));
        self.gated(name);
        self.a_service(name, &json!({ASKS: "true", EXISTING: "lb-two", AUTO: "true"}), &json!({}));
    }

    /// A Service carries a mark of TKE's own controller, which is not there to open gates.
    fn marked_by_tke(&mut self, name: &str) {
        let workload = self.workload(name);
        self.push(Act::Workload(Workload { gate: false, ..workload }));
        if self.chance.once_in("bound", 2) {
            self.a_service(name, &json!({TOKEN: "0b1e"}), &json!({}));
            self.a_binding(name, &json!({}));
        } else {
            self.a_service(name, &json!({ASKS: "true", EXISTING: "lb-two", TOKEN: "0b1e"}), &json!({}));
        }
    }

    /// The cloud does not take the entries of a config, and then takes them.
    fn refused_entries(&mut self, name: &str) {
        self.gated(name);
        self.a_service(name, &json!({}), &json!({}));
        let rules = json!([{"domain": "a.example", "url": "/"}, {"domain": "b.example", "url": "/"}]);
        let listeners = json!([{"port": 80, "protocol": "HTTP", "servicePort": "http", "rules": rules}]);
        self.a_binding(name, &json!({"listeners": listeners, "serviceConfigRef": {"name": name}}));
        self.at += 60_000;
        let action = *self.chance.one_of("entry", &["ModifyListener", "ModifyRule", "ModifyDomainAttributes"]);
        self.fails(action, 3, "InvalidParameterValue");
        let rule = json!({"url": "/", "healthCheck": {"intervalTime": 7}});
        let domain = json!({"domain": "a.example", "rules": [rule]});
        let layer7 = json!({"protocol": "HTTP", "port": 80, "keepaliveEnable": 1, "defaultServer": "b.example",
            "domains": [domain]});
        self.a_config(name, &json!({"l7Listeners": [layer7]}));
    }

    /// A Service names a port that no container has.
    fn odd_ports(&mut self, name: &str) {
        let ports = json!([{"name": "http", "port": 80, "protocol": "TCP", "targetPort": "metrics"}]);
        self.gated(name);
        self.a_service(name, &json!({}), &json!({"ports": ports}));
        self.a_binding(name, &json!({}));
    }

    /// Pods have less time to end than their hooks take, and than connections are to have.
    fn short_grace(&mut self, name: &str) {
        let mut workload = self.workload(name);
        (workload.pre_stop, workload.grace) = (20, 20);
        self.push(Act::Workload(workload));
        self.a_service(name, &json!({}), &json!({}));
        self.a_binding(name, &json!({"drain": {"timeoutSeconds": 120}}));
    }

    /// Gates open as soon as Pods are registered.
    fn other_policy(&mut self, name: &str) {
        self.a_service(name, &json!({}), &json!({}));
        self.a_binding(name, &json!({"readinessGate": {"policy": "Registered"}}));
        self.at += 20_000;
        self.gated(name);
        self.at += 20_000;
        self.push(Act::Rollout(name.to_owned()));
    }

    /// A gate opens before anybody has found the Pod healthy: nobody waits for so long.
    fn waits_no_longer(&mut self, name: &str) {
        self.a_service(name, &json!({}), &json!({}));
        self.a_binding(name, &json!({"readinessGate": {"timeoutSeconds": 10}}));
        self.at += 20_000;
        self.gated(name);
        self.at += 30_000;
    }

    /// Gates are there, and are not to wait for anything.
    fn waits_for_nothing(&mut self, name: &str) {
        self.a_service(name, &json!({}), &json!({}));
        self.a_binding(name, &json!({"readinessGate": {"policy": "Disabled"}}));
        self.at += 20_000;
        self.gated(name);
        self.at += 30_000;
    }

    /// A binding wants a rule no more.
    fn drops_a_rule(&mut self, name: &str) {
        let rule = |domain: &str| json!({"domain": domain, "url": "/"});
        let listener = |rules: Value| json!([{"port": 80, "protocol": "HTTP", "servicePort": "http", "rules": rules}]);
        self.gated(name);
        self.a_service(name, &json!({}), &json!({}));
        self.a_binding(name, &json!({"listeners": listener(json!([rule("a.example"), rule("b.example")]))}));
        self.at += 60_000;
        self.a_binding(name, &json!({"listeners": listener(json!([rule("a.example")]))}));
        self.at += 20_000;
    }

    /// A binding is to use a listener that is not there.
    fn no_such_listener(&mut self, name: &str) {
        self.gated(name);
        self.a_service(name, &json!({}), &json!({}));
        let listener = json!({"port": 9001, "protocol": "TCP", "servicePort": "http", "listenerId": "lbl-00000000"});
        self.a_binding(name, &json!({"listeners": [listener]}));
        self.at += 20_000;
    }

    /// A Service for which a load balancer was created is deleted, and made again within seconds.
    fn made_again(&mut self, name: &str) {
        self.gated(name);
        self.a_service(name, &json!({ASKS: "true"}), &json!({}));
        self.at += 60_000;
        self.push(Act::DeleteService(name.to_owned()));
        self.at += 20 + self.chance.below("again", 4_000);
        self.a_service(name, &json!({ASKS: "true"}), &json!({}));
        self.at += 40_000;
    }

    /// What is read of the API server is refused, while a binding and a Service go.
    fn unreadable_cluster(&mut self, name: &str) {
        self.gated(name);
        let is_annotated = self.chance.once_in("annotated", 2);
        if is_annotated {
            self.a_service(name, &json!({ASKS: "true", EXISTING: "lb-two"}), &json!({}));
        } else {
            self.a_service(name, &json!({}), &json!({}));
            self.a_binding(name, &json!({}));
        }
        self.at += 60_000;
        self.push(Act::Fault(Fault::Unreadable(40)));
        self.push(Act::DeleteBinding(name.to_owned()));
        if is_annotated && self.chance.once_in("the Service too", 2) {
            self.push(Act::DeleteService(name.to_owned()));
        }
        self.at += 40_000;
    }

    /// Nobody hears of Services for a while.
    fn services_fall_silent(&mut self, seconds: u64) {
        for replica in 0..2 {
            self.push(Act::Fault(Fault::Stall(replica, 1, seconds)));
        }
    }

    /// A Service goes for which a load balancer was created, and nobody hears of it.
    fn silent_service_goes(&mut self, name: &str) {
        self.gated(name);
        self.a_service(name, &json!({ASKS: "true"}), &json!({}));
        self.at += 60_000;
        self.services_fall_silent(40);
        if self.chance.once_in("asks no more", 3) {
            self.a_service(name, &json!({ASKS: "false"}), &json!({}));
            self.push(Act::DeleteBinding(name.to_owned()));
        } else {
            self.push(Act::DeleteService(name.to_owned()));
        }
        self.at += 40_000;
    }

    /// A Service is bound while nobody hears what is written on it, and Pods come and go.
    fn silent_service_stays(&mut self, name: &str) {
        self.gated(name);
        self.a_service(name, &json!({}), &json!({"loadBalancerClass": "cloud.tencent.com/direct-access"}));
        self.at += 10_000;
        self.services_fall_silent(150);
        self.a_binding(name, &json!({}));
        for _ in 0..4 {
            self.push(Act::Rollout(name.to_owned()));
            self.at += 30_000;
        }
    }

    /// The cloud accepts calls and does not do what they ask for.
    fn failed_tasks(&mut self, name: &str) {
        self.acts.push((0, Act::Dialect(Dialect::Departs(Departure::BatchTasks))));
        self.gated(name);
        self.a_service(name, &json!({}), &json!({}));
        let action = *self.chance.one_of("whose task", &["CreateListener", "BatchRegisterTargets"]);
        let effect = Effect::FailTask { message: "it is not done".to_owned() };
        let count = 1 + self.chance.below("tasks", 3);
        self.push(Act::Fault(Fault::Calls { action: Some(action.to_owned()), count, effect }));
        self.a_binding(name, &json!({}));
        self.at += 60_000;
    }

    /// The cloud says that a port is in use, of which it shows nothing.
    fn port_in_use(&mut self, name: &str) {
        self.gated(name);
        self.a_service(name, &json!({}), &json!({}));
        let count = 1 + self.chance.below("calls", 3);
        self.fails("CreateListener", count, "InvalidParameter.PortCheckFailed");
        self.a_binding(name, &json!({}));
        self.at += 60_000;
    }

    /// Reads of listeners take long, and so do tasks, while listeners change.
    fn slow_listeners(&mut self, name: &str) {
        self.acts.push((0, Act::Dialect(Dialect::Tasks(8_000))));
        self.gated(name);
        self.a_service(name, &json!({}), &json!({}));
        let listeners = |port: u16| json!({"listeners": [{"port": port, "protocol": "TCP", "servicePort": "http"}]});
        self.a_binding(name, &listeners(81));
        self.at += 60_000;
        for port in [82, 83] {
            for action in ["DescribeListeners", "DescribeLoadBalancers"] {
                let effect = Effect::Delay { milliseconds: 1_500 + self.chance.below("slow", 4_000) };
                self.push(Act::Fault(Fault::Calls { action: Some(action.to_owned()), count: 6, effect }));
            }
            self.a_binding(name, &listeners(port));
            for _ in 0..3 {
                self.at += 1_000 + self.chance.below("next", 4_000);
                self.push(Act::Rollout(name.to_owned()));
            }
            self.at += 30_000;
        }
    }
}
