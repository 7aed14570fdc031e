//! Bindings that have a listener in common, named by its id: what one of them wants there concerns the others.
//!
//! A target carries the mark of the binding that has registered it, and the cloud takes an address once. So a Pod that several bindings
//! want is registered by one and serves for all of them, and one that passes from one to another goes on.

use std::collections::HashMap;

use crate::api::mark::TargetTag;
use crate::model::{Address, RegisteredTarget, Route};

use super::BindingView;
use super::departure::PodIntent;
use super::management::Management;
use super::routes::{BindingIntent, RouteIntent};

/// The Pods that the bindings of a load balancer want on its routes.
pub(super) struct Siblings<'a> {
    views: Vec<&'a BindingView>,
    /// By binding and UID.
    wanted: HashMap<(Route, Address), Vec<(usize, String)>>,
}

impl<'a> Siblings<'a> {
    /// Looks at all of them.
    pub(super) fn find(intents: &[BindingIntent<'a>]) -> Self {
        let mut wanted: HashMap<_, Vec<_>> = HashMap::new();
        for (place, intent) in intents.iter().enumerate() {
            if !matches!(intent.management, Management::Manage | Management::Hold) {
                continue;
            }
            for listener in &intent.listeners {
                let routes = listener.routes.iter().filter(|row| row.intent == RouteIntent::Wanted);
                let candidates = listener.desired.endpoints.iter().flat_map(|endpoints| endpoints.candidates.values());
                let serving: Vec<_> = candidates.filter(|candidate| serves(&candidate.intent)).collect();
                for route in routes.filter_map(|row| row.route.clone()) {
                    for one in &serving {
                        let claims = wanted.entry((route.clone(), one.address)).or_default();
                        claims.push((place, one.pod_uid.clone()));
                    }
                }
            }
        }
        Self { views: intents.iter().map(|intent| intent.view).collect(), wanted }
    }

    /// Another binding than this one wants the Pod to serve there.
    pub(super) fn want(&self, me: usize, route: &Route, address: Address, pod_uid: &str) -> bool {
        let claims = self.wanted.get(&(route.clone(), address));
        claims.into_iter().flatten().any(|(place, uid)| *place != me && uid == pod_uid)
    }

    /// Another binding than this one has registered the target, for the Pod of this UID.
    pub(super) fn have(&self, me: usize, target: &RegisteredTarget, pod_uid: &str) -> bool {
        self.registrant(target).is_some_and(|(place, mark)| place != me && pod_uid.starts_with(&mark))
    }

    /// Another binding than this one has a target there that is found healthy, has weight, and is to serve on.
    pub(super) fn serve(
        &self,
        me: usize,
        route: &Route,
        observed: &[RegisteredTarget],
        is_healthy: impl Fn(Address) -> bool,
    ) -> bool {
        observed.iter().filter(|target| target.weight > 0 && is_healthy(target.address)).any(|target| {
            let Some((place, mark)) = self.registrant(target) else { return false };
            let mut claims = self.wanted.get(&(route.clone(), target.address)).into_iter().flatten();
            place != me && claims.any(|(wanting, uid)| *wanting == place && uid.starts_with(&mark))
        })
    }

    /// The binding that the mark of a target names, and the mark of its Pod.
    fn registrant(&self, target: &RegisteredTarget) -> Option<(usize, String)> {
        let tag = TargetTag::parse(&target.tag).filter(|tag| !tag.pod_mark.is_empty())?;
        let place = self.views.iter().position(|view| view.is_uid_of_ours(&tag.binding_uid))?;
        Some((place, tag.pod_mark))
    }
}

/// It is to get traffic, as far as is known.
const fn serves(intent: &PodIntent) -> bool {
    matches!(intent, PodIntent::Serve(weight) if !weight.is_zero())
}
