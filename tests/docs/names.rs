//! Names in code style exist: flags, annotations and labels, metrics, fields of our kinds, and words of statuses.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use tke_direct_access::api::advice::AdviceReason;
use tke_direct_access::api::condition::{
    ChangeReason, ConditionType, ConfigProblem, ExclusionReason, GateReason, HoldCause, Reason,
};
use tke_direct_access::api::event::{EventReason, ServiceReason};
use tke_direct_access::clb::rights::{Purpose, actions};
use tke_direct_access::plan::annotated::PARAMETERS;
use tke_direct_access::sim::ACTIONS;

use super::generated::root;
use super::page::{files, none, pages};
use super::program::{PROGRAMS, flags, help, subcommands};
use super::reference::schemas;

/// Flags of other programs that pages speak of.
const OTHER_FLAGS: &[&str] = &[
    "--all-namespaces",
    "--bindings",
    "--call-milliseconds",
    "--churn",
    "--dry-run",
    "--example",
    "--field-manager",
    "--force",
    "--force-conflicts",
    "--help",
    "--keep",
    "--load",
    "--load-balancers",
    "--locked",
    "--minutes",
    "--most",
    "--mutant",
    "--mutants",
    "--phases",
    "--pods",
    "--scenario",
    "--seed",
    "--server-side",
    "--set",
    "--steps",
    "--story",
    "--surge",
    "--tag",
    "--tell",
    "--test",
    "--threads",
    "--tour",
    "--write",
];

/// Words of Kubernetes, its tools and the cloud that look like ours.
const OTHER_WORDS: &[&str] = &[
    "AddressIPVersion",
    "ClientIP",
    "ClusterIP",
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "ContainersReady",
    "CrashLoopBackOff",
    "DaemonSet",
    "DescribeTargetHealth",
    "DirectAccessBinding",
    "EnableDefaultDirectAccess",
    "EndpointSlice",
    "EndpointSlices",
    "GlobalRouteDirectAccess",
    "HealthCheck",
    "IfHealthyBudget",
    "AlwaysAllow",
    "LoadBalancer",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "NetworkPolicy",
    "NodePort",
    "PodDisruptionBudget",
    "PodMonitor",
    "PodReadyToStartContainers",
    "ProgressDeadlineExceeded",
    "PrometheusRule",
    "ReplicaSet",
    "RoleBinding",
    "RollingUpdate",
    "RuntimeDefault",
    "SecretId",
    "SecretKey",
    "ServerSideApply",
    "ServiceAccount",
    "ServiceMonitor",
    "SnatPro",
    "StatefulSet",
    "TkeServiceConfig",
];

/// Fields of Kubernetes' own kinds that pages speak of.
const OTHER_FIELDS: &[&str] = &[
    "spec.clusterIP",
    "spec.minReadySeconds",
    "spec.progressDeadlineSeconds",
    "spec.readinessGates",
    "spec.selector",
    "spec.strategy",
    "spec.template",
    "spec.type",
    "status.loadBalancer",
    "spec.unhealthyPodEvictionPolicy",
    "spec.loadBalancerClass",
];

fn sources() -> String {
    let all = ["src", "crates"].into_iter().flat_map(|folder| files(&root().join(folder)));
    all.filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

/// Every flag of the programs of the project.
fn known_flags() -> BTreeSet<String> {
    let mut known: BTreeSet<String> = OTHER_FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
    for (program, _) in PROGRAMS {
        let whole = help(program, &[]);
        let mut texts = vec![whole.clone()];
        texts.extend(subcommands(&whole).iter().map(|(name, _)| help(program, &[name])));
        let usages = texts.iter().flat_map(|text| flags(text)).map(|flag| flag.usage);
        known.extend(usages.flat_map(|usage| {
            usage.split([' ', ',']).filter(|word| word.starts_with("--")).map(str::to_owned).collect::<Vec<_>>()
        }));
    }
    known
}

/// Words that statuses, specs and flags have.
fn known_words() -> BTreeSet<String> {
    let mut known: BTreeSet<String> = OTHER_WORDS.iter().map(|word| (*word).to_owned()).collect();
    known.extend(ConditionType::ALL.iter().map(ToString::to_string));
    known.extend(Reason::ALL.iter().map(ToString::to_string));
    known.extend(GateReason::ALL.iter().map(ToString::to_string));
    known.extend(ExclusionReason::ALL.iter().map(ToString::to_string));
    known.extend(ChangeReason::ALL.iter().map(ToString::to_string));
    known.extend(AdviceReason::ALL.iter().map(ToString::to_string));
    known.extend(ConfigProblem::ALL.iter().map(ToString::to_string));
    known.extend(EventReason::ALL.iter().map(ToString::to_string));
    known.extend(ServiceReason::ALL.iter().map(ToString::to_string));
    known.extend(HoldCause::ALL.iter().map(ToString::to_string));
    known.extend(PARAMETERS.iter().map(|(name, _)| (*name).to_owned()));
    let values = help("direct-access-controller", &["run"]);
    // Actions of the cloud, which are types of their requests.
    let action = regex::Regex::new(r"(?m)^\s*pub struct ([A-Z]\w+)").unwrap();
    for file in files(&root().join("src/clb/wire")) {
        let text = fs::read_to_string(file).unwrap();
        known.extend(action.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    let code = regex::Regex::new(r"[A-Z]\w+").unwrap();
    for (words, _) in tke_direct_access::clb::error::table() {
        known.extend(code.find_iter(&words).map(|found| found.as_str().to_owned()));
    }
    known.extend(flags(&values).into_iter().flat_map(|flag| flag.values).map(|(value, _)| value));
    schemas().iter().for_each(|(_, schema)| enums(schema, &mut known));
    known
}

fn enums(schema: &Value, known: &mut BTreeSet<String>) {
    known.extend(schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
    for below in
        schema["properties"].as_object().into_iter().flat_map(|fields| fields.values()).chain(schema.get("items"))
    {
        enums(below, known);
    }
}

/// Whether one of our kinds has a field of this path.
fn has_field(schemas: &[(String, Value)], path: &str) -> bool {
    let below = |schema: &Value, name: &str| -> Value {
        let field = &schema["properties"][name.trim_end_matches("[]")];
        if field["items"].is_object() { field["items"].clone() } else { field.clone() }
    };
    schemas
        .iter()
        .any(|(_, schema)| !path.split('.').fold(schema.clone(), |schema, name| below(&schema, name)).is_null())
}

struct Known {
    flags: BTreeSet<String>,
    words: BTreeSet<String>,
    schemas: Vec<(String, Value)>,
    sources: String,
    /// The page of metrics, which is written from the code; `None` when there is none.
    metrics: Option<String>,
}

/// The page of metrics.
const METRICS: &str = "docs/metrics.md";

impl Known {
    fn new() -> Self {
        Self {
            flags: known_flags(),
            words: known_words(),
            schemas: schemas(),
            sources: sources(),
            metrics: fs::read_to_string(root().join(METRICS)).ok(),
        }
    }

    /// What is wrong with a word in code style.
    fn fault(&self, code: &str) -> Option<String> {
        let matches =
            |pattern: &str| regex::Regex::new(pattern).unwrap().find(code).map(|found| found.as_str().to_owned());
        if let Some(flag) = matches(r"^--[a-z][a-z-]*") {
            return (!self.flags.contains(&flag)).then(|| format!("no program has the flag {flag}"));
        }
        if let Some(key) = matches(r"^(service\.|tke\.)?(cloud\.tencent\.com|service\.kubernetes\.io)/[A-Za-z0-9._-]+")
        {
            let is_known = self.sources.contains(&format!("\"{key}\"")) || key == "cloud.tencent.com/v1alpha1";
            return (!is_known).then(|| format!("nothing in the code is named {key}"));
        }
        if let Some(path) = matches(r"^(spec|status)(\.[a-zA-Z]+(\[\])?)+$") {
            let is_known = has_field(&self.schemas, &path) || OTHER_FIELDS.iter().any(|field| path.starts_with(field));
            return (!is_known).then(|| format!("no kind has the field {path}"));
        }
        if let Some(word) = matches(r"^([A-Z][a-z]+){2,}$") {
            return (!self.words.contains(&word)).then(|| format!("{word} is no word of statuses, specs or flags"));
        }
        let metric = matches(r"^[a-z]+(_[a-z]+)*_(total|seconds|bucket|count|sum|status|mode)\b")?;
        (!self.has_metric(&metric)).then(|| format!("there is no metric {metric}"))
    }

    fn has_metric(&self, metric: &str) -> bool {
        let base =
            ["_bucket", "_count", "_sum"].iter().find_map(|ending| metric.strip_suffix(ending)).unwrap_or(metric);
        let Some(page) = &self.metrics else {
            // Units and `_total` are added where metrics are printed.
            let plain = ["_total", "_seconds"].iter().find_map(|ending| base.strip_suffix(ending)).unwrap_or(base);
            return [base, plain].iter().any(|name| self.sources.contains(&format!("\"{name}\"")));
        };
        page.contains(&format!("`{base}`"))
    }
}

#[test]
fn names_in_code_style_exist() {
    let known = Known::new();
    let mut faults = Vec::new();
    for page in pages() {
        let found = page.codes().into_iter().filter_map(|(line, code)| Some((line, known.fault(&code)?)));
        faults.extend(found.map(|(line, what)| format!("{}:{line}: {what}", page.name)));
    }
    none(&faults);
}

#[test]
fn names_that_do_not_exist_are_found() {
    let known = Known::new();
    for (code, is_right) in [
        ("--cluster-network=GlobalRouter", true),
        ("--until-ready", true),
        ("--no-such-flag", false),
        ("cloud.tencent.com/direct-access-gates: enabled", true),
        ("service.cloud.tencent.com/direct-access: \"true\"", true),
        ("cloud.tencent.com/gate", false),
        ("spec.drain.timeoutSeconds", true),
        ("spec.drain.timeout", false),
        ("spec.listeners[].rules[].url", true),
        ("NoTargets", true),
        ("NoTarget", false),
        ("leader_election_master_status", true),
        ("gate_waits_total", false),
        ("plain words", true),
    ] {
        let fault = known.fault(code);
        assert_eq!(fault.is_none(), is_right, "{code}: {fault:?}");
    }
}

/// Actions that the client knows and the controller never calls: method, action.
const NEVER_CALLED: [(&str, &str); 1] = [("delete_listener", "DeleteListener")];

#[test]
fn the_rights_in_the_cloud_are_those_that_are_used() {
    let text = |folder: &str| -> String {
        let all = files(&root().join(folder)).into_iter().filter(|path| !path.to_string_lossy().contains("/wire/"));
        all.map(|path| fs::read_to_string(path).unwrap()).collect()
    };
    let declared: BTreeSet<_> = ACTIONS.iter().map(|action| (*action).to_owned()).collect();
    let sent = regex::Regex::new(r"wire::(\w+)").unwrap();
    let sent: BTreeSet<_> = sent.captures_iter(&text("src/clb")).map(|found| found[1].to_owned()).collect();
    let callers = text("src/operator") + &text("src/cli");
    for (method, action) in NEVER_CALLED {
        assert!(!callers.contains(&format!(".{method}(")), "{action} is called");
    }
    let is_called = |action: &&String| NEVER_CALLED.iter().all(|(_, never)| never != action);
    let used: BTreeSet<_> = declared.intersection(&sent).filter(is_called).cloned().collect();
    let page = super::page::Page::read("docs/security.md");
    let told: BTreeSet<_> =
        page.codes().into_iter().map(|(_, code)| code).filter(|code| declared.contains(code)).collect();
    assert_eq!(told, used);
    let granted: BTreeSet<_> = actions(Purpose::Certificates).map(|(_, action)| action.to_owned()).collect();
    assert_eq!(granted, used);
}
