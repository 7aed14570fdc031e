//! `plan`: what would be called in CLB.

use std::io::Read;

use serde::Serialize;

use super::get::is_named;
use super::options::Plan;
use super::output::{Printer, Tone};
use super::session::Session;
use super::world::{Sight, World};
use super::{Ending, Error};
use crate::api::DirectAccessBinding;
use crate::k8s::BindingRow;
use crate::plan::{Cloud, Step};

pub(super) async fn run(session: &Session, options: &Plan, printer: &mut Printer) -> Result<Ending, Error> {
    if let Err(why) = &session.credentials {
        return Err(Error::NoCredentials { command: "plan", why: why.clone() });
    }
    let world = World::read(session, options.all_namespaces).await?;
    let mut names = options.names.clone();
    if let Some(path) = &options.filename {
        for binding in from_file(path, session)? {
            names.extend(binding.metadata.name.clone());
            stand_in(&world, session, binding);
        }
    }
    let mut sights = world.look(session).await?;
    sights.retain(|sight| {
        let mut bindings = sight.bindings().map(|seen| &seen.view.binding);
        bindings.any(|binding| world.is_asked_for(binding) && is_named(binding, &names))
    });
    if let Some(missing) = names.iter().find(|name| {
        let mut all = sights.iter().flat_map(Sight::bindings);
        !all.any(|seen| seen.view.binding.metadata.name.as_deref() == Some(name.as_str()))
    }) {
        return Err(session.no_binding(missing));
    }
    let rows: Vec<_> = sights.iter().map(Row::new).collect();
    match options.output {
        Some(format) => printer.value(format, &serde_json::json!({"loadBalancers": rows}))?,
        None => rows.iter().try_for_each(|row| row.print(printer))?,
    }
    if let Some(failure) = sights.iter().find_map(|sight| match &sight.snapshot.cloud {
        Cloud::Failed(failure) => Some(failure),
        _ => None,
    }) {
        return Err(Error::Argument(format!("the plan is not whole: {failure}")));
    }
    Ok(if rows.iter().all(|row| row.steps.is_empty()) { Ending::Fine } else { Ending::Found })
}

/// The bindings of a file, as they would be after `kubectl apply`.
fn from_file(path: &std::path::Path, session: &Session) -> Result<Vec<DirectAccessBinding>, Error> {
    let fault = |why: String| Error::File { path: path.display().to_string(), why };
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|error| fault(error.to_string()))?;
    let documents: Vec<serde_json::Value> =
        serde_saphyr::from_multiple(&text).map_err(|error| fault(error.to_string()))?;
    let mut bindings = Vec::new();
    for document in documents.into_iter().filter(|document| document["kind"] == "DirectAccessBinding") {
        let mut binding: DirectAccessBinding =
            serde_json::from_value(document).map_err(|error| fault(error.to_string()))?;
        binding.metadata.namespace.get_or_insert_with(|| session.namespace.clone());
        if binding.metadata.namespace.as_ref() != Some(&session.namespace) {
            return Err(fault(format!(
                "it has a binding of namespace '{}'; give that with --namespace",
                binding.metadata.namespace.unwrap_or_default()
            )));
        }
        bindings.push(binding);
    }
    if bindings.is_empty() { Err(fault("it has no DirectAccessBinding".to_owned())) } else { Ok(bindings) }
}

/// Puts a binding into the place of the one that is there, if any.
fn stand_in(world: &World, session: &Session, mut binding: DirectAccessBinding) {
    let name = binding.metadata.name.clone().unwrap_or_default();
    if let Some(row) = world.stores.bindings.row(&session.namespace, &name) {
        let meta = &row.0.metadata;
        binding.metadata.uid.clone_from(&meta.uid);
        binding.metadata.creation_timestamp.clone_from(&meta.creation_timestamp);
        binding.status.clone_from(&row.0.status);
    } else {
        // Never the mark of a real one: nothing in the cloud carries it.
        binding.metadata.uid = Some("00000000-0000-0000-0000-000000000000".to_owned());
        binding.metadata.creation_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::now()));
    }
    // So that it counts as another row than the one that is there.
    binding.metadata.resource_version = None;
    world.stores.bindings.put(&session.namespace, &name, BindingRow(std::sync::Arc::new(binding)));
}

/// What would be done to one load balancer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    load_balancer: String,
    bindings: Vec<String>,
    steps: Vec<StepRow>,
    problems: Vec<ProblemRow>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StepRow {
    action: &'static str,
    summary: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProblemRow {
    binding: String,
    condition: &'static str,
    reason: &'static str,
    message: String,
}

impl Row {
    fn new(sight: &Sight) -> Self {
        let problems = sight.bindings().flat_map(|seen| {
            seen.plan.problems.iter().map(move |problem| ProblemRow {
                binding: seen.view.display_name(),
                condition: problem.condition.as_str(),
                reason: problem.reason.as_str(),
                message: problem.message.clone(),
            })
        });
        let step = |step: &Step| StepRow { action: action(step), summary: step.to_string(), details: details(step) };
        Self {
            load_balancer: match &sight.home {
                Some((region, id)) => format!("{id} ({region})"),
                None => "no load balancer yet".to_owned(),
            },
            bindings: sight.bindings().map(|seen| seen.view.display_name()).collect(),
            steps: sight.plan.steps.iter().map(step).collect(),
            problems: problems.collect(),
        }
    }

    fn print(&self, printer: &mut Printer) -> Result<(), Error> {
        let count = match self.steps.len() {
            0 => "nothing to do".to_owned(),
            1 => "1 step".to_owned(),
            count => format!("{count} steps"),
        };
        printer.line(format!("{}, {}: {count}", self.load_balancer, self.bindings.join(", ")))?;
        for step in &self.steps {
            printer.line(format!("  {}: {}", step.action, step.summary))?;
            for detail in &step.details {
                printer.line(format!("    {detail}"))?;
            }
        }
        for problem in &self.problems {
            let mark = printer.tint(Tone::Bad, "✗");
            printer.line(format!("  {mark} {} {}: {}", problem.binding, problem.reason, problem.message))?;
        }
        Ok(())
    }
}

/// The CLB action that a step calls.
const fn action(step: &Step) -> &'static str {
    match step {
        Step::CreateListeners { .. } => "CreateListener",
        Step::CreateRules { .. } => "CreateRule",
        Step::Register(_) => "BatchRegisterTargets",
        Step::Reweight(_) => "BatchModifyTargetWeight",
        Step::Deregister(_) => "BatchDeregisterTargets",
        Step::ModifyListener { .. } => "ModifyListener",
        Step::ModifyDomain { .. } => "ModifyDomainAttributes",
        Step::ModifyRule { .. } => "ModifyRule",
        Step::CreateLoadBalancer(_) => "CreateLoadBalancer",
        Step::ModifyLoadBalancer(_) => "ModifyLoadBalancerAttributes",
        Step::SetSecurityGroups(_) => "SetLoadBalancerSecurityGroups",
        Step::DeleteLoadBalancer => "DeleteLoadBalancer",
        Step::DeleteRules { .. } => "DeleteRule",
        Step::DeleteListeners(_) => "DeleteLoadBalancerListeners",
    }
}

fn details(step: &Step) -> Vec<String> {
    match step {
        Step::Register(targets) => {
            let line = |one: &crate::plan::Registration| {
                format!("{} weight {} on {}", one.address, one.weight, route_name(&one.route))
            };
            targets.iter().map(line).collect()
        }
        Step::Reweight(targets) => targets
            .iter()
            .map(|(route, address, weight)| format!("{address} weight {weight} on {}", route_name(route)))
            .collect(),
        Step::Deregister(targets) => {
            targets.iter().map(|(route, address)| format!("{address} on {}", route_name(route))).collect()
        }
        Step::DeleteListeners(ids) => ids.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

fn route_name(route: &crate::model::Route) -> String {
    match &route.rule {
        Some(rule) => format!("{}/{rule}", route.listener),
        None => route.listener.to_string(),
    }
}
