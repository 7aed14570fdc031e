//! The system calls of `RuntimeDefault`, as a runtime takes them.

use serde_json::{Value, json};

use super::needs::PROFILE;

/// The profile for a container without capabilities: what is for other architectures, or for who has a capability, is left out, as the
/// engines of the containers project do it.
pub(crate) fn runtime_default() -> Value {
    let profile: Value = serde_json::from_slice(&std::fs::read(PROFILE).unwrap()).unwrap();
    let (name, id) = match std::env::consts::ARCH {
        "x86_64" => ("amd64", "SCMP_ARCH_X86_64"),
        "aarch64" => ("arm64", "SCMP_ARCH_AARCH64"),
        other => panic!("not known here: {other}"),
    };
    let all = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let applies = |rule: &&Value| {
        let (only, without) = (&rule["includes"], &rule["excludes"]);
        let is_ours = |list: &Value| all(list).iter().any(|one| one == name);
        (all(&only["arches"]).is_empty() || is_ours(&only["arches"]))
            && all(&only["caps"]).is_empty()
            && !is_ours(&without["arches"])
    };
    let rule = |rule: &Value| {
        let mut own = json!({"names": rule["names"], "action": rule["action"]});
        if !all(&rule["args"]).is_empty() {
            own["args"] = rule["args"].clone();
        }
        if !rule["errnoRet"].is_null() {
            own["errnoRet"] = rule["errnoRet"].clone();
        }
        own
    };
    let architectures = all(&profile["archMap"]).into_iter().find(|one| one["architecture"] == id).unwrap();
    let architectures = [vec![json!(id)], all(&architectures["subArchitectures"])].concat();
    json!({
        "defaultAction": profile["defaultAction"],
        "defaultErrnoRet": profile["defaultErrnoRet"],
        "architectures": architectures,
        "syscalls": all(&profile["syscalls"]).iter().filter(applies).map(rule).collect::<Vec<_>>(),
    })
}
