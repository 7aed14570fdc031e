//! The wish for a load balancer: what is recorded before the cloud is asked, and how long it counts.

use jiff::{SignedDuration, Timestamp};

use super::{CALL_LASTS, Placement, recorded};
use crate::api::DirectAccessBinding;
use crate::api::binding::{CreateSpec, LoadBalancerNetwork};
use crate::plan::vpc::{self, CreationVpc};
use crate::plan::{Advice, BindingPlan, Snapshot};

/// When a wish that has brought nothing is recorded anew, so that the call gets another token.
const WISH_LASTS: SignedDuration = SignedDuration::from_secs(600);
/// How soon to look again while load balancers that may say the VPC are still to be read.
const VPC_LOOK: SignedDuration = SignedDuration::from_secs(1);
/// How soon to look again while nobody says the VPC: a binding that names a load balancer may have come.
const UNKNOWN_VPC_LOOK: SignedDuration = SignedDuration::from_secs(30);

/// What is recorded before the cloud is asked, so that a call that is repeated is the same call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// When it was recorded first.
    pub at: Timestamp,
    /// The VPC that the load balancer is asked for in; `None` where the spec names one, and for the account's default VPC.
    pub vpc_id: Option<String>,
}

impl Wish {
    /// The wish that is recorded in a binding's status.
    pub(super) fn recorded(binding: &DirectAccessBinding) -> Option<Self> {
        let recorded = recorded(binding)?;
        Some(Self { at: recorded.requested_time.as_ref()?.0, vpc_id: recorded.requested_vpc_id.clone() })
    }

    /// The call that it stands for may still be made. What is found by now changes no wish; only what the flag or TKE says makes a new one, once
    /// no call of this one can be under way. A call that was refused has made nothing, and may be made again however old its wish is.
    pub(super) fn is_current(&self, spec: &CreateSpec, snapshot: &Snapshot, is_refused: bool) -> bool {
        let age = snapshot.now.duration_since(self.at);
        let is_overruled =
            self.vpc_id.as_deref().is_some_and(|id| snapshot.vpc.stated().is_some_and(|stated| stated != id));
        // Without a VPC the cloud refuses it. An earlier version asked all the same.
        let is_possible = spec.network == LoadBalancerNetwork::Public || self.vpc_of(spec, snapshot).is_some();
        (age < WISH_LASTS || is_refused) && is_possible && !(is_overruled && age >= CALL_LASTS)
    }

    /// What there is to say of the VPC that it is asked for in.
    pub(super) fn note(&self, spec: &CreateSpec, snapshot: &Snapshot) -> Option<Advice> {
        match vpc::of_creation(spec, &snapshot.vpc) {
            CreationVpc::Ask(None, note) => note.filter(|_| self.vpc_id.is_none()),
            _ => None,
        }
    }

    /// The VPC to ask for; `None` for the account's default. An earlier version recorded none, and asked for that of the flag.
    pub(super) fn vpc_of(&self, spec: &CreateSpec, snapshot: &Snapshot) -> Option<String> {
        let flagged = || snapshot.vpc.flagged().map(str::to_owned);
        spec.vpc_id.clone().or_else(|| self.vpc_id.clone()).or_else(flagged)
    }
}

/// Has a wish recorded, where it is settled in which VPC; `earlier` is the one that is recorded by now.
pub(super) fn record(spec: &CreateSpec, snapshot: &Snapshot, earlier: Option<Wish>, part: &mut BindingPlan) {
    let look = match vpc::of_creation(spec, &snapshot.vpc) {
        CreationVpc::Ask(vpc_id, note) => {
            part.advice.extend(note);
            part.placement = Some(Placement::Wished(Wish { at: snapshot.now, vpc_id }));
            return;
        }
        CreationVpc::Wait => VPC_LOOK,
        CreationVpc::Refuse(problem) => {
            part.problems.push(problem);
            part.pending.create_load_balancer = 0;
            UNKNOWN_VPC_LOOK
        }
    };
    part.placement = earlier.map(Placement::Wished);
    part.look_by(snapshot.now.checked_add(look).ok());
}
