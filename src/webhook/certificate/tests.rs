//! Decisions over the whole life of a certificate, with real certificates and a made-up clock.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;

use super::*;

type Data = BTreeMap<String, ByteString>;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

/// Authority 9000 s, leaf 900 s, overlap 100 s.
fn lifetimes() -> Lifetimes {
    let seconds = SignedDuration::from_secs;
    Lifetimes { authority: seconds(9000), leaf: seconds(900), overlap: seconds(100), backdate: seconds(0) }
}

fn names() -> Vec<String> {
    vec!["hook.own.svc".to_owned(), "127.0.0.1".to_owned()]
}

fn decided(data: &Data, now: Timestamp) -> Decision {
    decide(&read(data), &names(), &lifetimes(), now)
}

fn issued(decision: Decision, data: &Data, served: Option<&Data>, now: Timestamp) -> Data {
    let served = served.map(read);
    issue(decision, &read(data), served.as_ref(), &names(), &lifetimes(), now).unwrap()
}

fn fresh() -> Data {
    let nothing = Data::new();
    let decision = decided(&nothing, at(0));
    assert_eq!(decision, Decision::RotateAuthority(Cause::Missing));
    issued(decision, &nothing, None, at(0))
}

fn with(data: &Data, key: &str, value: &str) -> Data {
    let mut data = data.clone();
    data.insert(key.to_owned(), ByteString(value.as_bytes().to_vec()));
    data
}

/// A client that trusts the bundle of `trusted` takes the leaf of `served`.
fn trusts(trusted: &Data, served: &Data, now: Timestamp) -> bool {
    let mixed: Data = [("ca.crt", trusted), ("ca.key", trusted), ("tls.crt", served), ("tls.key", served)]
        .map(|(key, from)| (key.to_owned(), from[key].clone()))
        .into();
    read(&mixed).usable(&names(), now).is_some()
}

#[test]
fn a_fresh_certificate_is_sound_and_kept() {
    let data = fresh();
    let found = read(&data);
    let leaf = found.leaf.as_ref().unwrap_or_else(|_| panic!("the leaf is sound"));
    assert_eq!((found.authorities.len(), leaf.authority), (1, 0));
    assert_eq!(leaf.names, names());
    assert_eq!(leaf.validity, Validity { from: at(0), until: at(900) });
    assert!(found.usable(&names(), at(0)).is_some());
    assert!(found.usable(&names(), at(900)).is_none());
    assert_eq!(decided(&data, at(0)), Decision::Keep(at(600)));
}

#[test]
fn a_leaf_is_renewed_before_it_expires_and_after() {
    let data = fresh();
    for now in [600, 899, 900, 5000] {
        let decision = decided(&data, at(now));
        assert_eq!(decision, Decision::RotateLeaf(Cause::Expiring));
        let next = issued(decision, &data, None, at(now));
        assert_eq!(next["ca.crt"], data["ca.crt"]);
        assert!(trusts(&data, &next, at(now)), "nobody needs to learn a new authority");
        assert!(matches!(decided(&next, at(now)), Decision::Keep(_)));
    }
}

#[test]
fn every_damage_is_noticed_and_repaired_at_once() {
    let (data, other) = (fresh(), fresh());
    let text = |data: &Data, key: &str| String::from_utf8(data[key].0.clone()).unwrap();
    for key in ["ca.crt", "ca.key", "tls.crt", "tls.key"] {
        let half = text(&data, key)[..80].to_owned();
        for bad in ["", "junk", "\u{0}", &half, &text(&other, key)] {
            let damaged = with(&data, key, bad);
            let decision = decided(&damaged, at(1));
            assert!(!matches!(decision, Decision::Keep(_) | Decision::Prune), "{key}: {bad:.20}: {decision:?}");
            let repaired = issued(decision, &damaged, Some(&data), at(1));
            assert!(trusts(&repaired, &repaired, at(1)), "{key}: {bad:.20}");
            assert!(
                trusts(&repaired, &data, at(1)),
                "{key}: {bad:.20}: replicas that have not learnt of it are trusted"
            );
            assert!(matches!(decided(&repaired, at(1)), Decision::Keep(_)), "{key}: {bad:.20}");
        }
    }
    let binary: Data = data.keys().map(|key| (key.clone(), ByteString(vec![0xff, 0xfe]))).collect();
    assert_eq!(decided(&binary, at(1)), Decision::RotateAuthority(Cause::Damaged));
    let more = text(&data, "ca.crt") + "and more";
    assert_eq!(decided(&with(&data, "ca.crt", &more), at(1)), Decision::RotateAuthority(Cause::Damaged));
}

#[test]
fn other_names_need_another_leaf() {
    let data = fresh();
    let renamed = ["other.own.svc".to_owned()];
    let decision = decide(&read(&data), &renamed, &lifetimes(), at(1));
    assert_eq!(decision, Decision::RotateLeaf(Cause::Renamed));
}

/// At every moment of a rotation, what a replica serves is trusted by an API server that is one step behind or ahead.
#[test]
fn an_authority_is_replaced_with_overlap() {
    let mut data = issued(Decision::RotateLeaf(Cause::Expiring), &fresh(), None, at(5990));
    let mut now = at(6000);
    let mut steps = Vec::new();
    loop {
        let decision = decided(&data, now);
        if let Decision::Keep(next) = decision {
            if steps.len() == 3 {
                break;
            }
            assert!(next > now);
            now = next;
            continue;
        }
        let next = issued(decision, &data, None, now);
        assert!(trusts(&data, &next, now), "{decision:?}: a client that is a step behind");
        assert!(trusts(&next, &data, now), "{decision:?}: a replica that is a step behind");
        steps.push((decision, now));
        data = next;
    }
    let expected = [
        (Decision::RotateAuthority(Cause::Expiring), at(6000)),
        (Decision::RotateLeaf(Cause::Superseded), at(6100)),
        (Decision::Prune, at(6200)),
    ];
    assert_eq!(steps, expected);
    assert_eq!(read(&data).authorities.len(), 1);
}

/// Deleting the Secret asks for new keys; it gets them without a moment in which nothing is trusted.
#[test]
fn a_deleted_secret_is_a_rotation_with_overlap() {
    let (data, nothing) = (fresh(), Data::new());
    let decision = decided(&nothing, at(1));
    let next = issued(decision, &nothing, Some(&data), at(1));
    assert_ne!(next["ca.key"], data["ca.key"]);
    assert_eq!(next["tls.crt"], data["tls.crt"]);
    assert!(trusts(&next, &data, at(1)));
    assert_eq!(decided(&next, at(1)), Decision::Keep(at(101)));
    assert_eq!(decided(&next, at(101)), Decision::RotateLeaf(Cause::Superseded));
    let late = issued(decided(&nothing, at(901)), &nothing, Some(&data), at(901));
    assert_ne!(late["tls.crt"], data["tls.crt"], "an expired leaf is not worth keeping");
    assert!(trusts(&late, &late, at(901)));
}

#[test]
fn keys_are_not_printed() {
    let found = read(&fresh());
    let key = found.signer.unwrap_or_else(|_| panic!("there is a key"));
    assert_eq!(format!("{key:?}"), "PrivateKey(…)");
}
