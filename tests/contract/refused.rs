//! Bad inputs, and the codes they are refused with. The official SDK makes the same calls, see `tests/sdk.rs`.

use tke_direct_access::clb::wire::Service;

use crate::calls::{self, Caller};

#[test]
fn bad_inputs_are_refused_with_the_documented_codes() {
    let mut caller = Caller::new();
    for call in calls::all() {
        caller.call(if call.action == "GetCallerIdentity" { Service::Sts } else { Service::Clb }, &call);
        if call.case == "bad inputs are tried here" {
            break;
        }
    }
    let cases = calls::table(include_str!("refused.json"));
    assert!(cases.len() >= 70, "only {} cases", cases.len());
    let found: Vec<(&str, String)> = cases
        .iter()
        .map(|call| {
            let reply = caller.call(Service::Clb, call);
            (call.case.as_str(), reply["Error"]["Code"].as_str().unwrap_or("none").to_owned())
        })
        .collect();
    let expected: Vec<(&str, String)> = cases.iter().map(|call| (call.case.as_str(), call.code.clone())).collect();
    assert_eq!(found, expected);
}
