//! The controller's ConfigMap, and whether removals are held.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tke_direct_access::k8s;
use tke_direct_access_core::api::names;
use tke_direct_access_core::plan::brake::HoldConfig;

use super::{Address, Happening, World};
use crate::replica::Wish;

impl World {
    /// A user says this of removals.
    pub(super) fn say_of_removals(&mut self, word: Option<String>) {
        self.hold = word;
        self.checks.watch.losses.is_said = true;
        for replica in 0..self.replicas.len() {
            let to = self.address(replica, None);
            self.show_hold(to);
        }
    }

    /// A replica is shown the ConfigMap as it is by then.
    pub(super) fn show_hold(&mut self, to: Address) {
        if self.hold.is_some() || self.checks.watch.losses.is_said {
            self.after("watch of the ConfigMap", Duration::from_millis(20), Happening::Hold { to });
        }
    }

    /// A replica hears what the ConfigMap says.
    pub(super) fn hear_of_removals(&mut self, replica: usize, wishes: &mut Vec<Wish>) {
        let (config, wall) = (self.hold_config(), self.wall_of(replica));
        if let Some(change) = self.replicas[replica].hear_hold(config) {
            self.replicas[replica].take_in(&change, self.now, wall, wishes);
        }
    }

    /// What the ConfigMap says; `None` where there is none.
    fn hold_config(&self) -> Option<HoldConfig> {
        let word = self.hold.clone()?;
        let meta = ObjectMeta { name: Some(names::CONTROLLER_CONFIG.to_owned()), ..ObjectMeta::default() };
        let data = BTreeMap::from([(names::HOLD_REMOVALS_KEY.to_owned(), word)]);
        Some(k8s::hold(&core::ConfigMap { metadata: meta, data: Some(data), ..core::ConfigMap::default() }))
    }

    /// A leader holds removals.
    pub(super) fn holds_removals(&self) -> bool {
        self.replicas.iter().any(|one| one.leading.is_some() && one.holds_removals())
    }
}
