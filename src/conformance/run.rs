//! One run of the script.

use std::io;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::caller::Caller;
use super::journal::Journal;
use super::pace::pause;
use super::recording::{Answer, Entry, Recording};
use super::seen::{Seen, TASK, class};
use super::state::{Kind, Proof};
use super::step::{Asked, Scene, Step, begins, script};
use crate::model::Class;

/// A run, with what it has seen so far.
pub(super) struct Run<'a> {
    asked: &'a Asked,
    caller: &'a mut Caller,
    journal: &'a mut Journal,
    /// As it arrived; it must be redacted before anybody sees it.
    pub(super) recording: Recording,
    /// Tasks that nobody has waited for: the step, the id, and what is gone when it ends well.
    pending: Vec<(&'static Step, String, Vec<String>)>,
}

impl<'a> Run<'a> {
    pub(super) fn new(asked: &'a Asked, caller: &'a mut Caller, journal: &'a mut Journal) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let recording = Recording { version, inputs: asked.inputs(), is_cut: false, calls: Vec::new() };
        Self { asked, caller, journal, recording, pending: Vec::new() }
    }

    /// Makes all calls of the script for which there is what they need.
    ///
    /// # Errors
    /// When the state file cannot be written: then nothing is made.
    pub(super) async fn script(&mut self) -> io::Result<()> {
        let inputs = self.recording.inputs;
        let mut follows_at_once = false;
        for step in script().filter(|step| step.needs.unmet(&inputs).is_none()) {
            let scene = Scene { asked: self.asked, seen: Seen::new(&self.recording) };
            let Some(request) = (step.body)(&scene) else { continue };
            // There is room for all that follow one another before the first is sent.
            let calls = if follows_at_once { 1 } else { at_once(step) };
            follows_at_once = step.hurries;
            if let Some(about) = begins(step) {
                self.caller.say(&format!("Asks about {about}."));
            }
            let creation = match step.creates() {
                true => Some(self.journal.before(step.name, step.action, &request)?),
                false => None,
            };
            let entry = self.make(step, request, calls).await;
            if let Answer::Reply(reply) = &entry.answer {
                for (kind, list, id) in SHOWN {
                    let rows = reply[list].as_array().into_iter().flatten();
                    let ids: Vec<&str> = rows.filter_map(|row| row[id].as_str()).collect();
                    self.journal.read(kind, &ids);
                }
            }
            if let Some(number) = creation {
                self.journal.after(number, &entry)?;
            }
            if !step.hurries {
                self.wait_for_tasks().await?;
            }
        }
        Ok(())
    }

    /// Makes one call; again while a lock is in its way.
    async fn make(&mut self, step: &'static Step, request: Value, calls: usize) -> Entry {
        let began = Instant::now();
        loop {
            let entry = self.caller.call(step.name, step.action, &request, calls).await;
            let is_locked = class(&entry) == Some(Class::Busy);
            self.recording.calls.push(entry.clone());
            if is_locked && !step.once && began.elapsed() < self.caller.times.longest_wait {
                pause(self.caller.times.between_looks).await;
                continue;
            }
            if let (true, Some(id)) = (step.writes(), request_id(&entry)) {
                self.pending.push((step, id.to_owned(), deleted(step, &request)));
            }
            return entry;
        }
    }

    /// Waits until all tasks have ended.
    async fn wait_for_tasks(&mut self) -> io::Result<()> {
        for (step, id, deleted) in std::mem::take(&mut self.pending) {
            let name = step.name;
            let began = Instant::now();
            loop {
                let request = json!({"TaskId": id});
                let entry = self.caller.call(&format!("{name}{TASK}"), "DescribeTaskStatus", &request, 1).await;
                let status = match &entry.answer {
                    Answer::Reply(reply) => reply["Status"].as_i64(),
                    _ => None,
                };
                if let (true, Some(0), Answer::Reply(reply)) = (step.creates(), status, &entry.answer) {
                    self.journal.named(name, reply)?;
                }
                if status == Some(0) {
                    deleted.iter().try_for_each(|id| self.journal.gone(id, &Proof::Deleted))?;
                }
                self.recording.calls.push(entry);
                if status != Some(2) || began.elapsed() > self.caller.times.longest_wait {
                    break;
                }
                pause(self.caller.times.between_looks).await;
            }
        }
        Ok(())
    }
}

/// Lists that show what is there.
const SHOWN: [(Kind, &str, &str); 2] =
    [(Kind::LoadBalancer, "LoadBalancerSet", "LoadBalancerId"), (Kind::Listener, "Listeners", "ListenerId")];

/// How many calls follow one another at once from a step on.
fn at_once(first: &Step) -> usize {
    1 + script().skip_while(|step| step.name != first.name).take_while(|step| step.hurries).count()
}

fn request_id(entry: &Entry) -> Option<&str> {
    match &entry.answer {
        Answer::Reply(reply) => reply["RequestId"].as_str(),
        _ => None,
    }
}

/// The ids that a call takes away when its task ends well.
fn deleted(step: &Step, request: &Value) -> Vec<String> {
    let ids = match step.action {
        "DeleteLoadBalancer" => &request["LoadBalancerIds"],
        "DeleteListener" => &request["ListenerId"],
        "DeleteLoadBalancerListeners" => &request["ListenerIds"],
        _ => &Value::Null,
    };
    let list = ids.as_array().into_iter().flatten().chain(Some(ids));
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}
