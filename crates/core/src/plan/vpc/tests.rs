//! Whom to believe, and what is asked for.

use serde_json::json;

use super::*;
use crate::api::condition::Reason;

fn named(seen: &[(&str, VpcSight)]) -> NamedVpcs {
    seen.iter().map(|(id, sight)| (LoadBalancerId::new(*id), sight.clone())).collect()
}

fn of(id: &str) -> VpcSight {
    VpcSight::Of(id.to_owned())
}

#[test]
fn the_flag_comes_before_tke_and_tke_before_load_balancers() {
    use VpcSight::{NotRead, NotShown};
    let said = |id: &str| TkeVpc::Said(id.to_owned());
    let refused = || TkeVpc::Refused("forbidden".to_owned());
    let two = || named(&[("lb-1", of("vpc-1")), ("lb-2", of("vpc-1"))]);
    let disagreeing = || named(&[("lb-1", of("vpc-1")), ("lb-2", of("vpc-2"))]);
    let half_read = || named(&[("lb-1", of("vpc-1")), ("lb-2", NotRead)]);
    let (by_flag, by_tke) = ("--vpc-id says so", "TKE_VPC_ID of ConfigMap kube-system/tke-config says so");
    let first = "the load balancers that bindings name, such as 'lb-1', are of it";
    let conflict = "load balancer 'lb-1' is of 'vpc-1', load balancer 'lb-2' is of 'vpc-2', and TKE_VPC_ID of";
    let (known, unknown) = (|id, words: &str| Some((id, words.to_owned())), |words: &str| Some(("", words.to_owned())));
    let but = |source: &str, others: &[&str]| format!("{source}, but {}", others.join(", but "));
    let tke = "TKE_VPC_ID of ConfigMap kube-system/tke-config says 'vpc-3'";
    let (lb_1, lb_2) = ("load balancer 'lb-1' is of 'vpc-1'", "load balancer 'lb-2' is of 'vpc-2'");
    for (flag, named, tke, expected) in [
        (Some("vpc-9"), named(&[]), TkeVpc::Absent, known("vpc-9", by_flag)),
        (Some("vpc-2"), disagreeing(), said("vpc-3"), known("vpc-2", &but(by_flag, &[tke, lb_1]))),
        (Some("vpc-9"), named(&[("lb-1", NotRead)]), refused(), known("vpc-9", by_flag)),
        (None, two(), TkeVpc::Absent, known("vpc-1", first)),
        (None, two(), refused(), known("vpc-1", first)),
        (None, two(), said("vpc-1"), known("vpc-1", by_tke)),
        // A load balancer that somebody names in a namespace of his own overrules nobody.
        (None, disagreeing(), said("vpc-1"), known("vpc-1", &but(by_tke, &[lb_2]))),
        (None, half_read(), said("vpc-2"), known("vpc-2", &but(by_tke, &[lb_1]))),
        (None, named(&[]), said("vpc-3"), known("vpc-3", by_tke)),
        (None, disagreeing(), TkeVpc::Absent, unknown(conflict)),
        (None, disagreeing(), refused(), unknown(conflict)),
        (None, named(&[("lb-0", NotShown), ("lb-1", of("vpc-1"))]), TkeVpc::Absent, known("vpc-1", first)),
        (None, half_read(), TkeVpc::Absent, None),
        (None, named(&[]), said("3"), unknown("says '3', which is no id of a VPC")),
        (None, two(), said(""), unknown("says '', which is no id of a VPC")),
        (None, named(&[]), refused(), unknown("cannot be read: forbidden")),
        (None, named(&[]), TkeVpc::Absent, unknown("no binding names a load balancer, and TKE_VPC_ID of")),
    ] {
        let found = find(flag, &named, &tke);
        let said = match &found {
            ClusterVpc::Known(known) => Some((known.id.as_str(), known.to_string())),
            ClusterVpc::Unknown(doubt) => Some(("", doubt.to_string())),
            ClusterVpc::Pending => None,
        };
        let is_expected = match (&said, &expected) {
            (Some(("", words)), Some(("", expected))) => words.contains(expected.as_str()),
            _ => said == expected,
        };
        assert!(is_expected, "{flag:?} {named:?} {tke:?}: {said:?} instead of {expected:?}");
    }
}

#[test]
fn of_many_who_say_another_vpc_some_are_named() {
    let many: NamedVpcs = (0..9).map(|number| (LoadBalancerId::new(format!("lb-{number}")), of("vpc-2"))).collect();
    let ClusterVpc::Known(known) = find(Some("vpc-1"), &many, &TkeVpc::Absent) else { panic!("it is known") };
    let words = known.to_string();
    assert!(words.ends_with("load balancer 'lb-2' is of 'vpc-2', and 6 more say another one"), "{words}");
}

#[test]
fn an_id_has_the_form_that_specs_have() {
    for (text, expected) in
        [("vpc-1a2b3c4d", true), ("vpc-default", true), ("", false), ("vpc-", false), ("VPC-1", false)]
    {
        assert_eq!(is_vpc(text), expected, "{text}");
    }
    assert!(!is_vpc(&format!("vpc-{}", "a".repeat(29))));
}

#[test]
fn another_region_has_other_vpcs_unless_the_flag_says_so() {
    let (here, there) = (Region::from("ap-guangzhou"), Region::from("ap-beijing"));
    let found = find(None, &named(&[("lb-1", of("vpc-1"))]), &TkeVpc::Absent);
    assert_eq!(found.clone().within(&here, &here), found);
    assert_eq!(found.within(&there, &here), ClusterVpc::Unknown(VpcDoubt::OtherRegion(there.clone())));
    let flagged = find(Some("vpc-9"), &named(&[]), &TkeVpc::Absent);
    assert_eq!(flagged.clone().within(&there, &here), flagged);
}

#[test]
fn no_internal_load_balancer_is_asked_for_without_a_vpc() {
    let spec = |network: &str, vpc: Option<&str>| -> CreateSpec {
        serde_json::from_value(json!({"network": network, "vpcId": vpc})).unwrap()
    };
    let known = find(Some("vpc-9"), &named(&[]), &TkeVpc::Absent);
    let unknown = ClusterVpc::Unknown(VpcDoubt::Nobody);
    for network in ["Internal", "Public"] {
        assert_eq!(of_creation(&spec(network, None), &known), CreationVpc::Ask(Some("vpc-9".to_owned()), None));
        assert_eq!(of_creation(&spec(network, Some("vpc-1")), &unknown), CreationVpc::Ask(None, None));
        assert_eq!(of_creation(&spec(network, None), &ClusterVpc::Pending), CreationVpc::Wait);
    }
    let CreationVpc::Refuse(problem) = of_creation(&spec("Internal", None), &unknown) else { panic!("it is refused") };
    assert_eq!(problem.reason, Reason::Invalid);
    assert!(problem.message.contains("set the controller's --vpc-id (the chart's vpcId)"), "{}", problem.message);
    let CreationVpc::Ask(None, Some(note)) = of_creation(&spec("Public", None), &unknown) else {
        panic!("it is asked")
    };
    assert!(note.message.contains("default VPC") && note.message.contains("--vpc-id"), "{note:?}");
}
