//! Services of a load balancer that take each other's Pods.

use serde_json::json;

use super::theme::{SERVES, SETTLED};
use super::{Maker, NAMES};

/// The ports of their listeners.
const PORTS: [u16; 3] = [80, 8080, 443];

impl Maker {
    /// Services select each other's Pods, all at once or one after another; or one selects those that another one gives away.
    pub(super) fn exchanges(&mut self) {
        let count = 2 + self.place("how many", 2);
        for place in 0..count {
            let replicas = 1 + self.place("replicas", 6);
            self.bound(place, "lb-one", replicas);
        }
        self.wait(SETTLED);
        if self.chance.once_in("drains fast", 3) {
            let name = NAMES[self.place("whose", 2)];
            let seconds = self.chance.below("drain", 60);
            self.binding_on(name, "lb-one", &json!({"drain": {"timeoutSeconds": seconds}}));
        }
        self.turn(count, 1);
        self.wait(SERVES);
        match self.chance.below("then", 4) {
            0 => self.restart(),
            1 => self.rollout(0),
            // Back again, perhaps before it has come to an end.
            2 => self.turn(count, 0),
            _ => {}
        }
        self.wait(SETTLED);
    }

    /// Each Service selects the Pods of the one so many places on.
    fn turn(&mut self, count: usize, by: usize) {
        let apart = *self.chance.one_of("apart", &[0, 500, 20_000]);
        let is_given_away = by > 0 && self.chance.once_in("given away", 4);
        for place in 0..count {
            let of = if is_given_away && place > 0 { "nobody" } else { NAMES[(place + by) % count] };
            self.service_on(NAMES[place], of, PORTS[place], &json!({}));
            self.at += self.chance.below("next", apart + 1);
        }
    }
}
