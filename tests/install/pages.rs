//! Pages that say how to install agree: on commands, and on the names of release, namespace, region and Secret.

use std::collections::BTreeSet;

use super::manifests::root;

/// Pages that begin with nothing and end with a controller.
const WHOLE: [&str; 4] =
    ["README.md", "docs/quick-start.md", "docs/quick-start.zh.md", "charts/tke-direct-access/README.md"];
/// Pages that have some of the commands.
const PARTS: [&str; 2] = ["docs/upgrade.md", "docs/uninstall.md"];
/// What every name is called.
const NAME: &str = "tke-direct-access";

/// The commands of a page that begin so, with lines that go on put together, and without what comes after them in a sentence.
fn commands(page: &str, begin: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join(page)).unwrap().replace("\\\n", " ");
    let all = text.lines().flat_map(|line| line.match_indices(begin).map(move |(at, _)| &line[at..]));
    // Prose names a command without saying how it is called.
    let whole = all.map(|rest| rest.split('`').next().unwrap_or_default()).filter(|command| command.contains(" -n "));
    whole.map(|command| command.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn they_have_the_same_commands() {
    for begin in ["kubectl -n tke-direct-access create secret", "helm install"] {
        let found = WHOLE.map(|page| commands(page, begin));
        assert_eq!(found[0].len(), 1, "{} has one command '{begin}': {:?}", WHOLE[0], found[0]);
        for (page, others) in WHOLE.iter().zip(&found) {
            assert_eq!(others, &found[0], "{page} and {}: '{begin}'", WHOLE[0]);
        }
    }
    for page in WHOLE {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        assert!(text.contains("kubectl create namespace tke-direct-access\n"), "{page}");
        let is_file_applied =
            text.contains("sed 's|registry.example.com|<registry>|' deploy/install.yaml | kubectl apply -f -\n");
        assert_eq!(is_file_applied, !page.starts_with("charts/"), "{page}");
    }
}

#[test]
fn release_and_namespace_have_one_name() {
    let mut count = 0;
    for page in WHOLE.iter().chain(&PARTS) {
        for begin in ["helm install", "helm upgrade", "helm uninstall"] {
            for command in commands(page, begin) {
                let words: Vec<_> = command.split(' ').collect();
                let namespace = words.iter().position(|word| *word == "-n").and_then(|at| words.get(at + 1));
                assert_eq!((words[2], namespace), (NAME, Some(&NAME)), "{page}: {command}");
                count += 1;
            }
        }
    }
    assert!(count >= WHOLE.len() + PARTS.len(), "{count} commands");
}

/// What the notes of the release ask for is what the pages ask for.
#[test]
fn the_secret_has_the_keys_that_the_notes_name() {
    let keys = |text: &str| -> BTreeSet<String> {
        let after = text.split("--from-literal=").skip(1).filter_map(|rest| rest.split('=').next());
        after.filter_map(|key| key.rsplit(['"', ' ']).find(|part| part.contains('_'))).map(str::to_owned).collect()
    };
    let commands = commands("README.md", "kubectl -n tke-direct-access create secret");
    let said = keys(commands.first().unwrap());
    let notes = std::fs::read_to_string(root().join("charts/tke-direct-access/templates/NOTES.txt")).unwrap();
    let expected = ["TENCENTCLOUD_REGION", "TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "VPC_ID"];
    assert_eq!((said, keys(&notes)), (expected.map(str::to_owned).into(), expected.map(str::to_owned).into()));
    let deployment = std::fs::read_to_string(root().join("deploy/deployment.yaml")).unwrap();
    for key in expected {
        assert!(deployment.contains(key), "deploy/deployment.yaml does not name {key}");
    }
}
