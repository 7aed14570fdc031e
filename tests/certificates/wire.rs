//! The simulated service of certificates, as the client reaches it: signed, over HTTP.

use std::collections::BTreeSet;
use std::sync::Arc;

use tke_direct_access::clb::wire::Secret;
use tke_direct_access::clb::{self, Clb, Credentials, Keys, NewListener, NewListeners, Unfenced};
use tke_direct_access::model::{Attribute, Attributes, Class, LoadBalancerId, Protocol, Region};
use tke_direct_access::sim::{Effect, Fault, LoadBalancerSpec, Settings, Simulator, When};

use super::pem::made;

fn simulator() -> (Simulator, Clb) {
    let load_balancers = vec![LoadBalancerSpec::with_id("lb-test")];
    let simulator = Simulator::start(Settings { load_balancers, ..Settings::instant() }).unwrap();
    let (id, key) = simulator.credentials();
    let keys = Keys::new(id, key, None).unwrap();
    let endpoint = Some(simulator.endpoint());
    let settings = clb::Settings { endpoint, ..clb::Settings::new(Region::new("ap-guangzhou")) };
    (simulator, Clb::new(settings, Credentials::fixed(keys), Arc::new(())).unwrap())
}

async fn upload(clb: &Clb, alias: &str) -> Result<String, tke_direct_access::model::Failure> {
    let (chain, key) = made("a.example");
    clb.writer(&Unfenced).upload_certificate(alias, &chain, &Secret::new(key)).await
}

#[tokio::test]
async fn an_upload_is_found_by_its_alias_and_ends_when_it_says() {
    let (simulator, clb) = simulator();
    let foreign = simulator.console(|state| state.add_certificate("theirs", &made("a.example").0)).unwrap();
    let own = upload(&clb, "dac-1_shop_web").await.unwrap();
    let found = clb.certificates_like("dac-1").await.unwrap();
    assert_eq!(found.iter().map(|one| (&one.id, &*one.alias)).collect::<Vec<_>>(), [(&own, "dac-1_shop_web")]);
    // What rcgen makes ends in the year 4096.
    assert!(found[0].ends.unwrap().to_string().starts_with("4096-01-01"), "{:?}", found[0].ends);
    let ids: BTreeSet<_> = [foreign.clone(), "nobodys".to_owned()].into();
    let by_id = clb.certificates(&ids).await.unwrap();
    assert_eq!(by_id.iter().map(|one| &one.id).collect::<Vec<_>>(), [&foreign]);
    assert_eq!(clb.certificates(&BTreeSet::new()).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_list_of_several_pages_is_read_as_a_whole() {
    let (simulator, clb) = simulator();
    let chain = made("a.example").0;
    let add =
        |number: usize| simulator.console(|state| state.add_certificate(&format!("dac-{number}"), &chain)).unwrap();
    let all: BTreeSet<String> = (0..1001).map(add).collect();
    let found: BTreeSet<_> = clb.certificates_like("dac-").await.unwrap().into_iter().map(|one| one.id).collect();
    assert_eq!(found, all);
    assert_eq!(simulator.calls()["DescribeCertificates"], 2);
}

#[tokio::test]
async fn what_is_no_certificate_with_its_key_is_refused_and_says_nothing_of_the_key() {
    let (simulator, clb) = simulator();
    let ((chain, key), (_, other)) = (made("a.example"), made("b.example"));
    for (chain, key, code) in [
        (chain.as_str(), other.as_str(), "FailedOperation.CertificateMismatch"),
        (&chain, "no key", "FailedOperation.CertificateMismatch"),
        ("no certificate", &key, "FailedOperation.CertificateInvalid"),
    ] {
        let refused = clb.writer(&Unfenced).upload_certificate("dac-1", chain, &Secret::new(key)).await.unwrap_err();
        assert_eq!((&*refused.code, refused.class), (code, Class::Invalid), "{refused}");
    }
    // Somebody on the way answers with what was sent.
    let echoed = format!("cannot forward {{\"CertificatePrivateKey\":\"{}\"}}", key.replace('\n', "\\n"));
    let effect = Effect::Error { code: "InternalError".to_owned(), message: echoed };
    let action = Some("UploadCertificate".to_owned());
    simulator.inject(Fault { action, load_balancer: None, names: None, when: When::Next(1), effect });
    let refused = clb.writer(&Unfenced).upload_certificate("dac-1", &chain, &Secret::new(&*key)).await.unwrap_err();
    let body = key.lines().nth(1).unwrap();
    assert!(refused.message.starts_with("cannot forward") && !refused.message.contains(body), "{refused}");
    assert!(simulator.console(|state| state.certificates()).is_empty());
}

#[tokio::test]
async fn a_certificate_is_in_use_where_a_listener_or_a_rule_has_it() {
    let (simulator, clb) = simulator();
    let (lb, writer) = (LoadBalancerId::new("lb-test"), clb.writer(&Unfenced));
    let (used, free) = (upload(&clb, "dac-1").await.unwrap(), upload(&clb, "dac-2").await.unwrap());
    let mut attributes = Attributes::default();
    attributes.set(Attribute::Certificate, used.as_str());
    let listeners = vec![NewListener { port: 443, name: "web".into() }];
    let new = NewListeners { protocol: Protocol::Https, listeners, attributes };
    writer.create_listeners(&lb, &new).await.unwrap();
    let ids = [used.clone(), free.clone(), "nobodys".to_owned()];
    assert_eq!(clb.certificates_in_use(&ids).await.unwrap(), [used].into());
    writer.delete_certificate(&free).await.unwrap();
    let again = writer.delete_certificate(&free).await.unwrap_err();
    assert_eq!((&*again.code, again.class), ("FailedOperation.CertificateNotFound", Class::NotFound));
    assert_eq!(simulator.console(|state| state.certificates().len()), 1);
}
