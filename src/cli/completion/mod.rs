//! `completion`: what kubectl asks when somebody presses the tab key, in whatever shell.
//!
//! kubectl completes the arguments of a plugin by an executable `kubectl_complete-NAME`, which prints the candidates, and a line that says
//! how to go on. `completion` prints that executable; `words` decides what may stand at a place, and this file reads names of objects.

mod words;

use clap::{CommandFactory, Parser};
use k8s_openapi::api::core::v1 as core;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::config::Kubeconfig;
use kube::{Api, Resource, ResourceExt};

use super::options::{Arguments, Global};
use super::output::Printer;
use super::session::Session;
use super::workload::WORKLOADS;
use super::{Ending, Error};
use words::{Objects, Wanted, wanted};

/// The executable that kubectl calls, as `kubectl_complete-direct_access` in a folder of `PATH`.
const SCRIPT: &str = "\
#!/bin/sh
# Completes `kubectl direct-access` wherever kubectl itself is completed. Save as kubectl_complete-direct_access in a folder
# of PATH, and make it executable.
exec kubectl-direct_access __complete -- \"$@\"";

/// What cobra, by which kubectl completes, takes for: no names of files, and: names of files.
const NO_FILES: &str = ":4";
const FILES: &str = ":0";

pub(super) fn script(printer: &mut Printer) -> Result<Ending, Error> {
    printer.line(SCRIPT)?;
    Ok(Ending::Fine)
}

/// Prints what may stand in the place of the last of these words. What cannot be read has no candidates, and no error.
pub(super) async fn run(words: &[String], printer: &mut Printer) -> Result<Ending, Error> {
    let mut command = Arguments::command();
    command.build();
    let directive = match wanted(&command, words) {
        Wanted::File => FILES,
        Wanted::Words(all) => {
            all.iter().try_for_each(|(word, about)| printer.line(format!("{word}\t{about}")))?;
            NO_FILES
        }
        Wanted::Objects { objects, prefix, last } => {
            let names = names(words, objects).await.unwrap_or_default();
            let found = names.iter().filter(|name| name.starts_with(&last));
            found.map(|name| format!("{prefix}{name}")).try_for_each(|word| printer.line(word))?;
            NO_FILES
        }
    };
    printer.line(directive)?;
    Ok(Ending::Fine)
}

/// The flags that say where to look.
#[derive(Parser)]
struct Place {
    #[command(flatten)]
    global: Global,
}

/// The names of such objects; `None` when they cannot be read.
async fn names(words: &[String], objects: Objects) -> Option<Vec<String>> {
    let place = words::place(&Place::command(), words);
    let global = Place::try_parse_from(place).ok()?.global;
    if objects == Objects::Contexts {
        let config = match &global.kubeconfig {
            Some(path) => Kubeconfig::read_from(path).ok()?,
            None => Kubeconfig::read().ok()?,
        };
        return Some(config.contexts.into_iter().map(|context| context.name).collect());
    }
    let session = Session::start(&global).await.ok()?;
    let client = session.client.clone();
    let namespace = session.namespace.as_str();
    match objects {
        Objects::Contexts => None,
        Objects::Bindings => listed(session.bindings()).await,
        Objects::Namespaces => listed(Api::<core::Namespace>::all(client)).await,
        Objects::Pods => listed(Api::<core::Pod>::namespaced(client, namespace)).await,
        Objects::Services => listed(Api::<core::Service>::namespaced(client, namespace)).await,
        Objects::Workloads(kind) => {
            let workload = WORKLOADS.iter().find(|workload| workload.kind == kind)?;
            let gvk = GroupVersionKind::gvk("apps", "v1", kind);
            let resource = ApiResource::from_gvk_with_plural(&gvk, workload.plural);
            listed(Api::<DynamicObject>::namespaced_with(client, namespace, &resource)).await
        }
    }
}

async fn listed<K>(api: Api<K>) -> Option<Vec<String>>
where
    K: Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let found = api.list_metadata(&ListParams::default()).await.ok()?;
    Some(found.items.iter().map(ResourceExt::name_any).collect())
}
