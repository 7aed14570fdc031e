//! The rows.

use serde_json::{Value, json};

use super::{Claim, Members, Row};
use crate::api::condition::{ExclusionReason, Reason};
use crate::model::{AccountId, Caller, ClusterNetwork, Known, ListenerState, Protocol, TargetPort, Witnesses};
use crate::plan::tests::acts::{add, adopt, delete_binding, edit, listener, respec, web};
use crate::plan::tests::world::{World, address, binding};
use crate::plan::{Cloud, ConfigView, Departure, Doubt};

fn row(reason: Reason, what: &'static str, begin: fn() -> World, spoil: fn(&mut World)) -> Row {
    Row { claim: Claim::Of(reason), what, begin, spoil, members: Members::Change }
}

fn of_pods(reason: ExclusionReason, what: &'static str, begin: fn() -> World, spoil: fn(&mut World)) -> Row {
    Row { claim: Claim::OfPods(reason), what, begin, spoil, members: Members::Leave("they cannot be reached") }
}

impl Row {
    fn with(self, members: Members) -> Self {
        Self { members, ..self }
    }
}

pub(super) fn rows() -> Vec<Row> {
    let all = [spec_rows(), service_rows(), config_rows(), cloud_rows(), quota_rows(), standstills(), pod_rows()];
    all.into_iter().flatten().collect()
}

fn plain() -> World {
    web(&json!({}), 2)
}

fn explicit() -> World {
    web(&json!({"listeners": [listener(80, "TCP")]}), 2)
}

fn http(domains: &[&str]) -> Value {
    let rules: Vec<_> = domains.iter().map(|domain| json!({"domain": domain})).collect();
    json!({"listeners": [{"port": 80, "protocol": "HTTP", "servicePort": 80, "rules": rules}]})
}

fn by_id(id: &str, port: u16) -> Value {
    json!({"listeners": [{"port": port, "protocol": "TCP", "servicePort": 80, "listenerId": id}]})
}

/// On a listener of somebody else.
fn shared() -> World {
    let mut world = web(&by_id("lbl-1", 443), 2);
    world.add_listener("somebody's", Protocol::Tcp, 443);
    world
}

fn shared_http(domain: &str) -> Value {
    let mut spec = http(&[domain]);
    spec["listeners"][0]["listenerId"] = json!("lbl-1");
    spec
}

fn tls(secret: &str) -> Value {
    let certificate = json!({"secretName": secret});
    json!({"listeners": [{"port": 443, "protocol": "TCP_SSL", "servicePort": 80, "certificate": certificate}]})
}

fn with_certificate(spec: &Value) -> World {
    let mut world = web(spec, 2);
    world.certificates.insert("web-tls".to_owned(), Ok("cert-1".to_owned()));
    world
}

fn lose_certificate(world: &mut World) {
    world.certificates.insert("web-tls".to_owned(), Err("does not exist".to_owned()));
}

fn sni() -> Value {
    json!({"listeners": [{"port": 443, "protocol": "HTTPS", "servicePort": 80, "rules": [
        {"domain": "a.example", "certificate": {"secretName": "web-tls"}},
        {"domain": "b.example", "certificate": {"id": "cert-2"}},
    ]}]})
}

fn tcp_443() -> Value {
    json!({"listeners": [listener(443, "TCP")]})
}

fn spec_rows() -> Vec<Row> {
    use Reason::{Invalid, NotAdopted, PortConflict, UnsupportedValue};
    let move_to_90 = |world: &mut World| respec(world, &json!({"listeners": [listener(90, "TCP")]}));
    vec![
        row(NotAdopted, "the annotation says whom in words that nobody can read", explicit, |world| {
            adopt(world, "web")
        }),
        row(Invalid, "the port is not that of listenerId", shared, |world| respec(world, &by_id("lbl-1", 444))),
        row(Invalid, "the port is 0", explicit, |world| respec(world, &json!({"listeners": [listener(0, "TCP")]}))),
        row(Invalid, "the port is 70000", explicit, |world| {
            respec(world, &json!({"listeners": [{"port": 70000, "protocol": "TCP", "servicePort": 80}]}));
        }),
        row(
            Invalid,
            "a rule is there twice, another is not",
            || web(&http(&["a.example", "b.example"]), 2),
            |world| {
                respec(world, &http(&["a.example", "a.example"]));
            },
        ),
        row(
            PortConflict,
            "moved to the port of a foreign listener",
            || {
                let mut world = explicit();
                world.add_listener("somebody's", Protocol::Tcp, 90);
                world
            },
            move_to_90,
        ),
        row(
            PortConflict,
            "moved to the port of another binding",
            || {
                let mut world = explicit();
                world.bindings.push(binding(0, &json!({"listeners": [listener(90, "TCP")]})));
                world
            },
            move_to_90,
        ),
        row(
            UnsupportedValue,
            "the address that stands for a domain is gone",
            || web(&http(&[""]), 2),
            |world| {
                world.addresses.clear();
            },
        ),
    ]
}

fn service_rows() -> Vec<Row> {
    use Reason::{NoSelector, ServiceNotFound, ServicePortNotFound};
    let renumber = |world: &mut World| world.service.as_mut().unwrap().ports[0].port = 88;
    let rename = |world: &mut World| {
        edit(world, |binding| binding.spec.service_ref.name = "wbe".to_owned());
        world.service = None;
    };
    let strip = |world: &mut World| world.service.as_mut().unwrap().selector.clear();
    vec![
        row(ServiceNotFound, "deleted", plain, |world| world.service = None),
        row(ServiceNotFound, "deleted, with listeners in the spec", explicit, |world| world.service = None),
        row(ServiceNotFound, "deleted, behind rules", || web(&http(&["a.example"]), 2), |world| world.service = None),
        row(ServiceNotFound, "deleted, behind a shared listener", shared, |world| world.service = None),
        row(ServiceNotFound, "another name in serviceRef", plain, rename),
        row(ServiceNotFound, "another name in serviceRef, with listeners in the spec", explicit, rename),
        row(ServicePortNotFound, "renumbered", explicit, renumber),
        row(ServicePortNotFound, "renumbered, behind rules", || web(&http(&["a.example"]), 2), renumber),
        row(ServicePortNotFound, "another name in servicePort", explicit, |world| {
            let listener = json!({"port": 80, "protocol": "TCP", "servicePort": "admin"});
            respec(world, &json!({"listeners": [listener]}));
        }),
        row(ServicePortNotFound, "another name in servicePort, and another port", explicit, |world| {
            let listener = json!({"port": 90, "protocol": "TCP", "servicePort": "admin"});
            respec(world, &json!({"listeners": [listener]}));
        }),
        row(NoSelector, "removed", plain, strip),
        row(NoSelector, "removed, with listeners in the spec", explicit, strip),
    ]
}

fn config_rows() -> Vec<Row> {
    use Reason::{CertificateNotFound, ConfigNotFound, ConfigNotOwned, ConfigUnreadable};
    let move_to_ssl = |world: &mut World| {
        lose_certificate(world);
        respec(world, &tls("web-tls"));
    };
    vec![
        row(ConfigNotFound, "deleted", plain, |world| world.config = ConfigView::Missing(Vec::new())),
        row(ConfigNotOwned, "somebody has made it", plain, |world| world.config = ConfigView::Foreign),
        row(ConfigUnreadable, "the API server refuses to list configs", plain, |world| {
            world.config = ConfigView::Refused("tkeserviceconfigs is forbidden".to_owned());
        }),
        row(CertificateNotFound, "of a listener", || with_certificate(&tls("web-tls")), lose_certificate),
        row(CertificateNotFound, "of one of two domains", || with_certificate(&sni()), lose_certificate),
        row(
            CertificateNotFound,
            "of another Secret",
            || with_certificate(&tls("web-tls")),
            |world| {
                respec(world, &tls("wbe-tls"));
            },
        ),
        row(
            CertificateNotFound,
            "of a domain of the protocol that comes",
            || web(&tcp_443(), 2),
            |world| {
                lose_certificate(world);
                respec(world, &sni());
            },
        ),
        row(CertificateNotFound, "of the protocol that comes", || web(&tcp_443(), 2), move_to_ssl),
    ]
}

fn cloud_rows() -> Vec<Row> {
    use Reason::{BackendConflict, ListenerNotFound, ListenerStopped, TagsNotShown};
    let unrecognised = Members::Unrecognised("nobody knows whose a target of a shared listener is");
    vec![
        row(ListenerNotFound, "another listenerId", shared, |world| respec(world, &by_id("lbl-99", 443))),
        row(
            ListenerNotFound,
            "another rule of a shared listener",
            || {
                let mut world = web(&shared_http("a.example"), 2);
                let id = world.add_listener("somebody's", Protocol::Http, 80);
                world.add_rule(&id, "a.example", "/");
                world
            },
            |world| respec(world, &shared_http("b.example")),
        ),
        row(ListenerStopped, "stopped", plain, |world| world.listeners[0].state = ListenerState::Stopped),
        row(
            TagsNotShown,
            "on a shared listener",
            || {
                let mut world = shared();
                world.shows_tags = false;
                world
            },
            |_| {},
        )
        .with(unrecognised),
        row(BackendConflict, "somebody registers the new Pod", plain, |world| {
            let id = world.listeners[0].id.clone();
            world.add_target(&id, address(9), 10, "somebody's");
        }),
    ]
}

fn quota_rows() -> Vec<Row> {
    use Reason::QuotaExceeded;
    vec![
        row(QuotaExceeded, "of listeners", explicit, |world| {
            world.limits.listeners_per_load_balancer = 1;
            respec(world, &json!({"listeners": [listener(90, "TCP")]}));
        }),
        row(
            QuotaExceeded,
            "of rules",
            || web(&http(&["a.example"]), 2),
            |world| {
                world.limits.rules_per_listener = 1;
                respec(world, &http(&["b.example"]));
            },
        ),
        row(QuotaExceeded, "of targets", plain, |world| {
            world.limits.targets_per_route = 2;
            add(world, [30], "web");
        }),
    ]
}

fn standstills() -> Vec<Row> {
    use Reason::{LoadBalancerNotFound, ManagedByTke, OtherAccount, RemovalHeld, SlicesStale, Suspended};
    vec![
        row(ManagedByTke, "TKE's finalizer appears", plain, |world| {
            let service = world.service.as_mut().unwrap();
            (service.is_load_balancer, service.has_tke_finalizer) = (true, true);
        }),
        row(Suspended, "by the user", plain, |world| edit(world, |binding| binding.spec.suspend = true))
            .with(Members::Frozen("the user has asked for it")),
        row(RemovalHeld, "nobody knows why it is being deleted", plain, |world| {
            delete_binding(world);
            world.departure = Departure::Unknown(Doubt::Definition);
        })
        .with(Members::Frozen("it may be the user's wish that it ends")),
        row(OtherAccount, "the credentials are of another account, and it is shown all the same", plain, |world| {
            world.caller = Caller::Known(AccountId::new("200000000002"));
        }),
        row(OtherAccount, "the credentials are of another account", plain, |world| {
            world.caller = Caller::Known(AccountId::new("200000000002"));
            world.unread = Some(Cloud::Missing(Witnesses::ListAndListeners));
        })
        .with(Members::Untouched("nothing can be written")),
        row(LoadBalancerNotFound, "no read shows it", plain, |world| {
            world.unread = Some(Cloud::Missing(Witnesses::ListAndListeners));
        })
        .with(Members::Untouched("nothing can be written")),
        row(SlicesStale, "they name nobody", plain, |world| world.published = Some(Vec::new()))
            .with(Members::Leave("Kubernetes does not say yet that they are behind the Service")),
    ]
}

fn global_router() -> World {
    let mut world = plain();
    world.cluster.network = ClusterNetwork::GlobalRouter;
    (world.cluster.allows_global_route, world.snat_pro) = (Known::Yes, true);
    world
}

fn on_nodes() -> World {
    let mut world = plain();
    world.cluster.allows_host_network = true;
    world.pods.values_mut().for_each(|pod| pod.host_network = true);
    world
}

fn pod_rows() -> Vec<Row> {
    use ExclusionReason::{GlobalRouteDisabled, HostNetwork, NetworkModeMismatch, NoPort, SnatProRequired};
    vec![
        of_pods(GlobalRouteDisabled, "the switch goes off", global_router, |world| {
            world.cluster.allows_global_route = Known::No;
        }),
        of_pods(GlobalRouteDisabled, "the switch cannot be seen", global_router, |world| {
            world.cluster.allows_global_route = Known::Unknown;
        }),
        of_pods(SnatProRequired, "it is switched off", global_router, |world| world.snat_pro = false),
        of_pods(HostNetwork, "the flag is taken back", on_nodes, |world| world.cluster.allows_host_network = false)
            .with(Members::Change),
        of_pods(NetworkModeMismatch, "another network is asked for", plain, |world| {
            respec(world, &json!({"network": "GlobalRouter"}));
        }),
        of_pods(NoPort, "no container declares the name", plain, |world| {
            world.service.as_mut().unwrap().ports[0].target_port = TargetPort::Name("http".to_owned());
        }),
    ]
}
