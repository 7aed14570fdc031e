//! Golden plans: small worlds, and every plan that is made in them until they come to rest, as text in `tests/plans`.
//!
//! A change of a plan is a change of a file, which people read. `UPDATE=1 cargo test plans` writes the files anew.

mod claims;
mod console;
mod endings;
mod pods;
mod rollouts;
mod story;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::{env, fs};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::world::{World, binding};
use crate::api::DirectAccessBinding;
use crate::model::{Ending, GateState, PreStop};
use story::Story;

/// A file, and the story that it tells.
type Row = (&'static str, fn() -> Story);

fn stories() -> Vec<Row> {
    [rollouts::STORIES, pods::STORIES, claims::STORIES, console::STORIES, endings::STORIES].concat()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/plans")
}

/// The first line that differs, with its number.
fn difference(expected: &str, found: &str) -> String {
    let mut lines = (1..).zip(expected.lines().zip(found.lines()));
    match lines.find(|(_, (expected, found))| expected != found) {
        Some((number, (expected, found))) => format!("line {number}\n  expected: {expected}\n  found:    {found}"),
        None => "one of the two is longer".to_owned(),
    }
}

#[test]
fn plans_are_those_of_the_files() {
    let is_update = env::var_os("UPDATE").is_some();
    let mut differences = Vec::new();
    for (name, story) in stories() {
        let path = folder().join(format!("{name}.txt"));
        let text = story().text();
        if is_update {
            fs::create_dir_all(folder()).unwrap();
            fs::write(&path, &text).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if expected != text {
            differences.push(format!("{name}.txt, {}", difference(&expected, &text)));
        }
    }
    assert!(differences.is_empty(), "{}\nUPDATE=1 writes the files anew", differences.join("\n"));
    let told: Vec<String> = stories().iter().map(|(name, _)| format!("{name}.txt")).collect();
    let names: BTreeSet<String> = told.iter().cloned().collect();
    assert_eq!(names.len(), told.len(), "no two stories have one name");
    let file = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let files: BTreeSet<String> = fs::read_dir(folder()).unwrap().map(file).collect();
    assert_eq!(files, names);
}

/// Pods `web-1` to `web-n` whose gates are open and whose containers sleep for 20 s before they end.
fn web(spec: &Value, count: u32) -> World {
    let mut world = World::new(spec);
    add(&mut world, 1..=count, "web");
    world
}

/// Adds Pods with this `app` label, as [`web`] has them.
fn add(world: &mut World, numbers: impl IntoIterator<Item = u32>, app: &str) {
    for number in numbers {
        let mut pod = super::world::pod(number);
        pod.labels.insert("app".to_owned(), app.to_owned());
        pod.gate = GateState::Open;
        pod.containers_ready_since = Some(world.now);
        pod.created = Some(world.now);
        pod.ending = Ending { grace_seconds: 50, pre_stop: PreStop::Sleep(20) };
        world.pods.insert(number, pod);
    }
}

fn delete(world: &mut World, numbers: impl IntoIterator<Item = u32>) {
    let now = world.now;
    for number in numbers {
        let pod = world.pod(number);
        pod.deleting_since = Some(now);
        let grace = jiff::SignedDuration::from_secs(i64::from(pod.ending.grace_seconds));
        pod.killed_at = now.checked_add(grace).ok();
    }
}

fn remove(world: &mut World, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        world.pods.remove(&number);
    }
}

/// Gives the binding another spec; its status stays.
fn respec(world: &mut World, spec: &Value) {
    let next = binding(1, spec);
    edit(world, |binding| binding.spec = next.spec.clone());
}

fn edit(world: &mut World, change: impl FnOnce(&mut DirectAccessBinding)) {
    change(Arc::make_mut(&mut world.bindings[0]));
}

fn delete_binding(world: &mut World) {
    let now = world.now;
    edit(world, |binding| binding.metadata.deletion_timestamp = Some(Time(now)));
}

fn listener(port: u16, protocol: &str) -> Value {
    json!({"port": port, "protocol": protocol, "servicePort": 80})
}
