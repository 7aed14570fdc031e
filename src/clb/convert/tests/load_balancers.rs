//! Load balancers as they are told.

use super::*;

#[test]
fn load_balancer_of_the_reference() {
    let replies: Vec<_> =
        examples::<wire::DescribeLoadBalancers>().into_iter().map(|reply| load_balancers(reply).unwrap()).collect();
    let [first, none] = replies.as_slice() else { panic!("{replies:?}") };
    assert_eq!(none, &[]);
    assert_eq!(
        first,
        &[LoadBalancer {
            id: "lb-demo0001".into(),
            name: "k8s-demo".into(),
            status: LoadBalancerStatus::Running,
            addresses: vec![ip("10.0.0.100")],
            domain: None,
            family: IpFamily::V4,
            vpc_id: "vpc-aaaa0001".into(),
            snat_pro: false,
            tags: vec![("owner".into(), "cls-demo0001".into())],
            attributes: [
                (Attribute::SnatPro, false.into()),
                (Attribute::PassToTarget, true.into()),
                (Attribute::SecurityGroups, "".into()),
            ]
            .into_iter()
            .collect(),
        }]
    );
}

#[test]
fn status_of_a_load_balancer() {
    let status = |changes: Value| one_load_balancer(&changes).map(|load_balancer| load_balancer.status);
    assert_eq!(status(json!({})), Ok(LoadBalancerStatus::Running));
    assert_eq!(status(json!({"Status": 0})), Ok(LoadBalancerStatus::Creating));
    assert_eq!(status(json!({"Isolation": 1})), Ok(LoadBalancerStatus::Isolated));
    for flag in ["Stop", "BanStatus", "BlockStatus"] {
        assert_eq!(status(json!({"AttributeFlags": ["DeleteProtect", flag]})), Ok(LoadBalancerStatus::Isolated));
    }
    assert!(status(json!({"Status": 7})).is_err());
    assert!(status(json!({"Status": null})).is_err());
}

#[test]
fn addresses_domain_and_family_of_a_load_balancer() {
    let entrance =
        |changes: Value| one_load_balancer(&changes).map(|found| (found.addresses, found.domain, found.family));
    let full_chain = json!({
        "AddressIPVersion": "ipv6", "IPv6Mode": "IPv6FullChain", "LoadBalancerVips": [], "AddressIPv6": "2001:db8::1",
    });
    assert_eq!(entrance(full_chain), Ok((vec![ip("2001:db8::1")], None, IpFamily::V6)));
    let nat64 = json!({
        "AddressIPVersion": "ipv6", "IPv6Mode": "IPv6Nat64", "LoadBalancerVips": null, "AddressIPv6": "2001:db8::1",
    });
    assert_eq!(entrance(nat64), Ok((vec![ip("2001:db8::1")], None, IpFamily::V4)));
    let named = json!({"LoadBalancerDomain": "lb-1.example.com", "Domain": "old.example.com"});
    assert_eq!(entrance(named), Ok((vec![], Some("lb-1.example.com".into()), IpFamily::V4)));
    let old_name = json!({"Domain": "old.example.com"});
    assert_eq!(entrance(old_name), Ok((vec![ip("10.0.0.1")], None, IpFamily::V4)));
    let only_old_name = json!({"Domain": "old.example.com", "LoadBalancerVips": []});
    assert_eq!(entrance(only_old_name), Ok((vec![], Some("old.example.com".into()), IpFamily::V4)));
    assert!(entrance(json!({"LoadBalancerVips": ["somewhere"]})).is_err());
    assert!(entrance(json!({"AddressIPVersion": "ipv9"})).is_err());
}

#[test]
fn the_network_is_that_of_the_targets() {
    let elsewhere = json!({"TargetRegionInfo": {"Region": "ap-beijing", "VpcId": "vpc-2"}});
    assert_eq!(one_load_balancer(&elsewhere).unwrap().vpc_id, "vpc-2");
    assert_eq!(one_load_balancer(&json!({"TargetRegionInfo": {"VpcId": ""}})).unwrap().vpc_id, "vpc-1");
    assert!(one_load_balancer(&json!({"VpcId": null})).is_err());
}

#[test]
fn a_load_balancer_whose_tags_cannot_be_seen_fails_a_read_by_tag() {
    let read = |tags: Value| {
        let set = json!([{"LoadBalancerId": "lb-1", "Status": 1, "AddressIPVersion": "ipv4", "VpcId": "vpc-1",
            "LoadBalancerVips": [], "SnatPro": false, "Tags": tags}]);
        load_balancers_with_tags(reply(json!({"TotalCount": 1, "LoadBalancerSet": set}))).map(|found| found.len())
    };
    assert_eq!(read(json!([])), Ok(1));
    assert!(read(Value::Null).is_err());
}
