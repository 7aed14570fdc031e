//! A container of the image under runc, made from the Deployment as a kubelet and its runtime make one.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::build::Image;
use crate::program::{Invocation, OUTSIDE, Program};
use crate::seccomp::runtime_default;
use crate::support::ControlPlane;

/// Where a kubelet puts the account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Takes the container and its files away when the test lets go of it, also by its death.
const GUARD: &str = r#"read -r _; runc --root "$1/state" delete --force "$2" 2>/dev/null; rm -rf "$1""#;

/// The files of one container.
pub(crate) struct Bundle {
    folder: PathBuf,
    id: String,
    guard: Child,
    stdin: Option<ChildStdin>,
}

impl Drop for Bundle {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = self.guard.wait();
    }
}

impl Bundle {
    /// The files of a container of the image, which `spec` completes.
    pub(crate) fn new(image: &Image, spec: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap().keep();
        let id = format!("direct-access-{}", Uuid::new_v4().simple());
        let mut guard = Command::new("/bin/sh");
        guard.args(["-c", GUARD, "guard"]).arg(&folder).arg(&id);
        let mut guard = guard.stdin(Stdio::piped()).spawn().unwrap();
        let bundle = Self { stdin: guard.stdin.take(), folder, id, guard };
        let mut spec = spec.clone();
        spec["root"]["path"] = json!(image.files());
        // Below the own group, where a group may have both processes and groups; else at the top.
        let top = if is_first_version_of_cgroups() { "" } else { "/" };
        spec["linux"]["cgroupsPath"] = json!(format!("{top}{}", bundle.id));
        std::fs::write(bundle.folder.join("config.json"), spec.to_string()).unwrap();
        bundle
    }

    /// A command of runc about this container.
    pub(crate) fn runc(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("runc");
        command.arg("--root").arg(self.folder.join("state")).args(arguments);
        command
    }

    /// Runs it to its end, with what it prints on the streams of the command.
    pub(crate) fn run(&self) -> Command {
        let mut command = self.runc(&["run", "--bundle"]);
        command.arg(&self.folder).arg(&self.id).stdin(Stdio::null());
        command
    }
}

fn is_first_version_of_cgroups() -> bool {
    Path::new("/sys/fs/cgroup/memory").is_dir()
}

/// The controller in a container.
pub(crate) struct Container {
    // Before its files.
    pub(crate) program: Program,
    pub(crate) started: Instant,
    events: PathBuf,
    bundle: Bundle,
}

impl Container {
    /// Starts what the Deployment of the namespace says, with names resolved by a server at this address.
    pub(crate) async fn start(image: &Image, control_plane: &ControlPlane, namespace: &str, dns: &str) -> Self {
        let invocation = Invocation::read(control_plane, namespace).await;
        let files = tempfile::tempdir().unwrap();
        let mounts = write_files(files.path(), control_plane, &invocation, namespace, dns);
        let bundle = Bundle::new(image, &spec(image, control_plane, &invocation, &mounts));
        let events = files.path().join("events");
        let started = Instant::now();
        Self { program: Program::spawn(bundle.run(), &invocation, files), started, events, bundle }
    }

    /// What runc knows of it: its process, once there is one.
    pub(crate) fn process(&self) -> Option<u64> {
        let output = self.bundle.runc(&["state", &self.bundle.id]).output().unwrap();
        let state: Value = serde_json::from_slice(&output.stdout).ok()?;
        state["pid"].as_u64().filter(|id| *id > 0)
    }

    /// What the kernel counts for it: its limit and its use of memory, in bytes.
    pub(crate) fn memory(&self) -> Option<(u64, u64)> {
        let output = self.bundle.runc(&["events", "--stats", &self.bundle.id]).output().unwrap();
        let usage: Value = serde_json::from_slice(&output.stdout).ok()?;
        let usage = &usage["data"]["memory"]["usage"];
        Some((usage["limit"].as_u64()?, usage["usage"].as_u64()?))
    }

    /// Has what happens to it written down, until it ends.
    pub(crate) fn follow(&self) -> Child {
        let mut command = self.bundle.runc(&["events", "--interval", "1s", &self.bundle.id]);
        command.stdout(File::create(&self.events).unwrap()).spawn().unwrap()
    }

    /// Whether it was written down that memory ran out.
    pub(crate) fn ran_out_of_memory(&self) -> bool {
        std::fs::read_to_string(&self.events).unwrap_or_default().contains(r#""type":"oom""#)
    }
}

/// What a kubelet gives a container beside its image: places in it, and files that are there.
fn write_files(
    folder: &Path,
    control_plane: &ControlPlane,
    invocation: &Invocation,
    namespace: &str,
    dns: &str,
) -> Vec<Value> {
    let kubeconfig: Value =
        serde_saphyr::from_str(&std::fs::read_to_string(control_plane.kubeconfig()).unwrap()).unwrap();
    let authority = kubeconfig["clusters"][0]["cluster"]["certificate-authority"].as_str().unwrap();
    let authority = std::fs::read_to_string(authority).unwrap();
    let account = folder.join("account");
    std::fs::create_dir(&account).unwrap();
    let files = [
        ("account/token", invocation.token.as_str()),
        ("account/ca.crt", &authority),
        ("account/namespace", namespace),
        ("hosts", "127.0.0.1\tlocalhost\n"),
        ("resolv.conf", &format!("nameserver {dns}\n")),
        ("hostname", "direct-access-controller\n"),
    ];
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let bind = |name: &str, place: &str, option: &str| json!({"destination": place, "type": "bind", "source": folder.join(name), "options": ["rbind", option]});
    let places = ["hosts", "resolv.conf", "hostname"].map(|name| bind(name, &format!("/etc/{name}"), "rw"));
    places.into_iter().chain([bind("account", ACCOUNT, "ro")]).collect()
}

/// The container for a runtime.
fn spec(image: &Image, control_plane: &ControlPlane, invocation: &Invocation, mounts: &[Value]) -> Value {
    let config = &image.config()["config"];
    let (of_pod, own) = (&invocation.pod["securityContext"], &invocation.container()["securityContext"]);
    let (user, group) = (of_pod["runAsUser"].as_u64().unwrap(), of_pod["runAsGroup"].as_u64().unwrap());
    assert_eq!(own["capabilities"], json!({"drop": ["ALL"]}), "nothing else is known here");
    assert_eq!(of_pod["seccompProfile"], json!({"type": "RuntimeDefault"}), "nothing else is known here");
    assert_eq!(invocation.pod["volumes"], Value::Null, "nothing else is known here");
    // Arguments of the container count instead of CMD; its command, which it has not, would count instead of ENTRYPOINT.
    assert_eq!(invocation.container()["command"], Value::Null, "nothing else is known here");
    let strings = |list: &Value| -> Vec<String> { serde_json::from_value(list.clone()).unwrap_or_default() };
    let arguments = [strings(&config["Entrypoint"]), invocation.arguments.clone(), OUTSIDE.map(str::to_owned).into()];
    let server = control_plane.server().strip_prefix("https://").unwrap();
    let (host, port) = server.rsplit_once(':').unwrap();
    let of_cluster = [("KUBERNETES_SERVICE_HOST", host), ("KUBERNETES_SERVICE_PORT", port)];
    let of_cluster = of_cluster.map(|(name, value)| format!("{name}={value}"));
    let of_container = invocation.environment.iter().map(|(name, value)| format!("{name}={value}"));
    let environment = strings(&config["Env"]).into_iter().chain(of_cluster).chain(of_container);
    let limit = bytes(invocation.container()["resources"]["limits"]["memory"].as_str().unwrap());
    let mut spec = sandbox(own["readOnlyRootFilesystem"] == true);
    spec["process"] = json!({
        "user": {"uid": user, "gid": group},
        "args": arguments.concat(),
        "env": environment.collect::<Vec<_>>(),
        "cwd": config["WorkingDir"].as_str().filter(|folder| !folder.is_empty()).unwrap_or("/"),
        "capabilities": {},
        "noNewPrivileges": own["allowPrivilegeEscalation"] == false,
    });
    spec["mounts"].as_array_mut().unwrap().extend(mounts.iter().cloned());
    spec["linux"]["resources"] = json!({"memory": {"limit": limit, "swap": limit}});
    spec["linux"]["seccomp"] = runtime_default();
    spec
}

/// What is the same for every container. The network is the machine's, where the API server and the cloud are.
pub(crate) fn sandbox(is_readonly: bool) -> Value {
    let mount = |place: &str, kind: &str, options: &[&str]| {
        let all = [&["nosuid", "noexec"], options].concat();
        json!({"destination": place, "type": kind, "source": kind, "options": all})
    };
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 65532, "gid": 65532}, "cwd": "/", "capabilities": {}, "noNewPrivileges": true,
        },
        "root": {"readonly": is_readonly},
        "mounts": [
            mount("/proc", "proc", &["nodev"]),
            mount("/dev", "tmpfs", &["strictatime", "mode=755", "size=65536k"]),
            mount("/dev/shm", "tmpfs", &["nodev", "mode=1777", "size=65536k"]),
            mount("/sys", "sysfs", &["nodev", "ro"]),
        ],
        "linux": {
            "namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}],
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    })
}

/// A quantity of memory as manifests write it, such as `512Mi`.
pub(crate) fn bytes(quantity: &str) -> u64 {
    let number = quantity.strip_suffix("Mi").unwrap_or_else(|| panic!("not known here: {quantity}"));
    number.parse::<u64>().unwrap() << 20
}
