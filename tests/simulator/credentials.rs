//! Keys from where they come: a role for who shows a token, the role of a machine, files. All against the simulated STS and metadata
//! service.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tke_direct_access::clb::{
    Clb, Credentials, KeyObserver, LoadBalancerChange, Renewer, Settings as ClientSettings, Source, SourceError,
    Sources, Unfenced,
};
use tke_direct_access::model::{Class, Failure, Region};
use tke_direct_access::sim::{Identities, Settings, Simulator};
use tokio::task::JoinSet;

use crate::support::{eventually, simulator_with};

const PROVIDER: &str = "tke-cls-1a2b3c4d";
const ROLE: &str = "qcs::cam::uin/100000000001:roleName/direct-access";
const MACHINE_ROLE: &str = "node-role";

/// The ends of keys, as they were heard.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<(&'static str, bool)>>>);

impl Heard {
    /// How often a source has given a key with an end, or has failed.
    fn count(&self, source: &str, given: bool) -> usize {
        self.0.lock().expect("no panic").iter().filter(|(from, was)| *from == source && *was == given).count()
    }
}

impl KeyObserver for Heard {
    fn given(&self, source: &'static str, _: Option<jiff::Timestamp>) {
        self.0.lock().expect("no panic").push((source, true));
    }

    fn failed(&self, source: &'static str) {
        self.0.lock().expect("no panic").push((source, false));
    }
}

/// A simulator whose temporary keys last so long, and a token file.
fn cloud(longest: u64) -> (Simulator, tempfile::TempDir) {
    let identities = Identities {
        provider: PROVIDER.to_owned(),
        role_arn: ROLE.to_owned(),
        tokens: ["token-1".to_owned()].into(),
        machine_role: Some(MACHINE_ROLE.to_owned()),
        longest: Some(Duration::from_secs(longest)),
    };
    let (simulator, _) = simulator_with(Settings { identities, ..Settings::instant() });
    let folder = tempfile::tempdir().expect("a folder");
    write_token(&token_file(folder.path()), "token-1\n");
    (simulator, folder)
}

fn token_file(folder: &Path) -> PathBuf {
    folder.join("token")
}

fn write_token(file: &Path, token: &str) {
    std::fs::write(file, token).expect("it is written");
}

fn sources(simulator: &Simulator) -> Sources {
    Sources { folder: None, endpoint: Some(simulator.endpoint()), metadata: Some(simulator.endpoint()) }
}

/// The role that a Pod has whose token is in this folder.
fn web_identity(simulator: &Simulator, folder: &Path) -> Source {
    let file = token_file(folder).display().to_string();
    let variable = |name: &str| match name {
        "TKE_REGION" => Some("ap-guangzhou".to_owned()),
        "TKE_PROVIDER_ID" => Some(PROVIDER.to_owned()),
        "TKE_WEB_IDENTITY_TOKEN_FILE" => Some(file.clone()),
        "TKE_ROLE_ARN" => Some(ROLE.to_owned()),
        _ => None,
    };
    Source::choose(&sources(simulator), variable).expect("it is whole")
}

fn machine_role(simulator: &Simulator) -> Source {
    Source::choose(&sources(simulator), |_| None).expect("it is there")
}

fn client(simulator: &Simulator, credentials: Credentials) -> Clb {
    let settings = ClientSettings {
        endpoint: Some(simulator.endpoint()),
        rate_per_second: std::num::NonZeroU32::new(1000).expect("it is not zero"),
        ..ClientSettings::new(Region::new("ap-guangzhou"))
    };
    Clb::new(settings, credentials, Arc::new(())).expect("a client")
}

/// A client whose keys are renewed for as long as the tasks live.
async fn begin(simulator: &Simulator, source: Source) -> (Clb, Heard, JoinSet<()>) {
    let heard = Heard::default();
    let (mut renewer, credentials) = Renewer::new(source, Arc::new(heard.clone()));
    renewer.begin().await.expect("the source is there");
    let mut tasks = JoinSet::new();
    tasks.spawn(renewer.keep());
    (client(simulator, credentials), heard, tasks)
}

/// How often keys are renewed: `DIRECT_ACCESS_RENEWALS`, three times when it is not set.
fn renewals() -> usize {
    std::env::var("DIRECT_ACCESS_RENEWALS").map_or(3, |count| count.parse().expect("a number"))
}

async fn no_call_fails_while_keys_are_renewed(simulator: &Simulator, source: Source, before: impl Fn(usize)) {
    let name = source.name();
    let (clb, heard, _tasks) = begin(simulator, source).await;
    let (wanted, mut calls) = (renewals() + 1, 0_u32);
    while heard.count(name, true) < wanted {
        before(heard.count(name, true));
        clb.quotas().await.expect("keys are renewed ahead of their end");
        calls += 1;
    }
    println!("{name}: {calls} calls with {} keys", simulator.console(|state| state.temporary_keys()));
    assert_eq!(heard.count(name, false), 0);
    let refused: Vec<_> = simulator.call_log().into_iter().filter(|call| call.error.is_some()).collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_a_web_identity_are_renewed_and_no_call_fails() {
    let (simulator, folder) = cloud(4);
    let source = web_identity(&simulator, folder.path());
    let is_rotated = std::cell::Cell::new(false);
    let rotate = |keys: usize| {
        if keys == 2 && !is_rotated.replace(true) {
            // The kubelet exchanges the token, and the old one is good for nothing.
            write_token(&token_file(folder.path()), "token-2");
            simulator.console(|state| state.accept_tokens(["token-2".to_owned()]));
        }
    };
    no_call_fails_while_keys_are_renewed(&simulator, source, rotate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_the_role_of_a_machine_are_renewed_and_no_call_fails() {
    let (simulator, _folder) = cloud(4);
    no_call_fails_while_keys_are_renewed(&simulator, machine_role(&simulator), |_| ()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_end_early_are_renewed_when_a_call_is_refused() {
    let (simulator, folder) = cloud(3600);
    let lb = "lb-test".into();
    for source in [web_identity(&simulator, folder.path()), machine_role(&simulator)] {
        let (clb, heard, _tasks) = begin(&simulator, source).await;
        clb.quotas().await.expect("a key");
        simulator.console(|state| state.end_temporary_keys());
        let change = LoadBalancerChange { pass_to_target: Some(true), ..LoadBalancerChange::default() };
        let written = clb.writer(&Unfenced).modify_load_balancer(&lb, &change).await;
        written.expect("the write is repeated with another key");
        assert_eq!(heard.0.lock().expect("no panic").len(), 2, "one more key was asked for");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_cannot_be_had_yet_are_asked_for_again() {
    let (simulator, folder) = cloud(3600);
    write_token(&token_file(folder.path()), "another token");
    let (clb, heard, _tasks) = begin(&simulator, web_identity(&simulator, folder.path())).await;
    let Failure { class, code, message, .. } = clb.quotas().await.expect_err("there is no key");
    assert_eq!((class, &*code), (Class::Unreachable, "ClientError.NoCredentials"));
    assert!(message.contains("web-identity") && message.contains("WebIdentityTokenError"), "{message}");
    assert!(!message.contains("another token"), "{message}");
    std::fs::remove_file(token_file(folder.path())).expect("it was there");
    let failures = heard.count("web-identity", false);
    eventually("it is asked again", async || (heard.count("web-identity", false) > failures).then_some(())).await;
    let message = clb.quotas().await.expect_err("there is no key").message;
    assert!(message.contains("cannot be read"), "{message}");
    write_token(&token_file(folder.path()), "token-1");
    eventually("there is a key", async || clb.quotas().await.ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_nobody_has_set_up_are_an_error_at_the_start() {
    let (simulator, _) = simulator_with(Settings::instant());
    let (mut renewer, _) = Renewer::new(machine_role(&simulator), Arc::new(()));
    let error = renewer.begin().await.expect_err("the machine has no role");
    let SourceError::None(Some(_)) = &error else { panic!("{error}") };
    for named in ["TENCENTCLOUD_SECRET_ID", "TKE_ROLE_ARN", "folder", "404"] {
        assert!(error.to_string().contains(named), "{error}");
    }
    let nowhere = Sources { metadata: Some("http://127.0.0.1:1".to_owned()), ..sources(&simulator) };
    let (mut renewer, _) = Renewer::new(Source::choose(&nowhere, |_| None).expect("it may be there"), Arc::new(()));
    renewer.begin().await.expect_err("there is no metadata service");
}
