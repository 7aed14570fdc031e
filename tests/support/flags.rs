//! The command lines of the components, and why each flag is there.

use std::path::Path;
use std::time::Duration;

use super::credentials::Credentials;

/// What the components share.
pub(super) struct Plan<'a> {
    pub(super) folder: &'a Path,
    pub(super) credentials: &'a Credentials,
    pub(super) etcd_port: u16,
    pub(super) api_port: u16,
    pub(super) node_monitor_grace: Option<Duration>,
    pub(super) has_audit_log: bool,
}

/// The controllers that make Deployments, StatefulSets, DaemonSets and Jobs, endpoints, and what cleans up after them.
/// Others are left out: each costs memory and start-up time.
const CONTROLLERS: [&str; 18] = [
    "clusterrole-aggregation-controller",
    "cronjob-controller",
    "daemonset-controller",
    "deployment-controller",
    "disruption-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "node-lifecycle-controller",
    "pod-garbage-collector-controller",
    "replicaset-controller",
    "replicationcontroller-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "statefulset-controller",
    "taint-eviction-controller",
    "ttl-after-finished-controller",
];

/// Everything but the components themselves, whose traffic nobody asks about.
const AUDIT_POLICY: &str = r"
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  users: [kube-controller-manager, kube-scheduler, node, 'system:apiserver']
- level: None
  nonResourceURLs: ['/*']
- level: Metadata
";

/// Name of the audit log in the folder of the control plane.
pub(super) const AUDIT_LOG: &str = "audit.log";

impl Plan<'_> {
    pub(super) fn etcd(&self) -> Vec<String> {
        let url = self.etcd_url();
        vec![
            format!("--data-dir={}", self.folder.join("etcd").display()),
            format!("--listen-client-urls={url}"),
            format!("--advertise-client-urls={url}"),
            "--listen-peer-urls=http://127.0.0.1:0".to_owned(),
            // The data does not outlive this run.
            "--unsafe-no-fsync".to_owned(),
            "--log-level=warn".to_owned(),
        ]
    }

    fn etcd_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.etcd_port)
    }

    /// Where the API server is.
    pub(super) fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.api_port)
    }

    /// Writes the files that flags point to.
    pub(super) fn write_files(&self) -> std::io::Result<()> {
        std::fs::write(self.folder.join("audit-policy.yaml"), AUDIT_POLICY)
    }

    pub(super) fn api_server(&self) -> Vec<String> {
        let c = self.credentials;
        let mut flags = vec![
            format!("--etcd-servers={}", self.etcd_url()),
            format!("--secure-port={}", self.api_port),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            // A loopback address is refused in the endpoints of the service "kubernetes".
            "--endpoint-reconciler-type=none".to_owned(),
            // Services have one family unless they ask for two.
            "--service-cluster-ip-range=10.255.0.0/16,fd00:255::/112".to_owned(),
            format!("--cert-dir={}", self.folder.join("apiserver").display()),
            format!("--tls-cert-file={}", c.server_certificate().display()),
            format!("--tls-private-key-file={}", c.server_key().display()),
            format!("--token-auth-file={}", c.tokens_file().display()),
            format!("--service-account-key-file={}", c.service_account_public_key().display()),
            format!("--service-account-signing-key-file={}", c.service_account_key().display()),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            "--authorization-mode=RBAC".to_owned(),
            "--allow-privileged=true".to_owned(),
            // Pods would wait for the token of their account to be mounted, and nothing is mounted here.
            "--disable-admission-plugins=ServiceAccount".to_owned(),
            "--profiling=false".to_owned(),
        ];
        if self.has_audit_log {
            flags.extend([
                format!("--audit-policy-file={}", self.folder.join("audit-policy.yaml").display()),
                format!("--audit-log-path={}", self.folder.join(AUDIT_LOG).display()),
                // Written with each answer and not in batches, so that a test can count soon after it.
                "--audit-log-mode=blocking".to_owned(),
            ]);
        }
        flags
    }

    pub(super) fn controller_manager(&self) -> Vec<String> {
        let c = self.credentials;
        let mut flags = vec![
            format!("--kubeconfig={}", c.kubeconfig("kube-controller-manager").display()),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
            format!("--controllers={}", CONTROLLERS.join(",")),
            format!("--service-account-private-key-file={}", c.service_account_key().display()),
            format!("--root-ca-file={}", c.authority().display()),
            "--kube-api-qps=500".to_owned(),
            "--kube-api-burst=1000".to_owned(),
            "--concurrent-namespace-syncs=5".to_owned(),
        ];
        if let Some(grace) = self.node_monitor_grace {
            flags.push(format!("--node-monitor-grace-period={}s", grace.as_secs()));
        }
        flags
    }

    pub(super) fn scheduler(&self) -> Vec<String> {
        vec![
            format!("--kubeconfig={}", self.credentials.kubeconfig("kube-scheduler").display()),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
            "--kube-api-qps=500".to_owned(),
            "--kube-api-burst=1000".to_owned(),
        ]
    }

    pub(super) fn node(&self, name: &str, subnet: u8) -> Vec<String> {
        vec![
            format!("--node-name={name}"),
            format!("--kubeconfig={}", self.credentials.kubeconfig("node").display()),
            format!("--subnet={subnet}"),
            format!("--root={}", self.folder.join(name).display()),
        ]
    }
}
