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
            13 => self.taken_out(name),
            14 => self.failed_start(place),
            _ => self.left_to_end(name, place),
        }
    }

    /// A Service stands for other Pods, or for another port of the same, once everything serves.
    fn other_pods(&mut self, name: &str) {
        let other = *self.chance.one_of("app", &NAMES);
        let workload = self.workload(other);
        self.push(Act::Workload(workload));
        self.plain_service(name, name, 8080, &json!({}));
        self.at += 60_000;
        if self.chance.once_in("port", 2) {
            self.plain_service(name, name, 8081, &json!({}));
        } else {
            self.plain_service(name, other, 8080, &json!({}));
        }
    }

    fn plain_service(&mut self, name: &str, app: &str, target_port: u16, annotations: &Value) {
        let spec = json!({
            "type": "LoadBalancer",
            "selector": {"app": app},
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": target_port}],
        });
        self.push(Act::Service { name: name.to_owned(), annotations: annotations.clone(), spec });
    }

    /// A Service asks for a binding in words, and says something else later, which may not be readable.
    fn words(&mut self, name: &str) {
        self.push(Act::DeleteBinding(name.to_owned()));
        let workload = self.workload(name);
        self.push(Act::Workload(workload));
        let mut annotations = json!({});
        annotations[WORDS[0].0] = Value::from("true");
        if self.chance.once_in("existing", 2) {
            annotations["service.kubernetes.io/tke-existed-lbid"] = Value::from("lb-two");
        }
        // The first word of each kind can be read.
        for (key, words) in &WORDS[1..] {
            if self.chance.once_in("word", 2) {
                annotations[*key] = Value::from(words[0]);
            }
        }
        match self.chance.below("odd from the beginning", 6) {
            0 => self.odd_word(&mut annotations),
            1 | 2 => {
                // One that is created needs what only creation can set.
                annotations = json!({});
                annotations[WORDS[0].0] = Value::from("true");
                annotations[WORDS[2].0] = Value::from(WORDS[2].1[1]);
                self.at += 120_000;
            }
            _ => {}
        }
        self.plain_service(name, name, 8080, &annotations);
        for _ in 0..2 {
            self.at += 130_000 + self.chance.below("later", 60_000);
            if self.chance.once_in("deleted", 3) {
                self.push(Act::DeleteBinding(name.to_owned()));
                continue;
            }
            if self.chance.once_in("two words", 3) {
                annotations[WORDS[0].0] = Value::from("true");
                annotations[WORDS[3].0] = Value::from("false");
                annotations[WORDS[4].0] = Value::from(WORDS[4].1[1]);
            } else {
                self.odd_word(&mut annotations);
            }
            self.plain_service(name, name, 8080, &annotations);
        }
    }

    fn odd_word(&mut self, annotations: &mut Value) {
        let (key, words) = self.chance.one_of("odd", &WORDS);
        annotations[*key] = Value::from(*self.chance.one_of(key, words));
    }

    /// The controller of another readiness gate takes Pods out.
    fn taken_out(&mut self, name: &str) {
        let mut workload = self.workload(name);
        workload.other_gate = true;
        self.push(Act::Workload(workload));
        self.at += 150_000;
        let seconds = 90 + self.chance.below("taken out", 60);
        for place in 0..6 {
            self.push(Act::TakeOut(place, seconds));
        }
        self.at += 30_000;
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
        let workload = self.workload(name);
        self.push(Act::Workload(workload));
        self.plain_service(name, name, 8080, &json!({}));
        let binding = |listener: Value| Act::Binding {
            name: name.to_owned(),
            spec: json!({"serviceRef": {"name": name}, "loadBalancer": {"id": "lb-one"}, "listeners": [listener]}),
        };
        self.push(binding(json!({"port": 81, "protocol": "TCP", "servicePort": "http"})));
        self.at += 60_000;
        let secret = json!({"secretName": "none"});
        self.push(binding(json!({"port": 81, "protocol": "TCP_SSL", "servicePort": "http", "certificate": secret})));
        self.at += 20_000;
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
        if self.chance.once_in("its tag", 3) {
            self.push(Act::Console(Console::Untag(2 + place % 2)));
            self.at += self.chance.below("tag", 90_000);
        }
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

    /// The first reads of a replica that begins to lead fail, perhaps while a Pod is not ready.
    fn failed_start(&mut self, place: usize) {
        let replica = place % 2;
        self.push(Act::Fault(Fault::Crash(replica, 5)));
        self.push(Act::Fault(Fault::Crash(1 - replica, 6)));
        let error = || Effect::Error { code: "InternalError".to_owned(), message: "not now".to_owned() };
        let action = (*self.chance.one_of("first", &["DescribeLoadBalancers", "DescribeListeners"])).to_owned();
        if self.chance.once_in("health", 2) {
            let action = Some("DescribeTargetHealth".to_owned());
            self.push(Act::Fault(Fault::Calls { action, count: 6, effect: error() }));
            self.push(Act::Unready(place, 60));
        } else {
            self.push(Act::Fault(Fault::Calls { action: Some(action), count: 1, effect: error() }));
        }
        self.at += 15_000;
    }

    /// Pods end all at once, while their replacements come.
    fn left_to_end(&mut self, name: &str, place: usize) {
        self.push(Act::Rollout(name.to_owned()));
        for number in 0..4 {
            self.push(Act::DeletePod(place + number));
        }
    }
}
