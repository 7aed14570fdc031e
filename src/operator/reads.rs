//! The reads that machines ask for.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

use super::context::{Cloud, Context};
use crate::api::DirectAccessBinding;
use crate::api::mark::ListenerName;
use crate::clb::{Contents, Presence};
use crate::model::{Class, Failure, Limits, Region};
use crate::plan::Observed;
use crate::reconcile::{Answer, DefinitionSight, Frame, Key, Read};

/// Reads, and gives what came of it. A region that can have no client is a read that has failed.
pub(super) async fn read(context: &Context, key: &Key, read: Read) -> Answer {
    let cloud = || client(context, key.region());
    match read {
        Read::Certificate(secret) => Answer::Certificate(context.kubernetes.certificate(&secret).await),
        Read::Definition => Answer::Definition(definition(context).await),
        Read::Quotas => Answer::Quotas(match cloud() {
            Ok(cloud) => cloud.quotas.limits(&cloud.clb, context.quotas).await,
            Err(_) => Limits::default(),
        }),
        Read::Task(task) => Answer::Task(match cloud() {
            Ok(cloud) => cloud.clb.task(&task).await,
            Err(failure) => Err(failure),
        }),
        Read::Frame => Answer::Frame(match cloud() {
            Ok(cloud) => cloud.reads.contents(&key.load_balancer()).await.and_then(frame),
            Err(failure) => Err(failure),
        }),
        Read::Targets(listeners) => Answer::Targets(match cloud() {
            Ok(cloud) => cloud.clb.targets_of(&key.load_balancer(), &listeners).await,
            Err(failure) => Err(failure),
        }),
        Read::Health => Answer::Health(match cloud() {
            Ok(cloud) => cloud.reads.health(&key.load_balancer()).await,
            Err(failure) => Err(failure),
        }),
        Read::Tagged(tag, value) => Answer::Tagged(match cloud() {
            Ok(cloud) => cloud.clb.load_balancers_tagged(&tag, &value).await,
            Err(failure) => Err(failure),
        }),
    }
}

/// The client of a region.
///
/// # Errors
///
/// When the settings can make none, in the form of a call that has failed.
pub(super) fn client(context: &Context, region: &Region) -> Result<Cloud, Failure> {
    context.clouds.client(region).map_err(|error| Failure {
        class: Class::Unreachable,
        action: "DescribeLoadBalancers",
        code: "ClientError.Settings".to_owned(),
        message: error.to_string(),
        request_id: None,
    })
}

/// What a read shows of the load balancer.
fn frame(presence: Presence) -> Result<Frame, Failure> {
    Ok(match presence {
        Presence::Found(contents) => {
            let Contents { load_balancer, listeners, targets, .. } =
                contents.readable(|mark| ListenerName::owner(mark).is_some())?;
            let (health, health_basis) = (Ok(Vec::new()), None);
            Frame::Shown(Observed { load_balancer, listeners, targets, health, health_basis })
        }
        Presence::NotShown { witnesses } => Frame::NotShown(witnesses),
    })
}

/// A definition that is being deleted takes all bindings with it, which nobody may have meant.
async fn definition(context: &Context) -> DefinitionSight {
    match context.kubernetes.metadata::<CustomResourceDefinition>(DirectAccessBinding::crd_name()).await {
        Ok(Some(found)) if found.metadata.deletion_timestamp.is_none() => DefinitionSight::Stays,
        Ok(_) => DefinitionSight::Goes,
        Err(error) => {
            tracing::warn!(%error, "the definition of DirectAccessBindings cannot be read, so deleted bindings take nothing away");
            DefinitionSight::Unreadable
        }
    }
}
