//! Names that others can see: API group, finalizer, field manager, annotations, labels.
//!
//! Keys with the prefix `service.cloud.tencent.com/` or `service.kubernetes.io/` are TKE's, see its pages "Service
//! Annotation" (457/51258) and "Service with direct access" (457/41897); the others are ours.

/// The API group of both kinds.
pub const GROUP: &str = "cloud.tencent.com";
/// The version of both kinds.
pub const VERSION: &str = "v1alpha1";
/// The finalizer on a binding: it stays until a read of the cloud shows that nothing of ours is left.
pub const FINALIZER: &str = "cloud.tencent.com/direct-access";
/// Finalizer of bindings for which the cloud was not asked for anything yet: they may go without a look at it.
pub const FIRST_FINALIZER: &str = "cloud.tencent.com/direct-access-unsubmitted";
/// The field manager of everything we write with server-side apply.
pub const FIELD_MANAGER: &str = "tke-direct-access";
/// The readiness gate of a Pod and the type of its condition: TKE's own, one for all load balancers of a Pod.
pub const GATE: &str = "cloud.tencent.com/load-balancer-backendgroup-ready";
/// The key of a Secret that holds the id of a certificate, as TKE has it.
pub const CERTIFICATE_KEY: &str = "qcloud_cert_id";
/// The load balancer class of Services whose `status.loadBalancer` we write.
pub const LOAD_BALANCER_CLASS: &str = "cloud.tencent.com/direct-access";

/// Label of a namespace: Pods created in it get the readiness gate when the value is [`GATES_ENABLED`].
pub const GATES_LABEL: &str = "cloud.tencent.com/direct-access-gates";
/// The value of [`GATES_LABEL`] that switches injection on.
pub const GATES_ENABLED: &str = "enabled";

/// The command that switches injection on in a namespace, also where the label is there with another value.
pub fn gates_command(namespace: &str) -> String {
    format!("kubectl label namespace {namespace} {GATES_LABEL}={GATES_ENABLED} --overwrite")
}

/// The command that has a binding take the place of the one whose marks its load balancer carries.
pub fn adopt_command(namespace: &str, name: &str) -> String {
    format!("kubectl direct-access adopt {name} -n {namespace}")
}

/// Name of the webhook configuration, or of the admission policy and its binding, that injects gates.
pub const GATE_INJECTION: &str = "direct-access-pods.cloud.tencent.com";
/// Namespaces whose Pods never get the gate: no admission webhook should reach into them, as Kubernetes' good practices say.
pub const RESERVED_NAMESPACES: [&str; 2] = ["kube-system", "kube-node-lease"];

/// Whether Pods of a namespace never get the gate, whatever its labels. `own` is the controller's.
pub fn is_reserved_namespace(namespace: &str, own: &str) -> bool {
    namespace == own || RESERVED_NAMESPACES.contains(&namespace)
}

/// Name of the Lease that elects the replica which programs the cloud, in the controller's namespace.
pub const LEASE: &str = "direct-access-controller";
/// Annotation of [`LEASE`]: where the leader's key for the cloud comes from, and when it ends.
pub const LEADER_KEY: &str = "direct-access.cloud.tencent.com/key";
/// Name of the Secret and of the Service of the webhook, in the controller's namespace, unless flags say otherwise.
pub const WEBHOOK_SERVICE: &str = "direct-access-webhook";

/// Name of the ConfigMap that the controller follows while it runs, in its namespace.
pub const CONTROLLER_CONFIG: &str = "direct-access-controller";
/// Key of [`CONTROLLER_CONFIG`]: `"true"` holds removals, `"false"` lets them go on however many there are.
pub const HOLD_REMOVALS_KEY: &str = "hold-removals";

/// The ConfigMap that says which namespaces may use which load balancers, in the controller's namespace. It is read by the policies of
/// `deploy/components/guard`.
pub const GUARD: &str = "direct-access-guard";
/// The admission policies of the guard: of bindings, and of Services.
pub const GUARD_POLICIES: [&str; 2] =
    ["direct-access-bindings.cloud.tencent.com", "direct-access-services.cloud.tencent.com"];
/// What puts these policies in force: for new bindings, for changes of bindings, and for Services.
pub const GUARD_POLICY_BINDINGS: [&str; 3] = [
    "direct-access-bindings.cloud.tencent.com",
    "direct-access-binding-changes.cloud.tencent.com",
    "direct-access-services.cloud.tencent.com",
];
/// The key of the guard's ConfigMap for namespaces without a key of their own.
pub const GUARD_OTHERS: &str = "_others";
/// The key of the guard's ConfigMap that says whom to ask.
pub const GUARD_CONTACT: &str = "_contact";
/// Annotation of a binding or config: a new value asks for a round now; status echoes it in `lastHandledReconcileAt`.
pub const RECONCILE_REQUESTED_AT: &str = "cloud.tencent.com/reconcile-requested-at";

/// Service annotation: `"true"` binds the Pods directly, `"false"` or absence binds node ports.
pub const DIRECT_ACCESS: &str = "service.cloud.tencent.com/direct-access";
/// Service annotation: the name of the TkeServiceConfig to use. Excludes [`SERVICE_CONFIG_AUTO`].
pub const SERVICE_CONFIG: &str = "service.cloud.tencent.com/tke-service-config";
/// Service annotation: `"true"` creates and follows a TkeServiceConfig of its own.
pub const SERVICE_CONFIG_AUTO: &str = "service.cloud.tencent.com/tke-service-config-auto";
/// Service annotation: the load balancer in use; written by controllers, read by people and tools.
pub const LOAD_BALANCER_ID: &str = "service.kubernetes.io/loadbalance-id";
/// Service annotation: use this existing load balancer.
pub const EXISTING_LOAD_BALANCER_ID: &str = "service.kubernetes.io/tke-existed-lbid";
/// Service annotation: create an internal load balancer in this subnet.
pub const INTERNAL_SUBNET_ID: &str = "service.kubernetes.io/qcloud-loadbalancer-internal-subnetid";
/// Service annotation: billing of a created public load balancer.
pub const INTERNET_CHARGE_TYPE: &str = "service.kubernetes.io/qcloud-loadbalancer-internet-charge-type";
/// Service annotation: bandwidth of a created public load balancer, in Mbps.
pub const INTERNET_MAX_BANDWIDTH_OUT: &str = "service.kubernetes.io/qcloud-loadbalancer-internet-max-bandwidth-out";
/// Service annotation: further `CreateLoadBalancer` parameters, as JSON.
pub const EXTENSIVE_PARAMETERS: &str = "service.kubernetes.io/service.extensiveParameters";
/// Service annotation: protocols of the listeners, as JSON per port.
pub const SPECIFY_PROTOCOL: &str = "service.cloud.tencent.com/specify-protocol";
/// Service annotation: weights by StatefulSet ordinal, as JSON.
pub const RS_WEIGHT: &str = "service.cloud.tencent.com/lb-rs-weight";
/// Service annotation: the region of a load balancer that is not in the cluster's region.
pub const CROSS_REGION_ID: &str = "service.cloud.tencent.com/cross-region-id";
/// Service annotation: the value [`MODE_SKIP`] makes TKE's own service controller leave the Service alone.
pub const MODE: &str = "service.cloud.tencent.com/mode";
/// The value of [`MODE`] that stops TKE's own service controller.
pub const MODE_SKIP: &str = "skip";
/// Service annotation of TKE's own controller: its idempotency token; a sign that TKE manages the Service.
pub const CLIENT_TOKEN: &str = "service.cloud.tencent.com/client-token";
/// Service annotation: the VPC of a load balancer to create.
pub const CROSS_VPC_ID: &str = "service.cloud.tencent.com/cross-vpc-id";
/// Service annotation: security groups, separated by commas.
pub const SECURITY_GROUPS: &str = "service.cloud.tencent.com/security-groups";
/// Service annotation: only the load balancer's own security groups are checked.
pub const PASS_TO_TARGET: &str = "service.cloud.tencent.com/pass-to-target";
/// Service annotation: Pods that are being deleted keep their connections.
pub const GRACE_SHUTDOWN: &str = "service.cloud.tencent.com/enable-grace-shutdown";
/// Service annotation: Pods that are not ready keep their connections.
pub const GRACE_SHUTDOWN_NOT_READY: &str = "service.cloud.tencent.com/enable-grace-shutdown-tkex";
/// Service annotation: the kubelet waits for the load balancer.
pub const GRACE_DELETION: &str = "service.cloud.tencent.com/enable-grace-deletion";
/// Service annotation: the load balancer outlives the Service.
pub const LOAD_BALANCER_RETAIN: &str = "service.cloud.tencent.com/loadbalance-retain";
/// Service annotation: the load balancer is not deleted.
pub const DELETION_PROTECTION: &str = "service.cloud.tencent.com/deletion-protection";
/// Service annotation: the load balancer is not changed by others.
pub const MODIFICATION_PROTECTION: &str = "service.cloud.tencent.com/modification-protection";
/// Service annotation: nodes hold the address of the load balancer.
pub const PREVENT_LOOPBACK: &str = "service.cloud.tencent.com/prevent-loopback";
/// Service annotation: target groups to bind to.
pub const TARGET_GROUPS: &str = "service.cloud.tencent.com/target-groups";
/// Service annotation: super nodes do not know the load balancer's address.
pub const DISCARD_ADDRESS: &str = "service.cloud.tencent.com/discard-loadbalancer-ip";
/// Service annotation: nodes are weighted by their Pods.
pub const LOCAL_BALANCE: &str = "service.cloud.tencent.com/local-svc-weighted-balance";
/// Service annotation: only nodes with Pods are bound.
pub const LOCAL_BIND: &str = "service.kubernetes.io/local-svc-only-bind-node-with-pod";
/// Service annotation: which nodes are bound.
pub const BACKENDS_LABEL: &str = "service.kubernetes.io/qcloud-loadbalancer-backends-label";
/// Service annotation: the generation of the load balancer.
pub const LOAD_BALANCER_TYPE: &str = "service.kubernetes.io/loadbalance-type";
/// Service annotation: the kind of load balancer, as some pages on the web have it. TKE has a label of this name.
pub const LOAD_BALANCER_KIND: &str = "service.cloud.tencent.com/loadbalance-type";
/// Service annotation of TKE Serverless: several Services may use one load balancer.
pub const SHARE_EXISTING: &str = "service.kubernetes.io/qcloud-share-existed-lb";
/// Service annotation of earlier versions of TKE: attributes of listeners, as JSON.
pub const LISTENER_PARAMETERS: &str = "service.kubernetes.io/service.listenerParameters";
/// Service annotation: the backends are those of another Endpoints object.
pub const SOURCE_ENDPOINTS: &str = "service.cloud.tencent.com/loadbalancer-source-endpoints";
/// Service annotation of TKE's own controller: the IPv6 address of a load balancer with NAT64.
pub const NAT_IPV6: &str = "service.kubernetes.io/loadbalance-nat-ipv6";
/// Service annotation of TKE's own controller: the IPv6 address of a load balancer.
pub const IPV6: &str = "service.kubernetes.io/loadbalance-ipv6";
/// How the keys of TKE's annotations of Services begin.
pub const SERVICE_PREFIX: &str = "service.cloud.tencent.com/";
/// How the keys of TKE's annotations of Ingresses begin.
pub const INGRESS_PREFIX: &str = "ingress.cloud.tencent.com/";
/// Service annotation of TKE's own controller: when it last began.
pub const SYNC_BEGIN_TIME: &str = "service.cloud.tencent.com/sync-begin-time";
/// Service annotation of TKE's own controller: when it last ended.
pub const SYNC_END_TIME: &str = "service.cloud.tencent.com/sync-end-time";
/// Finalizer that TKE's own controller puts on Services that it programs.
pub const TKE_FINALIZER: &str = "service.k8s.tencent/resources";
/// The type of the condition that tells on an annotated Service what has become of it.
pub const SERVICE_CONDITION: &str = "cloud.tencent.com/direct-access";
/// The type of the condition of an annotated Service that records that a binding which somebody has made decides about it: True while there
/// is one. It stays, False, when that binding goes, until the Service says anew what it asks for.
pub const SERVICE_BOUND_BY_HAND: &str = "cloud.tencent.com/direct-access-bound-by-hand";
/// The field manager of bindings that are made for annotated Services, and of that condition.
pub const SERVICES_FIELD_MANAGER: &str = "tke-direct-access-services";

/// Annotation of a binding that was made for an annotated Service: its Service does not ask for it any more. It keeps its load balancer,
/// which costs money, and what it has there goes. The value says why, and since when.
pub const PARKED: &str = "direct-access.cloud.tencent.com/parked";
/// Annotation of a binding that was made for an annotated Service: who asked for it, [`ASKED_BY_ANNOTATION`] or [`ASKED_BY_DEFAULT`].
pub const ASKED_BY: &str = "direct-access.cloud.tencent.com/asked-by";
/// The value of [`ASKED_BY`] where the Service itself said [`DIRECT_ACCESS`] `"true"`: removing that word ends the wish.
pub const ASKED_BY_ANNOTATION: &str = "annotation";
/// The value of [`ASKED_BY`] where the Service said nothing, and direct access is the cluster's default.
pub const ASKED_BY_DEFAULT: &str = "default";
/// Annotation of a binding: the UIDs of bindings that are no more, separated by commas, whose place it takes: what carries their marks in
/// the cloud and names this binding in full is its own.
pub const ADOPT: &str = "direct-access.cloud.tencent.com/adopt";
/// The field manager of [`PARKED`].
pub const PARKING_FIELD_MANAGER: &str = "tke-direct-access-parking";

/// Pod annotation: the weight of this Pod as a target, `"0"` to `"100"`.
pub const CUSTOM_WEIGHT: &str = "service.cloud.tencent.com/custom-weight";

/// Pod annotation: the networks of the Pod, a comma list of [`SHARED_ENI`], [`EXCLUSIVE_ENI`], [`BRIDGE`] and others.
pub const NETWORKS: &str = "tke.cloud.tencent.com/networks";
/// The value of [`NETWORKS`] for VPC-CNI with a shared network interface.
pub const SHARED_ENI: &str = "tke-route-eni";
/// The value of [`NETWORKS`] for VPC-CNI with a network interface of the Pod's own.
pub const EXCLUSIVE_ENI: &str = "tke-direct-eni";
/// The value of [`NETWORKS`] for GlobalRouter (github.com/qyzhaoxun/multus-cni, which reads the annotation in TKE clusters).
pub const BRIDGE: &str = "tke-bridge";
/// Container resources that only VPC-CNI Pods ask for.
pub const ENI_RESOURCES: [&str; 3] =
    ["tke.cloud.tencent.com/eni-ip", "tke.cloud.tencent.com/direct-eni", "tke.cloud.tencent.com/sub-eni"];
/// Node label whose value is [`SUPER_NODE_TYPE`] on super nodes, whose Pods are always in the VPC.
pub const INSTANCE_TYPE_LABEL: &str = "node.kubernetes.io/instance-type";
/// The value of [`INSTANCE_TYPE_LABEL`] on super nodes.
pub const SUPER_NODE_TYPE: &str = "eklet";

/// Namespace of the ConfigMap with TKE's cluster-wide switches.
pub const SWITCHES_NAMESPACE: &str = "kube-system";
/// Name of the ConfigMap with TKE's cluster-wide switches (457/131136).
pub const SWITCHES_NAME: &str = "tke-service-controller-config";
/// Name of the ConfigMap in [`SWITCHES_NAMESPACE`] from which TKE's controllers read the cluster's VPC (E6001, E6002 in 457/81004).
pub const TKE_CONFIG: &str = "tke-config";
/// Key of [`TKE_CONFIG`]: the cluster's VPC.
pub const TKE_VPC_KEY: &str = "TKE_VPC_ID";
/// The most characters of [`TKE_VPC_KEY`] that are kept. Ids are shorter.
pub const VPC_MAX: usize = 64;
/// Key of the switch that permits direct access to GlobalRouter Pods; its value is a boolean as text.
pub const GLOBAL_ROUTE_SWITCH: &str = "GlobalRouteDirectAccess";

/// Key of the switch that has new Services bind Pods directly; its value is a boolean as text.
pub const DEFAULT_DIRECT_ACCESS_SWITCH: &str = "EnableDefaultDirectAccess";
/// Key under which TKE's own service controller writes its version: it is there.
pub const TKE_VERSION_KEY: &str = "VERSION";

/// Annotation of our CRDs: the version of the project that printed them.
pub const BUNDLE_VERSION: &str = "cloud.tencent.com/bundle-version";

/// End of the name of a TkeServiceConfig that a controller makes for a Service or binding. TKE refuses references to
/// such names.
pub const AUTO_CONFIG_SUFFIX: &str = "-auto-service-config";
/// End of the name of a TkeServiceConfig that TKE makes for an Ingress. TKE refuses references to such names.
pub const AUTO_INGRESS_CONFIG_SUFFIX: &str = "-auto-ingress-config";
/// The ends of names of TkeServiceConfigs that controllers make, and that no reference of a user may have.
pub const RESERVED_CONFIG_SUFFIXES: [&str; 2] = [AUTO_CONFIG_SUFFIX, AUTO_INGRESS_CONFIG_SUFFIX];

/// Whether no reference of a user may name a TkeServiceConfig so.
pub fn is_reserved_config(name: &str) -> bool {
    RESERVED_CONFIG_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// The most characters a binding's name may have; it is used in names and tags of the cloud.
pub const BINDING_NAME_MAX: usize = 63;

/// The name of the TkeServiceConfig that a binding with `autoServiceConfig` makes and owns.
pub fn auto_config_name(binding: &str) -> String {
    format!("{binding}{AUTO_CONFIG_SUFFIX}")
}
