//! What a round of the reconcile state machine takes, without anything that it waits for: the machine itself, the snapshot that it makes
//! of caches and reads, the plan, the statuses and their comparison.
//!
//! A round at rest is what every change of a Pod and every resync costs at least; one in which a Pod comes ends with the call that
//! registers it. A load balancer of 10 bindings with 4 Pods each is a usual one, the others are large ones.

#![allow(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to measure")]

mod scene;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use k8s_openapi::jiff::Timestamp;
use tke_direct_access::api::{DirectAccessBinding, names};
use tke_direct_access::model::{
    Caller, GateState, KeyMark, LoadBalancerId, ObjectKey, Pod, Region, Service, SliceEndpoint,
};
use tke_direct_access::plan::annotated::Setting;
use tke_direct_access::plan::brake::HoldConfig;
use tke_direct_access::plan::vpc::TkeVpc;
use tke_direct_access::plan::{Cluster, ClusterView, DefinitionSight, selects};
use tke_direct_access::reconcile::{
    Answer, Caches, ConfigSight, Effect, Flags, Frame, Input, Key, Machine, News, Now, Read, Reply, Shared,
    Surroundings, Taken, Write,
};

use scene::{LOAD_BALANCER, REGION, Scene};

/// What caches show.
struct Shown(Scene);

impl Caches for Shown {
    fn bindings(&self, _: &Key) -> Vec<Arc<DirectAccessBinding>> {
        self.0.bindings.clone()
    }

    fn view(
        &self,
        binding: Arc<DirectAccessBinding>,
        certificates: BTreeMap<String, Result<String, String>>,
        _: Option<DefinitionSight>,
    ) -> ClusterView {
        let place = self.place(&binding);
        ClusterView { binding, certificates, ..self.0.view(place) }
    }

    fn has_binding(&self, uid: &str) -> bool {
        self.0.bindings.iter().any(|binding| binding.metadata.uid.as_deref() == Some(uid))
    }

    fn bindings_of(&self, service: &ObjectKey) -> Vec<Arc<DirectAccessBinding>> {
        let is_of = |binding: &&Arc<DirectAccessBinding>| binding.spec.service_ref.name == service.name;
        self.0.bindings.iter().filter(is_of).cloned().collect()
    }

    fn holding(&self, pod: &Pod) -> Vec<Arc<DirectAccessBinding>> {
        let pairs = self.0.services.iter().zip(&self.0.bindings);
        pairs.filter(|(service, _)| selects(service, pod)).map(|(_, binding)| binding.clone()).collect()
    }

    fn pod(&self, _: &str, uid: &str) -> Option<Arc<Pod>> {
        self.0.pods.get(uid).cloned()
    }

    fn reassigned(&self, _: &str, _: &BTreeMap<IpAddr, String>) -> BTreeSet<IpAddr> {
        BTreeSet::new()
    }

    fn cluster(&self) -> Cluster {
        Cluster::default()
    }

    fn setting(&self) -> Setting {
        Setting::default()
    }

    fn hold(&self) -> HoldConfig {
        HoldConfig::default()
    }

    fn signing_key(&self) -> KeyMark {
        KeyMark::new("key".to_owned())
    }

    fn caller(&self, _: &KeyMark) -> Caller {
        Caller::NotAsked
    }

    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>> {
        self.0.services.iter().find(|service| service.key == *key).cloned()
    }

    fn selecting(&self, pod: &Pod) -> Vec<Arc<Service>> {
        self.0.services.iter().filter(|service| selects(service, pod)).cloned().collect()
    }

    fn bindings_in(&self, _: &str) -> Vec<Arc<DirectAccessBinding>> {
        self.0.bindings.clone()
    }

    fn waiting(&self, _: &str) -> Vec<Arc<Pod>> {
        self.0.pods.values().filter(|pod| pod.gate.is_waiting()).cloned().collect()
    }

    fn named_load_balancers(&self, _: &Region) -> BTreeSet<LoadBalancerId> {
        BTreeSet::from([LoadBalancerId::new(LOAD_BALANCER)])
    }

    fn tke_vpc(&self) -> TkeVpc {
        TkeVpc::Absent
    }

    fn config(&self, _: &ObjectKey) -> Option<ConfigSight> {
        None
    }
}

impl Shown {
    fn place(&self, binding: &DirectAccessBinding) -> usize {
        let uid = &binding.metadata.uid;
        self.0.bindings.iter().position(|found| found.metadata.uid == *uid).expect("a binding of the scene")
    }

    fn edit(&mut self, binding: &DirectAccessBinding, change: impl FnOnce(&mut DirectAccessBinding)) -> Taken {
        let place = self.place(binding);
        change(Arc::make_mut(&mut self.0.bindings[place]));
        Taken::Binding(self.0.bindings[place].clone())
    }
}

/// A machine with what it sees.
struct Driven {
    shown: Shown,
    machine: Machine,
    shared: Shared,
    flags: Flags,
    at: Duration,
    wakes: Option<Duration>,
}

/// What a round has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Done {
    calls: usize,
    writes: usize,
}

impl Driven {
    /// One that has come to rest.
    fn at_rest(scene: Scene) -> Self {
        let region = Region::new(REGION);
        let key = Key::LoadBalancer(region.clone(), LoadBalancerId::new(LOAD_BALANCER));
        let mut driven = Self {
            shown: Shown(scene),
            machine: Machine::new(key),
            shared: Shared::default(),
            flags: Flags { region, resync: Duration::from_secs(60), vpc_id: None },
            at: Duration::from_secs(1_000),
            wakes: None,
        };
        while driven.round() != Done::default() {}
        driven
    }

    fn step(&mut self, input: Input) -> Vec<Effect> {
        let now = Now { wall: Timestamp::UNIX_EPOCH, at: self.at };
        let Self { shown, machine, shared, flags, .. } = self;
        machine.step(&Surroundings { caches: shown, shared, flags, now }, input)
    }

    /// A change of Pods, and all that follows until the round ends. Everything asked for is answered at once.
    fn round(&mut self) -> Done {
        let mut done = Done::default();
        let mut inputs = VecDeque::from([Input::News(News::Members)]);
        loop {
            let input = inputs.pop_front().unwrap_or_else(|| {
                self.at = self.at.max(self.wakes.expect("nothing wakes the machine"));
                Input::Due
            });
            for effect in self.step(input) {
                match effect {
                    Effect::Ended(_) => return done,
                    Effect::WakeAt(at) => self.wakes = at,
                    Effect::Read(ticket, read) => inputs.push_back(Input::Answer(ticket, self.answer(&read))),
                    Effect::Write(ticket, write) => {
                        done.writes += 1;
                        inputs.push_back(Input::Written(ticket, Ok(self.write(write))));
                    }
                    Effect::Call(_) => {
                        done.calls += 1;
                        inputs.push_back(Input::Replied(Ok(Reply::Done)));
                    }
                    _ => {}
                }
            }
        }
    }

    fn answer(&self, read: &Read) -> Answer {
        let observed = &self.shown.0.observed;
        match read {
            Read::Frame => Answer::Frame(Ok(Frame::Shown(observed.clone()))),
            Read::Targets(_) => Answer::Targets(Ok(observed.targets.clone())),
            Read::Health => Answer::Health(observed.health.clone()),
            Read::Tagged(..) => Answer::Tagged(Ok(Vec::new())),
            Read::Quotas => Answer::Quotas(self.shown.0.snapshot().limits),
            other => unreachable!("{other:?} is not read of these bindings"),
        }
    }

    fn write(&mut self, write: Write) -> Taken {
        match write {
            Write::Status { binding, status } => self.shown.edit(&binding, |found| found.status = Some(*status)),
            Write::Finalizers { binding, ours } => self.shown.edit(&binding, |found| {
                let finalizers = found.metadata.finalizers.get_or_insert_default();
                finalizers.retain(|one| ![names::FINALIZER, names::FIRST_FINALIZER].contains(&one.as_str()));
                finalizers.extend(ours.iter().map(|one| (*one).to_owned()));
            }),
            _ => Taken::Other,
        }
    }
}

/// One Pod more, which waits for its gate.
fn add_a_pod(scene: &mut Scene, number: u32) {
    let pod = Arc::new(scene::pod(0, number, GateState::Unset));
    let mut slice = scene.slices[0].pop().map(|slice| (*slice).clone()).expect("the first binding has a slice");
    slice.endpoints.push(SliceEndpoint {
        addresses: pod.ips.clone(),
        pod_uid: Some(pod.uid.clone()),
        target_name: Some(pod.key.name.clone()),
    });
    scene.slices[0].push(Arc::new(slice));
    Arc::make_mut(&mut scene.pods).insert(pod.uid.clone(), pod);
}

fn rounds(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("round");
    group.sample_size(20);
    for (bindings, pods) in [(10, 4), (50, 20), (1, 1_000)] {
        let scene = Scene::new(bindings, &(0..pods), &(0..pods));
        let name = format!("{bindings} bindings of {pods} Pods");
        let mut driven = Driven::at_rest(scene.clone());
        assert_eq!(driven.round(), Done::default(), "{name} are not at rest");
        group.bench_function(format!("{name}, at rest"), |bencher| bencher.iter(|| black_box(driven.round())));
        let changed = || {
            let mut driven = Driven::at_rest(scene.clone());
            add_a_pod(&mut driven.shown.0, pods);
            driven
        };
        assert_eq!(changed().round().calls, 1, "{name}: the Pod is registered by one call");
        group.bench_function(format!("{name}, a Pod comes"), |bencher| {
            bencher.iter_batched_ref(changed, |driven| driven.round(), BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, rounds);
criterion_main!(benches);
