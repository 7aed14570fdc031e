//! `watch`: a rollout as it goes on.

use super::scene::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_is_followed_until_only_new_pods_are_left() {
    let scene = Scene::ready("watch", 2).await;
    scene.stage.ok(&["wait", "--for=condition=Ready", "pods", "--all", "--timeout=150s"]).await;
    let image = "web=registry.example.com/web:v2";
    scene.stage.ok(&["set", "image", "deployment/web", image]).await;
    let rolled = scene.stage.ok(&["rollout", "status", "deployment/web", "--timeout=150s"]);
    let watched = scene.run(&["watch", "web", "--until-ready", "--interval-milliseconds", "100"]);
    let (watched, _) = tokio::join!(watched, rolled);
    assert_eq!(watched.code, Some(0), "{}", watched.stderr);
    let said = watched.stdout;
    assert!(said.contains("web: Ready"), "{said}");
    assert!(!said.contains('\u{1b}'), "no colours where nobody watches");
    let of = |revision: &str| said.lines().filter(|line| line.contains(revision)).collect::<Vec<_>>();
    assert!(of(" new, ").iter().any(|line| line.contains("gate closed")), "new Pods wait:\n{said}");
    assert!(of(" new, ").iter().any(|line| line.contains("gate open, 80/TCP weight 10 Healthy")), "{said}");
    assert!(of(" old, ").iter().any(|line| line.contains("terminating") && line.contains("weight 0")), "{said}");
    assert_eq!(said.lines().filter(|line| line.ends_with(" gone")).count(), 2, "{said}");
    let last: Vec<_> = said.lines().rev().take(2).collect();
    assert!(last[1].starts_with("ready after ") && last[1].ends_with(" s"), "{said}");
    assert!(
        last[0].starts_with("targets that served: ")
            && last[0].contains(" at first, never fewer than 2, ")
            && last[0].ends_with(": none lost"),
        "{said}"
    );
    scene.finish().await;
}

/// What was not read is not absent.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_look_at_the_cloud_is_told_so() {
    let scene = Scene::ready("watch-blind", 1).await;
    scene.stage.ok(&["wait", "--for=condition=Ready", "pods", "--all", "--timeout=150s"]).await;
    let watched = scene.run_blind(&["watch", "web", "--until-ready"]).await;
    assert_eq!(watched.code, Some(0), "{}", watched.stderr);
    for words in
        ["CLB is not read, because ", "set TENCENTCLOUD_SECRET_ID", "gate open, targets not read", "is not known"]
    {
        assert!(watched.stdout.contains(words), "{words}: {}", watched.stdout);
    }
    assert!(!watched.stdout.contains("no target"), "{}", watched.stdout);
    scene.finish().await;
}
