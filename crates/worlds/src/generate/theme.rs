//! Stories in which one circumstance is made, so that several rare things meet: a small world that is at rest, and then what the theme
//! is about, with little else.

use serde_json::{Value, json};
use tke_direct_access::sim::{Departure, Effect};
use tke_direct_access_core::api::names;

use super::{Maker, NAMES};
use crate::act::{Act, Console, Dialect, Fault, Kind, Workload};
use crate::users;

/// What a story is about.
type Theme = fn(&mut Maker);

/// All themes: stories take turns.
const THEMES: [Theme; 14] = [
    hidden_tags,
    no_room,
    refused_for_one,
    two_bindings,
    unseen_end,
    kept_in_place,
    late_slices,
    cut_off,
    slow_health,
    unread_start,
    refused_writes,
    large_numbers,
    missing_routes,
    not_shown,
];

/// After so long, everything is as it was said, and everybody has known it for long. Milliseconds.
pub(super) const SETTLED: u64 = 160_000;
/// After so long everything serves. Milliseconds.
pub(super) const SERVES: u64 = 60_000;

impl Maker {
    /// The theme of this number.
    pub(super) fn theme(&mut self, number: u64) {
        if self.chance.once_in("of Pods", 5) {
            self.pods_theme();
        } else if self.chance.once_in("of many", 10) {
            self.many_bindings();
        } else if self.chance.once_in("of exchanges", 12) {
            self.exchanges();
        } else if self.chance.once_in("of tags", 12) {
            self.tags_theme();
        } else {
            let place = usize::try_from(number).unwrap_or_default() % THEMES.len();
            THEMES[place](self);
        }
        // Something that has nothing to do with it, now and then.
        if self.chance.once_in("something else", 3) {
            self.pause();
            self.something();
        }
    }

    pub(super) fn wait(&mut self, milliseconds: u64) {
        self.at += milliseconds + self.chance.below("wait", 10_000);
    }

    pub(super) fn place(&mut self, about: &str, bound: u64) -> usize {
        usize::try_from(self.chance.below(about, bound)).unwrap_or_default()
    }

    fn fault(&mut self, fault: Fault) {
        self.push(Act::Fault(fault));
    }

    pub(super) fn plain_workload(&mut self, name: &str, replicas: usize) {
        let (mut workload, is_short) = (self.workload(name), self.chance.once_in("no hook", 4));
        workload = Workload {
            kind: Kind::Deployment,
            replicas,
            unavailable: 0,
            other_gate: false,
            pre_stop: if is_short { 0 } else { 20 },
            grace: 30,
            ..workload
        };
        self.push(Act::Workload(workload));
    }

    pub(super) fn service_on(&mut self, name: &str, app: &str, port: u16, annotations: &Value) {
        let spec = json!({
            "type": "LoadBalancer",
            "selector": {"app": app},
            "ports": [{"name": "http", "port": port, "protocol": "TCP", "targetPort": 8080}],
        });
        self.push(Act::Service { name: name.to_owned(), annotations: annotations.clone(), spec });
    }

    pub(super) fn binding_on(&mut self, name: &str, id: &str, more: &Value) {
        let mut spec = json!({"serviceRef": {"name": name}, "loadBalancer": {"id": id}});
        for (key, value) in more.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        self.push(Act::Binding { name: name.to_owned(), spec });
    }

    /// A workload, its Service and its binding, on a port of its own.
    pub(super) fn bound(&mut self, place: usize, id: &str, replicas: usize) {
        let name = NAMES[place % NAMES.len()];
        self.plain_workload(name, replicas);
        self.service_on(name, name, [80, 8080, 443][place % 3], &json!({}));
        self.binding_on(name, id, &json!({}));
    }

    /// Both replicas begin anew, and either may lead then.
    pub(super) fn restart(&mut self) {
        let replica = self.place("first", 2);
        self.fault(Fault::Crash(replica, 2));
        self.fault(Fault::Crash(1 - replica, 3));
    }

    pub(super) fn rollout(&mut self, place: usize) {
        self.push(Act::Rollout(NAMES[place % NAMES.len()].to_owned()));
    }

    /// The Pods of a workload come and go.
    pub(super) fn turn_over(&mut self, place: usize) {
        let name = NAMES[place % NAMES.len()].to_owned();
        match self.chance.below("turn over", 3) {
            0 => self.rollout(place),
            1 => self.push(Act::Scale(name, 1)),
            _ => {
                let number = self.place("which", 10);
                self.push(Act::DeletePod(number));
            }
        }
    }
}

/// The cloud shows no tags, and who leads has not registered what there is.
fn hidden_tags(maker: &mut Maker) {
    maker.acts.push((0, Act::Dialect(Dialect::Departs(Departure::TagsHidden))));
    maker.bound(0, "lb-one", 3);
    maker.wait(SERVES);
    maker.restart();
    maker.wait(SETTLED);
    maker.turn_over(0);
    maker.wait(SERVES);
    maker.turn_over(0);
    if maker.chance.once_in("deleted", 2) {
        maker.wait(SERVES);
        maker.push(Act::DeleteBinding(NAMES[0].to_owned()));
    }
}

/// A listener is full, and others are to serve.
fn no_room(maker: &mut Maker) {
    let most = 1 + maker.place("quota", 4);
    maker.acts.push((0, Act::Dialect(Dialect::Targets(most))));
    maker.bound(0, "lb-one", most);
    maker.plain_workload(NAMES[1], most);
    maker.wait(SERVES);
    if maker.chance.once_in("rollout", 3) {
        maker.rollout(0);
    } else {
        maker.service_on(NAMES[0], NAMES[1], 80, &json!({}));
    }
    maker.wait(SETTLED);
}

/// The cloud does not take some addresses for minutes; another binding on the same load balancer has nothing to do with it.
fn refused_for_one(maker: &mut Maker) {
    const REFUSED: [&str; 4] =
        ["BatchRegisterTargets", "BatchRegisterTargets", "BatchDeregisterTargets", "BatchModifyTargetWeight"];
    maker.bound(0, "lb-one", 2);
    maker.bound(1, "lb-one", 2);
    maker.wait(SETTLED);
    let action = *maker.chance.one_of("refused", &REFUSED);
    let code = *maker.chance.one_of("code", &["InvalidParameterValue", "LimitExceeded", "FailedOperation"]);
    let seconds = 200 + maker.chance.below("for", 200);
    // Addresses of Pods that are there, and those that come next.
    let first = if action == "BatchRegisterTargets" { 6 } else { 2 + maker.chance.below("address", 4) };
    let count = 1 + maker.chance.below("addresses", 2);
    for number in first..first + count {
        let (action, names, code) = (action.to_owned(), format!("10.0.0.{number}"), code.to_owned());
        maker.fault(Fault::Refused { action, names, code, seconds });
    }
    maker.at += 1000;
    let one = maker.place("whose", 2);
    maker.rollout(one);
    maker.at += 100 + maker.chance.below("then", 20_000);
    maker.rollout(1 - one);
    maker.wait(SERVES);
}

/// Two bindings have the same Pods, and only one of them can open gates for a while.
fn two_bindings(maker: &mut Maker) {
    maker.plain_workload(NAMES[0], 2);
    for (name, id) in [(NAMES[0], "lb-one"), (NAMES[1], "lb-two")] {
        maker.service_on(name, NAMES[0], 80, &json!({}));
        maker.binding_on(name, id, &json!({}));
    }
    maker.wait(SETTLED);
    let place = maker.place("which", 2);
    if maker.chance.once_in("refused", 3) {
        let effect = Effect::Error { code: "InternalError".to_owned(), message: "not now".to_owned() };
        let count = 1 + maker.chance.below("calls", 4);
        maker.fault(Fault::Calls { action: Some("BatchRegisterTargets".to_owned()), count, effect });
    } else {
        maker.push(Act::Console(Console::Stop(place, true)));
    }
    maker.at += 3000;
    maker.rollout(0);
    maker.wait(SERVES);
    maker.push(Act::Console(Console::Stop(place, false)));
}

/// Somebody deletes the binding of a Service that asks for it, while the API server does not say so.
fn unseen_end(maker: &mut Maker) {
    maker.plain_workload(NAMES[0], 2);
    let mut annotations = json!({names::DIRECT_ACCESS: "true", names::EXISTING_LOAD_BALANCER_ID: "lb-two"});
    maker.service_on(NAMES[0], NAMES[0], 80, &annotations);
    maker.wait(SETTLED);
    if maker.chance.once_in("odd", 3) {
        annotations[names::DIRECT_ACCESS] = Value::from("ture");
        maker.service_on(NAMES[0], NAMES[0], 80, &annotations);
        maker.at += 5000;
    }
    let seconds = 20 + maker.chance.below("refused for", 40);
    let status = *maker.chance.one_of("status", &[403, 403, 500]);
    maker.fault(Fault::Refuse { status, seconds });
    maker.at += 500;
    maker.push(Act::DeleteBinding(NAMES[0].to_owned()));
    maker.wait(SERVES);
}

/// A binding goes, and what it has is to stay; or it has nothing.
fn kept_in_place(maker: &mut Maker) {
    maker.plain_workload(NAMES[0], 2);
    maker.service_on(NAMES[0], NAMES[0], 80, &json!({}));
    maker.plain_workload(NAMES[1], 1);
    maker.service_on(NAMES[1], NAMES[1], 80, &json!({}));
    maker.binding_on(NAMES[0], "lb-one", &json!({"deletionPolicy": "Retain"}));
    maker.wait(SETTLED);
    maker.push(Act::DeleteBinding(NAMES[0].to_owned()));
    maker.binding_on(NAMES[1], "lb-none", &json!({}));
    maker.wait(1000);
    maker.push(Act::DeleteBinding(NAMES[1].to_owned()));
    maker.wait(SERVES);
    if maker.chance.once_in("again", 2) {
        maker.binding_on(NAMES[0], "lb-one", &json!({}));
    }
}

/// A replica hears nothing of slices during a rollout, and then it leads.
fn late_slices(maker: &mut Maker) {
    maker.bound(0, "lb-one", 2);
    maker.wait(SETTLED);
    let replica = maker.place("whose", 2);
    let seconds = 100 + maker.chance.below("late", 100);
    maker.fault(Fault::Stall(replica, 2, seconds));
    maker.at += 1000;
    maker.rollout(0);
    maker.wait(SERVES);
    maker.fault(Fault::Crash(1 - replica, seconds));
    maker.wait(SETTLED);
}

/// A replica does not reach the API server during a rollout, and reaches the cloud.
fn cut_off(maker: &mut Maker) {
    maker.bound(0, "lb-one", 3);
    maker.wait(SERVES);
    for _ in 0..3 {
        maker.rollout(0);
        maker.at += maker.chance.below("then", 25_000);
        let replica = maker.place("whose", 2);
        let seconds = 15 + maker.chance.below("cut off", 40);
        maker.fault(Fault::CutOff(replica, seconds));
        maker.at += 6000;
        let number = maker.place("which", 3);
        if maker.chance.once_in("console", 2) {
            maker.push(Act::Console(Console::Reweight(number, 1)));
        }
        maker.wait(SERVES);
    }
}

/// Health takes long to read for minutes, while somebody else takes Pods out.
fn slow_health(maker: &mut Maker) {
    maker.bound(0, "lb-one", 3);
    let mut workload = maker.workload(NAMES[1]);
    (workload.kind, workload.other_gate, workload.replicas) = (Kind::Deployment, true, 3);
    maker.push(Act::Workload(workload));
    maker.service_on(NAMES[1], NAMES[1], 8080, &json!({}));
    maker.binding_on(NAMES[1], "lb-one", &json!({}));
    maker.wait(SETTLED);
    let milliseconds = 9_000 + maker.chance.below("slow", 60_000);
    let effect = Effect::Delay { milliseconds };
    maker.fault(Fault::Calls { action: Some("DescribeTargetHealth".to_owned()), count: 20, effect });
    if maker.chance.once_in("rollout", 2) {
        maker.rollout(0);
    }
    for place in 0..6 {
        maker.at += maker.chance.below("then", 5000);
        maker.push(Act::TakeOut(place, 120));
    }
    maker.wait(SERVES);
    maker.turn_over(0);
}

/// A leader begins whose first reads fail, while Pods are not ready.
fn unread_start(maker: &mut Maker) {
    maker.bound(0, "lb-one", 3);
    maker.wait(SETTLED);
    let error = Effect::Error { code: "InternalError".to_owned(), message: "not now".to_owned() };
    maker.restart();
    let count = 4 + maker.chance.below("calls", 8);
    maker.fault(Fault::Calls { action: Some("DescribeTargetHealth".to_owned()), count, effect: error });
    let number = maker.place("which", 3);
    maker.push(Act::Unready(number, 90));
    maker.wait(SERVES);
}

/// The API server refuses what the controller writes, while users write.
fn refused_writes(maker: &mut Maker) {
    maker.bound(0, "lb-one", 2);
    let annotations = json!({names::DIRECT_ACCESS: "true", names::EXISTING_LOAD_BALANCER_ID: "lb-two"});
    maker.plain_workload(NAMES[1], 1);
    maker.service_on(NAMES[1], NAMES[1], 80, &annotations);
    maker.wait(SERVES);
    for _ in 0..3 {
        let seconds = 2 + maker.chance.below("refused for", 20);
        let status = *maker.chance.one_of("status", &[409, 500, 403]);
        maker.fault(Fault::Refuse { status, seconds });
        match maker.chance.below("what", 5) {
            0 => maker.rollout(0),
            1 => maker.binding_on(NAMES[0], "lb-one", &json!({"drain": {"timeoutSeconds": 60}})),
            2 => maker.push(Act::DeleteBinding(NAMES[0].to_owned())),
            3 => maker.bound(2, "lb-one", 1),
            _ => maker.service_on(NAMES[0], NAMES[0], 81, &json!({})),
        }
        maker.wait(SERVES);
    }
}

/// A config that nobody has checked says numbers that are too large.
fn large_numbers(maker: &mut Maker) {
    maker.push(Act::VendorsConfigs);
    let mut check = json!({"intervalTime": 5, "timeout": 2});
    const NUMBERS: [(&str, u64); 5] =
        [("intervalTime", 300), ("timeout", 60), ("healthNum", 10), ("unHealthNum", 10), ("checkPort", 65_535)];
    let (name, most) = *maker.chance.one_of("number", &NUMBERS);
    check[name] = Value::from(most + 1 + maker.chance.below("beyond", 100));
    let spec = json!({"loadBalancer": {"l4Listeners": [{"protocol": "TCP", "port": 80, "healthCheck": check}]}});
    maker.push(Act::Config { name: users::CONFIGS[0].to_owned(), spec });
    maker.plain_workload(NAMES[0], 1);
    maker.service_on(NAMES[0], NAMES[0], 80, &json!({}));
    maker.binding_on(NAMES[0], "lb-one", &json!({"serviceConfigRef": {"name": users::CONFIGS[0]}}));
    maker.wait(SERVES);
}

/// What a binding wants is replaced by something that cannot be.
fn missing_routes(maker: &mut Maker) {
    maker.plain_workload(NAMES[0], 2);
    maker.service_on(NAMES[0], NAMES[0], 80, &json!({}));
    let listener =
        |port: u64, service_port: &str| json!({"port": port, "protocol": "TCP", "servicePort": service_port});
    maker.binding_on(NAMES[0], "lb-one", &json!({"listeners": [listener(81, "http"), listener(82, "http")]}));
    maker.wait(SETTLED);
    let listeners = match maker.chance.below("missing", 4) {
        0 => json!([listener(81, "http"), listener(83, "missing")]),
        1 => json!([listener(81, "missing"), listener(83, "http")]),
        2 => {
            maker.push(Act::Console(Console::AddListener { load_balancer: 0, port: 9000 }));
            json!([listener(81, "http"), listener(9000, "http")])
        }
        _ => {
            let mut secured = listener(82, "http");
            secured["protocol"] = json!("TCP_SSL");
            secured["certificate"] = json!({"secretName": "none"});
            json!([listener(81, "http"), secured])
        }
    };
    maker.binding_on(NAMES[0], "lb-one", &json!({ "listeners": listeners }));
    maker.wait(SERVES);
    maker.rollout(0);
}

/// A load balancer is not shown once or twice, and a binding is deleted just then.
fn not_shown(maker: &mut Maker) {
    maker.bound(0, "lb-one", 2);
    maker.wait(SETTLED);
    maker.invisible();
    maker.at += maker.chance.below("then", 2000);
    if maker.chance.once_in("rollout", 3) {
        maker.rollout(0);
    } else {
        maker.push(Act::DeleteBinding(NAMES[0].to_owned()));
    }
    maker.wait(SERVES);
}
