//! What is rare with bindings: two that have a listener in common, and one that is replaced.

use serde_json::json;

use super::rare::{ASKS, EXISTING, FIRST_LISTENER};
use super::{Maker, NAMES};
use crate::act::{Act, Console};

impl Maker {
    /// Two bindings of two Services are to have the same Pods on one listener, which somebody else has made.
    pub(super) fn taken_addresses(&mut self, name: &str) {
        let other = if name == NAMES[2] { NAMES[0] } else { NAMES[2] };
        self.acts.push((0, Act::Console(Console::AddListener { load_balancer: 1, port: 9000 })));
        self.gated(name);
        for one in [name, other] {
            self.a_service(one, &json!({}), &json!({"selector": {"app": name}}));
            let listener =
                json!({"port": 9000, "protocol": "TCP", "servicePort": "http", "listenerId": FIRST_LISTENER});
            self.a_binding(one, &json!({"listeners": [listener]}));
            self.at += 20_000;
        }
        self.push(Act::Rollout(name.to_owned()));
        if self.chance.once_in("passed", 2) {
            // They pass to the other one.
            self.at += 60_000;
            self.a_service(name, &json!({}), &json!({"selector": {"app": "nobody"}}));
        }
    }

    /// A binding is replaced by what is in a file, and deleted later.
    pub(super) fn replaced(&mut self, name: &str) {
        self.gated(name);
        if self.chance.once_in("asked", 2) {
            self.a_service(name, &json!({ASKS: "true", EXISTING: "lb-two"}), &json!({}));
        } else {
            self.a_service(name, &json!({}), &json!({}));
            self.a_binding(name, &json!({}));
        }
        self.at += 60_000;
        self.push(Act::Replace(name.to_owned()));
        self.at += 120_000;
        self.push(Act::DeleteBinding(name.to_owned()));
    }
}
