//! More bindings than may lose most of their targets at once.

use serde_json::json;

use super::Maker;
use super::theme::{SERVES, SETTLED};
use crate::act::{Act, Kind, Workload};

/// Their names, and those of their workloads and Services.
const MANY: [&str; 7] = ["one", "two", "three", "four", "five", "six", "seven"];

impl Maker {
    /// Many bindings, and a mistake that is about all of them, or almost.
    pub(super) fn many_bindings(&mut self) {
        for (place, name) in MANY.iter().enumerate() {
            let mut workload = self.workload(name);
            workload = Workload { kind: Kind::Deployment, replicas: 1 + place % 3, other_gate: true, ..workload };
            self.push(Act::Workload(workload));
            self.service_on(name, name, 80 + u16::try_from(place).unwrap_or_default(), &json!({}));
            let id = if self.chance.once_in("the other", 2) { "lb-two" } else { "lb-one" };
            self.binding_on(name, id, &json!({}));
        }
        self.wait(SETTLED);
        if self.chance.once_in("said before", 6) {
            self.say_of_removals();
        }
        let count = 4 + self.place("how many", 4);
        let kind = self.chance.below("mistake", 3);
        let apart = *self.chance.one_of("apart", &[0, 0, 1_000, 8_000]);
        for (place, name) in MANY.iter().enumerate().take(count) {
            let port = 80 + u16::try_from(place).unwrap_or_default();
            match kind {
                // A label that no Pod has.
                0 => {
                    let ports = json!([{"name": "http", "port": port, "protocol": "TCP", "targetPort": 8080}]);
                    let spec =
                        json!({"type": "LoadBalancer", "selector": {"app": name, "tier": "web"}, "ports": ports});
                    self.push(Act::Service { name: (*name).to_owned(), annotations: json!({}), spec });
                }
                1 => {
                    let ports = json!([{"name": "http", "port": port, "protocol": "TCP", "targetPort": 8081}]);
                    let spec = json!({"type": "LoadBalancer", "selector": {"app": name}, "ports": ports});
                    self.push(Act::Service { name: (*name).to_owned(), annotations: json!({}), spec });
                }
                _ => {
                    for pod in 0..2 {
                        self.push(Act::TakeOut(2 * place + pod, 90));
                    }
                }
            }
            self.at += self.chance.below("next", apart + 1);
        }
        self.wait(SERVES);
        if !self.chance.once_in("nothing said", 4) {
            self.say_of_removals();
        }
        if self.chance.once_in("another leader", 3) {
            self.restart();
        }
        self.wait(SERVES);
        if self.chance.once_in("taken back", 2) {
            self.push(Act::Hold(Some("false".to_owned())));
        }
    }

    fn say_of_removals(&mut self) {
        let word = *self.chance.one_of("of removals", &["false", "true", "true", "no", ""]);
        self.push(Act::Hold(Some(word.to_owned())));
    }
}
