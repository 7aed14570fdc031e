//! Bad inputs, and the codes they are refused with. The official SDK makes the same calls, see `tests/sdk.rs`.

use tke_direct_access::clb::wire::Service;

use crate::actions;
use crate::calls::{self, Caller};

/// Of STS only where it is an action of STS: some of these are no actions.
fn service(action: &str) -> Service {
    let row = actions::all().into_iter().find(|row| row.name == action);
    row.map_or(Service::Clb, |row| row.service)
}

#[test]
fn bad_inputs_are_refused_with_the_documented_codes() {
    let mut caller = Caller::new();
    for call in calls::all() {
        caller.call(service(&call.action), &call);
        if call.case == "bad inputs are tried here" {
            break;
        }
    }
    let cases = calls::table(include_str!("refused.json"));
    assert!(cases.len() >= 70, "only {} cases", cases.len());
    let differ = |call: &calls::Call| {
        let reply = caller.call(service(&call.action), call);
        let code = reply["Error"]["Code"].as_str().unwrap_or("none");
        (code != call.code).then(|| format!("{}: {code} instead of {}", call.case, call.code))
    };
    assert_eq!(cases.iter().filter_map(differ).collect::<Vec<_>>(), Vec::<String>::new());
}
