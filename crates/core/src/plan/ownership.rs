//! Whether a round reads by the account that a binding's load balancer is in. An account is shown its own load balancers only: an
//! answer that there is none proves nothing when another one was asked, and another must not be made there.

use crate::api::DirectAccessBinding;
use crate::model::{AccountId, Caller, Failure};

/// The account that is recorded of a binding's load balancer, beside the one that the round reads by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing<'a> {
    /// They are known to be the same.
    Same,
    /// They are known to be two.
    Other {
        /// The one that is recorded.
        recorded: &'a str,
        /// The one that the round reads by.
        caller: &'a AccountId,
    },
    /// None is recorded: no read has shown the load balancer since accounts are recorded, or none while the account was known.
    NotRecorded,
    /// The one that the round reads by is not known yet.
    NotAsked,
    /// The cloud does not say by which one the round reads.
    Unknown(&'a Failure),
}

/// The account that is recorded of a binding's load balancer, also of one that is still to be created.
pub(super) fn recorded(binding: &DirectAccessBinding) -> Option<&str> {
    let found = binding.status.as_ref()?.load_balancer.as_ref()?;
    found.account.as_deref().filter(|account| !account.is_empty())
}

/// Compares the two.
pub(super) fn standing<'a>(binding: &'a DirectAccessBinding, caller: &'a Caller) -> Standing<'a> {
    let Some(recorded) = recorded(binding) else { return Standing::NotRecorded };
    match caller {
        Caller::Known(caller) if caller.as_str() == recorded => Standing::Same,
        Caller::Known(caller) => Standing::Other { recorded, caller },
        Caller::NotAsked => Standing::NotAsked,
        Caller::Unknown(failure) => Standing::Unknown(failure),
    }
}

impl Standing<'_> {
    /// Why an answer that there is no load balancer proves nothing; `None` where it does.
    pub(super) fn doubt(self) -> Option<String> {
        match self {
            Self::Same => None,
            Self::Other { recorded, caller } => {
                Some(format!("it is in account {recorded}, and the credentials are of account {caller}"))
            }
            Self::NotRecorded => Some("its account is not recorded in status.loadBalancer.account".to_owned()),
            Self::NotAsked => Some("the account of the credentials is not known yet".to_owned()),
            // Without the request id: a status that always differs would always be written.
            Self::Unknown(Failure { action, code, message, .. }) => {
                Some(format!("the account of the credentials is not known: {action} failed: {code}: {message}"))
            }
        }
    }
}
