//! For which Service a binding was made that has its name. A name is given again: a Service that is deleted and made anew is another one,
//! and the binding of the former goes with that.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::DirectAccessBinding;
use crate::model::Service;
use crate::plan::placement::is_controlling_service;

/// For which Service a binding was made, next to a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeFor {
    /// This one.
    This,
    /// A former one of the same name, which is gone: this one was made after the binding, which has had a load balancer of its own, and two
    /// do not have one name at a time. The garbage collector deletes it, as it does with all that a deleted Service owns.
    Former,
    /// One of the same name with another UID, and nothing shows that somebody has deleted that: a backup brings such a reference, too. The
    /// garbage collector deletes it anyway.
    Unproven,
    /// None of this name: somebody has made it by hand.
    Nobody,
}

/// For which Service a binding was made, next to this one.
pub fn made_for(service: &Service, binding: &DirectAccessBinding) -> MadeFor {
    let name = service.key.name.as_str();
    let owners = binding.metadata.owner_references.iter().flatten();
    let mut owners = owners.filter(|owner| is_controlling_service(owner));
    if binding.metadata.name.as_deref() != Some(name) {
        return MadeFor::Nobody;
    }
    match owners.find(|owner| owner.uid == service.uid || owner.name == name) {
        Some(owner) if owner.uid == service.uid => MadeFor::This,
        Some(_) if is_older(binding.metadata.creation_timestamp.as_ref(), service) && has_served(binding) => {
            MadeFor::Former
        }
        Some(_) => MadeFor::Unproven,
        None => MadeFor::Nobody,
    }
}

/// What it has on its load balancer it has made itself. A backup brings a binding without a status, and what it then finds by the marks of
/// another one is recorded as that.
fn has_served(binding: &DirectAccessBinding) -> bool {
    let recorded = binding.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    recorded.is_some_and(|recorded| recorded.former_uids.is_empty())
}

/// Both times are the API server's, in whole seconds.
fn is_older(made: Option<&Time>, service: &Service) -> bool {
    made.zip(service.created).is_some_and(|(made, created)| made.0 < created)
}
