//! The Secrets that bindings name as certificates: read when a load balancer is, and not watched, because a watch would need
//! every Secret of the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;

use super::context::Context;
use crate::api::DirectAccessBinding;
use crate::k8s::certificate;
use crate::model::ObjectKey;

/// Reads under way at once.
const CONCURRENCY: usize = 8;

/// What each Secret says: the id of a certificate, or why there is none.
#[derive(Debug, Default)]
pub(super) struct Certificates(BTreeMap<ObjectKey, Result<String, String>>);

impl Certificates {
    /// Reads the Secrets that these bindings name: all of them, or those that have not given an id yet.
    pub(super) async fn refresh(&mut self, context: &Context, bindings: &[Arc<DirectAccessBinding>], is_whole: bool) {
        let named: BTreeSet<ObjectKey> = bindings.iter().flat_map(|binding| certificate::named(binding)).collect();
        self.0.retain(|key, said| !is_whole && said.is_ok() && named.contains(key));
        let missing: Vec<_> = named.into_iter().filter(|key| !self.0.contains_key(key)).collect();
        let reads = missing.into_iter().map(async |key| {
            let said = context.kubernetes.certificate(&key).await;
            (key, said)
        });
        let found: Vec<_> = futures::stream::iter(reads).buffer_unordered(CONCURRENCY).collect().await;
        self.0.extend(found);
    }

    /// What the Secrets of a namespace say, by name.
    pub(super) fn of_namespace(&self, namespace: &str) -> BTreeMap<String, Result<String, String>> {
        let of_namespace = self.0.iter().filter(|(key, _)| key.namespace == namespace);
        of_namespace.map(|(key, said)| (key.name.clone(), said.clone())).collect()
    }
}
