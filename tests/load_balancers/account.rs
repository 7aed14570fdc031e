//! Credentials of another account, put in place of the right ones.

use serde_json::json;
use tke_direct_access::clb::{Credentials as ClientCredentials, Keys};
use tke_direct_access::model::Protocol;
use tke_direct_access::sim::{Account, Credentials, Effect, Fault, Settings as SimulatorSettings, When};

use super::scene::{created, creating, deploy};
use crate::stage::{DEADLINE, Stage};
use crate::support::eventually;

const ACCOUNT: &str = "100000000001";
const OTHER: &str = "200000000002";

fn settings() -> SimulatorSettings {
    let (secret_id, secret_key) = ("AKIDother".to_owned(), "other-secret-key".to_owned());
    let credentials = Credentials { secret_id, secret_key, token: None };
    SimulatorSettings {
        other_accounts: vec![Account { id: OTHER.to_owned(), credentials }],
        ..SimulatorSettings::instant()
    }
}

fn others_keys() -> Keys {
    Keys::new("AKIDother", "other-secret-key", None).unwrap()
}

/// The controller is started anew with keys of the other account, as it is when its Secret is changed.
async fn put_others_keys(stage: &mut Stage) {
    stage.take_controller().end().await;
    let controller = stage.controller(others_keys(), &["--resync-seconds", "1"]).await;
    stage.put_controller(controller);
}

async fn put_right_keys(stage: &mut Stage) {
    stage.take_controller().end().await;
    stage.start_controller(&[]).await;
}

/// The message of the condition Programmed.
async fn programmed(stage: &Stage) -> String {
    let status = stage.binding("web").await.and_then(|binding| binding.status).unwrap_or_default();
    let mut conditions = status.conditions.into_iter();
    conditions.find(|found| found.type_ == "Programmed").map(|found| found.message).unwrap_or_default()
}

async fn until_gone(stage: &Stage) {
    eventually("the binding is gone", DEADLINE, async || match stage.binding("web").await {
        None => Ok(Some(())),
        Some(binding) => Err(format!("{:?}", binding.status)),
    })
    .await;
}

fn others_load_balancers(stage: &Stage) -> usize {
    stage.cloud.console_of(OTHER, |state| state.load_balancers().count()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_released_by_what_another_account_is_not_shown() {
    let mut stage = Stage::without_controller("other-account", settings()).await;
    stage.start_controller(&[]).await;
    deploy(&stage, 2).await;
    stage.apply(&creating("web", &json!({"network": "Public"}), &json!({"deletionPolicy": "Delete"}))).await;
    stage.until_ready("web", "2/2").await;
    let id = created(&stage).remove(0).0;
    let recorded = stage.binding("web").await.unwrap().status.unwrap().load_balancer.unwrap();
    assert_eq!(recorded.account.as_deref(), Some(ACCOUNT));

    put_others_keys(&mut stage).await;
    stage.until("web", "Programmed", "False", "OtherAccount").await;
    let reads = || stage.cloud.calls().get("DescribeListeners").copied().unwrap_or_default();
    stage.ok(&["delete", "dab", "web", "--wait=false"]).await;
    eventually("the status names both accounts and the way out", DEADLINE, async || {
        let message = programmed(&stage).await;
        let is_told = [id.as_str(), ACCOUNT, OTHER, "Retain"].iter().all(|word| message.contains(word));
        if is_told { Ok(Some(())) } else { Err(message) }
    })
    .await;
    // Two witnesses who agree for longer than 30 s: the load balancer would have counted as gone.
    let (begun, before) = (tokio::time::Instant::now(), reads());
    let passed = tokio::time::Duration::from_secs(35);
    eventually("it was looked at for long enough", DEADLINE, async || {
        Ok::<_, String>((begun.elapsed() > passed && reads() > before + 10).then_some(()))
    })
    .await;
    assert!(stage.binding("web").await.is_some());
    let listeners = stage.cloud.console(|state| state.listeners(&id));
    assert_eq!(listeners.iter().map(|one| (one.protocol, one.port)).collect::<Vec<_>>(), [(Protocol::Tcp, 80)]);
    let weights: Vec<_> = stage.cloud.console(|state| state.targets(&id)).into_values().flatten().collect();
    assert_eq!(weights.iter().map(|target| target.weight).collect::<Vec<_>>(), [10, 10]);
    assert_eq!(others_load_balancers(&stage), 0);

    put_right_keys(&mut stage).await;
    until_gone(&stage).await;
    assert_eq!(created(&stage), []);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_balancer_is_created_in_the_account_in_which_it_was_asked_for() {
    let mut stage = Stage::without_controller("asked-for", settings()).await;
    stage.start_controller(&[]).await;
    deploy(&stage, 1).await;
    let refuse = Effect::Error { code: "ResourceInsufficient".to_owned(), message: "none left".to_owned() };
    let action = Some("CreateLoadBalancer".to_owned());
    stage.cloud.inject(Fault { action, load_balancer: None, names: None, when: When::Always, effect: refuse });
    stage.apply(&creating("web", &json!({"network": "Public"}), &json!({"deletionPolicy": "Delete"}))).await;
    stage.until("web", "Programmed", "False", "QuotaExceeded").await;

    put_others_keys(&mut stage).await;
    stage.until("web", "Programmed", "False", "OtherAccount").await;
    stage.cloud.clear_faults();
    let tagged = || stage.cloud.calls().get("DescribeLoadBalancers").copied().unwrap_or_default();
    let before = tagged();
    eventually("rounds go on", DEADLINE, async || Ok::<_, String>((tagged() > before + 3).then_some(()))).await;
    assert_eq!((others_load_balancers(&stage), created(&stage).len()), (0, 0));

    put_right_keys(&mut stage).await;
    stage.until_ready("web", "1/1").await;
    assert_eq!((others_load_balancers(&stage), created(&stage).len()), (0, 1));
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_and_gates_do_not_wait_for_the_account() {
    let mut stage = Stage::without_controller("nobody-says", settings()).await;
    let action = Some("GetCallerIdentity".to_owned());
    let refuse = Effect::Error { code: "UnauthorizedOperation".to_owned(), message: "not you".to_owned() };
    stage.cloud.inject(Fault { action, load_balancer: None, names: None, when: When::Always, effect: refuse });
    stage.start_controller(&[]).await;
    stage.deploy(2, &json!({})).await;
    stage.until_ready("web", "2/2").await;
    let recorded = stage.binding("web").await.unwrap().status.unwrap().load_balancer.unwrap();
    assert_eq!(recorded.account, None);
    // What is shown to be empty is empty, whoever reads it.
    stage.ok(&["delete", "dab", "web", "--wait=false"]).await;
    until_gone(&stage).await;
    assert!(stage.targets(Protocol::Tcp, 80).is_none());
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_by_other_keys_is_read_anew() {
    let mut stage = Stage::without_controller("renewed-keys", settings()).await;
    let action = Some("GetCallerIdentity".to_owned());
    let refuse = Effect::Error { code: "UnauthorizedOperation".to_owned(), message: "not you".to_owned() };
    stage.cloud.inject(Fault { action, load_balancer: None, names: None, when: When::Always, effect: refuse });
    let (id, key) = stage.cloud.credentials();
    let (sender, receiver) = tokio::sync::watch::channel(Ok(Keys::new(id, key, None).unwrap()));
    let controller = stage.controller_by(ClientCredentials::renewed(receiver), &["--resync-seconds", "3600"]).await;
    stage.put_controller(controller);
    stage.deploy(1, &json!({})).await;
    stage.until_ready("web", "1/1").await;
    stage.cloud.clear_faults();
    sender.send(Ok(others_keys())).unwrap();
    // The keys' account is known, and must not be recorded for what other keys have shown.
    stage.until("web", "ResolvedRefs", "False", "LoadBalancerNotFound").await;
    let recorded = stage.binding("web").await.unwrap().status.unwrap().load_balancer.unwrap();
    assert_eq!(recorded.account, None);
    sender
        .send(Keys::new(stage.cloud.credentials().0, stage.cloud.credentials().1, None).map_err(|_| unreachable!()))
        .unwrap();
    eventually("the account is recorded", DEADLINE, async || {
        let found = stage.binding("web").await.and_then(|binding| binding.status?.load_balancer?.account);
        if found.as_deref() == Some(ACCOUNT) { Ok(Some(())) } else { Err(format!("{found:?}")) }
    })
    .await;
    stage.finish().await;
}
