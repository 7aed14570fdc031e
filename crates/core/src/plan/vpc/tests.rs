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
fn the_flag_comes_first_and_the_others_must_agree() {
    use VpcSight::{NotRead, NotShown};
    let said = |id: &str| TkeVpc::Said(id.to_owned());
    let refused = TkeVpc::Refused("forbidden".to_owned());
    let by_first = |id: &str| VpcSource::LoadBalancer(LoadBalancerId::new(id));
    let (two, disagreeing) =
        (named(&[("lb-1", of("vpc-1")), ("lb-2", of("vpc-1"))]), [("lb-1", of("vpc-1")), ("lb-2", of("vpc-2"))]);
    for (flag, named, tke, expected) in [
        (Some("vpc-9"), named(&disagreeing), said("vpc-3"), Ok(("vpc-9", VpcSource::Flag))),
        (Some("vpc-9"), named(&[("lb-1", NotRead)]), TkeVpc::Absent, Ok(("vpc-9", VpcSource::Flag))),
        (None, two.clone(), TkeVpc::Absent, Ok(("vpc-1", by_first("lb-1")))),
        (None, two.clone(), said("vpc-1"), Ok(("vpc-1", by_first("lb-1")))),
        (None, two.clone(), refused.clone(), Ok(("vpc-1", by_first("lb-1")))),
        (None, two, said("vpc-3"), Err("is of 'vpc-1' and TKE_VPC_ID of ConfigMap kube-system/tke-config of 'vpc-3'")),
        (None, named(&disagreeing), TkeVpc::Absent, Err("'lb-1' is of 'vpc-1' and load balancer 'lb-2' of 'vpc-2'")),
        (None, named(&disagreeing), said("vpc-1"), Err("'lb-1' is of 'vpc-1' and load balancer 'lb-2' of 'vpc-2'")),
        (None, named(&[("lb-1", NotShown), ("lb-2", of("vpc-1"))]), TkeVpc::Absent, Ok(("vpc-1", by_first("lb-2")))),
        (None, named(&[("lb-1", of("vpc-1")), ("lb-2", NotRead)]), said("vpc-1"), Err("")),
        (None, named(&[("lb-1", NotShown)]), said("vpc-3"), Ok(("vpc-3", VpcSource::TkeConfig))),
        (None, named(&[]), said("vpc-3"), Ok(("vpc-3", VpcSource::TkeConfig))),
        (None, named(&[]), said("3"), Err("says '3', which is no id of a VPC")),
        (None, named(&[("lb-1", of("vpc-1"))]), said(""), Err("says '', which is no id of a VPC")),
        (None, named(&[]), refused, Err("cannot be read: forbidden")),
        (None, named(&[]), TkeVpc::Absent, Err("no binding names a load balancer, and TKE_VPC_ID of")),
    ] {
        let found = find(flag, &named, &tke);
        match (&found, expected) {
            (ClusterVpc::Known { id, source }, Ok(expected)) => assert_eq!((id.as_str(), source.clone()), expected),
            (ClusterVpc::Pending, Err("")) => {}
            (ClusterVpc::Unknown(doubt), Err(words)) if !words.is_empty() => {
                assert!(doubt.to_string().contains(words), "{doubt}");
            }
            (_, expected) => panic!("{flag:?} {named:?} {tke:?}: {found:?} instead of {expected:?}"),
        }
    }
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
