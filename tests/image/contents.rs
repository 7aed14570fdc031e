//! What is in the image.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::build::{Image, PROGRAM, root};

/// One of the certificates of authorities begins so.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

pub(crate) fn two_builds_have_one_digest(image: &Image) {
    let again = Image::built().unwrap();
    assert_eq!(image.digest(), again.digest());
    assert_eq!(image.materials(), again.materials());
    // Not by chance: nothing in it has the time at which it was built.
    let times: BTreeSet<_> = image.entries().into_values().map(|entry| entry.modified).collect();
    assert_eq!(times.len(), 1, "{times:?}");
    assert_eq!(image.config()["created"].as_str().map(|time| time.replace('T', " ")), {
        times.first().map(|time| format!("{time}Z"))
    });
}

/// Files by name; anything that is not listed here, such as a shell, fails the test.
pub(crate) fn nothing_else_is_in_it(image: &Image) {
    let entries = image.entries();
    let program = format!("usr/local/bin/{PROGRAM}");
    let loader = |path: &str| path.rsplit('/').next().unwrap().starts_with("ld-linux");
    let is_library = |path: &str| loader(path) || (path.starts_with("lib/") && path.contains(".so"));
    let mut libraries = BTreeSet::new();
    for (path, entry) in &entries {
        let is_runnable = entry.mode.starts_with('-') && entry.mode.contains('x');
        let is_known = match path.as_str() {
            "etc/nsswitch.conf" | "etc/ssl/certs/ca-certificates.crt" => !is_runnable,
            path if path.starts_with("usr/share/zoneinfo/") => !is_runnable,
            path if is_library(path) => libraries.insert(path.rsplit('/').next().unwrap()),
            path => path == program && is_runnable,
        };
        assert!(is_known, "{path}: {entry:?}");
        let writable = entry.mode.starts_with('-') && (entry.mode[5..].contains('w') || entry.mode.contains('s'));
        assert!(!writable && entry.owner == "0/0", "{path}: {entry:?}");
    }
    assert!(entries.contains_key(&program) && libraries.contains("libc.so.6"), "{libraries:?}");
    let linked =
        std::process::Command::new("ldd").arg(env!("CARGO_BIN_EXE_direct-access-controller")).output().unwrap();
    let linked = String::from_utf8(linked.stdout).unwrap();
    let names = linked.lines().filter_map(|line| line.split_whitespace().next()?.rsplit('/').next());
    let names: BTreeSet<_> = names.filter(|name| !name.starts_with("linux-vdso")).collect();
    assert_eq!(libraries, names, "the libraries are those of the program");

    let certificates = std::fs::read_to_string(image.files().join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    assert!(certificates.matches(CERTIFICATE).count() > 50);
    let zone = std::fs::read(image.files().join("usr/share/zoneinfo/Asia/Shanghai")).unwrap();
    assert!(zone.starts_with(b"TZif"));
    let config = &image.config()["config"];
    assert_eq!(config["User"], "65532:65532", "as the Deployment says");
    assert_eq!(config["Entrypoint"], json!([format!("/{program}")]));
    let others: u64 = entries.iter().filter(|(path, _)| **path != program).map(|(_, entry)| entry.size).sum();
    println!("{} files; {others} bytes beside the program", entries.len());
}

/// Crates are found in the program itself: their sources are named where they may panic.
pub(crate) fn everything_is_in_the_bill_of_materials(image: &Image) {
    let materials = image.materials();
    assert_eq!((&materials["bomFormat"], &materials["specVersion"]), (&json!("CycloneDX"), &json!("1.6")));
    let components = materials["components"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let named: BTreeMap<(String, String), &Value> =
        components.iter().map(|one| ((text(&one["name"]), text(&one["version"])), one)).collect();

    let program = std::fs::read(env!("CARGO_BIN_EXE_direct-access-controller")).unwrap();
    let linked = crates_in(&String::from_utf8_lossy(&program));
    assert!(linked.len() > 50, "{linked:?}");
    let missing: Vec<_> =
        linked.iter().filter(|name| !named.keys().any(|(a, b)| format!("{a}-{b}") == **name)).collect();
    assert!(missing.is_empty(), "the program has, and its bill of materials has not: {missing:?}");

    let locked = locked();
    let of_cargo = named.iter().filter(|(_, one)| text(&one["purl"]).starts_with("pkg:cargo/"));
    for (key, component) in of_cargo {
        let checksum = locked.get(key).unwrap_or_else(|| panic!("{key:?} is not in Cargo.lock"));
        assert_eq!(component["hashes"][0]["content"].as_str(), checksum.as_deref(), "{key:?}");
    }
    for name in ["tokio", "rustls", "ring", "kube", "k8s-openapi", "tke-direct-access-core"] {
        assert!(named.keys().any(|(found, _)| found == name), "{name}");
    }
    // What only tests and builds have is not in the program.
    for name in ["proptest", "criterion", "libtest-mimic", "cc", "tke-direct-access-worlds"] {
        assert!(!named.keys().any(|(found, _)| found == name), "{name}");
    }
    // On Debian and its like, where the libraries come from is known.
    for name in ["libc6", "libgcc-s1", "ca-certificates", "tzdata"] {
        assert!(named.keys().any(|(found, _)| found == name), "{name}");
    }
    println!("{} components; {} crates are named by the program itself", named.len(), linked.len());
}

/// Names with versions of the crates whose files a text names, in folders such as `registry/src/index.crates.io-1949cf8c6b5b557f/`.
fn crates_in(text: &str) -> BTreeSet<String> {
    let folders = text.split("/registry/src/").skip(1);
    let names = folders.filter_map(|rest| rest.split_once('/')?.1.split_once('/').map(|(name, _)| name));
    let is_name = |name: &&str| name.bytes().all(|byte| byte.is_ascii_graphic()) && name.contains('-');
    names.filter(is_name).map(str::to_owned).collect()
}

/// The packages of Cargo.lock, with their checksums where they come from a registry.
fn locked() -> BTreeMap<(String, String), Option<String>> {
    let text = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let value = |package: &str, name: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(&format!("{name} = ")))?;
        Some(line.trim_matches('"').to_owned())
    };
    let packages = text.split("[[package]]").skip(1);
    packages
        .map(|one| ((value(one, "name").unwrap(), value(one, "version").unwrap()), value(one, "checksum")))
        .collect()
}
