//! What the edge does for a machine: its reads and calls of the cloud, as futures that the world lets go on.

use std::sync::{Arc, OnceLock};

use tke_direct_access::clb::Clb;
use tke_direct_access::operator::parts;
use tke_direct_access_core::model::{Class, Failure, Limits, Quotas};
use tke_direct_access_core::plan::Step;
use tke_direct_access_core::reconcile::{Answer, Input, NotTaken, Read, Ticket};
use tke_direct_access_core::status::RefusalKind;

use crate::cloud::Right;
use crate::replica::Owner;

/// Makes a call.
pub(crate) async fn calling(clb: Clb, right: Right, owner: Owner, step: Step) -> Input {
    let Owner::LoadBalancer(key) = owner else { return Input::Due };
    let writer = clb.writer(&right);
    Input::Replied(parts::run(&writer, &key.load_balancer(), &step).await)
}

/// What is known of the quotas of the account.
pub(crate) type KnownQuotas = Arc<OnceLock<Quotas>>;

/// The limits of the account: as the cloud says, or as it said once; those of a new account where it does not.
async fn limits(clb: &Clb, known: &KnownQuotas) -> Limits {
    if let Some(known) = known.get() {
        return Limits::default().with(*known);
    }
    match clb.quotas().await {
        Ok(found) => Limits::default().with(*known.get_or_init(|| Quotas::of(&found))),
        Err(_) => Limits::default(),
    }
}

/// Reads.
pub(crate) async fn reading(clb: Clb, quotas: KnownQuotas, owner: Owner, ticket: Ticket, read: Read) -> Input {
    let Owner::LoadBalancer(key) = owner else { return Input::Due };
    let id = key.load_balancer();
    let answer = match read {
        Read::Task(task) => Answer::Task(clb.task(&task).await),
        Read::Frame => Answer::Frame(clb.contents(&id).await.and_then(parts::frame)),
        Read::Targets(listeners) => Answer::Targets(clb.targets_of(&id, &listeners).await),
        Read::Health => {
            let found = clb.health(std::slice::from_ref(&id)).await;
            Answer::Health(found.and_then(|mut all| all.remove(&id).ok_or_else(|| not_in_reply(&id.to_string()))))
        }
        Read::Tagged(tag, value) => Answer::Tagged(clb.load_balancers_tagged(&tag, &value).await),
        Read::Quotas => Answer::Quotas(limits(&clb, &quotas).await),
        Read::Certificate(_) => Answer::Certificate(Err("there is no such Secret".to_owned())),
        Read::Definition(_) => return Input::Due,
        Read::Other(what) => {
            what.refused(NotTaken { kind: RefusalKind::Passing, words: "it is read elsewhere".to_owned() })
        }
    };
    Input::Answer(ticket, answer)
}

fn not_in_reply(id: &str) -> Failure {
    Failure {
        class: Class::Unreachable,
        action: "DescribeTargetHealth",
        code: "ClientError.UnreadableReply".to_owned(),
        message: format!("LoadBalancers has no {id}"),
        request_id: None,
    }
}
