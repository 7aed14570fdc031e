use Attribute::*;
use ConfigProblem::*;
use Protocol::*;

use super::*;
use crate::model::Value;

/// Protocol, family, wish, what is there; what is kept of the wish, and what is told.
type Case = (Protocol, IpFamily, Wish, Wish, Vec<Attribute>, Vec<(Attribute, ConfigProblem)>);
type Wish = Vec<(Attribute, Value)>;

fn attributes(pairs: &[(Attribute, Value)]) -> Attributes {
    pairs.iter().cloned().collect()
}

fn fitted(
    protocol: Protocol,
    family: IpFamily,
    desired: &[(Attribute, Value)],
    observed: &[(Attribute, Value)],
) -> (Vec<Attribute>, Vec<(Attribute, ConfigProblem)>) {
    let (kept, misfits) = fit(protocol, family, &attributes(desired), &attributes(observed));
    (kept.iter().map(|(attribute, _)| attribute).collect(), misfits.iter().map(|m| (m.attribute, m.reason)).collect())
}

fn check(cases: Vec<Case>) {
    for (protocol, family, desired, observed, kept, misfits) in cases {
        assert_eq!(
            fitted(protocol, family, &desired, &observed),
            (kept, misfits),
            "{protocol} {desired:?} {observed:?}"
        );
    }
}

#[test]
fn times_of_a_check_must_go_with_what_is_there() {
    let v4 = IpFamily::V4;
    check(vec![
        // The unmanaged interval limits the managed time-out.
        (
            Tcp,
            v4,
            vec![(CheckTimeout, 5_i64.into())],
            vec![(CheckInterval, 5_i64.into())],
            vec![],
            vec![(CheckTimeout, Contradiction)],
        ),
        (Tcp, v4, vec![(CheckTimeout, 4_i64.into())], vec![(CheckInterval, 5_i64.into())], vec![CheckTimeout], vec![]),
        (
            Tcp,
            v4,
            vec![(CheckInterval, 2_i64.into())],
            vec![(CheckTimeout, 2_i64.into())],
            vec![],
            vec![(CheckInterval, Contradiction)],
        ),
        // A check that is off is not written at length.
        (
            Tcp,
            v4,
            vec![(CheckSwitch, false.into()), (CheckInterval, 7_i64.into()), (Scheduler, "WRR".into())],
            vec![],
            vec![Scheduler, CheckSwitch],
            vec![],
        ),
        (Tcp, v4, vec![(CheckInterval, 7_i64.into())], vec![(CheckSwitch, false.into())], vec![], vec![]),
    ]);
}

#[test]
fn a_session_and_its_scheduler_must_go_together() {
    let v4 = IpFamily::V4;
    check(vec![
        (
            Tcp,
            v4,
            vec![(SessionSeconds, 60_i64.into())],
            vec![(Scheduler, "LEAST_CONN".into())],
            vec![],
            vec![(SessionSeconds, Contradiction)],
        ),
        (
            Tcp,
            v4,
            vec![(Scheduler, "LEAST_CONN".into())],
            vec![(SessionSeconds, 60_i64.into())],
            vec![],
            vec![(Scheduler, Contradiction)],
        ),
        (
            Tcp,
            v4,
            vec![(Scheduler, "LEAST_CONN".into())],
            vec![(SessionSeconds, 0_i64.into())],
            vec![Scheduler],
            vec![],
        ),
    ]);
}

#[test]
fn members_of_a_check_must_go_with_its_kind() {
    let v4 = IpFamily::V4;
    check(vec![
        (Tcp, v4, vec![(CheckType, "HTTP".into())], vec![], vec![], vec![(CheckType, MissingValue)]),
        (
            Tcp,
            v4,
            vec![(CheckType, "HTTP".into()), (CheckHttpVersion, "HTTP/1.1".into()), (CheckDomain, "a".into())],
            vec![(CheckType, "TCP".into())],
            vec![CheckType, CheckHttpVersion, CheckDomain],
            vec![],
        ),
        (
            Udp,
            v4,
            vec![(CheckType, "CUSTOM".into()), (CheckSend, "a".into())],
            vec![],
            vec![],
            vec![(CheckType, MissingValue)],
        ),
        (
            Udp,
            v4,
            vec![(CheckType, "CUSTOM".into()), (CheckPath, "/".into())],
            vec![],
            vec![],
            vec![(CheckType, MissingValue), (CheckPath, NotSupported)],
        ),
        (
            Tcp,
            v4,
            vec![(CheckPath, "/".into())],
            vec![(CheckType, "TCP".into())],
            vec![],
            vec![(CheckPath, NotSupported)],
        ),
        (Http, v4, vec![(CheckPath, "/x".into())], vec![(CheckType, "HTTP".into())], vec![CheckPath], vec![]),
        (Http, v4, vec![(CheckHttpVersion, "HTTP/1.1".into())], vec![], vec![], vec![(CheckHttpVersion, NotSupported)]),
        (
            Tcp,
            IpFamily::V6,
            vec![(CheckInterval, 4_i64.into()), (CheckSource, 1_i64.into())],
            vec![],
            vec![],
            vec![(CheckInterval, NotAllowed), (CheckSource, NotAllowed)],
        ),
    ]);
}

#[test]
fn checks_of_ipv6_have_fewer_types() {
    let typed =
        |kind: &str| vec![(CheckType, kind.into()), (CheckHttpVersion, "HTTP/1.1".into()), (CheckDomain, "a".into())];
    let custom = || {
        vec![
            (CheckType, "CUSTOM".into()),
            (CheckContextType, "TEXT".into()),
            (CheckSend, "ping".into()),
            (CheckReceive, "pong".into()),
            (CheckInterval, 6_i64.into()),
        ]
    };
    let barred = || vec![(CheckType, NotAllowed)];
    check(vec![
        (Tcp, IpFamily::V6, typed("HTTP"), vec![], vec![], barred()),
        (Tcp, IpFamily::V6, custom(), vec![], vec![CheckInterval], barred()),
        (Udp, IpFamily::V6, custom(), vec![], vec![CheckInterval], barred()),
        (Udp, IpFamily::V6, vec![(CheckType, "PING".into())], vec![], vec![CheckType], vec![]),
        (Tcp, IpFamily::V6, vec![(CheckType, "TCP".into())], vec![], vec![CheckType], vec![]),
        // What is there already is somebody else's, and stays.
        (Tcp, IpFamily::V6, vec![(CheckInterval, 6_i64.into())], typed("HTTP"), vec![CheckInterval], vec![]),
        (Tcp, IpFamily::V4, typed("HTTP"), vec![], vec![CheckType, CheckHttpVersion, CheckDomain], vec![]),
        (Http, IpFamily::V6, vec![(CheckType, "HTTP".into())], vec![], vec![CheckType], vec![]),
    ]);
}

/// As it is wished, and as it is there.
type WishedAndThere = [Option<&'static str>; 2];

/// Protocol; the protocol towards targets and the type of check as they are wished and as they are there; the type that counts.
#[test]
fn the_type_of_a_check_is_the_wished_one_else_that_which_is_there_else_the_usual_one() {
    let cases: &[(Protocol, WishedAndThere, WishedAndThere, &str)] = &[
        // The usual one of each protocol.
        (Tcp, [None, None], [None, None], "TCP"),
        (Udp, [None, None], [None, None], "PING"),
        (TcpSsl, [None, None], [None, None], "TCP"),
        (Quic, [None, None], [None, None], "TCP"),
        (Http, [None, None], [None, None], "HTTP"),
        (Https, [None, None], [None, None], "HTTP"),
        // That of HTTPS rules follows the protocol towards their targets, which may be wished or be there.
        (Https, [Some("HTTP"), None], [None, None], "HTTP"),
        (Https, [Some("HTTPS"), None], [None, None], "HTTPS"),
        (Https, [Some("GRPC"), None], [None, None], "GRPC"),
        (Https, [Some("GRPCS"), None], [None, None], "GRPC"),
        (Https, [None, Some("HTTPS")], [None, None], "HTTPS"),
        (Https, [Some("GRPC"), Some("HTTPS")], [None, None], "GRPC"),
        (Https, [Some("QUIC"), None], [None, None], "HTTP"),
        // That of no other protocol does.
        (Http, [Some("GRPC"), None], [None, None], "HTTP"),
        (Tcp, [Some("HTTPS"), None], [None, None], "TCP"),
        // A type that is there counts more than the usual one, and a wished one more than any.
        (Tcp, [None, None], [None, Some("HTTP")], "HTTP"),
        (Https, [Some("GRPC"), None], [None, Some("TCP")], "TCP"),
        (Https, [Some("GRPC"), None], [Some("HTTPS"), Some("TCP")], "HTTPS"),
        (Udp, [None, None], [Some("CUSTOM"), Some("PING")], "CUSTOM"),
    ];
    for (protocol, [wished_forward, forward], [wished_type, kind], expected) in cases {
        let attributes = |forward: Option<&str>, kind: Option<&str>| {
            let mut attributes = Attributes::default();
            attributes.set_some(ForwardType, forward);
            attributes.set_some(CheckType, kind);
            attributes
        };
        let (wish, observed) = (attributes(*wished_forward, *wished_type), attributes(*forward, *kind));
        let fitting =
            Fitting { protocol: *protocol, family: IpFamily::V4, wish, observed: &observed, misfits: Vec::new() };
        assert_eq!(
            fitting.check_type(),
            *expected,
            "{protocol} {wished_forward:?} {forward:?} {wished_type:?} {kind:?}"
        );
    }
}
