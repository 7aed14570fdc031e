//! The certificates that a binding names by Secret, as far as somebody who only looks can tell.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, CustomResourceExt};

use super::session::Session;
use crate::api::DirectAccessBinding;
use crate::api::upload_mark::{Scope, UploadMark};
use crate::clb::Clb;
use crate::k8s::certificate::{self, Certificate, Pair};
use crate::model::ObjectKey;
use crate::plan::uploads::{find, ours};
use crate::plan::{named_secrets, placement};

/// The ids of the certificates, or why there is none, by the name of the Secret.
pub(super) async fn certificates(
    session: &Session,
    clb: Option<&Clb>,
    binding: &DirectAccessBinding,
) -> BTreeMap<String, Result<String, String>> {
    let mut said = BTreeMap::new();
    let keys: BTreeSet<ObjectKey> = named_secrets(binding).collect();
    for key in keys {
        let id = match certificate::read(&session.client, &key).await {
            Ok(Certificate::Id(id)) => Ok(id),
            Ok(Certificate::Pair(pair)) => upload(session, clb, binding, &key, &pair).await,
            Err(reason) => Err(reason),
        };
        said.insert(key.name, id);
    }
    said
}

/// The id of what the controller has uploaded from a Secret.
async fn upload(
    session: &Session,
    clb: Option<&Clb>,
    binding: &DirectAccessBinding,
    secret: &ObjectKey,
    pair: &Pair,
) -> Result<String, String> {
    let clb = clb.ok_or("whether its certificate was uploaded is not known, since the cloud was not asked")?;
    let name = DirectAccessBinding::crd_name();
    let definitions: Api<CustomResourceDefinition> = Api::all(session.client.clone());
    let uid = definitions.get_metadata(name).await.ok().and_then(|found| found.metadata.uid);
    let uid = uid.ok_or_else(|| format!("the CustomResourceDefinition {name}, which marks uploads, cannot be read"))?;
    let scope = Scope::new(&uid, placement::region_of(binding, &session.region).as_str());
    let listed = clb.certificates_like(&scope.prefix()).await.map_err(|failure| failure.to_string())?;
    let mark = UploadMark::new(&scope, &secret.namespace, &secret.name, &pair.fingerprint);
    let uploads = ours(&listed, &scope);
    find(&uploads, &mark).map(|found| found.id.clone()).ok_or_else(|| "its certificate was not uploaded yet".to_owned())
}
