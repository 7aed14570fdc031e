//! Who calls: asked once for each key, at the service that knows it.

use tokio::sync::watch;

use super::*;
use crate::model::{AccountId, Caller};

/// Says that `AKID1` is of account 1 and so on; refuses `AKID0`.
fn answer(request: &Request, _: usize) -> Behaviour {
    let authorization = request.header("authorization").unwrap();
    let number = authorization.split("Credential=AKID").nth(1).unwrap().chars().next().unwrap();
    Behaviour::Write(match number {
        '0' => http("200 OK", "", refusal("AuthFailure.SecretIdNotFound", "no such key").to_string().as_bytes()),
        number => success(json!({"AccountId": number.to_string(), "Type": "CAMUser"})),
    })
}

fn keys(number: u32) -> Keys {
    Keys::new(&format!("AKID{number}"), "hunter2", None).unwrap()
}

/// Waits until it is known who calls by the key of this moment.
async fn until_known(reads: &CallerReads) -> Caller {
    let known = async {
        loop {
            match reads.since(&reads.mark()) {
                Caller::NotAsked => tokio::task::yield_now().await,
                caller => return caller,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), known).await.unwrap()
}

#[tokio::test]
async fn the_account_is_asked_for_once_for_each_key() {
    let server = Server::start(answer).await;
    let (sender, receiver) = watch::channel(Ok(keys(1)));
    let settings = Settings { endpoint: Some(server.endpoint.clone()), ..settings() };
    let reads = Arc::new(CallerReads::new(Clb::new(settings, Credentials::renewed(receiver), Arc::new(())).unwrap()));
    let first = reads.mark();
    assert_eq!(reads.since(&first), Caller::NotAsked);
    let (mut tasks, asking) = (JoinSet::new(), Arc::clone(&reads));
    tasks.spawn(async move { asking.keep().await });
    assert_eq!(until_known(&reads).await, Caller::Known(AccountId::new("1")));
    assert_eq!(reads.since(&first), Caller::Known(AccountId::new("1")));

    sender.send(Ok(keys(0))).unwrap();
    assert_eq!(reads.since(&first), Caller::NotAsked, "the calls since then may be of two accounts");
    let Caller::Unknown(failure) = until_known(&reads).await else { panic!("it is refused") };
    assert_eq!((failure.class, failure.action), (Class::Denied, "GetCallerIdentity"));

    // A refusal is not waited out when there is another key.
    sender.send(Ok(keys(2))).unwrap();
    assert_eq!(until_known(&reads).await, Caller::Known(AccountId::new("2")));
    // The same key with another token is of the same account.
    sender.send(Ok(Keys::new("AKID2", "hunter2", Some("another-token")).unwrap())).unwrap();
    assert_eq!(until_known(&reads).await, Caller::Known(AccountId::new("2")));
    drop(sender);
    tokio::task::yield_now().await;
    let asked: Vec<_> = server.requests().iter().map(|request| request.action().to_owned()).collect();
    assert_eq!(asked, ["GetCallerIdentity"; 3]);
}

#[tokio::test]
async fn the_call_is_signed_for_its_service() {
    let server = Server::replying(success(json!({"AccountId": "100000000001"}))).await;
    let (clb, calls) = server.client();
    assert_eq!(clb.account().await, Ok(AccountId::new("100000000001")));
    let requests = server.requests();
    assert_eq!((requests[0].header("x-tc-version"), requests[0].json()), (Some("2018-08-13"), json!({})));
    assert!(requests[0].header("authorization").unwrap().contains("/sts/tc3_request"), "{:?}", requests[0].head);
    assert_eq!(calls.seen(), [("GetCallerIdentity", None)]);
    let named = format!("{:?}", CallerReads::new(clb).mark());
    assert!(!named.contains("AKID"), "{named}");
}

#[tokio::test]
async fn a_reply_without_account_is_no_answer() {
    for reply in [json!({}), json!({"AccountId": null}), json!({"AccountId": ""})] {
        let server = Server::replying(success(reply)).await;
        let failure = server.client().0.account().await.unwrap_err();
        assert_eq!(failure.class, Class::Unreachable, "{failure}");
    }
}
