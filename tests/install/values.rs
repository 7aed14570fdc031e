//! What people set, and what comes of it.

/// Values, and what is seen of them in the rendered chart.
pub(super) struct Set {
    /// What they are about.
    pub(super) name: &'static str,
    /// The values, as YAML.
    pub(super) values: &'static str,
    /// Kind and name of an object, a JSON pointer into it, and the JSON that is there; `null` is nothing.
    pub(super) shows: &'static [(&'static str, &'static str, &'static str, &'static str)],
    /// Kinds and names that are not there; an empty name is any.
    pub(super) lacks: &'static [(&'static str, &'static str)],
}

const CONTROLLER: &str = "direct-access-controller";
const ARGS: &str = "/spec/template/spec/containers/0/args";
const BINDINGS: &str = "directaccessbindings.cloud.tencent.com";
const CONFIGS: &str = "tkeserviceconfigs.cloud.tencent.com";

/// Every kind of choice that the chart has.
pub(super) const SETS: &[Set] = &[
    Set {
        name: "defaults",
        values: "{}",
        shows: &[
            ("Deployment", CONTROLLER, ARGS, r#"["run"]"#),
            ("Deployment", CONTROLLER, "/spec/replicas", "2"),
            ("CustomResourceDefinition", BINDINGS, "/metadata/annotations/helm.sh~1resource-policy", r#""keep""#),
        ],
        lacks: &[
            ("CustomResourceDefinition", CONFIGS),
            ("NetworkPolicy", ""),
            ("ServiceMonitor", ""),
            ("PrometheusRule", ""),
            ("ConfigMap", ""),
            ("Secret", ""),
        ],
    },
    Set {
        name: "every flag",
        values: "{region: ap-shanghai, vpcId: vpc-1a2b3c4d, clbEndpoint: 'https://clb.internal.tencentcloudapi.com', \
                 clusterNetwork: GlobalRouter, hostNetworkPods: Allow, annotatedServices: OwnClass, gateInjection: Webhook, \
                 log: {level: debug, format: Text}, extraArgs: [--clb-rate=10, --resync-seconds=120]}",
        shows: &[
            (
                "Deployment",
                CONTROLLER,
                ARGS,
                r#"["run", "--region=ap-shanghai", "--vpc-id=vpc-1a2b3c4d",
                    "--clb-endpoint=https://clb.internal.tencentcloudapi.com", "--cluster-network=GlobalRouter",
                    "--host-network=Allow", "--annotated-services=OwnClass", "--gate-injection=Webhook", "--log-format=Text",
                    "--clb-rate=10", "--resync-seconds=120"]"#,
            ),
            (
                "Deployment",
                CONTROLLER,
                "/spec/template/spec/containers/0/env/2",
                r#"{"name": "RUST_LOG", "value": "debug"}"#,
            ),
        ],
        lacks: &[],
    },
    Set {
        name: "definitions by somebody else",
        values: "{crds: {directAccessBindings: {install: false}}}",
        shows: &[],
        lacks: &[("CustomResourceDefinition", "")],
    },
    Set {
        name: "both definitions, which go with the release",
        values: "{crds: {tkeServiceConfigs: {install: true}, keep: false}}",
        shows: &[
            ("CustomResourceDefinition", BINDINGS, "/metadata/annotations/helm.sh~1resource-policy", "null"),
            ("CustomResourceDefinition", CONFIGS, "/metadata/annotations/helm.sh~1resource-policy", "null"),
            ("CustomResourceDefinition", CONFIGS, "/spec/names/kind", r#""TkeServiceConfig""#),
        ],
        lacks: &[],
    },
    Set {
        name: "an account of somebody else",
        values: "{serviceAccount: {create: false, name: robot}}",
        shows: &[
            ("Deployment", CONTROLLER, "/spec/template/spec/serviceAccountName", r#""robot""#),
            ("ClusterRoleBinding", CONTROLLER, "/subjects/0/name", r#""robot""#),
            ("RoleBinding", CONTROLLER, "/subjects/0/name", r#""robot""#),
        ],
        lacks: &[("ServiceAccount", "")],
    },
    Set {
        name: "an account with annotations, and credentials from elsewhere",
        values: "{serviceAccount: {annotations: {example.com/identity: robot}}, \
                 credentials: {secretName: ''}, extraEnvFrom: [{configMapRef: {name: settings}}], \
                 extraEnv: [{name: TENCENTCLOUD_SECRET_ID, valueFrom: {secretKeyRef: {name: keys, key: id}}}]}",
        shows: &[
            ("ServiceAccount", CONTROLLER, "/metadata/annotations/example.com~1identity", r#""robot""#),
            (
                "Deployment",
                CONTROLLER,
                "/spec/template/spec/containers/0/envFrom",
                r#"[{"configMapRef": {"name": "settings"}}]"#,
            ),
            (
                "Deployment",
                CONTROLLER,
                "/spec/template/spec/containers/0/env/2/valueFrom/secretKeyRef",
                r#"{"name": "keys", "key": "id"}"#,
            ),
        ],
        lacks: &[],
    },
    Set {
        name: "no roles",
        values: "{rbac: {create: false, userRoles: false}, certificateSecrets: {namespaces: [shop]}}",
        shows: &[],
        lacks: &[("ClusterRole", ""), ("ClusterRoleBinding", ""), ("Role", ""), ("RoleBinding", "")],
    },
    Set {
        name: "an image by digest from a private registry",
        values: "{image: {repository: ccr.ccs.tencentyun.com/my/direct-access, \
                 digest: 'sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef', pullPolicy: Always, \
                 pullSecrets: [{name: registry}]}}",
        shows: &[
            (
                "Deployment",
                CONTROLLER,
                "/spec/template/spec/containers/0/image",
                r#""ccr.ccs.tencentyun.com/my/direct-access@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef""#,
            ),
            ("Deployment", CONTROLLER, "/spec/template/spec/containers/0/imagePullPolicy", r#""Always""#),
            ("Deployment", CONTROLLER, "/spec/template/spec/imagePullSecrets", r#"[{"name": "registry"}]"#),
        ],
        lacks: &[],
    },
    Set {
        name: "one namespace only",
        values: "{watchNamespace: default, image: {tag: 1.2.3}}",
        shows: &[
            ("Deployment", CONTROLLER, ARGS, r#"["run", "--watch-namespace=default"]"#),
            (
                "Deployment",
                CONTROLLER,
                "/spec/template/spec/containers/0/image",
                r#""registry.example.com/tke-direct-access:1.2.3""#,
            ),
            ("ClusterRole", CONTROLLER, "/rules/0/verbs", r#"["get", "list"]"#),
            ("ClusterRole", CONTROLLER, "/rules/3/resources", r#"["customresourcedefinitions"]"#),
            ("ClusterRole", CONTROLLER, "/rules/4", "null"),
            ("Role", "direct-access-controller-watched", "/metadata/namespace", r#""default""#),
            ("Role", "direct-access-controller-watched", "/rules/1/resources", r#"["directaccessbindings/status"]"#),
        ],
        lacks: &[],
    },
    Set {
        name: "only needed traffic",
        values: "{networkPolicy: {enabled: true, egressPorts: [443, 60002], \
                 metricsFrom: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}], \
                 extraEgress: [{ports: [{port: 3128}]}]}}",
        shows: &[
            ("NetworkPolicy", CONTROLLER, "/spec/ingress/0", r#"{"ports": [{"port": "webhook"}]}"#),
            (
                "NetworkPolicy",
                CONTROLLER,
                "/spec/ingress/1/from/0/namespaceSelector/matchLabels",
                r#"{"kubernetes.io/metadata.name": "monitoring"}"#,
            ),
            ("NetworkPolicy", CONTROLLER, "/spec/egress/1/ports", r#"[{"port": 443}, {"port": 60002}]"#),
            ("NetworkPolicy", CONTROLLER, "/spec/egress/2", r#"{"ports": [{"port": 3128}]}"#),
        ],
        lacks: &[],
    },
    Set {
        name: "certificates in two namespaces",
        values: "{certificateSecrets: {namespaces: [default, kube-public]}}",
        shows: &[
            ("RoleBinding", "direct-access-certificates", "/roleRef/name", r#""direct-access-certificates""#),
            ("RoleBinding", "direct-access-certificates", "/subjects/0/name", r#""direct-access-controller""#),
        ],
        lacks: &[],
    },
    Set {
        name: "where and how Pods run",
        values: "{replicaCount: 3, revisionHistoryLimit: 1, podLabels: {team: net}, commonLabels: {owner: me}, \
                 deploymentAnnotations: {note: a}, podAnnotations: {note: b, prometheus.io/port: null}, nodeSelector: {kubernetes.io/arch: arm64}, \
                 tolerations: [{key: dedicated, operator: Exists}], topologySpreadConstraints: [], priorityClassName: '', \
                 affinity: {nodeAffinity: {}}, updateStrategy: {type: Recreate, rollingUpdate: null}, \
                 terminationGracePeriodSeconds: 60, resources: {requests: {cpu: 1}}, \
                 securityContext: {readOnlyRootFilesystem: false}, podSecurityContext: {fsGroup: 1}, \
                 podDisruptionBudget: {maxUnavailable: 50%}, extraVolumes: [{name: certs, emptyDir: {}}], \
                 extraVolumeMounts: [{name: certs, mountPath: /certs}]}",
        shows: &[
            ("Deployment", CONTROLLER, "/spec/replicas", "3"),
            ("Deployment", CONTROLLER, "/spec/strategy", r#"{"type": "Recreate"}"#),
            ("Deployment", CONTROLLER, "/spec/template/metadata/labels/team", r#""net""#),
            ("Deployment", CONTROLLER, "/metadata/labels/owner", r#""me""#),
            ("Deployment", CONTROLLER, "/metadata/annotations", r#"{"note": "a"}"#),
            (
                "Deployment",
                CONTROLLER,
                "/spec/template/metadata/annotations",
                r#"{"note": "b", "prometheus.io/scrape": "true"}"#,
            ),
            ("Deployment", CONTROLLER, "/spec/template/spec/nodeSelector", r#"{"kubernetes.io/arch": "arm64"}"#),
            ("Deployment", CONTROLLER, "/spec/template/spec/tolerations/0/key", r#""dedicated""#),
            ("Deployment", CONTROLLER, "/spec/template/spec/priorityClassName", "null"),
            ("Deployment", CONTROLLER, "/spec/template/spec/topologySpreadConstraints", "null"),
            ("Deployment", CONTROLLER, "/spec/template/spec/affinity", r#"{"nodeAffinity": {}}"#),
            ("Deployment", CONTROLLER, "/spec/template/spec/terminationGracePeriodSeconds", "60"),
            ("Deployment", CONTROLLER, "/spec/template/spec/securityContext/fsGroup", "1"),
            ("Deployment", CONTROLLER, "/spec/template/spec/volumes/0/name", r#""certs""#),
            ("Deployment", CONTROLLER, "/spec/template/spec/containers/0/volumeMounts/0/mountPath", r#""/certs""#),
            ("Deployment", CONTROLLER, "/spec/template/spec/containers/0/resources/requests/cpu", "1"),
            ("PodDisruptionBudget", CONTROLLER, "/spec/maxUnavailable", r#""50%""#),
        ],
        lacks: &[],
    },
    Set {
        name: "monitoring",
        values: "{serviceMonitor: {enabled: true, interval: 30s, labels: {release: prometheus}, \
                 relabelings: [{action: labeldrop, regex: pod}], \
                 metricRelabelings: [{action: drop, sourceLabels: [__name__], regex: go_.*}]}, \
                 prometheusRule: {enabled: true, labels: {release: prometheus}, runbooks: 'https://wiki.example.com/runbooks'}, \
                 dashboards: {enabled: true, labels: {grafana_dashboard: 'true'}, annotations: {folder: TKE}}}",
        shows: &[
            (
                "ServiceMonitor",
                CONTROLLER,
                "/spec/endpoints/0",
                r#"{"port": "metrics", "interval": "30s", "relabelings": [{"action": "labeldrop", "regex": "pod"}],
                    "metricRelabelings": [{"action": "drop", "sourceLabels": ["__name__"], "regex": "go_.*"}]}"#,
            ),
            // Nothing is counted twice.
            ("Deployment", CONTROLLER, "/spec/template/metadata/annotations", "null"),
            ("ServiceMonitor", CONTROLLER, "/metadata/labels/release", r#""prometheus""#),
            ("PrometheusRule", CONTROLLER, "/metadata/labels/release", r#""prometheus""#),
            ("ConfigMap", "direct-access-dashboard", "/metadata/labels/grafana_dashboard", r#""true""#),
            ("ConfigMap", "direct-access-dashboard", "/metadata/annotations/folder", r#""TKE""#),
        ],
        lacks: &[],
    },
    Set {
        name: "found by nobody",
        values: "{scrapeAnnotations: false}",
        shows: &[("Deployment", CONTROLLER, "/spec/template/metadata/annotations", "null")],
        lacks: &[("ServiceMonitor", "")],
    },
    Set {
        name: "other names",
        values: "{nameOverride: bound, fullnameOverride: edge, dashboards: {enabled: true}, networkPolicy: {enabled: true}}",
        shows: &[
            ("Deployment", "edge", "/spec/selector/matchLabels", r#"{"app.kubernetes.io/name": "bound"}"#),
            ("Deployment", "edge", ARGS, r#"["run", "--webhook-service=edge-webhook"]"#),
            (
                "Deployment",
                "edge",
                "/spec/template/spec/topologySpreadConstraints/0/labelSelector/matchLabels",
                r#"{"app.kubernetes.io/name": "bound"}"#,
            ),
            ("PodDisruptionBudget", "edge", "/spec/selector/matchLabels", r#"{"app.kubernetes.io/name": "bound"}"#),
            ("NetworkPolicy", "edge", "/spec/podSelector/matchLabels", r#"{"app.kubernetes.io/name": "bound"}"#),
            ("Service", "edge-webhook", "/spec/selector", r#"{"app.kubernetes.io/name": "bound"}"#),
            ("Service", "edge-metrics", "/spec/selector", r#"{"app.kubernetes.io/name": "bound"}"#),
            ("ClusterRoleBinding", "edge", "/roleRef/name", r#""edge""#),
            ("RoleBinding", "edge", "/roleRef/name", r#""edge""#),
            ("ClusterRole", "edge-view", "/kind", r#""ClusterRole""#),
        ],
        lacks: &[
            ("Deployment", CONTROLLER),
            ("ClusterRole", CONTROLLER),
            ("ClusterRole", "direct-access-edit"),
            ("Service", "direct-access-webhook"),
            ("ConfigMap", "direct-access-dashboard"),
        ],
    },
    Set {
        name: "another label",
        values: "{nameOverride: bound}",
        shows: &[
            ("Deployment", "bound", "/spec/selector/matchLabels", r#"{"app.kubernetes.io/name": "bound"}"#),
            ("Service", "bound-webhook", "/spec/selector", r#"{"app.kubernetes.io/name": "bound"}"#),
        ],
        lacks: &[("Deployment", CONTROLLER)],
    },
    Set {
        name: "the network of the node, with other ports and probes",
        values: "{hostNetwork: true, ports: {metrics: 18080, webhook: 19443}, \
                 livenessProbe: {initialDelaySeconds: 9, httpGet: {path: /, port: webhook}}, \
                 readinessProbe: {periodSeconds: 7, httpGet: {path: /ready, port: webhook}}}",
        shows: &[
            ("Deployment", CONTROLLER, "/spec/template/spec/hostNetwork", "true"),
            ("Deployment", CONTROLLER, "/spec/template/spec/dnsPolicy", r#""ClusterFirstWithHostNet""#),
            ("Deployment", CONTROLLER, ARGS, r#"["run", "--listen=0.0.0.0:18080", "--webhook-listen=0.0.0.0:19443"]"#),
            (
                "Deployment",
                CONTROLLER,
                "/spec/template/spec/containers/0/ports",
                r#"[{"name": "metrics", "containerPort": 18080}, {"name": "webhook", "containerPort": 19443}]"#,
            ),
            ("Deployment", CONTROLLER, "/spec/template/metadata/annotations/prometheus.io~1port", r#""18080""#),
            (
                "Deployment",
                CONTROLLER,
                "/spec/template/spec/containers/0/livenessProbe",
                r#"{"httpGet": {"path": "/", "port": "webhook"}, "initialDelaySeconds": 9}"#,
            ),
            (
                "Deployment",
                CONTROLLER,
                "/spec/template/spec/containers/0/readinessProbe",
                r#"{"httpGet": {"path": "/ready", "port": "webhook"}, "periodSeconds": 7}"#,
            ),
            ("Service", "direct-access-metrics", "/spec/ports/0/port", "18080"),
            ("Service", "direct-access-webhook", "/spec/ports/0/port", "443"),
        ],
        lacks: &[],
    },
    Set {
        name: "another way to resolve names, and a Secret with other keys",
        values: "{dnsPolicy: Default, credentials: {keys: {secretId: id, secretKey: key, token: session}}}",
        shows: &[
            ("Deployment", CONTROLLER, "/spec/template/spec/hostNetwork", "null"),
            ("Deployment", CONTROLLER, "/spec/template/spec/dnsPolicy", r#""Default""#),
            ("Deployment", CONTROLLER, "/spec/template/spec/containers/0/envFrom", "null"),
            (
                "Deployment",
                CONTROLLER,
                "/spec/template/spec/containers/0/env/2",
                r#"{"name": "TENCENTCLOUD_SECRET_ID",
                    "valueFrom": {"secretKeyRef": {"name": "tencentcloud-credentials", "key": "id"}}}"#,
            ),
            (
                "Deployment",
                CONTROLLER,
                "/spec/template/spec/containers/0/env/3/valueFrom/secretKeyRef",
                r#"{"name": "tencentcloud-credentials", "key": "key"}"#,
            ),
            (
                "Deployment",
                CONTROLLER,
                "/spec/template/spec/containers/0/env/4/valueFrom/secretKeyRef",
                r#"{"name": "tencentcloud-credentials", "key": "session", "optional": true}"#,
            ),
        ],
        lacks: &[],
    },
    Set {
        name: "a Secret that is mounted",
        values: "{credentials: {mount: true}}",
        shows: &[
            ("Deployment", CONTROLLER, "/spec/template/spec/containers/0/envFrom", "null"),
            (
                "Deployment",
                CONTROLLER,
                "/spec/template/spec/containers/0/env/2",
                r#"{"name": "TENCENTCLOUD_CREDENTIALS_DIR", "value": "/var/run/tencentcloud-credentials"}"#,
            ),
            (
                "Deployment",
                CONTROLLER,
                "/spec/template/spec/containers/0/volumeMounts/0",
                r#"{"name": "tencentcloud-credentials", "mountPath": "/var/run/tencentcloud-credentials", "readOnly": true}"#,
            ),
            (
                "Deployment",
                CONTROLLER,
                "/spec/template/spec/volumes/0",
                r#"{"name": "tencentcloud-credentials", "secret": {"secretName": "tencentcloud-credentials"}}"#,
            ),
        ],
        lacks: &[],
    },
    Set {
        name: "a mounted Secret with other keys, beside other volumes",
        values: "{credentials: {mount: true, secretName: own, keys: {secretId: id, secretKey: key, token: session}}, \
                 extraVolumes: [{name: more, emptyDir: {}}], extraVolumeMounts: [{name: more, mountPath: /more}]}",
        shows: &[
            (
                "Deployment",
                CONTROLLER,
                "/spec/template/spec/volumes/0/secret",
                r#"{"secretName": "own", "items": [
                    {"key": "id", "path": "TENCENTCLOUD_SECRET_ID"}, {"key": "key", "path": "TENCENTCLOUD_SECRET_KEY"},
                    {"key": "session", "path": "TENCENTCLOUD_TOKEN"}]}"#,
            ),
            ("Deployment", CONTROLLER, "/spec/template/spec/volumes/1", r#"{"name": "more", "emptyDir": {}}"#),
            (
                "Deployment",
                CONTROLLER,
                "/spec/template/spec/containers/0/volumeMounts/1",
                r#"{"name": "more", "mountPath": "/more"}"#,
            ),
        ],
        lacks: &[],
    },
    Set {
        name: "more objects",
        values: "{extraObjects: [{apiVersion: v1, kind: ConfigMap, metadata: {name: 'a-{{ .Release.Namespace }}'}}, \
                 \"apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: b}\\ndata: {name: '{{ .Chart.Name }}'}\"]}",
        shows: &[
            ("ConfigMap", "a-tke-direct-access", "/kind", r#""ConfigMap""#),
            ("ConfigMap", "b", "/data/name", r#""tke-direct-access""#),
        ],
        lacks: &[],
    },
    Set {
        name: "no budget, as a part of another chart, with a guard",
        values: "{podDisruptionBudget: {enabled: false}, enabled: true, global: {imageRegistry: x}, guard: {enabled: true, data: {shop: lb-1}}}",
        shows: &[("ConfigMap", "direct-access-guard", "/data", r#"{"shop": "lb-1"}"#)],
        lacks: &[("PodDisruptionBudget", "")],
    },
];

/// Values that are refused, and what the message names.
pub(super) const REFUSED: &[(&str, &str)] = &[
    ("replicas: 2", "additional properties 'replicas' not allowed"),
    ("image: {name: x}", "at '/image': additional properties 'name' not allowed"),
    ("image: {digest: 0123}", "at '/image/digest'"),
    ("image: {pullPolicy: Sometimes}", "at '/image/pullPolicy'"),
    ("replicaCount: two", "at '/replicaCount'"),
    ("replicaCount: -1", "at '/replicaCount'"),
    ("clusterNetwork: Overlay", "at '/clusterNetwork': value must be one of 'VpcCni', 'GlobalRouter'"),
    ("hostNetworkPods: true", "at '/hostNetworkPods'"),
    ("annotatedServices: Some", "at '/annotatedServices': value must be one of 'Off', 'OwnClass', 'All'"),
    // YAML takes Off without quotes for a boolean.
    ("annotatedServices: off", "at '/annotatedServices'"),
    ("gateInjection: Mutating", "at '/gateInjection'"),
    ("watchNamespace: Shop", "at '/watchNamespace'"),
    ("region: Guangzhou", "at '/region'"),
    ("vpcId: 1a2b", "at '/vpcId'"),
    ("clbEndpoint: clb.tencentcloudapi.com", "at '/clbEndpoint'"),
    ("nameOverride: Bound", "at '/nameOverride'"),
    ("fullnameOverride: a.b", "at '/fullnameOverride'"),
    ("credentials: {keys: {secretId: id}}", "at '/credentials/keys'"),
    ("credentials: {keys: {id: id}}", "at '/credentials/keys': additional properties 'id' not allowed"),
    ("dnsPolicy: Cluster", "at '/dnsPolicy'"),
    ("ports: {metrics: 0}", "at '/ports/metrics'"),
    ("ports: {metrics: 9443}", "ports.metrics and ports.webhook must differ"),
    ("extraObjects: [1]", "at '/extraObjects/0'"),
    ("credentials: {mount: yes please}", "at '/credentials/mount'"),
    ("credentials: {secretId: AKID}", "at '/credentials': additional properties 'secretId' not allowed"),
    ("crds: {install: true}", "at '/crds': additional properties 'install' not allowed"),
    ("serviceAccount: {name: ''}", "at '/serviceAccount/name'"),
    ("certificateSecrets: {namespaces: [a, a]}", "at '/certificateSecrets/namespaces'"),
    ("networkPolicy: {enabled: true, egressPorts: [https]}", "at '/networkPolicy/egressPorts/0'"),
    ("podDisruptionBudget: {maxUnavailable: some}", "at '/podDisruptionBudget/maxUnavailable'"),
    ("updateStrategy: {maxSurge: 1}", "at '/updateStrategy': additional properties 'maxSurge' not allowed"),
    ("extraArgs: [clb-rate=10]", "at '/extraArgs/0'"),
    ("log: {format: json}", "at '/log/format'"),
    ("podLabels: {a: 1}", "at '/podLabels/a'"),
];
