//! `plan`: what would be called in CLB.

use std::io::Read;
use std::path::Path;

use k8s_openapi::api::core::v1 as core;
use kube::Resource;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::get::is_named;
use super::options::{Plan, without_kind};
use super::output::{Printer, Tone};
use super::remarks::{Remark, of_plan};
use super::session::Session;
use super::world::{Sight, World};
use super::{Ending, Error};
use crate::api::DirectAccessBinding;
use crate::api::service_config::RawServiceConfig;
use crate::k8s::{self, BindingRow};
use crate::model::Service;
use crate::plan::{self, Cloud, Draining, Record, Step};

pub(super) async fn run(session: &Session, options: &Plan, printer: &mut Printer) -> Result<Ending, Error> {
    if let Err(why) = &session.credentials {
        return Err(Error::NoCredentials { command: "plan", why: why.clone() });
    }
    let world = World::read(session, options.all_namespaces).await?;
    let mut names = without_kind(&options.names, |name| world.has(name)).to_vec();
    if let Some(path) = &options.filename {
        let Manifest { bindings, services, configs } = Manifest::read(path, session)?;
        for object in &services {
            stand_in_service(&world, object);
        }
        for config in configs {
            world.stores.put_config(&config);
        }
        for binding in bindings {
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
        Some(format) => {
            printer.value(format, &serde_json::json!({"loadBalancers": rows, "doubt": world.doubt}))?;
        }
        None => {
            rows.iter().try_for_each(|row| row.print(printer))?;
            let mark = printer.tint(Tone::Odd, "?");
            world.doubt.iter().try_for_each(|doubt| printer.line(format!("{mark} {doubt}")))?;
        }
    }
    if let Some(failure) = sights.iter().find_map(|sight| match &sight.snapshot.cloud {
        Cloud::Failed(failure) => Some(failure),
        _ => None,
    }) {
        return Err(Error::Argument(format!("the plan is not whole: {failure}")));
    }
    Ok(if rows.iter().all(|row| row.steps.is_empty()) { Ending::Fine } else { Ending::Found })
}

/// What a file has of the kinds that a plan is made of.
#[derive(Default)]
struct Manifest {
    bindings: Vec<DirectAccessBinding>,
    services: Vec<core::Service>,
    configs: Vec<RawServiceConfig>,
}

impl Manifest {
    fn read(path: &Path, session: &Session) -> Result<Self, Error> {
        let fault = |why: String| Error::File { path: path.display().to_string(), why };
        let mut text = String::new();
        let read = if path.as_os_str() == "-" {
            std::io::stdin().read_to_string(&mut text)
        } else {
            std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
        };
        read.map_err(|error| fault(error.to_string()))?;
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).map_err(|error| fault(error.to_string()))?;
        let mut manifest = Self::default();
        for document in documents {
            manifest.add(document, &session.namespace).map_err(fault)?;
        }
        if manifest.bindings.is_empty() {
            return Err(fault("it has no DirectAccessBinding".to_owned()));
        }
        Ok(manifest)
    }

    /// Other kinds are passed over.
    fn add(&mut self, document: Value, namespace: &str) -> Result<(), String> {
        match document["kind"].as_str() {
            Some("DirectAccessBinding") => self.bindings.push(object(document, namespace)?),
            Some("TkeServiceConfig") => self.configs.push(object(document, namespace)?),
            Some("Service") => self.services.push(object(document, namespace)?),
            _ => {}
        }
        Ok(())
    }
}

/// An object of this namespace, whether the file says so or not.
fn object<K>(document: Value, namespace: &str) -> Result<K, String>
where
    K: Resource + DeserializeOwned,
{
    let kind = document["kind"].as_str().unwrap_or_default().to_owned();
    let mut object: K = serde_json::from_value(document).map_err(|fault| format!("{kind}: {fault}"))?;
    let own = object.meta_mut().namespace.get_or_insert_with(|| namespace.to_owned());
    if own != namespace {
        return Err(format!("it has a {kind} of namespace '{own}'; give that with --namespace"));
    }
    Ok(object)
}

/// Puts a Service into the place of the one that is there, if any, as applying it would.
fn stand_in_service(world: &World, object: &core::Service) {
    let new = k8s::service(object);
    let (namespace, name) = (new.key.namespace.clone(), new.key.name.clone());
    let row = match world.stores.services.row(&namespace, &name) {
        None => new,
        Some(live) => Service {
            annotations: live.annotations.clone().into_iter().chain(new.annotations).collect(),
            selector: new.selector,
            ports: new.ports,
            publish_not_ready_addresses: new.publish_not_ready_addresses,
            load_balancer_class: new.load_balancer_class,
            is_load_balancer: new.is_load_balancer,
            ..Service::clone(&live)
        },
    };
    world.stores.services.put(&namespace, &name, row);
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
    remarks: Vec<RemarkRow>,
}

/// What there is to say of a binding besides.
#[derive(Serialize)]
struct RemarkRow {
    binding: String,
    #[serde(flatten)]
    remark: Remark,
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
        let remarks = sight.bindings().flat_map(|seen| {
            let binding = seen.view.display_name();
            of_plan(seen.plan).into_iter().map(move |remark| RemarkRow { binding: binding.clone(), remark })
        });
        // The parts of the bindings are said by `remarks`; sightings and the age of reads are the controller's own.
        let plan::Plan { steps, bindings: _, sightings: _, listeners: _ } = &sight.plan;
        let step = |step: &Step| StepRow { action: action(step), summary: step.to_string(), details: details(step) };
        Self {
            load_balancer: match &sight.home {
                Some((region, id)) => format!("{id} ({region})"),
                None => "no load balancer yet".to_owned(),
            },
            bindings: sight.bindings().map(|seen| seen.view.display_name()).collect(),
            steps: steps.iter().map(step).chain(recorded_first(sight)).collect(),
            problems: problems.collect(),
            remarks: remarks.collect(),
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
        for RemarkRow { binding, remark } in &self.remarks {
            let mark = printer.tint(Tone::Odd, "!");
            printer.line(format!("  {mark} {binding}: {}", remark.message))?;
        }
        Ok(())
    }
}

/// The weights that follow once the status says since when their targets drain, as a step of their own.
fn recorded_first(sight: &Sight) -> Option<StepRow> {
    let Cloud::Observed(observed) = &sight.snapshot.cloud else { return None };
    let weight = |draining: &Draining| {
        let mut targets = observed.targets.get(&draining.route)?.iter();
        targets.find(|target| target.address == draining.address).map(|target| target.weight)
    };
    let waiting =
        sight.bindings().filter(|seen| seen.plan.record == Record::First).flat_map(|seen| &seen.plan.draining);
    let details: Vec<_> = waiting
        .filter_map(|draining| {
            let weight = weight(draining).filter(|weight| *weight > 0)?;
            let (address, reason, route) = (draining.address, draining.reason, route_name(&draining.route));
            Some(format!("weight {weight} → 0 of {address}: {reason}, on {route}"))
        })
        .collect();
    let plural = if details.len() == 1 { "" } else { "s" };
    let summary = format!("once the status records it, set the weight of {} target{plural}", details.len());
    (!details.is_empty()).then_some(StepRow { action: "BatchModifyTargetWeight", summary, details })
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
        Step::Register(targets) => targets.iter().map(|one| format!("{one}, on {}", route_name(&one.route))).collect(),
        Step::Reweight(targets) => targets.iter().map(|one| format!("{one}, on {}", route_name(&one.route))).collect(),
        Step::Deregister(targets) => {
            targets.iter().map(|one| format!("{one}, on {}", route_name(&one.route))).collect()
        }
        Step::DeleteListeners(ids) => ids.iter().map(|(id, proof)| format!("{id}: {}", proof.reason())).collect(),
        Step::DeleteRules { rules, proof, .. } => rules.iter().map(|id| format!("{id}: {}", proof.reason())).collect(),
        _ => Vec::new(),
    }
}

fn route_name(route: &crate::model::Route) -> String {
    match &route.rule {
        Some(rule) => format!("{}/{rule}", route.listener),
        None => route.listener.to_string(),
    }
}
