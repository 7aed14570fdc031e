//! Whether acts mean something: a word that nothing knows would be played as if nothing were wrong.

use std::collections::BTreeSet;
use std::time::Duration;

use tke_direct_access::sim::{ACTIONS, Effect};

use crate::act::{Act, Dialect, Fault, Workload, service_of};
use crate::generate::NAMES;
use crate::users::CONFIGS;

/// Nothing goes on for longer, and nothing is done later.
pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// The most replicas of a workload: worlds are for what happens, not for how many it happens to.
const MOST_PODS: usize = 1_000;
/// What the API server may refuse writes with.
const STATUSES: [u16; 3] = [403, 409, 500];
/// What follows the name of a Service or binding in that of the config which is made for it.
const AUTOMATIC: &str = "-auto-service-config";

/// What the acts of a story make. What is not there yet, or is gone again, may be named all the same: nothing comes of that.
#[derive(Debug, Default)]
pub(crate) struct Made<'a> {
    workloads: BTreeSet<&'a str>,
    services: BTreeSet<&'a str>,
    bindings: BTreeSet<&'a str>,
    configs: BTreeSet<&'a str>,
}

impl<'a> Made<'a> {
    pub(crate) fn by(acts: &'a [(u64, Act)]) -> Self {
        let mut made = Self::default();
        for (_, act) in acts {
            _ = match act {
                Act::Workload(Workload { name, .. }) => made.workloads.insert(name),
                Act::Service { name, .. } => made.services.insert(name),
                Act::Binding { name, .. } => made.bindings.insert(name),
                Act::Config { name, .. } => made.configs.insert(name),
                _ => false,
            };
        }
        made
    }

    fn has_binding(&self, name: &str) -> bool {
        // That of a Service has its name.
        self.bindings.contains(name) || self.services.contains(name)
    }

    /// Whether an act means something.
    ///
    /// # Errors
    /// Why it does not.
    pub(crate) fn check(&self, act: &Act) -> Result<(), String> {
        if times(act).iter().any(|time| *time > LONGEST) {
            return Err("nothing lasts longer than a day".to_owned());
        }
        if let Act::Scale(_, replicas) | Act::Workload(Workload { replicas, .. }) = act
            && *replicas > MOST_PODS
        {
            return Err(format!("a workload has {MOST_PODS} replicas at most"));
        }
        let (kind, name, is_made) = match act {
            Act::DeleteWorkload(name) | Act::Scale(name, _) | Act::Rollout(name) | Act::Broken(name, _) => {
                ("workload", name, self.workloads.contains(&**name))
            }
            Act::DeleteService(name) => ("Service", name, self.services.contains(&**name)),
            Act::DeleteBinding(name) | Act::Replace(name) => ("binding", name, self.has_binding(name)),
            Act::DeleteConfig(name) => {
                let is_automatic = name.strip_suffix(AUTOMATIC).is_some_and(|owner| self.has_binding(owner));
                ("config", name, self.configs.contains(&**name) || is_automatic)
            }
            Act::Service { annotations, spec, .. } => return service_of(annotations.clone(), spec.clone()).map(drop),
            Act::Fault(fault) => return fault_means_something(fault),
            Act::Slices(0) => return Err("a slice has room for one endpoint at least".to_owned()),
            Act::Dialect(Dialect::Rate(0) | Dialect::Listeners(0) | Dialect::Targets(0)) => {
                return Err("the cloud has room for one at least".to_owned());
            }
            _ => return Ok(()),
        };
        // Stories that are made up have acts on these whether they make them or not.
        let is_usual = NAMES.iter().chain(&CONFIGS).any(|usual| usual == name);
        if is_made || is_usual {
            return Ok(());
        }
        Err(format!("no act of the story makes the {kind} {name}"))
    }
}

/// For how long an act goes on, and how long it makes others take.
fn times(act: &Act) -> [Duration; 2] {
    let by = match act {
        Act::Dialect(Dialect::Tasks(by) | Dialect::Tail(by))
        | Act::Fault(Fault::Delay(by, _) | Fault::Calls { effect: Effect::Delay { milliseconds: by }, .. }) => {
            Duration::from_millis(*by)
        }
        Act::Unready(_, by) | Act::TakeOut(_, by) | Act::Fault(Fault::Slow(by, _)) => Duration::from_secs(*by),
        Act::Fault(Fault::Skew(_, by, _)) => Duration::from_secs(by.unsigned_abs()),
        _ => Duration::ZERO,
    };
    [act.lasts(), by]
}

fn fault_means_something(fault: &Fault) -> Result<(), String> {
    match fault {
        Fault::Calls { action: Some(action), .. } | Fault::Refused { action, .. } if !ACTIONS.contains(&&**action) => {
            Err(format!("the cloud has no action '{action}'; it has: {}", ACTIONS.join(", ")))
        }
        Fault::Refuse { status, .. } if !STATUSES.contains(status) => {
            Err(format!("the API server refuses writes with 403, 409 or 500, not with {status}"))
        }
        _ => Ok(()),
    }
}
