//! What is made up because some fault would only show there: each is for a few of the faults that can be put in.

use serde_json::{Value, json};
use tke_direct_access::sim::Effect;

use super::{ACTIONS, Maker, NAMES};
use crate::act::{Act, Console, Fault};

/// What Services say, for better or worse.
const WORDS: [(&str, &[&str]); 5] = [
    ("service.cloud.tencent.com/direct-access", &["true", "true", "true", "True", "yes", "", "false"]),
    (
        "service.cloud.tencent.com/specify-protocol",
        &[r#"{"80":{"protocol":["UDP"]}}"#, r#"{"80":{"protocol":["UDP"]},}"#, r#"{"80":{"protocol":["TCP"]}}"#],
    ),
    ("service.cloud.tencent.com/security-groups", &["sg-1a2b3c4d", "CHANGE_ME", ""]),
    ("service.cloud.tencent.com/enable-grace-shutdown", &["true", "false", "maybe"]),
    ("service.kubernetes.io/qcloud-loadbalancer-internet-max-bandwidth-out", &["10", "a lot"]),
];

impl Maker {
    pub(super) fn circumstance(&mut self, name: &str, place: usize) {
        match self.chance.below("circumstance", 16) {
            0 | 1 => self.other_pods(name),
            2 | 3 => self.words(name),
            4 => self.weights(name),
            5 => self.push(Act::Console(Console::Rename(place))),
            6 => self.refused(),
            7 => self.refused_often(),
            8 => self.slow_health(),
            9 => self.certificate(name),
            10 => self.created(name, place),
            11 => self.late_list(place),
            12 => self.again(name),
            13 => self.push(Act::TakeOut(place, 60 + place as u64 * 3)),
            14 => self.failed_start(place),
            _ => self.left_to_end(name, place),
        }
    }

    /// A Service stands for other Pods from now on, or for another port of the same.
    fn other_pods(&mut self, name: &str) {
        let app = *self.chance.one_of("app", &NAMES);
        let port = *self.chance.one_of("target port", &[8080, 8081]);
        let spec = json!({
            "type": "LoadBalancer",
            "selector": {"app": app},
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": port}],
        });
        self.push(Act::Service { name: name.to_owned(), annotations: json!({}), spec });
    }

    /// A Service says something else, which may not be readable.
    fn words(&mut self, name: &str) {
        let mut annotations = json!({});
        for (key, words) in WORDS {
            let is_first = key == WORDS[0].0;
            if is_first || self.chance.once_in("word", 2) {
                annotations[key] = Value::from(*self.chance.one_of(key, words));
            }
        }
        if self.chance.once_in("existing", 2) {
            annotations["service.kubernetes.io/tke-existed-lbid"] = Value::from("lb-two");
        }
        let spec = json!({
            "type": "LoadBalancer",
            "selector": {"app": name},
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}],
        });
        self.push(Act::Service { name: name.to_owned(), annotations, spec });
    }

    /// Pods say their own weight.
    fn weights(&mut self, name: &str) {
        let mut workload = self.workload(name);
        workload.weight = Some((*self.chance.one_of("weight", &["150", "0", "7", ""])).to_owned());
        self.push(Act::Workload(workload));
    }

    /// The cloud does not take one address.
    fn refused(&mut self) {
        const REFUSED: [&str; 3] = ["BatchRegisterTargets", "BatchDeregisterTargets", "BatchModifyTargetWeight"];
        let action = (*self.chance.one_of("refused", &REFUSED)).to_owned();
        let names = format!("10.0.0.{}", 2 + self.chance.below("address", 8));
        let code =
            (*self.chance.one_of("code", &["InvalidParameterValue", "LimitExceeded", "FailedOperation"])).to_owned();
        let seconds = 60 + self.chance.below("refused for", 240);
        self.push(Act::Fault(Fault::Refused { action, names, code, seconds }));
        let name = (*self.chance.one_of("name", &NAMES)).to_owned();
        self.at += 1000;
        self.push(Act::Rollout(name));
        let name = (*self.chance.one_of("name", &NAMES)).to_owned();
        self.push(Act::Rollout(name));
    }

    /// The cloud refuses an action often.
    fn refused_often(&mut self) {
        let action = (*self.chance.one_of("often", &ACTIONS[5..])).to_owned();
        let code = *self.chance.one_of("code", &["InvalidParameterValue", "InternalError", "RequestLimitExceeded"]);
        let effect = Effect::Error { code: code.to_owned(), message: "not now".to_owned() };
        let count = 8 + self.chance.below("often", 24);
        self.push(Act::Fault(Fault::Calls { action: Some(action), count, effect }));
        let name = (*self.chance.one_of("name", &NAMES)).to_owned();
        self.push(Act::Rollout(name));
    }

    /// Health takes long to read while Pods come and go.
    fn slow_health(&mut self) {
        let milliseconds = 100_000 + self.chance.below("slow", 100_000);
        let effect = Effect::Delay { milliseconds };
        self.push(Act::Fault(Fault::Calls { action: Some("DescribeTargetHealth".to_owned()), count: 2, effect }));
        for name in NAMES {
            self.at += 500;
            self.push(Act::Rollout(name.to_owned()));
        }
    }

    /// A listener is to be of another protocol, for which there is no certificate.
    fn certificate(&mut self, name: &str) {
        let spec = json!({
            "serviceRef": {"name": name}, "loadBalancer": {"id": "lb-one"},
            "listeners": [{"port": 80, "protocol": "TCP_SSL", "servicePort": "http", "certificate": {"secretName": "none"}}],
        });
        self.push(Act::Binding { name: name.to_owned(), spec });
    }

    /// A load balancer is created for a binding, somebody else uses it, and the binding goes.
    fn created(&mut self, name: &str, place: usize) {
        let spec = json!({
            "serviceRef": {"name": name}, "loadBalancer": {"create": {"network": "Public"}}, "deletionPolicy": "Delete",
        });
        self.push(Act::DeleteBinding(name.to_owned()));
        self.at += 90_000;
        self.push(Act::Binding { name: name.to_owned(), spec });
        self.at += 40_000 + self.chance.below("created", 40_000);
        if self.chance.once_in("used", 2) {
            self.push(Act::Console(Console::AddListener { load_balancer: place, port: 9000 }));
            self.at += 5_000;
        }
        self.push(Act::DeleteBinding(name.to_owned()));
    }

    /// A replica begins, and a list comes late.
    fn late_list(&mut self, place: usize) {
        let replica = place % 2;
        let seconds = 10 + self.chance.below("late", 60);
        for kind in [place, place + 1 + place % 3] {
            self.push(Act::Fault(Fault::Stall(replica, kind, seconds)));
        }
        self.push(Act::Fault(Fault::Crash(replica, 1)));
        self.push(Act::Fault(Fault::Crash(1 - replica, seconds)));
    }

    /// A binding is deleted and applied again.
    fn again(&mut self, name: &str) {
        self.push(Act::DeleteBinding(name.to_owned()));
        self.at += self.chance.below("again", 20_000);
        self.binding(name);
        self.push(Act::DeleteBinding(name.to_owned()));
    }

    /// The first read of a replica that begins to lead fails.
    fn failed_start(&mut self, place: usize) {
        let replica = place % 2;
        self.push(Act::Fault(Fault::Crash(replica, 5)));
        self.push(Act::Fault(Fault::Crash(1 - replica, 6)));
        let action = (*self.chance.one_of("first", &["DescribeLoadBalancers", "DescribeListeners"])).to_owned();
        let code = *self.chance.one_of("code", &["InternalError", "RequestLimitExceeded"]);
        let effect = Effect::Error { code: code.to_owned(), message: "not now".to_owned() };
        self.push(Act::Fault(Fault::Calls { action: Some(action), count: 1, effect }));
    }

    /// Pods end all at once, or a Service is told from another's Pods, while their replacements come.
    fn left_to_end(&mut self, name: &str, place: usize) {
        self.push(Act::Rollout(name.to_owned()));
        for number in 0..4 {
            self.push(Act::DeletePod(place + number));
        }
    }
}
