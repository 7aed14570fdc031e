//! The reads that machines ask for.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use kube::api::{ApiResource, DynamicObject};

use super::certificates;
use super::context::{Cloud, Context};
use super::kubernetes::WriteError;
use crate::api::mark::ListenerName;
use crate::api::{DirectAccessBinding, TkeServiceConfig, names};
use crate::clb::{Contents, Presence};
use crate::k8s;
use crate::model::{Class, Failure, Limits, ObjectKey, Region, Service};
use crate::plan::{DefinitionSight, DepartureSight, Observed, ServiceSight};
use crate::reconcile::{Answer, Frame, Key, NotTaken, OtherRead, Read, StatusField};

/// Reads, and gives what came of it. A region that can have no client is a read that has failed.
pub(super) async fn read(context: &Context, key: &Key, read: Read) -> Answer {
    let cloud = || client(context, key.region());
    match read {
        Read::Certificate(secret) => {
            Answer::Certificate(certificates::certificate(context, key.region(), &secret).await)
        }
        Read::Definition(services) => Answer::Definition(departure(context, &services).await),
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
        Read::Other(what) => read_other(context, what).await,
    }
}

/// Reads what is not about a load balancer.
pub(super) async fn read_other(context: &Context, read: OtherRead) -> Answer {
    match read {
        OtherRead::Config(config) => Answer::Config(found(context, &config).await),
        OtherRead::Service(key) => Answer::Service(service(context, &key).await),
        OtherRead::StatusField => Answer::StatusField(status_field(context).await),
    }
}

/// A config as it is; `None` when there is none.
async fn found(context: &Context, key: &ObjectKey) -> Result<Option<Box<DynamicObject>>, NotTaken> {
    let resource = ApiResource::erase::<TkeServiceConfig>(&());
    let found = context.kubernetes.object(key, &resource).await;
    found.map(|config| config.map(Box::new)).map_err(|error| WriteError::from(error).into())
}

/// A Service as it is; `None` when there is none.
async fn service(context: &Context, key: &ObjectKey) -> Result<Option<Box<Service>>, NotTaken> {
    let found = context.kubernetes.service(key).await;
    found.map(|found| found.as_ref().map(k8s::service).map(Box::new)).map_err(|error| WriteError::from(error).into())
}

/// Whether the installed definition of TkeServiceConfigs has a status.
async fn status_field(context: &Context) -> StatusField {
    let version = format!("{}/{}", names::GROUP, names::VERSION);
    let is_status = |name: &str| name == "tkeserviceconfigs/status";
    match context.kubernetes.resources(&version).await {
        Ok(list) if !list.resources.iter().any(|resource| is_status(&resource.name)) => StatusField::Missing,
        Ok(_) => StatusField::There,
        Err(error) => {
            tracing::debug!(%error, "the API server does not tell its resources");
            StatusField::There
        }
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
///
/// # Errors
///
/// When one of our own listeners cannot be read.
pub fn frame(presence: Presence) -> Result<Frame, Failure> {
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

/// What is gone, by a look at the API server itself.
async fn departure(context: &Context, services: &[ObjectKey]) -> DepartureSight {
    let mut sight = DepartureSight { definition: definition(context).await, services: BTreeMap::new() };
    for key in services {
        let found = match context.kubernetes.service(key).await {
            Ok(Some(found)) if found.metadata.deletion_timestamp.is_none() => {
                ServiceSight::There(Arc::new(k8s::service(&found)))
            }
            Ok(_) => ServiceSight::Gone,
            Err(error) => {
                tracing::warn!(%error, service = %key, "the Service cannot be read, so its deleted binding takes nothing away");
                ServiceSight::Unreadable
            }
        };
        sight.services.insert(key.clone(), found);
    }
    sight
}

/// A definition that is being deleted takes all bindings with it, which nobody may have meant.
async fn definition(context: &Context) -> DefinitionSight {
    match context.kubernetes.metadata::<CustomResourceDefinition>(DirectAccessBinding::crd_name()).await {
        Ok(found) => DefinitionSight::of(found.as_ref().map(|found| &found.metadata)),
        Err(error) => {
            tracing::warn!(%error, "the definition of DirectAccessBindings cannot be read, so deleted bindings take nothing away");
            DefinitionSight::Unreadable
        }
    }
}
