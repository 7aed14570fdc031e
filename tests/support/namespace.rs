//! A namespace for one test.

use k8s_openapi::api::core::v1::Namespace as Object;
use kube::api::{Api, DeleteParams, ObjectMeta, PostParams};
use uuid::Uuid;

/// A namespace that nobody else uses.
///
/// Dropping it asks the API server to delete it and does not wait until it is gone: its Pods end in their own time. If
/// that fails, the namespace stays until the control plane ends. A kept test failure can be looked at with
/// [`Namespace::keep`].
#[derive(Debug)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    config: kube::Config,
    is_kept: bool,
}

impl Namespace {
    pub(super) async fn create(client: kube::Client, config: kube::Config, prefix: &str) -> kube::Result<Self> {
        let id = Uuid::new_v4().simple().to_string();
        let name = format!("{prefix}-{}", id.get(..8).unwrap_or(&id));
        let object =
            Object { metadata: ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() }, ..Object::default() };
        Api::<Object>::all(client).create(&PostParams::default(), &object).await?;
        Ok(Self { name, config, is_kept: false })
    }

    /// A new client whose default namespace is this one. It belongs to the runtime that it is made in.
    pub fn client(&self) -> kube::Client {
        let mut config = self.config.clone();
        config.default_namespace.clone_from(&self.name);
        kube::Client::try_from(config).expect("a client from a configuration that worked")
    }

    /// Does not delete the namespace.
    pub fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let (config, name) = (self.config.clone(), self.name.clone());
        // The runtime of the test may be the one that is ending, so the request gets a thread and runtime of its own.
        let deletion = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let client = kube::Client::try_from(config)?;
                Api::<Object>::all(client).delete(&name, &DeleteParams::background()).await?;
                anyhow::Ok(())
            })
        });
        let _ = deletion.join();
    }
}
