//! Any sequence of calls leaves a state that the service could be in, and a failed call leaves no trace.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use proptest::prelude::*;

use super::super::dialect::Departure;
use super::super::settings::Settings;
use super::*;
use crate::clb::wire;
use crate::model::Protocol;

#[derive(Clone, Debug)]
enum Op {
    CreateListener { protocol: &'static str, port: i64 },
    DeleteListener(usize),
    CreateRule { listener: usize, url: &'static str },
    Register { listener: usize, last: i64, port: i64, weight: i64 },
    BatchRegister(Vec<(usize, i64, i64)>),
    Deregister { listener: usize, last: i64, port: i64 },
    MovePort { listener: usize, last: i64, port: i64, to: i64 },
    Reweight { listener: usize, last: i64, port: i64, weight: i64 },
    SetState { listener: usize, operation: &'static str },
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let (listener, last, port) = (0..5_usize, 1..3_i64, 0..3_i64);
    let target = || (listener.clone(), last.clone(), port.clone());
    prop_oneof![
        (prop::sample::select(vec!["TCP", "UDP", "HTTP", "tcp", "SCTP"]), 0..4_i64)
            .prop_map(|(protocol, port)| Op::CreateListener { protocol, port }),
        listener.clone().prop_map(Op::DeleteListener),
        (listener.clone(), prop::sample::select(vec!["/", "/a", ""]))
            .prop_map(|(listener, url)| Op::CreateRule { listener, url }),
        (target(), -1..102_i64).prop_map(|((listener, last, port), weight)| Op::Register {
            listener,
            last,
            port,
            weight
        }),
        prop::collection::vec(target(), 0..4).prop_map(Op::BatchRegister),
        target().prop_map(|(listener, last, port)| Op::Deregister { listener, last, port }),
        (target(), port.clone()).prop_map(|((listener, last, port), to)| Op::MovePort { listener, last, port, to }),
        (target(), -1..102_i64).prop_map(|((listener, last, port), weight)| Op::Reweight {
            listener,
            last,
            port,
            weight
        }),
        (listener, prop::sample::select(vec!["Stop", "Start", "Pause"]))
            .prop_map(|(listener, operation)| Op::SetState { listener, operation }),
        (0..700_u64).prop_map(Op::Wait),
    ]
}

struct World {
    state: State,
    now: Moment,
    calls: u64,
}

const LB: &str = "lb-test";

impl World {
    fn new() -> Self {
        let settings = Settings::default();
        let quotas = Quotas { listeners: 4, targets: 3, rules: 2, ..settings.quotas };
        let config = Config {
            account: "100000000001".into(),
            first_id: 0,
            region: settings.region,
            quotas,
            timing: settings.timing,
            dialect: [Departure::BatchTasks].into(),
            origin: Timestamp::UNIX_EPOCH,
            identities: Identities::default(),
        };
        let mut state = State::new(config);
        let spec = super::super::settings::LoadBalancerSpec::with_id(LB);
        let id = state.add_load_balancer(&spec, Ipv4Addr::LOCALHOST, Moment::ZERO).expect("a load balancer");
        // Enough to begin with for two listeners to compete for a target.
        for port in [1, 2] {
            state.add_listener(&id, "old", Protocol::Tcp, port).expect("a listener");
        }
        let http = state.add_listener(&id, "old", Protocol::Http, 3).expect("a listener");
        state.add_rule(&id, &http, "a.example", "/").expect("a rule");
        Self { state, now: Moment::ZERO, calls: 0 }
    }

    /// Makes a call; true when it is accepted. One that is refused must not have changed anything, not even later.
    fn call<A: Handle>(&mut self, request: A) -> bool {
        self.state.advance(self.now);
        self.calls += 1;
        let tasks = self.state.tasks.len();
        let before = self.shown();
        let mut context = Context {
            now: self.now,
            request_id: &self.calls.to_string(),
            twist: &Twist::default(),
            addresses: &mut || None,
            described: 0,
        };
        let accepted = request.handle(&mut self.state, &mut context).is_ok();
        if !accepted {
            assert_eq!((before, tasks), (self.shown(), self.state.tasks.len()));
        }
        accepted
    }

    fn shown(&self) -> String {
        format!("{:?}", self.state.load_balancer(&LoadBalancerId::new(LB)))
    }

    /// Listener and rule of a number: of one that exists if there are that many, else of none.
    fn place(&self, nth: usize) -> (String, Option<String>) {
        let routes: Vec<Route> = self.state.targets(&LoadBalancerId::new(LB)).into_keys().collect();
        match routes.get(nth) {
            Some(route) => (route.listener.to_string(), route.rule.as_ref().map(ToString::to_string)),
            None => {
                let listeners = self.state.listeners(&LoadBalancerId::new(LB));
                (listeners.first().map_or("lbl-none".to_owned(), |listener| listener.id.to_string()), None)
            }
        }
    }

    fn step(&mut self, op: Op) {
        let id = || LB.to_owned();
        let target = |last: i64, port: i64, weight| wire::Target {
            port,
            eni_ip: Some(format!("10.0.0.{last}")),
            weight,
            ..wire::Target::default()
        };
        match op {
            Op::Wait(milliseconds) => self.now += Duration::from_millis(milliseconds),
            Op::CreateListener { protocol, port } => {
                let (ports, protocol) = (vec![port], protocol.to_owned());
                self.call(wire::CreateListener { load_balancer_id: id(), ports, protocol, ..Default::default() });
            }
            Op::DeleteListener(nth) => {
                let listener_id = self.place(nth).0;
                self.call(wire::DeleteListener { load_balancer_id: id(), listener_id });
            }
            Op::CreateRule { listener, url } => {
                let rules = vec![wire::RuleInput {
                    url: url.to_owned(),
                    domain: Some("a.example".to_owned()),
                    ..Default::default()
                }];
                let listener_id = self.place(listener).0;
                self.call(wire::CreateRule { load_balancer_id: id(), listener_id, rules });
            }
            Op::Register { listener, last, port, weight } => {
                let (listener_id, location_id) = self.place(listener);
                let targets = vec![target(last, port, Some(weight))];
                self.call(wire::RegisterTargets {
                    load_balancer_id: id(),
                    listener_id,
                    targets,
                    location_id,
                    ..Default::default()
                });
            }
            Op::SetState { listener, operation } => {
                let listener_ids = Some(vec![self.place(listener).0]);
                let operation_type = operation.to_owned();
                self.call(wire::SetLoadBalancerStartStatus { load_balancer_id: id(), operation_type, listener_ids });
            }
            Op::BatchRegister(all) => {
                let one = |&(listener, last, port): &(usize, i64, i64)| {
                    let (listener_id, location_id) = self.place(listener);
                    let eni_ip = Some(format!("10.0.0.{last}"));
                    wire::BatchTarget { listener_id, port, eni_ip, location_id, ..Default::default() }
                };
                let targets = all.iter().map(one).collect();
                self.call(wire::BatchRegisterTargets { load_balancer_id: id(), targets });
            }
            Op::Deregister { listener, last, port } => {
                let (listener_id, location_id) = self.place(listener);
                let targets = vec![target(last, port, None)];
                self.call(wire::DeregisterTargets {
                    load_balancer_id: id(),
                    listener_id,
                    targets,
                    location_id,
                    ..Default::default()
                });
            }
            Op::MovePort { listener, last, port, to } => {
                let (listener_id, location_id) = self.place(listener);
                let targets = vec![target(last, port, None)];
                self.call(wire::ModifyTargetPort {
                    load_balancer_id: id(),
                    listener_id,
                    targets,
                    new_port: to,
                    location_id,
                    ..Default::default()
                });
            }
            Op::Reweight { listener, last, port, weight } => {
                let (listener_id, location_id) = self.place(listener);
                let targets = vec![target(last, port, None)];
                let rule = wire::RsWeightRule {
                    listener_id,
                    targets,
                    location_id,
                    weight: Some(weight),
                    ..Default::default()
                };
                self.call(wire::BatchModifyTargetWeight { load_balancer_id: id(), modify_list: vec![rule] });
            }
        }
    }

    fn check(&self) {
        let load_balancer = self.state.load_balancer(&LoadBalancerId::new(LB)).expect("it stays");
        let quotas = self.state.config.quotas;
        assert!(load_balancer.listeners.len() <= quotas.listeners);
        let (mut ports, mut backends) = (BTreeSet::new(), BTreeSet::new());
        for listener in &load_balancer.listeners {
            assert!(ports.insert((listener.protocol.transport(), listener.port)), "two listeners on one port");
            assert!(listener.targets.is_empty() || !listener.protocol.is_layer7());
            assert!(listener.rules.is_empty() || listener.protocol.is_layer7());
            for target in &listener.targets {
                assert!(backends.insert((listener.protocol, target.address)), "one backend behind two listeners");
            }
        }
        let served = load_balancer.listeners.iter().filter(|listener| load_balancer.serves(listener)).count();
        assert_eq!(self.state.fronts(&load_balancer.id).len(), served);
        for targets in self.state.targets(&load_balancer.id).values() {
            let addresses: BTreeSet<_> = targets.iter().map(|target| target.address).collect();
            assert!(addresses.len() == targets.len() && targets.len() <= quotas.targets);
            assert!(targets.iter().all(|target| target.weight <= 100 && target.address.port > 0));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_calls_leads_to_an_impossible_state(ops in prop::collection::vec(op(), 1..60)) {
        let mut world = World::new();
        for op in ops {
            world.step(op);
            // Mostly the task has ended before the next call, and sometimes it has not.
            world.now += Duration::from_millis(if world.calls.is_multiple_of(5) { 100 } else { 600 });
            world.state.advance(world.now);
            world.check();
        }
    }
}

#[test]
fn ids_do_not_repeat() {
    let mut world = World::new();
    let ids: BTreeSet<String> = (0..20_000).map(|_| world.state.new_id("lbl-")).collect();
    assert_eq!(ids.len(), 20_000);
    assert!(ids.iter().all(|id| id.len() == 12));
}
