//! `plan`: what would be called, and that it is what is called.

use std::path::Path;

use serde_json::{Value, json};
use tke_direct_access::model::LoadBalancerId;
use tke_direct_access::sim::LoadBalancerSpec;

use super::scene::{Scene, json_of};
use crate::stage::{DEADLINE, deployment, service};
use crate::support::eventually;

fn actions(plan: &Value) -> Vec<String> {
    let steps = plan["loadBalancers"].as_array().unwrap().iter().flat_map(|row| row["steps"].as_array().unwrap());
    steps.map(|step| step["action"].as_str().unwrap().to_owned()).collect()
}

/// Waits for a plan that begins so, as Pods get ready in their own time.
async fn until(scene: &Scene, arguments: &[&str], expected: &[&str]) -> Value {
    eventually(&format!("the plan is {expected:?}"), DEADLINE, async || {
        let plan = scene.json(arguments).await;
        if actions(&plan).iter().take(expected.len()).eq(expected) { Ok(Some(plan)) } else { Err(plan.to_string()) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_is_what_the_controller_then_does() {
    let mut scene = Scene::new("plan").await;
    scene.deploy(2, &json!({})).await;
    // All steps, also those that need the id of what is made first.
    let plan = until(&scene, &["plan"], &["CreateListener", "BatchRegisterTargets"]).await;
    let details = plan["loadBalancers"][0]["steps"][1]["details"][0].as_str().unwrap();
    assert!(details.ends_with(", on (new 80/TCP)"), "{details}");
    let output = scene.run(&["plan"]).await;
    assert_eq!(output.code, Some(2), "something would be called");
    assert!(
        output.stdout.contains(scene.stage.load_balancer.as_str()) && output.stdout.contains("CreateListener"),
        "{}",
        output.stdout
    );
    let doubt = "? whether removals are held is not known: no controller has its Lease in namespace";
    assert!(output.stdout.contains(doubt), "{}", output.stdout);
    assert_eq!(scene.stage.cloud.writes(), 0, "a plan calls nothing");
    scene.start(&[]).await;
    scene.stage.until_ready("web", "2/2").await;
    let is_read = |action: &String| action.starts_with("Describe") || action.starts_with("Get");
    let writes: Vec<_> = scene.stage.cloud.calls().into_keys().filter(|action| !is_read(action)).collect();
    assert_eq!(writes, ["BatchRegisterTargets", "CreateListener"]);
    assert_eq!(scene.json(&["plan"]).await["doubt"], Value::Null);
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_world_has_an_empty_plan() {
    let scene = Scene::ready("plan-nothing", 2).await;
    let output = scene.run(&["plan"]).await;
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("nothing to do"), "{}", output.stdout);
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_planned_before_it_is_applied() {
    let scene = Scene::ready("plan-file", 1).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("binding.yaml");
    let listeners = json!([{"port": 80, "protocol": "TCP", "servicePort": 80, "weight": 33}]);
    std::fs::write(&path, scene.binding("web", &json!({"listeners": listeners}))).unwrap();
    let path = path.display().to_string();
    let plan = until(&scene, &["plan", "-f", &path], &["BatchModifyTargetWeight"]).await;
    let details = plan["loadBalancers"][0]["steps"][0]["details"][0].as_str().unwrap();
    assert!(details.starts_with("weight 10 → 33 of ") && details.contains(": UserWeight"), "{details}");
    // One that wants the Pod port that another one has says so before it is applied, and afterwards.
    let rival = scene.binding("rival", &json!({"listeners": [{"port": 81, "protocol": "TCP", "servicePort": 80}]}));
    std::fs::write(folder.path().join("rival.yaml"), &rival).unwrap();
    let planned = scene.run(&["plan", "-f", &folder.path().join("rival.yaml").display().to_string()]).await;
    let words = format!("listener 80/TCP of DirectAccessBinding '{}/web'", scene.stage.namespace.name);
    assert!(planned.stdout.contains("BackendConflict") && planned.stdout.contains(&words), "{}", planned.stdout);
    scene.stage.apply(&rival).await;
    eventually("the status says it", DEADLINE, async || {
        let path = "jsonpath={.status.conditions[?(@.type==\"Stalled\")].message}";
        let found = scene.stage.ok(&["get", "directaccessbinding", "rival", "-o", path]).await;
        if found.contains(&words) { Ok(Some(())) } else { Err(found) }
    })
    .await;
    scene.stage.ok(&["delete", "directaccessbinding", "rival"]).await;
    // One that is not there yet, from standard input, on another load balancer.
    let other = LoadBalancerId::new("lb-other001");
    scene.stage.cloud.create_load_balancer(&LoadBalancerSpec::with_id(other.as_str())).unwrap();
    let new = scene.binding("new", &json!({"loadBalancer": {"id": other.as_str()}}));
    let (id, key) = scene.stage.cloud.credentials();
    let endpoint = scene.stage.cloud.endpoint();
    let output = scene
        .run_with(&["plan", "-f", "-", "-o", "json"], &new, |command| {
            command.env("TENCENTCLOUD_SECRET_ID", id).env("TENCENTCLOUD_SECRET_KEY", key).env("CLB_ENDPOINT", endpoint);
        })
        .await;
    assert_eq!(actions(&json_of(&output)), ["CreateListener", "BatchRegisterTargets"], "{}", output.stderr);
    // Everything that an application is made of, before any of it is there.
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/06-http-check.yaml");
    let text = std::fs::read_to_string(example).unwrap().replace("lb-6efswuxa", other.as_str());
    let example = folder.path().join("example.yaml");
    std::fs::write(&example, text).unwrap();
    let example = example.display().to_string();
    let plan = scene.json(&["plan", "-f", &example]).await;
    assert_eq!(actions(&plan), ["CreateListener"], "{plan}");
    assert_eq!(plan["loadBalancers"][0]["problems"], json!([]), "{plan}");
    assert_eq!(scene.run(&["plan"]).await.code, Some(0), "nothing of it was applied");
    scene.finish().await;
}

/// What a listener on another port takes.
const MOVED: &[&str] = &[
    "CreateListener",
    "BatchModifyTargetWeight",
    "BatchDeregisterTargets",
    "BatchRegisterTargets",
    "DeleteLoadBalancerListeners",
];
/// What a listener of another protocol on the same port takes, before it is there.
const REPLACED: &[&str] = &["BatchModifyTargetWeight", "BatchDeregisterTargets", "DeleteLoadBalancerListeners"];

#[tokio::test(flavor = "multi_thread")]
async fn what_a_change_leaves_dark_is_said_before_anything_is_done() {
    let scene = Scene::ready("plan-dark", 1).await;
    let folder = tempfile::tempdir().unwrap();
    for (listener, actions, words) in [
        (
            json!({"port": 81, "protocol": "TCP", "servicePort": 80}),
            MOVED,
            "its targets leave listener 80/TCP first: nobody serves until they are healthy on listener 81/TCP, for about 15 s",
        ),
        (
            json!({"port": 80, "protocol": "HTTP", "servicePort": 80}),
            REPLACED,
            "listener 80/TCP is deleted before 80/HTTP is made in its place: nobody serves on port 80",
        ),
    ] {
        let path = folder.path().join("binding.yaml");
        std::fs::write(&path, scene.binding("web", &json!({"listeners": [listener]}))).unwrap();
        let path = path.display().to_string();
        let plan = until(&scene, &["plan", "-f", &path], actions).await;
        let remarks = plan["loadBalancers"][0]["remarks"].as_array().unwrap();
        let is_it = |one: &&Value| one["topic"] == "Note" && one["message"].as_str().unwrap().contains(words);
        let remark = remarks.iter().find(is_it).unwrap_or_else(|| panic!("{plan}"));
        assert_eq!(remark["binding"], format!("{}/web", scene.stage.namespace.name));
        let output = scene.run(&["plan", "-f", &path]).await;
        assert!(output.stdout.contains(words), "{}", output.stdout);
        let output = scene.run(&["plan", "-f", &path, "-o", "yaml"]).await;
        let yaml: Value = serde_saphyr::from_str(&output.stdout).unwrap();
        assert_eq!(yaml["loadBalancers"][0]["remarks"].as_array().unwrap().iter().filter(is_it).count(), 1, "{yaml}");
    }
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_are_part_of_a_plan_and_files_without_bindings_are_refused() {
    let scene = Scene::new("plan-problem").await;
    scene.stage.apply(&service()).await;
    scene.stage.apply(&deployment(1)).await;
    let listeners = json!([{"port": 80, "protocol": "TCP", "servicePort": 81}]);
    scene.stage.apply(&scene.binding("web", &json!({"listeners": listeners}))).await;
    let output = scene.run(&["plan"]).await;
    assert!(output.stdout.contains("ServicePortNotFound"), "{}", output.stdout);
    assert_eq!(output.code, Some(3), "it can never work as it is written");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deployment.yaml");
    std::fs::write(&path, deployment(1)).unwrap();
    let path = path.display().to_string();
    for (file, expected) in [
        (path.as_str(), "it has no DirectAccessBinding, TkeServiceConfig or Service"),
        ("missing.yaml", "it cannot be read: No such file or directory; give another file"),
    ] {
        let output = scene.run(&["plan", "-f", file]).await;
        assert_eq!(output.code, Some(1), "{file}");
        assert!(output.stderr.contains(file) && output.stderr.contains(expected), "{}", output.stderr);
    }
    let output = scene.run_blind(&["plan"]).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY"), "{}", output.stderr);
    scene.finish().await;
}

/// Writes a file and plans it.
async fn plan_of(scene: &Scene, text: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.yaml");
    std::fs::write(&path, text).unwrap();
    let output = scene.run(&["plan", "-f", &path.display().to_string()]).await;
    (output.code, output.stdout + &output.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_work_is_named_and_the_rest_of_the_file_is_planned() {
    let scene = Scene::ready("plan-never", 1).await;
    let weighted = |name: &str, field: &str| {
        let listener = json!({"port": 80, "protocol": "TCP", "servicePort": 80, field: 33});
        scene.binding(name, &json!({"listeners": [listener]}))
    };
    let moved = scene.binding("web", &json!({"loadBalancer": {"id": "lb-another1"}}));
    let config = |name: &str, interval: i64| {
        json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "TkeServiceConfig", "metadata": {"name": name},
            "spec": {"loadBalancer": {"l4Listeners": [{"protocol": "TCP", "port": 80, "healthCheck": {"intervalTime": interval}}]}},
        })
        .to_string()
    };
    let annotated = |word: &str| {
        let mut annotations = json!({"service.kubernetes.io/tke-existed-lbid": scene.stage.load_balancer.as_str()});
        if !word.is_empty() {
            annotations["service.cloud.tencent.com/direct-access"] = word.into();
        }
        let ports = json!([{"port": 81, "targetPort": 8080}]);
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop", "annotations": annotations},
            "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": ports},
        })
        .to_string()
    };
    let using = scene.binding("web", &json!({"serviceConfigRef": {"name": "fine"}}));
    for (file, code, expected) in [
        (weighted("web", "weight"), 2, &["BatchModifyTargetWeight: set the weight of 1 target"][..]),
        (
            [weighted("other", "wieght"), weighted("web", "weight")].join("\n---\n"),
            3,
            &[
                "✗ DirectAccessBinding 'other': spec.listeners[0].wieght: the field is not known; write weight instead",
                "BatchModifyTargetWeight: set the weight of 1 target",
            ],
        ),
        (moved, 3, &["✗ DirectAccessBinding 'web': the API server refuses it: ", "loadBalancer.id cannot be changed"]),
        (
            scene.binding("late", &json!({})),
            3,
            &["late PortConflict: ", "is taken by DirectAccessBinding", "1 other binding on it: 0 steps"],
        ),
        (scene.binding("lost", &json!({"loadBalancer": {"id": "lb-missing2"}})), 3, &["lost LoadBalancerNotFound"]),
        (config("off", 100_000), 3, &["✗ TkeServiceConfig 'off': config entry TCP:80 healthCheck.intervalTime: "]),
        (config("fine", 7), 0, &["no binding uses TkeServiceConfig 'fine', so it changes nothing in CLB"]),
        (
            [using, config("fine", 7)].join("\n---\n"),
            2,
            &["TkeServiceConfig 'fine' is used by web", "ModifyListener: TCP:80: healthCheck.intervalTime from 5 to 7"],
        ),
        (service(), 0, &["nothing to do"]),
        (
            annotated("true"),
            2,
            &[
                "Service 'shop' asks for direct access by its annotations",
                "/shop: ",
                "CreateListener: create listener 81/TCP",
            ],
        ),
        (
            annotated(""),
            0,
            &[
                "Service 'shop': NotAsked: service.kubernetes.io/tke-existed-lbid is without effect",
                "changes nothing in CLB",
            ],
        ),
        (annotated("yes"), 3, &["✗ Service 'shop': service.cloud.tencent.com/direct-access", "\"yes\" cannot be read"]),
    ] {
        let (found, said) = plan_of(&scene, &file).await;
        assert!(expected.iter().all(|words| said.contains(words)), "{expected:?}:\n{said}");
        assert_eq!(found, Some(code), "{said}");
    }
    assert_eq!(scene.run(&["plan"]).await.code, Some(0), "nothing of it was applied");
    scene.finish().await;
}
