//! The rows.

mod cloud;

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::{Deed, End, Row};
use crate::api::condition::Reason;
use crate::api::names;
use crate::model::{Class, Failure, Known, NamedPort, Protocol, ServicePort, TargetPort, Transport, Witnesses};
use crate::plan::tests::acts::{adopt, edit, listener, respec, web};
use crate::plan::tests::world::{World, binding, uid};
use crate::plan::{Cloud, ConfigView};

fn row(reason: Reason, what: &'static str, begin: fn() -> World, spoil: Deed) -> Row {
    Row { reason, what, begin, spoil, after: 3, says: &[], remedies: &[], end: End::Ready }
}

impl Row {
    fn says(self, says: &'static [&'static str]) -> Self {
        Self { says, ..self }
    }

    fn remedies(self, remedies: &'static [(&'static str, Deed)]) -> Self {
        Self { remedies, ..self }
    }

    fn after(self, after: i64) -> Self {
        Self { after, ..self }
    }

    fn end(self, end: End) -> Self {
        Self { end, ..self }
    }
}

pub(super) fn rows() -> Vec<Row> {
    let of_cloud = [cloud::cloud(), cloud::calls(), cloud::quotas(), cloud::targets(), cloud::wishes(), cloud::held()];
    let all = [spec(), service(), references()];
    all.into_iter().chain(of_cloud).flatten().collect()
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

fn shared_http(domain: &str) -> Value {
    let mut spec = http(&[domain]);
    spec["listeners"][0]["listenerId"] = json!("lbl-1");
    spec
}

/// On a listener of somebody else.
fn shared() -> World {
    let mut world = web(&by_id("lbl-1", 443), 2);
    world.add_listener("somebody's", Protocol::Tcp, 443);
    world
}

fn tls(secret: &str) -> Value {
    let certificate = json!({"secretName": secret});
    json!({"listeners": [{"port": 443, "protocol": "TCP_SSL", "servicePort": 80, "certificate": certificate}]})
}

fn with_certificate() -> World {
    let mut world = web(&tls("web-tls"), 2);
    world.certificates.insert("web-tls".to_owned(), Ok("cert-1".to_owned()));
    world
}

/// One rule of `a.example` for each certificate.
fn https(certificates: &[&str]) -> Value {
    let rule = |(place, id): (usize, &&str)| json!({"domain": "a.example", "url": format!("/{place}"), "certificate": {"id": id}});
    let rules: Vec<_> = certificates.iter().enumerate().map(rule).collect();
    json!({"listeners": [{"port": 443, "protocol": "HTTPS", "servicePort": 80, "rules": rules}]})
}

fn port(name: &str, number: u16) -> ServicePort {
    ServicePort {
        name: name.to_owned(),
        transport: Transport::Tcp,
        port: number,
        target_port: TargetPort::Number(8080),
    }
}

fn spec() -> Vec<Row> {
    use Reason::{Invalid, ManagedByTke, NotAdopted, PortConflict, SwitchesRefused, UnsupportedValue};
    let foreign = |world: &mut World| {
        world.add_listener("somebody's", Protocol::Tcp, 90);
        respec(world, &json!({"listeners": [listener(90, "TCP")]}));
    };
    vec![
        row(Invalid, "the port is not that of listenerId", shared, |world| respec(world, &by_id("lbl-1", 444)))
            .says(&["'lbl-1' is 443/TCP", "444/TCP"])
            .remedies(&[("correct listenerId, port or protocol", |world| respec(world, &by_id("lbl-1", 443)))]),
        row(
            Invalid,
            "a rule is there twice",
            || web(&http(&["a.example", "b.example"]), 2),
            |world| respec(world, &http(&["a.example", "a.example"])),
        )
        .says(&["spec.listeners[80/HTTP].rules[a.example/]"])
        .remedies(&[("remove one of the two", |world| respec(world, &http(&["a.example"])))]),
        row(Invalid, "the port is 0", explicit, |world| respec(world, &json!({"listeners": [listener(0, "TCP")]})))
            .says(&["spec.listeners[0/TCP].port"])
            .remedies(&[("must be from 1 to 65535", |world| {
                respec(world, &json!({"listeners": [listener(80, "TCP")]}));
            })]),
        row(Invalid, "no certificate is named", explicit, |world| {
            respec(world, &json!({"listeners": [listener(443, "TCP_SSL")]}));
        })
        .says(&["spec.listeners[443/TCP_SSL].certificate"])
        .remedies(&[("must be set", |world| respec(world, &https(&["cert-1"])))]),
        row(
            Invalid,
            "two certificates for one domain",
            || web(&https(&["cert-1"]), 2),
            |world| {
                respec(world, &https(&["cert-1", "cert-2"]));
            },
        )
        .says(&["spec.listeners[443/HTTPS].rules[a.example/1].certificate"])
        .remedies(&[("give all of them the same", |world| respec(world, &https(&["cert-1", "cert-1"])))]),
        row(NotAdopted, "a former binding of another name", explicit, |world| {
            let former = uid(0x00b0_0009);
            world.add_listener(&format!("dab-{former}-shop_other"), Protocol::Tcp, 444);
            adopt(world, &former);
        })
        .says(&["of another namespace or name", "-shop_other'"])
        .remedies(&[
            ("remove the annotation", |world| edit(world, |binding| binding.metadata.annotations = None)),
            ("run 'kubectl direct-access adopt b1 -n shop' to find those of this name", |world| {
                edit(world, |binding| binding.metadata.annotations = None);
            }),
        ]),
        row(PortConflict, "the port is a former listener's", explicit, |world| {
            world.add_listener(&format!("dab-{}-shop_b1", uid(0x00b0_0009)), Protocol::Tcp, 90);
            respec(world, &json!({"listeners": [listener(90, "TCP")]}));
        })
        .says(&["90/TCP", "of a former binding of this name"])
        .remedies(&[("run 'kubectl direct-access adopt b1 -n shop'", |world| adopt(world, &uid(0x00b0_0009)))]),
        row(PortConflict, "the port is somebody's", explicit, foreign).says(&["90/TCP", "'somebody's'"]).remedies(&[
            ("use another port", |world| respec(world, &json!({"listeners": [listener(80, "TCP")]}))),
            ("set its listenerId to bind into it", |world| {
                // A Pod's port is on one TCP listener only, so the own one goes.
                let id = world.listeners.iter().find(|one| one.port == 90).unwrap().id.clone();
                respec(world, &by_id(id.as_str(), 90));
            }),
        ]),
        row(PortConflict, "the listener is another namespace's", shared, |world| {
            let id = world.add_listener(&format!("dab-{}-elsewhere-b9", uid(0x00b0_0009)), Protocol::Tcp, 444);
            respec(world, &by_id(id.as_str(), 444));
        })
        .says(&["'lbl-2' (444/TCP)", "-elsewhere-b9'", "of another namespace"])
        .remedies(&[
            ("use another listener", |world| respec(world, &by_id("lbl-1", 443))),
            ("rename it", |world| world.listeners.iter_mut().for_each(|one| "somebody's".clone_into(&mut one.name))),
        ]),
        row(PortConflict, "the port is another binding's", explicit, |world| {
            world.bindings.push(binding(0, &json!({"listeners": [listener(90, "TCP")]})));
            respec(world, &json!({"listeners": [listener(90, "TCP")]}));
        })
        .says(&["'shop/b0'"])
        .remedies(&[
            ("use another one", |world| respec(world, &json!({"listeners": [listener(80, "TCP")]}))),
            ("delete one of the two", |world| {
                let now = world.now;
                Arc::make_mut(&mut world.bindings[1]).metadata.deletion_timestamp = Some(Time(now));
            }),
        ]),
        row(
            UnsupportedValue,
            "no address stands for a domain",
            || web(&http(&[""]), 2),
            |world| world.addresses.clear(),
        )
        .says(&["spec.listeners[80/HTTP]"])
        .remedies(&[("must be set", |world| respec(world, &http(&["a.example"])))]),
        row(ManagedByTke, "TKE's finalizer appears", plain, |world| {
            let service = world.service.as_mut().unwrap();
            (service.is_load_balancer, service.has_tke_finalizer) = (true, true);
        })
        .says(&["'shop/web'"])
        .remedies(&[("set its annotation service.cloud.tencent.com/mode to skip", |world| {
            let service = world.service.as_mut().unwrap();
            service.annotations = [(names::MODE, "skip")].into_iter().collect();
            service.has_tke_finalizer = false;
        })]),
        row(SwitchesRefused, "nobody knows whether TKE is there", plain, |world| {
            world.service.as_mut().unwrap().is_load_balancer = true;
            world.cluster.has_tke = Known::Unknown;
            edit(world, |binding| binding.status = None);
            world.listeners.clear();
            world.targets.clear();
        })
        .remedies(&[("allow it to list and watch that", |world| world.cluster.has_tke = Known::No)]),
    ]
}

fn service() -> Vec<Row> {
    use Reason::{NoSelector, ServiceNotFound, ServicePortNotFound};
    let ports = |world: &mut World| {
        world.service.as_mut().unwrap().ports = vec![port("web", 88), port("admin", 443)];
        respec(world, &json!({"listeners": [{"port": 80, "protocol": "TCP", "servicePort": "wbe"}]}));
    };
    vec![
        row(ServiceNotFound, "deleted", plain, |world| world.service = None)
            .says(&["'shop/web'"])
            .remedies(&[("create it", |world| world.service = plain().service)]),
        row(NoSelector, "removed", plain, |world| world.service.as_mut().unwrap().selector.clear())
            .says(&["'shop/web'"])
            .remedies(&[("give it a selector", |world| world.service = plain().service)]),
        row(NoSelector, "it is a name outside of the cluster", plain, |world| {
            let service = world.service.as_mut().unwrap();
            service.selector.clear();
            service.is_external_name = true;
        })
        .says(&["'shop/web' is of type ExternalName", "has no Pods"])
        .remedies(&[("give it the type ClusterIP and a selector", |world| world.service = plain().service)]),
        row(ServicePortNotFound, "another name in servicePort", explicit, ports)
            .says(&[
                "listener 80/TCP",
                "no TCP port 'wbe'",
                "it has 88 (web, TCP), 443 (admin, TCP)",
                "did you mean 'web'?",
            ])
            .remedies(&[
                ("set servicePort of this listener in spec.listeners", |world| {
                    respec(world, &json!({"listeners": [{"port": 80, "protocol": "TCP", "servicePort": "web"}]}));
                }),
                ("or give the Service such a port", |world| {
                    world.service.as_mut().unwrap().ports.push(port("wbe", 89));
                }),
            ]),
        row(ServicePortNotFound, "no container declares the name", plain, |world| {
            let declared = NamedPort { name: "http".to_owned(), transport: Transport::Tcp, number: 8080 };
            world.pods.values_mut().for_each(|pod| pod.named_ports = vec![declared.clone()]);
            world.service.as_mut().unwrap().ports[0].target_port = TargetPort::Name("htpp".to_owned());
        })
        .says(&["listener 80/TCP", "'htpp'", "they declare 'http' (8080)", "did you mean 'http'?"])
        .remedies(&[("or to a number", |world| {
            world.service.as_mut().unwrap().ports[0].target_port = TargetPort::Number(8080);
        })]),
    ]
}

fn without_config(world: &mut World) {
    world.config = ConfigView::None;
}

fn references() -> Vec<Row> {
    use Reason::{
        CertificateNotFound, ConfigNotFound, ConfigNotOwned, ConfigUnreadable, Invalid, ListenerNotFound,
        LoadBalancerNotFound,
    };
    vec![
        row(ConfigNotFound, "another name", plain, |world| {
            edit(world, |binding| {
                binding.spec.service_config_ref = serde_json::from_value(json!({"name": "wbe"})).unwrap()
            });
            world.config = ConfigView::Missing(vec!["cart".to_owned(), "web".to_owned()]);
        })
        .says(&["'shop/wbe'", "the namespace has 'cart', 'web'", "did you mean 'web'?", "spec.serviceConfigRef"])
        .remedies(&[("create it", without_config), ("or name another one", without_config)]),
        row(ConfigNotOwned, "somebody has made it", plain, |world| world.config = ConfigView::Foreign)
            .remedies(&[("delete it", without_config), ("switch autoServiceConfig off", without_config)]),
        row(ConfigUnreadable, "the API server refuses to list configs", plain, |world| {
            world.config = ConfigView::Refused("tkeserviceconfigs is forbidden".to_owned());
        })
        .says(&["tkeserviceconfigs is forbidden"])
        .remedies(&[("allow the controller to list and watch tkeserviceconfigs", without_config)]),
        row(LoadBalancerNotFound, "no read shows it", plain, |world| {
            world.unread = Some(Cloud::Missing(Witnesses::ListAndListeners));
        })
        .says(&["'lb-1'", "in region ap-guangzhou", "cannot be changed"])
        .remedies(&[(
            "run 'kubectl delete directaccessbinding b1 -n shop', and apply it anew with another spec.loadBalancer",
            |world| {
                // On another one nothing is.
                world.bindings = vec![binding(2, &json!({}))];
                world.listeners.clear();
                world.targets.clear();
                world.unread = None;
            },
        )]),
        row(Invalid, "the region is misspelt", plain, |world| {
            edit(world, |binding| {
                binding.spec.load_balancer.as_mut().unwrap().region = Some("ap-guangzou".to_owned());
            });
            world.unread = Some(Cloud::Failed(Failure {
                class: Class::Invalid,
                action: "DescribeLoadBalancers",
                code: "UnsupportedRegion".to_owned(),
                message: "the region is not supported".to_owned(),
                request_id: None,
            }));
        })
        .says(&["no region 'ap-guangzou'", "did you mean 'ap-guangzhou'?", "cannot be changed"])
        .remedies(&[(
            "run 'kubectl delete directaccessbinding b1 -n shop', and apply it anew with the right region",
            |world| {
                world.bindings = vec![binding(2, &json!({}))];
                world.listeners.clear();
                world.targets.clear();
                world.unread = None;
            },
        )]),
        row(ListenerNotFound, "another listenerId", shared, |world| respec(world, &by_id("lbl-11", 443)))
            .says(&["listener 443/TCP", "no listener 'lbl-11', it has 'lbl-1' (443/TCP)", "did you mean 'lbl-1'?"])
            .remedies(&[("correct its listenerId", |world| respec(world, &by_id("lbl-1", 443)))]),
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
        )
        .says(&["'lbl-1' (80/HTTP)", "'b.example'", "it has 'a.example/'"])
        .remedies(&[
            ("correct the rules of this listener", |world| respec(world, &shared_http("a.example"))),
            ("create the rule", |world| {
                let id = world.listeners[0].id.clone();
                world.add_rule(&id, "b.example", "/");
            }),
        ]),
        row(CertificateNotFound, "of a listener", with_certificate, |world| {
            world.certificates.insert("web-tls".to_owned(), Err("it does not exist".to_owned()));
        })
        .says(&["spec.listeners[443/TCP_SSL].certificate", "'shop/web-tls'"])
        .remedies(&[
            ("correct it", |world| _ = world.certificates.insert("web-tls".to_owned(), Ok("cert-1".to_owned()))),
            ("'kubectl create secret tls web-tls -n shop --cert=FILE --key=FILE'", |world| {
                _ = world.certificates.insert("web-tls".to_owned(), Ok("cert-2".to_owned()))
            }),
            ("'kubectl create secret generic web-tls -n shop --from-literal=qcloud_cert_id=ID'", |world| {
                _ = world.certificates.insert("web-tls".to_owned(), Ok("cert-1".to_owned()))
            }),
        ]),
    ]
}
