//! Writes down what a test does to the world, as a story that `crates/worlds` replays: with `DIRECT_ACCESS_RECORD=FOLDER`, each test of a
//! [`Stage`](super::Stage) leaves one there.
//!
//! What users change is seen in the objects themselves, however they do it; what is done to the cloud and to replicas is heard of where the
//! stage does it. What a story cannot say is a comment in it, and a test of things that the world does not have leaves no acts.

mod cloud;
mod objects;
mod pods;
mod replicas;
mod tape;

use std::path::PathBuf;

use k8s_openapi::api::{apps, core};
use kube::core::{ApiResource, DynamicObject, NamespaceResourceScope};
use kube::runtime::watcher;
use kube::{Api, Resource, ResourceExt};
use tke_direct_access::api::DirectAccessBinding;
use tke_direct_access::api::service_config::TkeServiceConfig;
use tokio::task::JoinSet;

pub(crate) use cloud::Cloud;
pub(crate) use tape::Tape;

use crate::support::{ControlPlane, Request};

/// The folder that stories are left in.
const FOLDER: &str = "DIRECT_ACCESS_RECORD";

/// Watches what users do in a namespace.
pub(crate) struct Recorder {
    tape: Tape,
    folder: PathBuf,
    namespace: String,
    /// The kinds that are watched; they end with the value.
    watches: JoinSet<()>,
}

impl Recorder {
    /// Begins to record; `None` where nobody has asked for it.
    pub(crate) fn begin(control_plane: &ControlPlane, namespace: &str, load_balancer: &str) -> Option<Self> {
        let folder = PathBuf::from(std::env::var_os(FOLDER)?);
        let tape = Tape::new(load_balancer);
        let mut recorder = Self { tape, folder, namespace: namespace.to_owned(), watches: JoinSet::new() };
        let client = control_plane.client();
        recorder.watch::<apps::v1::Deployment>(&client);
        recorder.watch::<apps::v1::StatefulSet>(&client);
        recorder.watch::<apps::v1::DaemonSet>(&client);
        recorder.watch::<core::v1::Service>(&client);
        recorder.watch::<core::v1::Pod>(&client);
        recorder.watch::<DirectAccessBinding>(&client);
        recorder.watch::<TkeServiceConfig>(&client);
        Some(recorder)
    }

    fn watch<K>(&mut self, client: &kube::Client)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let resource = ApiResource::erase::<K>(&());
        let kind = resource.kind.clone();
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &self.namespace, &resource);
        let tape = self.tape.clone();
        self.watches.spawn(async move {
            let mut events = std::pin::pin!(watcher(api, watcher::Config::default()));
            while let Some(event) = futures::StreamExt::next(&mut events).await {
                match event {
                    Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) => {
                        tape.see(&kind, &object.name_any(), Some(&value(&object)));
                    }
                    Ok(watcher::Event::Delete(object)) => tape.see(&kind, &object.name_any(), None),
                    Ok(watcher::Event::Init | watcher::Event::InitDone) | Err(_) => {}
                }
            }
        });
    }

    pub(crate) fn tape(&self) -> Tape {
        self.tape.clone()
    }

    /// Leaves the story in the folder, under the name of the test.
    pub(crate) fn end(self, requests: &[Request]) {
        let thread = std::thread::current();
        let test = thread.name().and_then(|name| name.rsplit("::").next()).unwrap_or("story").replace('_', "-");
        let of_users = |request: &&Request| {
            let is_person = request.user_agent.starts_with("kubectl") || request.resource.starts_with("pods");
            request.namespace == self.namespace && request.is_write() && is_person
        };
        let requests: Vec<Request> = requests.iter().filter(of_users).cloned().collect();
        std::fs::create_dir_all(&self.folder).expect("the folder can be made");
        // A test that has several stages leaves several stories.
        let free = (1..).map(|number| match number {
            1 => self.folder.join(format!("{test}.story")),
            _ => self.folder.join(format!("{test}-{number}.story")),
        });
        let file = free.into_iter().find(|file| !file.exists()).expect("one is free");
        std::fs::write(file, self.tape.story(&requests)).expect("the story can be written");
    }
}

fn value(object: &DynamicObject) -> serde_json::Value {
    serde_json::to_value(object).expect("an object is JSON")
}
