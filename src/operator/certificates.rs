//! Certificates that bindings name by Secret: the id that a Secret holds, or of the upload of the certificate that it holds.
//!
//! An upload is made when a round reads the Secret, before the round decides: a listener goes from one certificate to the next by one
//! change, and has one all the time. What nobody needs any more is deleted beside the rounds, by [`sweep`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use tokio_util::sync::CancellationToken;

use super::certificate_ends::CertificateEnds;
use super::context::{Cloud, Context};
use super::reads::client;
use crate::api::DirectAccessBinding;
use crate::api::binding::Mode;
use crate::api::upload_mark::Scope;
use crate::clb::wire::Secret;
use crate::k8s::certificate::{Certificate, Pair};
use crate::model::{Class, Failure, ObjectKey, Region};
use crate::plan::named_secrets;
use crate::plan::uploads::Said;
use crate::reconcile::{Key, Need, Uploads};

/// How often it is looked for what nobody needs any more.
const PAUSE: Duration = Duration::from_secs(10);
/// A list, an upload, and what may come between them.
const MOST_STEPS: usize = 4;

/// What this leadership knows of uploads, by region. Only regions in which a Secret holds a certificate are here.
#[derive(Default)]
pub(super) struct Certificates {
    by_region: Mutex<HashMap<Region, Arc<OfRegion>>>,
    ends: CertificateEnds,
}

struct OfRegion {
    uploads: Mutex<Uploads>,
    /// One at a time looks for the upload of a Secret, and makes it.
    turns: Mutex<BTreeMap<ObjectKey, Arc<tokio::sync::Mutex<()>>>>,
}

impl OfRegion {
    fn uploads(&self) -> MutexGuard<'_, Uploads> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, secret: &ObjectKey) -> Arc<tokio::sync::Mutex<()>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).entry(secret.clone()).or_default().clone()
    }
}

impl Certificates {
    fn all(&self) -> Vec<(Region, Arc<OfRegion>)> {
        let by_region = self.by_region.lock().unwrap_or_else(PoisonError::into_inner);
        by_region.iter().map(|(region, known)| (region.clone(), Arc::clone(known))).collect()
    }

    fn known(&self, region: &Region) -> Option<Arc<OfRegion>> {
        self.by_region.lock().unwrap_or_else(PoisonError::into_inner).get(region).cloned()
    }

    /// What is known of a region, in which something is to be uploaded. Which cluster this is says its definition of bindings: with it
    /// all bindings go, and what they have left is nobody's any more.
    async fn of(&self, context: &Context, region: &Region) -> Result<Arc<OfRegion>, String> {
        if let Some(known) = self.known(region) {
            return Ok(known);
        }
        let name = DirectAccessBinding::crd_name();
        let found = context.kubernetes.metadata::<CustomResourceDefinition>(name).await;
        let uid = found.ok().flatten().and_then(|found| found.metadata.uid);
        let uid =
            uid.ok_or_else(|| format!("the CustomResourceDefinition {name}, which marks uploads, cannot be read"))?;
        let scope = Scope::new(&uid, region.as_str());
        let mut by_region = self.by_region.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(OfRegion { uploads: Mutex::new(Uploads::new(scope)), turns: Mutex::default() });
        Ok(Arc::clone(by_region.entry(region.clone()).or_insert_with(new)))
    }
}

/// The id of the certificate in a Secret, which is uploaded where it has none.
///
/// # Errors
///
/// Why there is none, in words for users.
pub(super) async fn certificate(context: &Context, region: &Region, secret: &ObjectKey) -> Result<String, String> {
    let read = context.kubernetes.certificate(secret).await;
    if let Ok(certificate) = &read {
        context.certificates.ends.hold(secret, certificate);
    }
    let found = match read {
        Ok(Certificate::Id(id)) => Ok(id),
        Ok(Certificate::Pair(pair)) => upload(context, region, secret, &pair).await,
        Err(reason) => Err(reason),
    };
    if let Some(known) = context.certificates.known(region) {
        known.uploads().said(secret, found.clone().map_or(Said::Nothing, Said::Id));
    }
    found
}

/// The id of the upload of this certificate, which is made where there is none.
async fn upload(context: &Context, region: &Region, secret: &ObjectKey, pair: &Pair) -> Result<String, String> {
    let known = context.certificates.of(context, region).await?;
    let cloud = client(context, region).map_err(|failure| failure.to_string())?;
    let turn = known.turn(secret);
    let _turn = turn.lock().await;
    for _ in 0..MOST_STEPS {
        let at = context.clock.at();
        let need = known.uploads().need(secret, &pair.fingerprint, at);
        match need {
            Need::Known(id) => return Ok(id),
            Need::Time(words) => return Err(words),
            Need::List => match list(&cloud, &known, at).await {
                Ok(()) => {}
                Err(failure) => {
                    let last = known.uploads().last_known(secret, &pair.fingerprint);
                    return last.ok_or_else(|| cannot("look for its upload", "DescribeCertificates", &failure));
                }
            },
            Need::Upload(_) if !is_wanted(context, region, secret) => {
                return Err(
                    "its certificate is not uploaded while every binding that names it is suspended or goes".to_owned()
                );
            }
            Need::Upload(mark) => {
                known.uploads().begin_upload(&mark, at);
                let alias = mark.alias(&secret.namespace, &secret.name);
                let key = Secret::new(pair.key.expose());
                let writer = cloud.clb.writer(&context.leadership);
                let id = writer.upload_certificate(&alias, &pair.chain, &key).await;
                let id = id.map_err(|failure| {
                    let words = cannot("upload its certificate", "UploadCertificate", &failure);
                    known.uploads().refused(mark.clone(), &words, context.clock.at());
                    words
                })?;
                tracing::info!(%secret, certificate = id, "certificate uploaded");
                known.uploads().uploaded(mark, &id, context.clock.at());
            }
        }
    }
    Err("its upload cannot be found".to_owned())
}

/// A binding of the region that names the Secret is acted on.
fn is_wanted(context: &Context, region: &Region, secret: &ObjectKey) -> bool {
    context.stores.bindings.all().iter().any(|row| {
        let (spec, meta) = (&row.0.spec, &row.0.metadata);
        let is_acted_on = !spec.suspend && spec.mode == Mode::Direct && meta.deletion_timestamp.is_none();
        let is_here = Key::of(&row.0, context.clouds.default_region()).region() == region;
        is_acted_on && is_here && named_secrets(&row.0).any(|named| named == *secret)
    })
}

async fn list(cloud: &Cloud, known: &OfRegion, at: Duration) -> Result<(), Failure> {
    let prefix = known.uploads().scope().prefix();
    let listed = cloud.clb.certificates_like(&prefix).await?;
    known.uploads().list(&listed, at);
    Ok(())
}

fn cannot(what: &str, action: &str, failure: &Failure) -> String {
    match failure.class {
        Class::Denied => format!("the controller may not {what}: allow it name/ssl:{action} ({failure})"),
        _ => format!("the controller cannot {what}: {failure}"),
    }
}

/// Deletes what nobody needs any more, and says when certificates end, for as long as the loops run.
pub(super) async fn sweep(context: Arc<Context>, stop: CancellationToken) {
    while tokio::time::timeout(PAUSE, stop.cancelled()).await.is_err() {
        context.certificates.ends.look(&context).await;
        for (region, known) in context.certificates.all() {
            look(&context, &region, &known).await;
        }
    }
}

/// The Secrets that bindings of a region name, and the load balancers of these bindings.
fn named(context: &Context, region: &Region) -> (BTreeSet<ObjectKey>, BTreeSet<Key>) {
    let (mut secrets, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for row in context.stores.bindings.all() {
        let key = Key::of(&row.0, context.clouds.default_region());
        let mut own = named_secrets(&row.0).peekable();
        if key.region() == region && own.peek().is_some() {
            secrets.extend(own);
            keys.insert(key);
        }
    }
    (secrets, keys)
}

async fn look(context: &Context, region: &Region, known: &OfRegion) {
    let namespace = context.watch_namespace.as_deref();
    let (secrets, keys) = named(context, region);
    let Ok(cloud) = client(context, region) else { return };
    let is_held = context.shared.brake().removals().held().is_some();
    let candidates = known.uploads().candidates(&secrets, namespace);
    if is_held || candidates.is_empty() {
        known.uploads().look(context.clock.at(), &[], Some(&BTreeSet::new()));
        return;
    }
    let at = context.clock.at();
    if !known.uploads().is_due(&candidates, at) {
        return;
    }
    let (candidates, in_use) = match read(&cloud, known, &secrets, namespace, &keys, at).await {
        Ok((candidates, in_use)) => (candidates, Some(in_use)),
        Err(failure) => {
            let request_id = failure.request_id.as_deref();
            tracing::debug!(%region, request_id, %failure, "whether certificates are in use cannot be read, so all of them stay");
            (candidates, None)
        }
    };
    let gone = known.uploads().look(at, &candidates, in_use.as_ref());
    for id in gone {
        if !known.uploads().begin_deletion(&id, &named(context, region).0, namespace) {
            continue;
        }
        match cloud.clb.writer(&context.leadership).delete_certificate(&id).await {
            Ok(()) => tracing::info!(certificate = id, "certificate deleted, which no listener has any more"),
            Err(failure) if failure.class == Class::NotFound => {}
            Err(failure) => {
                let request_id = failure.request_id.as_deref();
                tracing::debug!(certificate = id, request_id, %failure, "a certificate that no listener has cannot be deleted yet");
            }
        }
        known.uploads().deleted(&id);
    }
}

/// What nobody needs by a list of this moment, and what listeners show: those of the bindings that name Secrets by their own reads, and
/// all others of the region by what the cloud says of these certificates.
async fn read(
    cloud: &Cloud,
    known: &OfRegion,
    secrets: &BTreeSet<ObjectKey>,
    namespace: Option<&str>,
    keys: &BTreeSet<Key>,
    at: Duration,
) -> Result<(Vec<String>, BTreeSet<String>), Failure> {
    list(cloud, known, at).await?;
    let candidates = known.uploads().candidates(secrets, namespace);
    let mut in_use = cloud.clb.certificates_in_use(&candidates).await?;
    for key in keys.iter().filter(|key| matches!(key, Key::LoadBalancer(..))) {
        match cloud.clb.listeners(&key.load_balancer()).await {
            Ok(listeners) => in_use.extend(listeners.iter().flat_map(crate::model::Listener::certificates)),
            // What is gone shows nothing.
            Err(failure) if failure.class == Class::NotFound => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok((candidates, in_use))
}
