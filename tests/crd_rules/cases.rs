//! What the API server is asked, and what its answer must contain; an empty expectation means that it must accept.

/// What every binding of the cases has, unless the case is a whole spec.
pub(crate) const BASE: &str = "serviceRef: {name: web}, loadBalancer: {id: lb-6efswuxa}";

/// Bindings: insides of the spec beside [`BASE`], or whole specs in braces.
pub(crate) const BINDINGS: &[(&str, &str)] = &[
    // The least, the most, and every mode.
    ("suspend: false", ""),
    ("{serviceRef: {name: web}, mode: Delegate}", ""),
    ("{serviceRef: {name: web}}", "spec.loadBalancer: Required value: loadBalancer must be set in mode Direct"),
    ("{loadBalancer: {id: lb-6efswuxa}}", "spec.serviceRef: Required value"),
    (
        "{serviceRef: {name: web}, mode: Delegate, listeners: [{port: 80, protocol: TCP, listenerId: lbl-1}]}",
        "spec.listeners: Forbidden: listeners may have listenerId only in mode Direct",
    ),
    ("mode: Both", "spec.mode: Unsupported value: \"Both\": supported values: \"Direct\", \"Delegate\""),
    ("{serviceRef: {name: Web}, loadBalancer: {id: lb-1}}", "spec.serviceRef.name: Invalid value: \"Web\""),
    ("{serviceRef: {name: ''}, loadBalancer: {id: lb-1}}", "spec.serviceRef.name: Invalid value"),
    ("network: VpcCni, readinessGate: {policy: Registered, timeoutSeconds: 600}, deletionPolicy: Retain", ""),
    ("network: Overlay", "spec.network: Unsupported value: \"Overlay\""),
    ("readinessGate: {timeoutSeconds: 9}", "spec.readinessGate.timeoutSeconds: Invalid value: 9"),
    ("readinessGate: {timeoutSeconds: 86401}", "spec.readinessGate.timeoutSeconds: Invalid value: 86401"),
    ("readinessGate: {policy: Ready}", "spec.readinessGate.policy: Unsupported value"),
    ("drain: {terminating: Keep, notReady: Deregister, timeoutSeconds: 0}", ""),
    ("drain: {timeoutSeconds: -1}", "spec.drain.timeoutSeconds: Invalid value: -1"),
    ("drain: {timeoutSeconds: 1.5}", "spec.drain.timeoutSeconds"),
    (
        "deletionPolicy: Delete",
        "spec.deletionPolicy: Forbidden: deletionPolicy may be Delete only with loadBalancer.create",
    ),
    ("suspend: 'yes'", "spec.suspend"),
    // The config.
    ("serviceConfigRef: {name: web-config}", ""),
    ("autoServiceConfig: true", ""),
    (
        "autoServiceConfig: true, serviceConfigRef: {name: a}",
        "spec.autoServiceConfig: Forbidden: autoServiceConfig must be false",
    ),
    ("serviceConfigRef: {name: web-auto-service-config}", "serviceConfigRef.name must not end in -auto-service-config"),
    ("serviceConfigRef: {name: web-auto-ingress-config}", "spec.serviceConfigRef.name: Invalid value"),
];

/// Bindings whose load balancer is the matter.
pub(crate) const LOAD_BALANCERS: &[(&str, &str)] = &[
    ("{serviceRef: {name: web}, loadBalancer: {}}", "loadBalancer must have exactly one of id and create"),
    (
        "{serviceRef: {name: web}, loadBalancer: {id: lb-1, create: {network: Public}}}",
        "loadBalancer must have exactly one of id and create",
    ),
    ("{serviceRef: {name: web}, loadBalancer: {id: clb-1}}", "spec.loadBalancer.id: Invalid value: \"clb-1\""),
    ("{serviceRef: {name: web}, loadBalancer: {id: lb-1, region: ap-guangzhou}}", ""),
    (
        "{serviceRef: {name: web}, loadBalancer: {id: lb-1, region: Guangzhou}}",
        "spec.loadBalancer.region: Invalid value",
    ),
    ("{serviceRef: {name: web}, loadBalancer: {create: {network: Public}}, deletionPolicy: Delete}", ""),
    ("{serviceRef: {name: web}, loadBalancer: {create: {}}}", "spec.loadBalancer.create.network: Required value"),
];

/// The insides of `loadBalancer.create`.
pub(crate) const CREATE: &[(&str, &str)] = &[
    (
        "network: Public, chargeType: TrafficPostpaidByHour, bandwidthMbps: 100, zoneId: ap-guangzhou-1, name: 商城_web-1",
        "",
    ),
    (
        "network: Public, masterZoneId: '100001', slaveZoneId: ap-guangzhou-2, tags: [{key: team, value: shop}, {key: x}]",
        "",
    ),
    (
        "network: Internal, subnetId: subnet-1a2b3c4d, vpcId: vpc-1a2b3c4d, vip: 10.0.0.9, snatPro: true, passToTarget: true",
        "",
    ),
    (
        "network: Internal, subnetId: subnet-1, slaType: clb.c3.small, bandwidthMbps: 20000, securityGroups: [sg-1, sg-2]",
        "",
    ),
    ("network: Public, isp: CMCC, chargeType: BandwidthPackage, bandwidthPackageId: bwp-1a2b3c4d", ""),
    ("network: Public, ipVersion: IPv6FullChain, subnetId: subnet-1", ""),
    ("network: Public, ipVersion: IPv6Nat64", ""),
    ("network: Public, name: 'two words'", "create.name: Invalid value"),
    ("network: Internal", "create.subnetId: Required value: subnetId must be set for network Internal"),
    ("network: Public, ipVersion: IPv6FullChain", "create.subnetId: Required value"),
    ("network: Public, subnetId: subnet-1", "create.subnetId: Forbidden: subnetId may be set only for"),
    ("network: Internal, subnetId: subnet-1, ipVersion: IPv6Nat64", "create.ipVersion: Invalid value"),
    (
        "network: Internal, subnetId: subnet-1, vip: 10.0.0.9, dynamicVip: true",
        "create.vip: Forbidden: vip may not be set with dynamicVip",
    ),
    ("network: Public, vip: 10.0.0.9", "create.vip: Forbidden: vip may be set only with subnetId"),
    ("network: Internal, subnetId: subnet-1, vip: here", "create.vip: Invalid value"),
    ("network: Internal, subnetId: subnet-1, bandwidthMbps: 5", "create.bandwidthMbps: Forbidden"),
    ("network: Public, bandwidthMbps: 0", "create.bandwidthMbps: Invalid value: 0"),
    ("network: Public, bandwidthMbps: 2049", "create.bandwidthMbps: Invalid value: bandwidthMbps must be at most 2048"),
    ("network: Public, bandwidthMbps: 61441, slaType: clb.c2.medium", "create.bandwidthMbps: Invalid value: 61441"),
    ("network: Public, bandwidthPackageId: bwp-1", "create.bandwidthPackageId: Forbidden"),
    ("network: Public, isp: CTCC", "create.isp: Invalid value"),
    ("network: Internal, subnetId: subnet-1, isp: BGP", "create.isp: Forbidden"),
    ("network: Public, zoneId: a-1, masterZoneId: a-2", "create.zoneId: Forbidden"),
    ("network: Public, ipVersion: IPv6Nat64, masterZoneId: a-2", "create.masterZoneId: Forbidden"),
    ("network: Public, slaveZoneId: a-2", "create.slaveZoneId: Forbidden"),
    (
        "network: Public, ipVersion: IPv6FullChain, subnetId: subnet-1, passToTarget: true",
        "create.passToTarget: Forbidden",
    ),
    ("network: Public, slaType: clb.c9", "create.slaType: Unsupported value"),
    ("network: Public, securityGroups: [sg-1, sg-1]", "create.securityGroups[1]: Duplicate value"),
    ("network: Public, securityGroups: [web]", "create.securityGroups[0]: Invalid value"),
    ("network: Public, tags: [{key: a}, {key: a}]", "create.tags[1]: Duplicate value"),
    ("network: Public, tags: [{value: a}]", "create.tags[0].key: Required value"),
];

/// The insides of `listeners`.
pub(crate) const LISTENERS: &[(&str, &str)] = &[
    (
        "{port: 80, protocol: TCP}, {port: 80, protocol: UDP}, {port: 81, protocol: QUIC, certificate: {id: zjUMifFK}}",
        "",
    ),
    (
        "{port: 80, protocol: TCP, servicePort: web, weight: 0}, {port: 81, protocol: TCP, servicePort: 8080, weight: 100}",
        "",
    ),
    (
        "{port: 443, protocol: HTTPS, certificate: {secretName: shop.tls}, rules: [{domain: shop.example.com, url: /}]}",
        "",
    ),
    (
        "{port: 80, protocol: HTTP, rules: [{}, {url: /b}, {domain: '*.example.com'}, {domain: 'www.example.*', url: '~ ^/a$'}]}",
        "",
    ),
    ("{port: 443, protocol: HTTPS, listenerId: lbl-1a2b3c4d, rules: [{domain: a.example.com}]}", ""),
    ("{port: 443, protocol: TCP_SSL, listenerId: lbl-1a2b3c4d}, {port: 53, protocol: UDP, listenerId: lbl-2}", ""),
    ("{protocol: TCP}", "spec.listeners[0].port: Required value"),
    ("{port: 80}", "spec.listeners[0].protocol: Required value"),
    ("{port: 0, protocol: TCP}", "spec.listeners[0].port: Invalid value: 0"),
    ("{port: 65536, protocol: TCP}", "spec.listeners[0].port: Invalid value: 65536"),
    ("{port: 80, protocol: SCTP}", "spec.listeners[0].protocol: Unsupported value: \"SCTP\""),
    ("{port: 4789, protocol: UDP}", "spec.listeners[0].port: Invalid value: port must not be 4789"),
    ("{port: 80, protocol: TCP}, {port: 80, protocol: TCP}", "spec.listeners[1]: Duplicate value"),
    ("{port: 80, protocol: TCP}, {port: 80, protocol: HTTP, rules: [{}]}", "listeners must differ in port"),
    ("{port: 80, protocol: UDP}, {port: 80, protocol: QUIC, certificate: {id: a}}", "spec.listeners: Invalid value"),
    ("{port: 80, protocol: TCP, servicePort: 0}", "spec.listeners[0].servicePort"),
    ("{port: 80, protocol: TCP, servicePort: 70000}", "spec.listeners[0].servicePort"),
    ("{port: 80, protocol: TCP, servicePort: Web}", "spec.listeners[0].servicePort"),
    ("{port: 80, protocol: TCP, servicePort: 1.5}", "spec.listeners[0].servicePort"),
    ("{port: 80, protocol: TCP, weight: 101}", "spec.listeners[0].weight: Invalid value: 101"),
    ("{port: 80, protocol: TCP, weight: -1}", "spec.listeners[0].weight: Invalid value: -1"),
    ("{port: 80, protocol: TCP, listenerId: lb-1}", "spec.listeners[0].listenerId: Invalid value: \"lb-1\""),
    ("{port: 80, protocol: HTTP}, {port: 81, protocol: HTTP, listenerId: lbl-1}", ""),
    ("{port: 80, protocol: TCP, sharedWith: [shop, other-1]}", ""),
    ("{port: 80, protocol: TCP, sharedWith: [Shop]}", "spec.listeners[0].sharedWith[0]: Invalid value: \"Shop\""),
    ("{port: 80, protocol: TCP, sharedWith: [shop, shop]}", "spec.listeners[0].sharedWith[1]: Duplicate value"),
    (
        "{port: 80, protocol: TCP, listenerId: lbl-1, sharedWith: [shop]}",
        "spec.listeners[0].sharedWith: Forbidden: sharedWith may not be set with listenerId",
    ),
    ("{port: 443, protocol: HTTPS, rules: [{domain: a.example.com, certificate: {id: a}}]}", ""),
    (
        "{port: 443, protocol: HTTPS, certificate: {id: a}, rules: [{}, {domain: a.example.com, certificate: {id: b}}]}",
        "",
    ),
    (
        "{port: 443, protocol: HTTPS, rules: [{}, {domain: a.example.com, certificate: {id: b}}]}",
        "spec.listeners[0].certificate: Required value",
    ),
    (
        "{port: 443, protocol: HTTPS, listenerId: lbl-1, rules: [{domain: a.example.com, certificate: {id: b}}]}",
        "spec.listeners[0].rules: Forbidden: rules may have a certificate only for protocol HTTPS without listenerId",
    ),
    (
        "{port: 80, protocol: HTTP, rules: [{domain: a.example.com, certificate: {id: b}}]}",
        "spec.listeners[0].rules: Forbidden: rules may have a certificate only",
    ),
    ("{port: 80, protocol: TCP, rules: [{domain: a.example.com}]}", "spec.listeners[0].rules: Forbidden"),
    ("{port: 80, protocol: HTTP, rules: [{}, {url: /}]}", "spec.listeners[0].rules[1]: Duplicate value"),
    ("{port: 80, protocol: HTTP, rules: [{url: a}]}", "spec.listeners[0].rules[0].url: Invalid value: \"a\""),
    ("{port: 80, protocol: HTTP, rules: [{domain: 'a b'}]}", "spec.listeners[0].rules[0].domain: Invalid value"),
    ("{port: 443, protocol: HTTPS, rules: [{}]}", "spec.listeners[0].certificate: Required value"),
    ("{port: 443, protocol: TCP_SSL}", "spec.listeners[0].certificate: Required value"),
    ("{port: 443, protocol: QUIC}", "spec.listeners[0].certificate: Required value"),
    (
        "{port: 443, protocol: TCP, certificate: {id: a}}",
        "spec.listeners[0].certificate: Forbidden: certificate may be set only",
    ),
    ("{port: 443, protocol: TCP_SSL, certificate: {}}", "certificate must have exactly one of id and secretName"),
    (
        "{port: 443, protocol: TCP_SSL, certificate: {id: a, secretName: b}}",
        "spec.listeners[0].certificate: Invalid value",
    ),
    (
        "{port: 443, protocol: TCP_SSL, listenerId: lbl-1, certificate: {id: a}}",
        "spec.listeners[0].certificate: Forbidden: certificate may not be set with listenerId",
    ),
];

/// Updates of one binding, as merge patches of the spec, each against the binding as created.
pub(crate) const UPDATES: &[(&str, &str)] = &[
    ("{suspend: true, network: VpcCni, listeners: [{port: 81, protocol: UDP}]}", ""),
    ("{serviceRef: {name: other}}", ""),
    ("{serviceRef: {name: web}}", ""),
    ("{loadBalancer: {id: lb-2}}", "spec.loadBalancer.id: Invalid value: loadBalancer.id cannot be changed or removed"),
    ("{loadBalancer: {id: null, create: {network: Public}}}", "loadBalancer.id cannot be changed or removed"),
    ("{loadBalancer: {region: ap-beijing}}", "spec.loadBalancer.region: Invalid value: loadBalancer.region cannot be"),
    ("{loadBalancer: {region: null}}", "loadBalancer.region cannot be set, changed or removed later"),
    ("{loadBalancer: null}", "spec.loadBalancer: Required value: loadBalancer must be set in mode Direct"),
    (
        "{mode: Delegate, loadBalancer: null}",
        "spec.loadBalancer: Required value: loadBalancer cannot be removed once it is set",
    ),
];

/// Configs as the vendor's documentation shows them and as its controller generates them, quirks included.
pub(crate) const CONFIGS: &[(&str, &str)] = &[
    ("{}", ""),
    ("{loadBalancer: {}}", ""),
    ("{loadBalancer: {internetMaxBandwidthOut: 100, l4Listeners: [], l7Listeners: []}}", ""),
    // Layer 4 as documented; session persistence with LEAST_CONN contradicts CLB, and is reported rather than refused.
    (
        "{loadBalancer: {l4Listeners: [{protocol: TCP, port: 80, healthCheck: {enable: false}},
          {protocol: TCP, port: 443, session: {enable: true, sessionExpireTime: 3600}, scheduler: LEAST_CONN,
           healthCheck: {enable: true, intervalTime: 10, healthNum: 2, unHealthNum: 2, timeout: 5}}]}}",
        "",
    ),
    // The old spelling, a timeout that equals the interval, an empty domain.
    (
        "{loadBalancer: {l4Listeners: [{protocol: UDP, port: 53, session: {enabled: true}, healthCheck: {enabled: true,
           intervalTime: 10, timeout: 10, checkType: CUSTOM, contextType: HEX, sendContext: 0A, recvContext: FF, checkPort: -1}}],
          l7Listeners: [{protocol: HTTP, port: 80, domains: [{domain: '', rules: [{url: /, healthCheck: {httpCheckDomain: ''}}]}]}]}}",
        "",
    ),
    // As generated: an HTTP listener without rules, integers for switches, timeout 5 with interval 5.
    (
        "{loadBalancer: {l7Listeners: [{keepaliveEnable: 0, port: 80, protocol: HTTP},
          {defaultServer: shop.example.com, keepaliveEnable: 0, port: 443, protocol: HTTPS, domains: [{domain: shop.example.com,
           http2: true, rules: [{forwardType: HTTP, scheduler: WRR, session: {enable: false}, url: /, healthCheck: {enable: true,
           healthNum: 3, httpCheckDomain: shop.example.com, httpCheckMethod: HEAD, httpCheckPath: /, httpCode: 31, intervalTime: 5,
           sourceIpType: 0, timeout: 5, unHealthNum: 3}}]}]}]}}",
        "",
    ),
    // Fields of the early design, and fields nobody documented, at every depth.
    (
        "{extra: 1, loadBalancer: {extra: {a: [1]}, l4Listeners: [{protocol: TCP_SSL, port: 1, proxyProtocol: {enable: true, x: 1},
           deregisterTargetRst: true, maxConn: 9, listenerName: a, healthCheck: {x: 1, httpVersion: HTTP/1.0}, session: {x: 1}}],
          l7Listeners: [{protocol: HTTPS, port: 443, sniSwitch: 1, snatEnable: true, defaultDomain: {defaultRule: /},
           domains: [{domain: a.example.com, ruleDefault: x, certificate: {sslMode: MUTUAL, certId: a, certCaId: b},
            rules: [{url: /, forwardType: GRPC, x: 1, healthCheck: {checkType: GRPC, extendedCode: '12'}}]}]}]}}",
        "",
    ),
    ("{loadBalancer: {l7Listeners: [{protocol: HTTP, port: 80, domains: [{rules: [{url: /a, forwardType: HTTPS}]}]}]}}", ""),
    // What cannot be meant.
    ("{loadBalancer: {l4Listeners: [{port: 80}]}}", "spec.loadBalancer.l4Listeners[0].protocol: Required value"),
    ("{loadBalancer: {l4Listeners: [{protocol: TCP}]}}", "spec.loadBalancer.l4Listeners[0].port: Required value"),
    ("{loadBalancer: {l4Listeners: [{protocol: HTTP, port: 80}]}}", "spec.loadBalancer.l4Listeners[0].protocol: Unsupported value"),
    ("{loadBalancer: {l4Listeners: [{protocol: TCP, port: 70000}]}}", "spec.loadBalancer.l4Listeners[0].port: Invalid value"),
    (
        "{loadBalancer: {l4Listeners: [{protocol: TCP, port: 80}, {protocol: TCP, port: 80}]}}",
        "spec.loadBalancer.l4Listeners[1]: Duplicate value",
    ),
    (
        "{loadBalancer: {l4Listeners: [{protocol: TCP, port: 80, healthCheck: {enabled: ture}}]}}",
        "spec.loadBalancer.l4Listeners[0].healthCheck.enabled: Invalid value: \"string\"",
    ),
    (
        "{loadBalancer: {l4Listeners: [{protocol: TCP, port: 80, healthCheck: {intervalTime: 301}}]}}",
        "spec.loadBalancer.l4Listeners[0].healthCheck.intervalTime: Invalid value: 301",
    ),
    (
        "{loadBalancer: {l4Listeners: [{protocol: TCP, port: 80, session: {sessionExpireTime: 86401}}]}}",
        "spec.loadBalancer.l4Listeners[0].session.sessionExpireTime: Invalid value: 86401",
    ),
    ("{loadBalancer: {l7Listeners: [{protocol: TCP, port: 80}]}}", "spec.loadBalancer.l7Listeners[0].protocol: Unsupported value"),
    (
        "{loadBalancer: {l7Listeners: [{protocol: HTTP, port: 80, domains: [{rules: [{forwardType: HTTP}]}]}]}}",
        "spec.loadBalancer.l7Listeners[0].domains[0].rules[0].url: Required value",
    ),
    ("{loadBalancer: {internetMaxBandwidthOut: -1}}", "spec.loadBalancer.internetMaxBandwidthOut: Invalid value: -1"),
];
