//! Accounts see what is theirs.

use serde_json::json;
use tke_direct_access::clb::{self, Clb, Credentials as ClientCredentials, Keys, NewLoadBalancer, Presence, Unfenced};
use tke_direct_access::model::{AccountId, LoadBalancerId, Region, TaskState, Witnesses};
use tke_direct_access::sim::{Account, Credentials, Settings, Simulator};

use crate::support::{client, code, eventually, simulator_with};

const OTHER: &str = "200000000002";

fn other() -> Account {
    let (secret_id, secret_key) = ("AKIDother".to_owned(), "other-secret-key".to_owned());
    Account { id: OTHER.to_owned(), credentials: Credentials { secret_id, secret_key, token: None } }
}

fn client_of_other(simulator: &Simulator) -> Clb {
    let settings =
        clb::Settings { endpoint: Some(simulator.endpoint()), ..clb::Settings::new(Region::new("ap-guangzhou")) };
    let Credentials { secret_id, secret_key, .. } = other().credentials;
    let keys = Keys::new(&secret_id, &secret_key, None).expect("a key");
    Clb::new(settings, ClientCredentials::fixed(keys), std::sync::Arc::new(())).expect("a client")
}

async fn create(clb: &Clb) -> LoadBalancerId {
    let wish = NewLoadBalancer { client_token: "once".to_owned(), ..NewLoadBalancer::default() };
    let (_, task) = clb.writer(&Unfenced).create_load_balancer(&wish).await.expect("it is taken");
    eventually("the load balancer", async || match clb.task(&task).await {
        Ok(TaskState::Succeeded(ids)) => ids.into_iter().next(),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn keys_are_told_whose_they_are_and_see_nothing_of_other_accounts() {
    let (simulator, id) = simulator_with(Settings { other_accounts: vec![other()], ..Settings::instant() });
    let (first, second) = (client(&simulator), client_of_other(&simulator));
    assert_eq!(first.account().await, Ok(AccountId::new("100000000001")));
    assert_eq!(second.account().await, Ok(AccountId::new(OTHER)));
    assert!(matches!(first.contents(&id).await, Ok(Presence::Found(_))));
    let seen = second.contents(&id).await;
    assert!(matches!(seen, Ok(Presence::NotShown { witnesses: Witnesses::ListAndListeners })), "{seen:?}");
    // The same token in two accounts asks for two load balancers.
    let (mine, theirs) = (create(&first).await, create(&second).await);
    assert_ne!(mine, theirs);
    assert!(matches!(first.contents(&theirs).await, Ok(Presence::NotShown { .. })));
    assert!(matches!(second.contents(&theirs).await, Ok(Presence::Found(_))));
    let shown = simulator.console_of(OTHER, |state| state.load_balancers().map(|one| one.id().clone()).collect());
    assert_eq!(shown, Some(vec![theirs]));
    assert_eq!(simulator.console_of("3", |_| ()), None);
}

#[tokio::test]
async fn an_action_is_known_to_its_own_service() {
    let (simulator, _) = simulator_with(Settings::instant());
    assert_eq!(code(&simulator, "GetCallerIdentity", json!({})).await, "InvalidAction", "it is signed for CLB");
}
