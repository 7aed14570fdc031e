//! What is done to the world.

use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::api::core::v1 as core;
use serde_json::Value;
use tke_direct_access::sim;
use tke_direct_access_core::api::DirectAccessBinding;
use tke_direct_access_core::api::service_config::RawServiceConfig;

use super::{Happening, Mood, World};
use crate::act::{Act, Console, Fault, Workload, service_of};
use crate::check::Sight;
use crate::console::{self, NotDone};
use crate::objects::{KINDS, disown_annotations};
use crate::pod::APP;
use crate::pod_change::PodChange;
use crate::replica::Pulse;

/// So many calls that fail may not all have been made in the end.
const MANY: u64 = 8;
/// When they are over.
const OFTEN: Duration = Duration::from_secs(400);

impl World {
    pub(super) fn act(&mut self, act: Act) {
        self.checks.hear_act(&act, self.now);
        if act.is_a_users_word() {
            let sight = Sight { objects: &self.objects, cluster: &self.cluster, cloud: &self.cloud, now: self.now };
            self.checks.users.held.remember(&sight);
        }
        // What comes of it is part of what it found.
        let is_deed = self.found(&act).is_some();
        if let Err(why) = self.perform(act) {
            self.say(|| format!("nothing comes of it: {why}"));
            if is_deed {
                self.outcome.deeds.push(format!("nothing comes of it: {why}"));
            }
        }
        self.by(self.now, Happening::Cluster);
    }

    /// Does what an act says.
    ///
    /// # Errors
    /// Why nothing comes of it.
    fn perform(&mut self, act: Act) -> Result<(), NotDone> {
        match act {
            Act::Dialect(_) => {}
            Act::Workload(workload) => self.apply_workload(workload),
            Act::DeleteWorkload(name) => drop(self.cluster.workloads.remove(&name).ok_or(NotDone::Absent)?),
            Act::Scale(name, replicas) => self.workload(&name)?.replicas = replicas,
            Act::Rollout(name) => self.workload(&name)?.revision += 1,
            Act::Broken(name, broken) => {
                let found = self.workload(&name)?;
                found.revision += 1;
                found.broken = broken;
            }
            Act::DeletePod(place) => {
                let name = self.pod_at(place)?;
                self.cluster.delete(&mut self.objects, &name, self.now);
            }
            Act::Unready(place, seconds) => {
                let name = self.pod_at(place)?;
                self.cluster.make_unready(&name, self.now, self.now + Duration::from_secs(seconds));
            }
            Act::TakeOut(place, seconds) => {
                let name = self.pod_at(place)?;
                self.cluster.take_out(&name, self.now + Duration::from_secs(seconds));
            }
            Act::Slices(most) => self.slicer.most = most,
            Act::Hold(word) => self.say_of_removals(word),
            Act::Pod(place, change) => {
                let name = self.pod_for(place, &change)?;
                self.note_pod_change(&name, &change);
                self.cluster.change(&mut self.objects, (&name, &change), self.now, &mut self.chance)?;
            }
            Act::Service { name, annotations, spec } => self.apply_service(&name, annotations, spec)?,
            Act::DeleteService(name) => self.objects.delete_service(&name),
            Act::Binding { name, spec } => self.apply_binding(&name, &spec)?,
            Act::DeleteBinding(name) => {
                self.checks.users.held.forget(&name);
                self.objects.delete_binding(&name);
            }
            Act::Replace(name) => self.objects.replace_binding(&name),
            Act::Config { name, spec } => self.apply_config(&name, &spec)?,
            Act::DeleteConfig(name) => self.objects.delete_config(&name),
            Act::VendorsConfigs => self.objects.definitions.is_vendors = true,
            Act::Console(console) => {
                self.checks.users.held.forget_all();
                match &console {
                    Console::Rename(place) => self.note_renamed(*place),
                    Console::Retag(place, _) => self.note_retagged(*place),
                    _ => {}
                }
                console::perform(self.cloud.console(), &console)?;
            }
            Act::Fault(fault) => self.misfortune(fault),
        }
        Ok(())
    }

    fn apply_workload(&mut self, mut workload: Workload) {
        if let Some(before) = self.cluster.workloads.get(&workload.name) {
            workload.revision = before.revision + 1;
            workload.kind = before.kind;
        }
        self.cluster.workloads.insert(workload.name.clone(), workload);
    }

    /// Of a listener that is renamed while no binding records and wants it, nobody may know whose it is: its name alone said so.
    fn note_renamed(&mut self, place: usize) {
        let Some((_, listener)) = console::listener_of_ours_at(self.cloud.state(), place) else { return };
        let is_known = self.objects.bindings.values().any(|binding| {
            let rows = binding.status.iter().flat_map(|status| &status.listeners);
            let wish = self.checks.wanted.get(binding.metadata.uid.as_deref().unwrap_or_default());
            let is_wanted =
                |port: i32| wish.is_some_and(|wish| wish.ports.iter().any(|(one, _)| i32::from(*one) == port));
            rows.into_iter().any(|row| row.listener_id.as_deref() == Some(listener.as_str()) && is_wanted(row.port))
        });
        if !is_known {
            self.checks.watch.unnamed.insert(listener.to_string());
        }
    }

    /// Whose a target is that gets another tag is read again before long.
    fn note_retagged(&mut self, place: usize) {
        if let Some((_, route, address, _)) = console::target_at(self.cloud.state(), place) {
            self.checks.watch.pods.retagged.insert((route, address), false);
        }
    }

    fn workload(&mut self, name: &str) -> Result<&mut Workload, NotDone> {
        self.cluster.workloads.get_mut(name).ok_or(NotDone::Absent)
    }

    pub(super) fn pod_at(&self, place: usize) -> Result<String, NotDone> {
        let names: Vec<_> = self.objects.pods.keys().collect();
        names.get(place % names.len().max(1)).map(|name| (*name).clone()).ok_or(NotDone::Absent)
    }

    /// The Pod at this place among those that may change like this: what is taken back was said of it.
    pub(super) fn pod_for(&self, place: usize, change: &PodChange) -> Result<String, NotDone> {
        let may = |found: &core::Pod| match change {
            PodChange::Label => !found.metadata.labels.as_ref().is_some_and(|all| all.contains_key(APP)),
            PodChange::Weigh(None) => found.metadata.annotations.is_some(),
            _ => true,
        };
        let names: Vec<_> = self.objects.pods.iter().filter(|(_, found)| may(found)).map(|(name, _)| name).collect();
        names.get(place % names.len().max(1)).map(|name| (*name).clone()).ok_or(NotDone::Absent)
    }

    /// As `kubectl apply` does it: what was applied before and is not any more goes.
    fn apply_service(&mut self, name: &str, annotations: Value, spec: Value) -> Result<(), NotDone> {
        let (mut annotations, spec) = service_of(annotations, spec).map_err(NotDone::Refused)?;
        let mut service = match self.objects.services.get(name) {
            Some(found) => found.clone(),
            None => {
                let metadata = self.objects.new_meta(name);
                k8s_openapi::api::core::v1::Service { metadata, ..Default::default() }
            }
        };
        let applied = self.checks.applied(name, annotations.keys().cloned().collect());
        let kept = service.metadata.annotations.take().unwrap_or_default();
        let is_written = |(key, value): &(&String, &String)| kept.get(*key) != Some(value);
        let written = annotations.iter().filter(is_written).map(|(key, _)| key.clone()).collect();
        disown_annotations(&mut service.metadata, &written);
        for (key, value) in kept {
            if !applied.contains(&key) {
                annotations.entry(key).or_insert(value);
            }
        }
        service.metadata.annotations = Some(annotations);
        service.spec = Some(spec);
        self.objects.put_service(service);
        Ok(())
    }

    fn apply_binding(&mut self, name: &str, spec: &Value) -> Result<(), NotDone> {
        let before = self.objects.bindings.get(name).map(|found| &found.spec);
        let spec = self.objects.definitions.binding(spec, before).map_err(NotDone::Refused)?;
        let mut binding = match self.objects.bindings.get(name) {
            Some(found) if found.metadata.deletion_timestamp.is_some() => return Err(NotDone::Deleted),
            Some(found) => found.clone(),
            None => {
                let mut new = DirectAccessBinding::new(name, spec.clone());
                new.metadata = self.objects.new_meta(name);
                new
            }
        };
        binding.spec = spec;
        self.objects.put_binding(binding);
        Ok(())
    }

    fn apply_config(&mut self, name: &str, spec: &Value) -> Result<(), NotDone> {
        let spec = self.objects.definitions.config(spec).map_err(NotDone::Refused)?;
        let mut config = match self.objects.configs.get(name) {
            Some(found) => found.clone(),
            None => RawServiceConfig { metadata: self.objects.new_meta(name), ..RawServiceConfig::default() },
        };
        config.fields.insert("spec".to_owned(), spec);
        self.objects.put_config(config);
        Ok(())
    }

    /// What the cloud refuses is over then at the latest.
    fn refuse_until(&mut self, until: Duration) {
        self.refused_until = Some(self.refused_until.map_or(until, |known| known.max(until)));
    }

    /// Something comes of the next calls of an action.
    fn spoil_calls(&mut self, action: Option<String>, count: u64, effect: sim::Effect) {
        if count >= MANY {
            self.refuse_until(self.now + OFTEN);
        }
        let when = sim::When::Next(count);
        self.cloud.inject(sim::Fault { action, load_balancer: None, names: None, when, effect });
    }

    /// Calls of an action are refused that name this address.
    fn refuse_address(&mut self, action: String, names: &str, code: String) {
        let message = crate::act::refusal(names);
        self.cloud.inject(sim::Fault {
            action: Some(action),
            load_balancer: None,
            names: Some(format!("\"{names}\"")),
            when: sim::When::Always,
            effect: sim::Effect::Error { code, message },
        });
    }

    pub(super) fn misfortune(&mut self, fault: Fault) {
        let seconds = Duration::from_secs;
        match fault {
            Fault::Calls { action, count, effect } => self.spoil_calls(action, count, effect),
            Fault::Stall(replica, kind, time) => {
                let place = (replica % self.replicas.len(), KINDS[kind % KINDS.len()]);
                self.stalled.insert(place, self.now + seconds(time));
            }
            Fault::Unprobed(place, time) => self.hide_from_probes(place, self.now + seconds(time)),
            Fault::Relist(replica, kind) => {
                let (replica, kind) = (replica % self.replicas.len(), KINDS[kind % KINDS.len()]);
                if self.replicas[replica].heard.contains_key(&kind) {
                    let to = self.address(replica, None);
                    self.after("list", Duration::from_millis(50), Happening::List { to, kind });
                }
            }
            Fault::Crash(replica, time) => {
                let replica = replica % self.replicas.len();
                let until = self.now + seconds(time);
                self.replicas[replica].pulse = Pulse::Down(until);
                self.replicas[replica].leading = None;
                self.at(until, Happening::Begin { replica });
            }
            Fault::Freeze(replica, time) => {
                let replica = replica % self.replicas.len();
                if self.replicas[replica].pulse == Pulse::Running {
                    self.replicas[replica].pulse = Pulse::Frozen(self.now + seconds(time));
                }
            }
            Fault::CutOff(replica, time) => {
                self.cut_off.insert(replica % self.replicas.len(), self.now + seconds(time));
            }
            Fault::Refuse { status, seconds: time } => self.mood = Mood::Refuses(status, self.now + seconds(time)),
            Fault::Forget(time) => self.mood = Mood::Forgets(self.now + seconds(time)),
            Fault::Unreadable(time) => self.unreadable = self.now + seconds(time),
            Fault::Slow(by, time) => self.slow = (seconds(by), self.now + seconds(time)),
            Fault::Delay(by, time) => self.delay = (Duration::from_millis(by), self.now + seconds(time)),
            Fault::Skew(replica, by, time) => {
                let replica = replica % self.replicas.len();
                self.skew.insert(replica, (SignedDuration::from_secs(by), self.now + seconds(time)));
            }
            Fault::Node { node, seconds: time, serves } => {
                self.cluster.silence_node(node, self.now, self.now + seconds(time), serves);
            }
            Fault::Refused { action, names, code, seconds: time } => {
                self.refuse_address(action, &names, code);
                self.refuse_until(self.now + seconds(time));
            }
            Fault::DeleteLease => {
                self.objects.lease = None;
                self.tell_of_lease();
            }
            Fault::Mended => self.cloud.clear_faults(),
        }
    }
}
