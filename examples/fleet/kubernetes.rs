//! Requests of the API server with bodies as they are: a typed client would read and write every field of 20,000 Pods.

use anyhow::{Context, Result};
use axum::http::Request;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// A client that writes the objects of the fleet. Clones share its connections.
#[derive(Clone)]
pub(crate) struct Kubernetes(kube::Client);

#[derive(Deserialize)]
struct Written {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    uid: String,
}

impl Kubernetes {
    pub(crate) fn new(client: kube::Client) -> Self {
        Self(client)
    }

    /// Creates an object of the collection at `path`, and returns its UID.
    pub(crate) async fn create(&self, path: &str, object: &Value) -> Result<String> {
        let request =
            Request::post(path).header("content-type", "application/json").body(serde_json::to_vec(object)?)?;
        let written: Written = self.0.request(request).await.with_context(|| format!("create in {path}"))?;
        Ok(written.metadata.uid)
    }

    /// Replaces the object at `path`, whatever it is now.
    pub(crate) async fn replace(&self, path: &str, object: &Value) -> Result<()> {
        let request =
            Request::put(path).header("content-type", "application/json").body(serde_json::to_vec(object)?)?;
        let _: IgnoredAny = self.0.request(request).await.with_context(|| format!("replace {path}"))?;
        Ok(())
    }

    /// Merges into the object at `path` as kubelets do: conditions by their type.
    pub(crate) async fn merge(&self, path: &str, part: &Value) -> Result<()> {
        let kind = "application/strategic-merge-patch+json";
        let request = Request::patch(path).header("content-type", kind).body(serde_json::to_vec(part)?)?;
        let _: IgnoredAny = self.0.request(request).await.with_context(|| format!("patch {path}"))?;
        Ok(())
    }

    /// Deletes the object at `path`. With 0 s it is gone at once, otherwise it has a deletion timestamp from now on.
    pub(crate) async fn delete(&self, path: &str, grace_seconds: u32) -> Result<()> {
        let options = json!({"gracePeriodSeconds": grace_seconds});
        let body = serde_json::to_vec(&options)?;
        let request = Request::delete(path).header("content-type", "application/json").body(body)?;
        let _: IgnoredAny = self.0.request(request).await.with_context(|| format!("delete {path}"))?;
        Ok(())
    }
}
