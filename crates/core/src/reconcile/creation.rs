//! Bindings that are made for annotated Services.

use std::sync::Arc;

use super::service::judge;
use super::surroundings::Surroundings;
use crate::model::Service;
use crate::status::service::{Application, Outcome};

/// A binding that is to be made. Somebody pays for the load balancer that may be created with it, so that what a cache shows is not
/// enough: there is one only of a Service that the API server itself has just shown, and that asks for what was decided on.
#[derive(Clone, Debug, PartialEq)]
pub struct NewBinding {
    service: Arc<Service>,
    wanted: Box<Application>,
}

impl NewBinding {
    /// One of a Service as the API server has just shown it; `None` where that is not the one with this UID, asks for something else than
    /// was decided, or has a binding.
    pub(super) fn confirm(
        shown: Service,
        (uid, decided): (&str, &Application),
        surroundings: &Surroundings<'_>,
    ) -> Option<Self> {
        let seen = judge(Arc::new(shown), surroundings);
        match seen.verdict.outcome {
            Outcome::Apply(wanted) if seen.service.uid == uid && *wanted == *decided && seen.own.is_none() => {
                Some(Self { service: seen.service, wanted })
            }
            _ => None,
        }
    }

    /// The Service that it is made for.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// What it is to be like.
    pub const fn wanted(&self) -> &Application {
        &self.wanted
    }
}
