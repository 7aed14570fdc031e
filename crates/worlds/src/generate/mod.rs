//! Makes stories up.

mod circumstance;
mod exchanged;
mod many;
mod pods;
mod rare;
mod shared;
mod theme;

use serde_json::{Value, json};
use tke_direct_access::sim::{Departure, Effect};

use crate::act::{Act, Console, Dialect, Fault, Kind, Workload};
use crate::chance::Chance;
use crate::story::Story;
use crate::users;

/// Makes a story up: a few things that users apply at the beginning, and then what users, others and misfortune do to them. In one of
/// three, users edit what they have written, see [`users`]; another one has a theme; and in some, what comes together seldom does.
pub fn generate(seed: u64) -> Story {
    if seed.is_multiple_of(3) {
        return users::story(seed);
    }
    let mut maker = Maker { chance: Chance::new(seed ^ 0x5717), acts: Vec::new(), at: 500 };
    if seed % 3 == 1 {
        maker.theme(seed / 3);
        return Story { seed, acts: maker.acts };
    }
    if rare::is_rare(seed) {
        maker.rare(seed / rare::APART);
        return Story { seed, acts: maker.acts };
    }
    if maker.chance.once_in("small slices", 5) {
        maker.small_slices();
    }
    maker.begin();
    let count = 3 + maker.chance.below("acts", 14);
    for _ in 0..count {
        maker.pause();
        if maker.chance.once_in("a Pod changes", 4) {
            maker.a_pod_changes();
        }
        maker.something();
    }
    Story { seed, acts: maker.acts }
}

struct Maker {
    chance: Chance,
    acts: Vec<(u64, Act)>,
    at: u64,
}

/// The names of workloads, Services and bindings.
pub(crate) const NAMES: [&str; 3] = ["web", "api", "old"];
/// Actions that calls of which may meet a misfortune.
const ACTIONS: [&str; 13] = [
    "DescribeQuota",
    "DescribeLoadBalancers",
    "DescribeListeners",
    "DescribeTargets",
    "DescribeTargetHealth",
    "DescribeTaskStatus",
    "CreateListener",
    "CreateRule",
    "BatchRegisterTargets",
    "BatchDeregisterTargets",
    "BatchModifyTargetWeight",
    "DeleteLoadBalancerListeners",
    "ModifyListener",
];

impl Maker {
    fn push(&mut self, act: Act) {
        self.acts.push((self.at, act));
    }

    /// A while goes by: mostly some seconds, now and then none, or minutes.
    fn pause(&mut self) {
        self.at += match self.chance.below("pause", 10) {
            0 | 1 => self.chance.below("no pause", 300),
            2..=7 => self.chance.below("some seconds", 15_000),
            8 => self.chance.below("a minute", 60_000),
            _ => self.chance.below("minutes", 300_000),
        };
    }

    fn begin(&mut self) {
        self.config();
        if self.chance.once_in("dialect", 3) {
            let dialect = self.dialect();
            self.acts.push((0, Act::Dialect(dialect)));
        }
        let count = 1 + self.chance.below("bindings", 3);
        for name in NAMES.iter().take(usize::try_from(count).unwrap_or(1)) {
            self.at += self.chance.below("apply", 400);
            let workload = self.workload(name);
            self.push(Act::Workload(workload));
            self.service(name);
            let is_annotated = self.chance.once_in("annotated", 4);
            if !is_annotated {
                self.binding(name);
            }
        }
        self.at += 30_000;
    }

    fn dialect(&mut self) -> Dialect {
        let most = |maker: &mut Self| usize::try_from(2 + maker.chance.below("quota", 4)).unwrap_or(2);
        match self.chance.below("which dialect", 10) {
            0 => Dialect::Departs(Departure::BatchTasks),
            1..=3 => Dialect::Departs(*self.chance.one_of("departure", Departure::ALL)),
            4 => Dialect::Departs(Departure::TagsHidden),
            5 => Dialect::Tasks(*self.chance.one_of("tasks", &[50, 2_000, 8_000])),
            6 => Dialect::Tail(*self.chance.one_of("tail", &[300, 3_000])),
            7 => Dialect::Listeners(most(self)),
            8 => Dialect::Rate(*self.chance.one_of("rate", &[2, 5, 10])),
            _ => Dialect::Targets(most(self)),
        }
    }

    fn workload(&mut self, name: &str) -> Workload {
        let number = |maker: &mut Self, about: &str, most: u64| {
            usize::try_from(maker.chance.below(about, most)).unwrap_or_default()
        };
        let pre_stop = *self.chance.one_of("preStop", &[0, 20, 20, 30]);
        let is_stateful = self.chance.once_in("stateful", 6);
        Workload {
            kind: if is_stateful { Kind::StatefulSet } else { Kind::Deployment },
            name: name.to_owned(),
            app: name.to_owned(),
            replicas: 1 + number(self, "replicas", 4),
            revision: 1,
            surge: 1 + number(self, "surge", 2),
            unavailable: number(self, "unavailable", 2),
            grace: if pre_stop == 0 { 30 } else { pre_stop + 10 },
            pre_stop,
            gate: !self.chance.once_in("gate", 5),
            weight: None,
            broken: false,
            other_gate: self.chance.once_in("other gate", 8),
        }
    }

    fn service(&mut self, name: &str) {
        let port = *self.chance.one_of("port", &[80, 80, 443, 8080]);
        let mut annotations = json!({});
        if self.chance.once_in("annotation", 4) {
            annotations["service.cloud.tencent.com/direct-access"] = Value::from("true");
            if !self.chance.once_in("creates", 3) {
                annotations["service.kubernetes.io/tke-existed-lbid"] = Value::from("lb-two");
            }
            if self.chance.once_in("with a config", 3) {
                annotations["service.cloud.tencent.com/tke-service-config"] = Value::from(users::CONFIGS[0]);
            }
        }
        let app = if self.chance.once_in("selector", 12) { "nobody" } else { name };
        let spec = json!({
            "type": "LoadBalancer",
            "selector": {"app": app},
            "ports": [{"name": "http", "port": port, "protocol": "TCP", "targetPort": 8080}],
        });
        self.push(Act::Service { name: name.to_owned(), annotations, spec });
    }

    /// A user applies a config that is right, or now and then deletes it.
    fn config(&mut self) {
        let name = users::CONFIGS[0].to_owned();
        if self.chance.once_in("no config", 5) {
            self.push(Act::DeleteConfig(name));
        } else {
            let spec = Value::Object(users::plain_config(&mut self.chance));
            self.push(Act::Config { name, spec });
        }
    }

    fn binding(&mut self, name: &str) {
        let load_balancer = *self.chance.one_of("load balancer", &["lb-one", "lb-one", "lb-two", "lb-none"]);
        let mut spec = json!({"serviceRef": {"name": name}, "loadBalancer": {"id": load_balancer}});
        match self.chance.below("binding", 9) {
            0 => spec["deletionPolicy"] = Value::from("Retain"),
            1 => spec["drain"] = json!({"terminating": "Deregister"}),
            2 => spec["suspend"] = Value::from(true),
            3 | 4 => {
                const PORTS: [&[u16]; 4] = [&[8443], &[80, 8443], &[80, 9000], &[8443, 9000]];
                let ports = *self.chance.one_of("listeners", &PORTS);
                let listener = |port| json!({"port": port, "protocol": "TCP", "servicePort": "http"});
                spec["listeners"] = ports.iter().map(listener).collect();
                if self.chance.once_in("missing port", 4) {
                    spec["listeners"][0]["servicePort"] = Value::from("missing");
                }
            }
            5 => {
                let rules = json!([{"domain": "a.example", "url": "/"}, {"domain": "b.example", "url": "/"}]);
                spec["listeners"] = json!([{"port": 80, "protocol": "HTTP", "servicePort": "http", "rules": rules}]);
            }
            _ => {}
        }
        if self.chance.once_in("with a config", 3) {
            spec["serviceConfigRef"] = json!({"name": users::CONFIGS[0]});
        }
        self.push(Act::Binding { name: name.to_owned(), spec });
    }

    fn something(&mut self) {
        if self.chance.once_in("a config", 16) {
            return self.config();
        }
        let name = (*self.chance.one_of("name", &NAMES)).to_owned();
        let place = usize::try_from(self.chance.below("place", 40)).unwrap_or_default();
        match self.chance.below("something", 34) {
            24.. => self.circumstance(&name, place),
            0..=3 => self.push(Act::Rollout(name)),
            4 => {
                let replicas = usize::try_from(self.chance.below("scale", 6)).unwrap_or_default();
                self.push(Act::Scale(name, replicas));
            }
            5 => self.push(Act::DeletePod(place)),
            6 => {
                let seconds = 5 + self.chance.below("unready", 60);
                self.push(Act::Unready(place, seconds));
            }
            7 => self.service(&name),
            8 => self.binding(&name),
            9 => self.push(Act::DeleteBinding(name)),
            10 => self.push(Act::DeleteService(name)),
            11 => {
                let is_broken = self.chance.once_in("broken", 2);
                self.push(Act::Broken(name, is_broken));
            }
            12 | 13 if self.chance.once_in("tags", 4) => self.tags(place),
            12 | 13 => self.console(place),
            _ => self.misfortune(place),
        }
    }

    fn console(&mut self, place: usize) {
        let act = match self.chance.below("console", 6) {
            0 => Console::AddListener { load_balancer: place, port: 9000 },
            1 => Console::RemoveListener(place),
            2 => Console::AddTarget(place),
            3 => Console::RemoveTarget(place),
            4 => Console::Reweight(place, *self.chance.one_of("weight", &[0, 1, 50])),
            _ => Console::Stop(place, self.chance.once_in("stop", 2)),
        };
        self.push(Act::Console(act));
    }

    fn misfortune(&mut self, place: usize) {
        let replica = place % 2;
        let seconds = 1 + self.chance.below("seconds", 40);
        let fault = match self.chance.below("misfortune", 22) {
            0..=4 => {
                let action = (*self.chance.one_of("action", &ACTIONS)).to_owned();
                Fault::Calls { action: Some(action), count: 1 + self.chance.below("calls", 4), effect: self.effect() }
            }
            5 => Fault::Stall(replica, place, seconds),
            6 => Fault::Relist(replica, place),
            7 | 8 => Fault::Crash(replica, seconds),
            9 => Fault::Freeze(replica, seconds),
            10 => Fault::Refuse { status: *self.chance.one_of("status", &[409, 500, 403]), seconds },
            11 => Fault::Forget(seconds),
            12 => Fault::Slow(*self.chance.one_of("slow", &[1, 3, 8, 12, 40]), 30),
            14 => Fault::Delay(50 + 20 * seconds, 60),
            15 => {
                let by = *self.chance.one_of("skew", &[-3600, -300, -20, 20, 300, 3600]);
                self.push(Act::Fault(Fault::Skew(replica, by, 10 * seconds)));
                Fault::Crash(replica, 1)
            }
            16 | 17 => {
                let time = *self.chance.one_of("silence", &[20, 60, 120, 400]);
                Fault::Node { node: place, seconds: time, serves: self.chance.once_in("serves", 2) }
            }
            13 => Fault::DeleteLease,
            18 => Fault::CutOff(replica, seconds),
            19 => return self.invisible(),
            20 => Fault::Unprobed(Some(place), 10 * seconds),
            _ => Fault::Unprobed(None, seconds),
        };
        self.push(Act::Fault(fault));
    }

    /// Load balancers are not shown for a call or two, and perhaps somebody deletes a binding just then.
    fn invisible(&mut self) {
        let unknown =
            Effect::Error { code: "InvalidParameter.LBIdNotFound".to_owned(), message: "no such id".to_owned() };
        let count = 1 + self.chance.below("calls", 2);
        for (action, effect) in [("DescribeLoadBalancers", Effect::EmptyReply), ("DescribeListeners", unknown)] {
            self.push(Act::Fault(Fault::Calls { action: Some(action.to_owned()), count, effect }));
        }
        if self.chance.once_in("deleted unseen", 2) {
            let name = (*self.chance.one_of("name", &NAMES)).to_owned();
            self.push(Act::DeleteBinding(name));
        }
    }

    fn effect(&mut self) -> Effect {
        let error = |code: &str| Effect::Error { code: code.to_owned(), message: "it is said so".to_owned() };
        match self.chance.below("effect", 11) {
            0 => error("InternalError"),
            1 => error("FailedOperation"),
            2 => error("RequestLimitExceeded"),
            3 => error("FailedOperation.ResourceInOperating"),
            4 => Effect::LostReply,
            5 => Effect::LostRequest,
            6 => Effect::HttpStatus { status: 502, done: true },
            7 => Effect::MalformedBody { body: None },
            8 => Effect::EmptyReply,
            9 => Effect::PartialReply,
            _ => Effect::FailTask { message: "it has failed".to_owned() },
        }
    }
}
