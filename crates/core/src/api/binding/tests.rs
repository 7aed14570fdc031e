use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::*;

fn read(yaml: &str) -> DirectAccessBindingSpec {
    serde_saphyr::from_str(yaml).unwrap()
}

fn refused(yaml: &str) -> Vec<String> {
    match read(yaml).validate() {
        Ok(()) => Vec::new(),
        Err(report) => report.iter().map(|(path, _)| path.to_string()).collect(),
    }
}

#[test]
fn what_is_not_said_has_its_default() {
    let spec = read(
        "{serviceRef: {name: web}, loadBalancer: {id: lb-1}, listeners: [{port: 443, protocol: TCP, servicePort: web}]}",
    );
    assert_eq!(
        (spec.mode, spec.network, spec.deletion_policy),
        (Mode::Direct, NetworkMode::Auto, DeletionPolicy::Deregister)
    );
    assert_eq!(spec.readiness_gate, ReadinessGateSpec { policy: GatePolicy::Healthy, timeout_seconds: None });
    assert_eq!((spec.drain.terminating, spec.drain.not_ready), (DrainAction::WeightZero, DrainAction::WeightZero));
    assert_eq!((spec.drain.timeout_seconds, spec.suspend, spec.auto_service_config), (300, false, false));
    let [listener] = spec.listeners.as_slice() else { panic!("one listener") };
    assert_eq!((listener.weight, listener.service_port.as_ref()), (10, Some(&IntOrString::String("web".to_owned()))));
    assert!(spec.validate().is_ok());
}

#[test]
fn bounds_hold_at_every_depth_without_the_api_server() {
    assert_eq!(refused("{serviceRef: {name: Web}}"), ["service_ref.name"]);
    assert_eq!(refused("{serviceRef: {name: web}, loadBalancer: {id: clb-1}}"), ["load_balancer.id"]);
    assert_eq!(refused("{serviceRef: {name: web}, drain: {timeoutSeconds: -1}}"), ["drain.timeout_seconds"]);
    assert_eq!(
        refused(
            "{serviceRef: {name: web}, listeners: [{port: 80, protocol: TCP}, {port: 0, protocol: HTTP, rules: [{url: a}]}]}"
        ),
        ["listeners[1].port", "listeners[1].rules[0].url"]
    );
    assert_eq!(
        refused(
            "{serviceRef: {name: web}, loadBalancer: {create: {network: Public, securityGroups: [sg-1, web], tags: [{key: ''}]}}}"
        ),
        ["load_balancer.create.security_groups[1]", "load_balancer.create.tags[0].key"]
    );
}

#[test]
fn a_status_that_lacks_everything_is_read() {
    let status: DirectAccessBindingStatus = serde_json::from_str("{}").unwrap();
    assert_eq!(status, DirectAccessBindingStatus::default());
    assert_eq!(serde_json::to_string(&status).unwrap(), r#"{"observedGeneration":-1,"conditions":[]}"#);
}
