//! `adopt`: a binding that was made again takes the place of the former one of its name.
//!
//! It only finds and asks. What it writes is the user's consent, an annotation; the controller looks for itself whether it may follow.

use std::collections::BTreeSet;
use std::io::BufRead;

use kube::Api;
use serde_json::json;

use super::error::of_cloud;
use super::options::Adopt;
use super::output::Printer;
use super::session::Session;
use super::world::observe;
use super::{Ending, Error};
use crate::api::mark::OWNER_NAME_TAG;
use crate::api::{DirectAccessBinding, names};
use crate::clb::Clb;
use crate::model::{Failure, LoadBalancer};
use crate::plan::adoption::{Candidate, candidates, of_binding};
use crate::plan::{Cloud, placement};

/// The most annotations of this kind that are followed.
const UIDS_MAX: usize = crate::api::binding::limit::FORMER_UIDS;

pub(super) async fn run(session: &Session, options: &Adopt, printer: &mut Printer) -> Result<Ending, Error> {
    let name = options.name.as_str();
    let binding = session.binding(name).await?;
    let region = placement::region_of(&binding, &session.region);
    let home = placement::home(&binding, &region);
    let clb = match &home {
        Some((region, _)) => session.cloud(region)?,
        None => session.cloud(&region)?,
    };
    let Some(clb) = clb else {
        let why = session.credentials.as_ref().err().cloned().unwrap_or_default();
        return Err(Error::NoCredentials { command: "adopt", why });
    };
    let (living, doubt) = living(session).await?;
    let is_living = |uid: &str| living.contains(uid);
    let cloud = match &home {
        Some((_, id)) => observe(&clb, id).await.map_err(|failure| unread(&failure))?,
        None => Cloud::Unplaced(named(session, &clb, name).await?),
    };
    let found = candidates(&binding, &cloud, is_living);
    if found.is_empty() {
        return nothing(session, &clb, &binding, &cloud, &is_living, printer).await;
    }
    let chosen = choose(&found, &options.uid, session, name)?;
    for line in words(name, &cloud, &chosen, doubt) {
        printer.line(line)?;
    }
    if !options.yes && !is_meant(printer)? {
        return Err(Error::Argument("nothing is adopted; say y, or run it with --yes".to_owned()));
    }
    let earlier = of_binding(&binding, &cloud, is_living).former_uids;
    let uids: BTreeSet<&str> =
        chosen.iter().map(|one| one.uid.as_str()).chain(earlier.iter().map(String::as_str)).collect();
    if uids.len() > UIDS_MAX {
        return Err(Error::Argument(format!("a binding takes the place of at most {UIDS_MAX}; name fewer with --uid")));
    }
    let value = uids.into_iter().collect::<Vec<_>>().join(",");
    session.patch_binding(name, &json!({"metadata": {"annotations": {names::ADOPT: value}}})).await?;
    printer.line(format!("directaccessbinding/{name} annotated: {}={value}", names::ADOPT))?;
    Ok(Ending::Fine)
}

fn unread(failure: &Failure) -> Error {
    Error::Unread(of_cloud(failure))
}

/// The UIDs of all bindings that the user may see, and what is to be said where these are not all.
async fn living(session: &Session) -> Result<(BTreeSet<String>, Option<&'static str>), Error> {
    let all: Api<DirectAccessBinding> = Api::all(session.client.clone());
    let (found, doubt) = match all.list_metadata(&Default::default()).await {
        Ok(found) => (found, None),
        Err(_) => {
            let own = session.bindings().list_metadata(&Default::default()).await;
            let doubt = "you may not see bindings of other namespaces: where one of them has the UID, the controller refuses it";
            (own.map_err(Error::kubernetes("cannot list DirectAccessBindings"))?, Some(doubt))
        }
    };
    Ok((found.items.into_iter().filter_map(|one| one.metadata.uid).collect(), doubt))
}

/// The load balancers that were created for a binding of this name.
async fn named(session: &Session, clb: &Clb, name: &str) -> Result<Vec<LoadBalancer>, Error> {
    clb.load_balancers_tagged(OWNER_NAME_TAG, &format!("{}/{name}", session.namespace))
        .await
        .map_err(|failure| unread(&failure))
}

/// There is nothing that the binding could take over where it is.
async fn nothing(
    session: &Session,
    clb: &Clb,
    binding: &DirectAccessBinding,
    cloud: &Cloud,
    is_living: &impl Fn(&str) -> bool,
    printer: &mut Printer,
) -> Result<Ending, Error> {
    let name = binding.metadata.name.as_deref().unwrap_or_default();
    if let (Cloud::Observed(observed), Some(own)) = (cloud, placement::created(binding)) {
        let others = named(session, clb, name).await?;
        let others = others.into_iter().filter(|one| one.id != observed.load_balancer.id).collect();
        if let Some(Candidate { uid, .. }) = candidates(binding, &Cloud::Unplaced(others), is_living).first() {
            return Err(Error::Argument(format!(
                "the former binding {uid} has left a load balancer of its own, and this one has created '{}' already; to have the former one \
                 back, delete this binding with spec.deletionPolicy Delete, apply it anew with spec.suspend true, adopt, and resume",
                own.id
            )));
        }
    }
    let asked = binding.metadata.annotations.as_ref().and_then(|all| all.get(names::ADOPT));
    let asked = asked.map(|value| format!("; its annotation asks for {value}")).unwrap_or_default();
    printer.line(format!(
        "directaccessbinding/{name} has nothing to adopt: nothing carries the mark of a former binding '{}/{name}'{asked}",
        session.namespace
    ))?;
    Ok(Ending::Fine)
}

/// Those that are named, or the only one there is.
fn choose(found: &[Candidate], uids: &[String], session: &Session, name: &str) -> Result<Vec<Candidate>, Error> {
    let listed = || {
        let row = |one: &Candidate| format!("  {} ({} targets, '{}')", one.uid, one.targets, one.marks.join("', '"));
        found.iter().map(row).collect::<Vec<_>>().join("\n")
    };
    if let Some(unknown) = uids.iter().find(|uid| !found.iter().any(|one| one.uid == **uid)) {
        return Err(Error::Argument(format!(
            "nothing carries the mark of a former binding '{}/{name}' with the UID {unknown}; there are\n{}",
            session.namespace,
            listed()
        )));
    }
    match found {
        all if !uids.is_empty() => Ok(all.iter().filter(|one| uids.contains(&one.uid)).cloned().collect()),
        [_] => Ok(found.to_vec()),
        _ => Err(Error::Argument(format!(
            "several former bindings have left something; choose with --uid:\n{}",
            listed()
        ))),
    }
}

/// What is about to happen.
fn words(name: &str, cloud: &Cloud, chosen: &[Candidate], doubt: Option<&str>) -> Vec<String> {
    let place = match cloud {
        Cloud::Observed(observed) => format!(" on load balancer {}", observed.load_balancer.id),
        Cloud::Unplaced(all) => {
            let ids: Vec<_> = all.iter().map(|one| one.id.to_string()).collect();
            format!(" with load balancer {}", ids.join(", "))
        }
        Cloud::Missing(_) | Cloud::Failed(_) => String::new(),
    };
    let mut lines = Vec::new();
    for Candidate { uid, marks, targets } in chosen {
        lines.push(format!("directaccessbinding/{name} takes the place of the former binding {uid}{place}:"));
        lines.extend(marks.iter().map(|mark| format!("  {mark}")));
        lines.push(format!("  {targets} targets"));
    }
    lines.push(
        "Listeners are renamed and targets marked in place: none is registered anew, and none loses weight.".to_owned(),
    );
    lines.push(
        "Where a binding of this name lives in another cluster with these UIDs, stop: both would change the same."
            .to_owned(),
    );
    lines.extend(doubt.map(|doubt| format!("Note: {doubt}.")));
    lines
}

/// The user says yes.
fn is_meant(printer: &mut Printer) -> Result<bool, Error> {
    printer.line("Adopt? [y/N]")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
