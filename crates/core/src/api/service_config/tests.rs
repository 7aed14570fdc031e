use super::*;

fn read(yaml: &str) -> TkeServiceConfigSpec {
    serde_saphyr::from_str(yaml).unwrap()
}

#[test]
fn what_is_not_said_is_none() {
    let spec = read("loadBalancer: {l4Listeners: [{protocol: TCP, port: 80}]}");
    let entry = &spec.l4_listeners()[0];
    assert_eq!((entry.session.as_ref(), entry.health_check.as_ref(), entry.scheduler.as_ref()), (None, None, None));
    assert_eq!(spec.l7_listeners(), []);
    assert_eq!(read("{}").l4_listeners(), []);
}

#[test]
fn an_empty_text_says_nothing() {
    let spec = read(
        "loadBalancer: {l4Listeners: [{protocol: TCP, port: 80, scheduler: '', healthCheck: {httpCheckDomain: ''}}]}",
    );
    let entry = &spec.l4_listeners()[0];
    assert_eq!(
        (entry.scheduler.as_ref(), entry.health_check.as_ref().unwrap().http_check_domain.as_ref()),
        (None, None)
    );
}

#[test]
fn both_spellings_of_the_switch_are_read_and_the_new_one_wins() {
    let switch = |yaml: &str| serde_saphyr::from_str::<HealthCheckConfig>(yaml).unwrap().switch();
    assert_eq!(switch("{enable: false}"), Some(false));
    assert_eq!(switch("{enabled: true}"), Some(true));
    assert_eq!(switch("{enable: false, enabled: true}"), Some(false));
    assert_eq!(switch("{intervalTime: 5}"), None);
}

#[test]
fn a_generated_layer_7_object_is_read() {
    let spec = read(
        "loadBalancer:
           l7Listeners:
           - {keepaliveEnable: 0, port: 80, protocol: HTTP}
           - defaultServer: shop.example.com
             keepaliveEnable: 0
             port: 443
             protocol: HTTPS
             domains:
             - domain: shop.example.com
               rules:
               - forwardType: HTTP
                 url: /
                 scheduler: WRR
                 session: {enable: false}
                 healthCheck: {enable: true, healthNum: 3, unHealthNum: 3, httpCheckDomain: shop.example.com, httpCheckMethod: HEAD,
                   httpCheckPath: /, httpCode: 31, intervalTime: 5, timeout: 5, sourceIpType: 0}",
    );
    let [bare, full] = spec.l7_listeners() else { panic!("two entries") };
    assert_eq!((bare.keepalive_enable, bare.domains().len()), (Some(0), 0));
    let check = full.domains()[0].rules()[0].health_check.as_ref().unwrap();
    assert_eq!((check.un_health_num, check.timeout, check.interval_time), (Some(3), Some(5), Some(5)));
}

#[test]
fn fields_that_are_not_documented_are_no_obstacle() {
    let spec = read(
        "loadBalancer: {l4Listeners: [{protocol: TCP, port: 80, maxConn: 5, healthCheck: {extra: {a: 1}}}], other: true}",
    );
    assert_eq!(spec.l4_listeners().len(), 1);
}
