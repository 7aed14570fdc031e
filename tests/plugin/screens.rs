//! What the README shows of the plugin is what the plugin prints. `UPDATE=1 cargo test --test plugin screens` writes it.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use regex::Regex;
use serde_json::{Value, json};
use tke_direct_access::sim::LoadBalancerSpec;

use super::scene::{Scene, plugin};
use crate::stage::DEADLINE;
use crate::support::eventually;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// An update of the first example that stands still: the new version does not answer the load balancer's check.
async fn story() -> Scene {
    let mut scene = Scene::new("screens").await;
    scene.stage.cloud.create_load_balancer(&LoadBalancerSpec::with_id("lb-6efswuxa")).unwrap();
    scene.start(&[]).await;
    scene.stage.apply(&std::fs::read_to_string(root().join("examples/01-service.yaml")).unwrap()).await;
    let check = json!({
        "enable": true, "checkType": "HTTP", "httpVersion": "HTTP/1.1", "httpCheckPath": "/healthz", "httpCode": 2,
        "httpCheckDomain": "shop.example.com",
    });
    let config = json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "TkeServiceConfig", "metadata": {"name": "my-service"},
        "spec": {"loadBalancer": {"l4Listeners": [{"protocol": "TCP", "port": 80, "healthCheck": check}]}},
    });
    scene.stage.apply(&config.to_string()).await;
    let reference = r#"{"spec":{"serviceConfigRef":{"name":"my-service"}}}"#;
    scene.stage.ok(&["patch", "dab", "my-service", "--type=merge", "-p", reference]).await;
    scene.stage.ok(&["wait", "--for=condition=Ready", "tsc/my-service", "--timeout=150s"]).await;
    scene.stage.until_ready("my-service", "3/3").await;
    scene.stage.ok(&["wait", "--for=condition=Ready", "pods", "--all", "--timeout=150s"]).await;
    let template = json!({"spec": {"template": {
        "metadata": {"annotations": {"loopback.tke-direct-access.dev/fail-health": "/healthz"}},
        "spec": {"containers": [{"name": "app", "image": "registry.example.com/my-app:v2"}]},
    }}});
    scene.stage.ok(&["patch", "deployment", "my-app", "-p", &template.to_string()]).await;
    let newest = eventually("the new Pod is found unhealthy, and no other", DEADLINE, async || {
        let found = scene.json(&["get"]).await;
        let targets = found["bindings"][0]["listeners"][0]["targets"].as_array().cloned().unwrap_or_default();
        let of = |health: &str| targets.iter().filter(|one| one["health"] == health).cloned().collect::<Vec<Value>>();
        let (well, ill) = (of("Healthy"), of("Unhealthy"));
        let is_told = found["bindings"][0]["reason"] == "Unhealthy" && found["bindings"][0]["targets"] == "3/4";
        let is_it = well.len() == 3 && ill.len() == 1 && is_told;
        if is_it { Ok(Some(ill[0]["pod"].as_str().unwrap().to_owned())) } else { Err(found.to_string()) }
    })
    .await;
    scene.pod = Some(newest);
    scene
}

/// The variable parts, in the same words everywhere. Rows come in the order of addresses, which is nobody's choice.
fn normal(screen: &str) -> BTreeSet<String> {
    let rules = [
        (r"my-app-[0-9a-z]+-[0-9a-z]{5}", "POD"),
        (r"\b(?:10|127)\.\d+\.\d+\.\d+", "ADDRESS"),
        (r"\bnode-\d", "NODE"),
        (r"(?:\d{4}-\d\d-\d\dT)?\d\d:\d\d:\d\dZ?", "TIME"),
        (r"\b\d+[smhd]$", "AGE"),
        (r"\blbl-[0-9a-z]{8}", "LISTENER"),
        (r"\b(?:screens|home|controller)-[0-9a-f-]+", "NAME"),
        (r"my-service-[0-9a-z]{5}\b", "SLICE"),
        (r"shop/", "NAME/"),
        (r" +", " "),
    ];
    let mut text = screen.to_owned();
    for (pattern, word) in rules {
        text = Regex::new(&format!("(?m){pattern}")).unwrap().replace_all(&text, word).into_owned();
    }
    text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// Compares what a command prints with the block of the README that begins with its verb, or writes it there.
fn check(command: &str, printed: &str) {
    let path = root().join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let verb = command.split(' ').next().unwrap();
    let first = format!("```console\n$ kubectl direct-access {verb}");
    let begin = readme.find(&first).unwrap_or_else(|| panic!("the README has no screen of `{verb}`"));
    let body = begin + "```console\n".len();
    let end = body + readme[body..].find("```").unwrap();
    let printed = format!("$ kubectl direct-access {command}\n{}\n", printed.trim_end());
    if std::env::var_os("UPDATE").is_some() {
        let text = format!("{}{printed}{}", &readme[..body], &readme[end..]);
        std::fs::write(&path, text).unwrap();
        return;
    }
    assert_eq!(
        normal(&printed),
        normal(&readme[body..end]),
        "the README's screen of `{command}` is outdated: run UPDATE=1 cargo test --test plugin screens"
    );
}

/// What a terminal shows of what was written to it: the plugin moves the cursor up, clears to the end of lines and of the screen, and colours.
fn shown(written: &str) -> String {
    let mut lines: Vec<String> = vec![String::new()];
    let (mut row, mut column) = (0, 0);
    let mut characters = written.chars();
    while let Some(next) = characters.next() {
        match next {
            '\u{1b}' => {
                let mut code = String::new();
                for character in characters.by_ref().skip(1) {
                    code.push(character);
                    if character.is_ascii_alphabetic() {
                        break;
                    }
                }
                match code.split_at(code.len().saturating_sub(1)) {
                    (count, "A") => row -= count.parse::<usize>().unwrap(),
                    (_, "K") => lines[row] = lines[row].chars().take(column).collect(),
                    (_, "J") => lines.truncate(row + 1),
                    _ => {}
                }
            }
            '\r' => column = 0,
            '\n' => {
                row += 1;
                if row == lines.len() {
                    lines.push(String::new());
                }
            }
            other => {
                let mut line: Vec<char> = lines[row].chars().collect();
                line.resize(line.len().max(column + 1), ' ');
                line[column] = other;
                lines[row] = line.into_iter().collect();
                column += 1;
            }
        }
    }
    lines.join("\n")
}

/// The plugin on a terminal, until it shows what is expected: what it has written by then, and what it writes once it is interrupted.
async fn on_terminal(scene: &Scene, arguments: &[&str], is_there: impl Fn(&str) -> bool) -> (String, String) {
    let mut words = vec![env!("CARGO_BIN_EXE_kubectl-direct_access").to_owned()];
    words.extend(arguments.iter().map(ToString::to_string));
    words.extend(["--namespace".to_owned(), scene.stage.namespace.name.clone()]);
    let (id, key) = scene.stage.cloud.credentials();
    let mut command = Command::new("python3");
    plugin(&mut command);
    command
        .args(["-c", "import pty, sys; pty.spawn(sys.argv[1:])"])
        .args(words)
        .env("KUBECONFIG", scene.stage.control_plane.kubeconfig())
        .env("TENCENTCLOUD_SECRET_ID", id)
        .env("TENCENTCLOUD_SECRET_KEY", key)
        .env("CLB_ENDPOINT", scene.stage.cloud.endpoint())
        .env_remove("NO_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().expect("python3 is there");
    let mut out = child.stdout.take().unwrap();
    let seen = Arc::new(Mutex::new(String::new()));
    let filled = seen.clone();
    let reader = std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = out.read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            filled.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
        }
    });
    let all = || seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let written = eventually("the terminal shows it", DEADLINE, async || {
        let written = all();
        if is_there(&shown(&written)) { Ok(Some(written)) } else { Err(written) }
    })
    .await;
    // Ctrl-C.
    if let Some(mut keyboard) = child.stdin.take() {
        let _ = keyboard.write_all(b"\x03");
    }
    let _ = child.wait();
    let _ = reader.join();
    let rest = all()[written.len()..].to_owned();
    (written, rest)
}

#[tokio::test(flavor = "multi_thread")]
async fn screens_of_the_readme_are_real() {
    let scene = story().await;
    let newest = scene.pod.clone().unwrap();
    let get = scene.run(&["get"]).await;
    check("get", &get.stdout);
    let pod = format!("pod/{newest}");
    let explain = eventually("the gate has been judged", DEADLINE, async || {
        let found = scene.run(&["explain", &pod]).await.stdout;
        let is_judged = found.contains("closed: DirectAccessBinding") && found.contains("but False");
        let is_it = is_judged && found.contains("First broken link: Health (Unhealthy)");
        if is_it { Ok(Some(found)) } else { Err(found) }
    })
    .await;
    check(&format!("explain {pod}"), &explain.replace(&scene.stage.namespace.name, "shop"));
    let is_whole = |frame: &str| frame.matches(" ready ").count() == 4 && frame.contains("Unhealthy");
    let (watch, rest) = on_terminal(&scene, &["watch", "my-service"], is_whole).await;
    assert!(!watch.contains("\u{1b}[2J") && watch.contains("\u{1b}[31m"), "it clears nothing, and colours: {watch:?}");
    assert!(shown(&rest).contains("not ready after ") && rest.contains("targets that served: 3 at first"), "{rest:?}");
    check("watch my-service", &shown(&watch));
    // Colours are for terminals.
    assert!(!explain.contains('\u{1b}'));
    let (coloured, _) = on_terminal(&scene, &["explain", &pod], |text| text.contains("What to do")).await;
    assert!(coloured.contains("\u{1b}[31m✗\u{1b}[0m"), "{coloured}");
    scene.finish().await;
}
