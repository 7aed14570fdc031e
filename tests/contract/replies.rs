//! Every raw reply of the simulator, against the tables.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tke_direct_access::clb::wire::Service;

use crate::calls::{self, Call, Caller};
use crate::vendor::{EXCEPTIONS, Fault};
use crate::{actions, tables};

fn service_of(action: &str) -> Service {
    let row = actions::all().into_iter().find(|row| row.name == action);
    row.unwrap_or_else(|| panic!("{action} is no action")).service
}

#[test]
fn every_reply_is_what_the_tables_say() {
    let (mut caller, mut shown, mut excepted) = (Caller::new(), BTreeSet::new(), BTreeSet::new());
    let mut faults: BTreeSet<(String, Fault)> = BTreeSet::new();
    for call in calls::all() {
        let service = service_of(&call.action);
        let reply = caller.call(service, &call);
        assert!(reply.get("Error").is_none(), "{call:?} is refused: {reply}");
        let found = tables(service).faults_of_reply(&call.action, &reply);
        excepted.extend(found.iter().filter_map(|fault| fault.exception()));
        let unexpected = found.into_iter().filter(|fault| fault.exception().is_none());
        faults.extend(unexpected.map(|fault| (call.action.clone(), fault)));
        shown.insert(call.action);
    }
    let text: Vec<String> = faults.iter().map(|(action, fault)| format!("{action}: {fault}")).collect();
    assert!(text.is_empty(), "replies differ from the vendor's tables:\n{}", text.join("\n"));
    let all: BTreeSet<String> = actions::all().iter().map(|row| row.name.to_owned()).collect();
    assert_eq!(shown, all, "every action is called");
    assert_eq!(excepted, EXCEPTIONS.iter().collect(), "every exception is needed");
}

#[test]
fn a_reply_that_differs_is_seen() {
    let quota = |quota: Value| {
        let reply = json!({"QuotaSet": [quota], "RequestId": "1"});
        let faults = tables(Service::Clb).faults_of_reply("DescribeQuota", &reply);
        faults.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(quota(json!({"QuotaId": "A", "QuotaCurrent": null, "QuotaLimit": 1})), Vec::<String>::new());
    assert_eq!(
        quota(json!({"QuotaId": 1, "QuotaCurrent": 1, "QuotaLimit": null, "More": 1})),
        ["Quota.QuotaId: WrongType", "Quota.QuotaLimit: Null", "Quota.More: Unknown"]
    );
    let faults = tables(Service::Clb).faults_of_reply("DescribeQuota", &json!({"QuotaSet": [{}]}));
    let absent: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        absent,
        [
            "Quota.QuotaCurrent: Absent",
            "Quota.QuotaId: Absent",
            "Quota.QuotaLimit: Absent",
            "DescribeQuotaResponse.RequestId: Absent"
        ]
    );
}

#[test]
fn the_actions_that_are_served_are_those_that_are_compared() {
    let known: BTreeSet<String> = actions::all().iter().map(|row| row.name.to_owned()).collect();
    let mut served = BTreeSet::new();
    for service in Service::ALL {
        for action in tables(service).actions() {
            let call = Call {
                action: action.to_owned(),
                parameters: Value::Null,
                keep: [].into(),
                case: String::new(),
                code: String::new(),
            };
            let reply = Caller::new().call(service, &call);
            if reply["Error"]["Code"] != "InvalidAction" {
                served.insert(action.to_owned());
            }
        }
    }
    assert_eq!(served, known);
}
