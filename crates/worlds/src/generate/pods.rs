//! What is made up of single Pods: users who edit them, and ends that nobody has asked for.

use serde_json::json;

use super::theme::{SERVES, SETTLED};
use super::{Maker, NAMES};
use crate::act::{Act, Console};
use crate::pod_change::PodChange;

/// What users write as the weight of a Pod.
const WEIGHTS: [&str; 6] = ["0", "0", "1", "50", "", "150"];

impl Maker {
    /// Something becomes of a Pod, and perhaps it is taken back later. What else the story has keeps its time.
    pub(super) fn a_pod_changes(&mut self) {
        let place = self.place("which Pod", 10);
        let change = match self.chance.below("what becomes of a Pod", 12) {
            0..=3 => PodChange::Unlabel,
            4..=6 => PodChange::Weigh(Some((*self.chance.one_of("weight of a Pod", &WEIGHTS)).to_owned())),
            7 | 8 => PodChange::Finish(!self.chance.once_in("succeeds", 3)),
            9 | 10 => PodChange::Readdress(self.chance.once_in("shown", 2)),
            _ => PodChange::Force,
        };
        let back = match &change {
            PodChange::Unlabel => Some(PodChange::Label),
            PodChange::Weigh(_) => Some(PodChange::Weigh(None)),
            _ => None,
        };
        self.push(Act::Pod(place, change));
        if let Some(back) = back.filter(|_| !self.chance.once_in("for good", 3)) {
            let later = match self.chance.below("taken back", 4) {
                0 => self.chance.below("at once", 1000),
                1 | 2 => self.chance.below("soon", 40_000),
                _ => self.chance.below("late", 400_000),
            };
            self.acts.push((self.at + later, Act::Pod(0, back)));
        }
    }

    /// Somebody at the console changes tags.
    pub(super) fn tags(&mut self, place: usize) {
        let tag = (*self.chance.one_of("tag of a target", &["mine", "", "dab-"])).to_owned();
        let act = if self.chance.once_in("of a load balancer", 4) {
            Console::Untag(place)
        } else {
            Console::Retag(place, tag)
        };
        self.push(Act::Console(act));
    }

    /// A binding serves, perhaps on a load balancer that is made for it, and somebody changes tags while its Pods come and go.
    pub(super) fn tags_theme(&mut self) {
        let name = NAMES[0];
        self.plain_workload(name, 2);
        self.service_on(name, name, 80, &json!({}));
        let is_made = self.chance.once_in("made", 2);
        if is_made {
            let create = json!({"create": {"network": "Public"}});
            let more = json!({"loadBalancer": create, "deletionPolicy": "Delete"});
            self.binding_on(name, "lb-one", &more);
        } else {
            self.binding_on(name, "lb-one", &json!({}));
        }
        self.wait(SETTLED);
        for _ in 0..2 {
            if is_made && self.chance.once_in("its tag", 2) {
                self.push(Act::Console(Console::Untag(2)));
            } else {
                let place = self.place("whose tag", 4);
                self.tags(place);
            }
            self.at += self.chance.below("then", 100_000);
            self.turn_over(0);
            if self.chance.once_in("another leader", 3) {
                self.restart();
            }
            self.wait(SERVES);
        }
        if self.chance.once_in("deleted", 2) {
            self.push(Act::DeleteBinding(name.to_owned()));
        }
    }

    /// The endpoints of a Service are in several slices.
    pub(super) fn small_slices(&mut self) {
        let most = 1 + self.place("in a slice", 3);
        self.acts.push((0, Act::Slices(most)));
    }

    /// A binding whose Pods change one after another, while others come and go.
    pub(super) fn pods_theme(&mut self) {
        if self.chance.once_in("small slices", 3) {
            self.small_slices();
        }
        let replicas = 1 + self.place("replicas", 3);
        self.bound(0, "lb-one", replicas);
        if self.chance.once_in("another binding", 3) {
            self.bound(1, "lb-one", 2);
        }
        self.wait(SETTLED);
        for _ in 0..3 {
            for _ in 0..1 + self.chance.below("at once", 2) {
                self.a_pod_changes();
                self.at += self.chance.below("between", 3000);
            }
            match self.chance.below("meanwhile", 6) {
                0 | 1 => self.rollout(0),
                2 => self.push(Act::Scale(NAMES[0].to_owned(), 1 + replicas)),
                3 => {
                    let place = self.place("misfortune", 40);
                    self.misfortune(place);
                }
                _ => {}
            }
            self.wait(SERVES);
        }
    }
}
