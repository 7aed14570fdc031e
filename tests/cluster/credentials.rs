//! A controller that has no key of its own: it shows a token, as Pods of TKE do, and its keys last for seconds.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tke_direct_access::sim::{Identities, Settings as SimulatorSettings};

use crate::leadership::replica::Replica;
use crate::leadership::{scale, targets_are_pods};
use crate::line::Rule;
use crate::line::journal::Journal;
use crate::stage::{DEADLINE, Stage};
use crate::support::eventually;

const ROLE: &str = "qcs::cam::uin/100000000001:roleName/direct-access";

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_a_role_are_renewed_while_the_controller_works() {
    let identities = Identities {
        provider: "tke".to_owned(),
        role_arn: ROLE.to_owned(),
        tokens: ["token-1".to_owned()].into(),
        machine_role: None,
        longest: Some(Duration::from_secs(6)),
    };
    let stage =
        Stage::without_controller("role", SimulatorSettings { identities, ..SimulatorSettings::instant() }).await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "token-1").unwrap();
    let variables = [
        ("TKE_REGION", "ap-guangzhou"),
        ("TKE_PROVIDER_ID", "tke"),
        ("TKE_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("TKE_ROLE_ARN", ROLE),
    ];
    let (journal, program) = (Journal::default(), Path::new(env!("CARGO_BIN_EXE_direct-access-controller")));
    let replica = Replica::with(program, &stage, "role", &journal, Rule::Pass, &variables).await;
    replica.until_candidate().await;
    stage.deploy(2, &json!({})).await;
    targets_are_pods(&stage, 2).await;
    // The kubelet exchanges the token.
    std::fs::write(&token, "token-2").unwrap();
    stage.cloud.console(|state| state.accept_tokens(["token-2".to_owned()]));
    let given = stage.cloud.console(|state| state.temporary_keys());
    eventually("keys are renewed", DEADLINE, async || stage.cloud.console(|state| state.temporary_keys()) >= given + 2)
        .await;
    scale(&stage, 3).await;
    targets_are_pods(&stage, 3).await;
    let refused = stage.cloud.call_log().into_iter().filter(|call| call.error.is_some());
    assert_eq!(refused.map(|call| (call.action, call.error)).collect::<Vec<_>>(), []);
    assert_eq!(journal.check(), ["role"]);
    stage.finish().await;
}
