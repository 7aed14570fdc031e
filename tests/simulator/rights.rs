//! The policy for the controller's credentials allows what the client calls, and nothing that it does not need.

use std::collections::BTreeSet;

use tke_direct_access::clb::rights::{Purpose, actions};
use tke_direct_access::clb::{
    Clb, LoadBalancerChange, NewListener, NewListeners, NewLoadBalancer, NewRule, NewTarget, NonEmpty, Unfenced,
};
use tke_direct_access::model::{
    Address, Attribute, Attributes, Class, Failure, ListenerId, LoadBalancerId, Protocol, Route, RuleId, TaskId,
};
use tke_direct_access::sim::{ACTIONS, Settings, Simulator};

use crate::support::{client, simulator_with};

/// What the calls are about.
#[derive(Clone)]
struct Things {
    lb: LoadBalancerId,
    listener: ListenerId,
    rule: RuleId,
    certificate: String,
}

impl Things {
    /// As they are where nothing was made, because it was denied.
    fn none(lb: &LoadBalancerId) -> Self {
        Self {
            lb: lb.clone(),
            listener: ListenerId::from("lbl-none"),
            rule: RuleId::from("loc-none"),
            certificate: "none".to_owned(),
        }
    }
}

fn switched(attribute: Attribute, on: bool) -> Attributes {
    let mut attributes = Attributes::default();
    attributes.set(attribute, on);
    attributes
}

async fn read(clb: &Clb, action: &str, lb: &LoadBalancerId) -> Result<(), Failure> {
    match action {
        "DescribeLoadBalancers" => clb.load_balancers(std::slice::from_ref(lb)).await.map(drop),
        "DescribeListeners" => clb.listeners(lb).await.map(drop),
        "DescribeTargets" => clb.targets(lb).await.map(drop),
        "DescribeTargetHealth" => clb.health(std::slice::from_ref(lb)).await.map(drop),
        "DescribeTaskStatus" => clb.task(&TaskId::from("none")).await.map(drop),
        "DescribeQuota" => clb.quotas().await.map(drop),
        "GetCallerIdentity" => clb.account().await.map(drop),
        "DescribeCertificates" => clb.certificates_like("dac-").await.map(drop),
        "DescribeLoadBalancerListByCertId" => clb.certificates_in_use(&["cert-1".to_owned()]).await.map(drop),
        other => panic!("{other} has no call here"),
    }
}

/// Makes the call of an action, and keeps what it makes.
async fn call(clb: &Clb, action: &str, on: &mut Things) -> Result<(), Failure> {
    let writer = clb.writer(&Unfenced);
    let (lb, listener, rule) = (on.lb.clone(), on.listener.clone(), on.rule.clone());
    let route = Route { listener: listener.clone(), rule: Some(rule.clone()) };
    let address = Address { ip: [10, 9, 0, 1].into(), port: 80 };
    match action {
        "CreateLoadBalancer" => {
            let new = NewLoadBalancer { client_token: "token".into(), ..NewLoadBalancer::default() };
            on.lb = writer.create_load_balancer(&new).await?.0.remove(0);
            Ok(())
        }
        "ModifyLoadBalancerAttributes" => {
            let change = LoadBalancerChange { snat_pro: Some(true), ..LoadBalancerChange::default() };
            writer.modify_load_balancer(&lb, &change).await.map(drop)
        }
        "SetLoadBalancerSecurityGroups" => writer.set_security_groups(&lb, &["sg-1".to_owned()]).await.map(drop),
        "DeleteLoadBalancer" => writer.delete_load_balancer(&lb, false).await.map(drop),
        "CreateListener" => {
            let new = NewListeners {
                protocol: Protocol::Http,
                listeners: vec![NewListener { port: 80, name: "web".into() }],
                attributes: Attributes::default(),
            };
            on.listener = writer.create_listeners(&lb, &new).await?.0.remove(0);
            Ok(())
        }
        "ModifyListener" => {
            writer.modify_listener(&lb, &listener, &switched(Attribute::Keepalive, true)).await.map(drop)
        }
        "DeleteLoadBalancerListeners" => writer.delete_listeners(&lb, NonEmpty::from(listener)).await.map(drop),
        "CreateRule" => {
            let new = NewRule { domain: "a.example".into(), url: "/".into(), attributes: Attributes::default() };
            on.rule = writer.create_rules(&lb, &listener, &[new]).await?.0.remove(0);
            Ok(())
        }
        "ModifyRule" => {
            writer.modify_rule(&lb, &listener, &rule, &switched(Attribute::CheckSwitch, false)).await.map(drop)
        }
        "ModifyDomainAttributes" => {
            let change = switched(Attribute::DefaultServer, true);
            writer.modify_domain(&lb, &listener, "a.example", &change).await.map(drop)
        }
        "DeleteRule" => writer.delete_rules(&lb, &listener, NonEmpty::from(rule), None).await.map(drop),
        "BatchRegisterTargets" => {
            writer.register(&lb, &[NewTarget { route, address, weight: 10, tag: String::new() }]).await.map(drop)
        }
        "BatchModifyTargetWeight" => writer.reweight(&lb, &[(route, address, 0)]).await.map(drop),
        "BatchModifyTargetTag" => writer.retag(&lb, &[(route, address, "tag".to_owned())]).await.map(drop),
        "BatchDeregisterTargets" => writer.deregister(&lb, &[(route, address)]).await.map(drop),
        "UploadCertificate" => {
            let (chain, key) = crate::support::certificate("a.example");
            on.certificate = writer.upload_certificate("dac-1", &chain, &key).await?;
            Ok(())
        }
        "DeleteCertificate" => writer.delete_certificate(&on.certificate).await,
        reading => read(clb, reading, &lb).await,
    }
}

/// All actions of the policy, in an order in which each can be called.
const IN_ORDER: [&str; 26] = [
    "GetCallerIdentity",
    "DescribeQuota",
    "CreateLoadBalancer",
    "DescribeLoadBalancers",
    "ModifyLoadBalancerAttributes",
    "SetLoadBalancerSecurityGroups",
    "CreateListener",
    "ModifyListener",
    "CreateRule",
    "ModifyRule",
    "ModifyDomainAttributes",
    "DescribeListeners",
    "BatchRegisterTargets",
    "BatchModifyTargetWeight",
    "BatchModifyTargetTag",
    "DescribeTargets",
    "DescribeTargetHealth",
    "DescribeTaskStatus",
    "BatchDeregisterTargets",
    "DeleteRule",
    "DeleteLoadBalancerListeners",
    "DeleteLoadBalancer",
    "UploadCertificate",
    "DescribeCertificates",
    "DescribeLoadBalancerListByCertId",
    "DeleteCertificate",
];

fn denying<'a>(denied: impl IntoIterator<Item = &'a str>) -> (Simulator, LoadBalancerId) {
    let denied_actions = denied.into_iter().map(str::to_owned).collect();
    simulator_with(Settings { denied_actions, ..Settings::instant() })
}

#[tokio::test]
async fn the_policy_is_enough_for_every_call_and_denies_all_others() {
    let allowed: BTreeSet<_> = actions(Purpose::Certificates).map(|(_, action)| action).collect();
    assert_eq!(allowed, IN_ORDER.into_iter().collect());
    let (simulator, lb) = denying(ACTIONS.iter().copied().filter(|action| !allowed.contains(action)));
    let clb = client(&simulator);
    let mut things = Things::none(&lb);
    for action in IN_ORDER {
        let result = call(&clb, action, &mut things).await;
        // That there is no such task is an answer.
        let is_answered = result.as_ref().err().is_none_or(|failure| failure.message == "task none not found");
        assert!(is_answered, "{action}: {result:?}");
    }
    let refused = clb.writer(&Unfenced).delete_listener(&lb, &ListenerId::from("lbl-1")).await.expect_err("it fails");
    assert_eq!(refused.class, Class::Denied);
}

#[tokio::test]
async fn each_right_of_the_policy_is_needed_and_named_where_it_lacks() {
    let all: Vec<_> = actions(Purpose::Certificates).map(|(_, action)| action).collect();
    let (simulator, lb) = denying(all.iter().copied());
    let clb = client(&simulator);
    for action in all {
        let refused = call(&clb, action, &mut Things::none(&lb)).await.expect_err(action);
        assert_eq!((refused.class, refused.action), (Class::Denied, action));
        assert!(refused.message.contains(action), "{refused}");
    }
}

#[tokio::test]
async fn listeners_that_exist_need_no_right_to_make_any() {
    let allowed: BTreeSet<_> = actions(Purpose::Targets).map(|(_, action)| action).collect();
    let (simulator, lb) = denying(ACTIONS.iter().copied().filter(|action| !allowed.contains(action)));
    let route = crate::support::listener(&simulator, &lb, Protocol::Tcp, 80);
    let clb = client(&simulator);
    let target =
        NewTarget { route, address: Address { ip: [10, 9, 0, 1].into(), port: 80 }, weight: 10, tag: String::new() };
    clb.writer(&Unfenced).register(&lb, &[target]).await.expect("a registration");
    let mut things = Things::none(&lb);
    let refused = call(&clb, "CreateListener", &mut things).await.expect_err("it fails");
    assert_eq!(refused.class, Class::Denied);
}
