use super::*;

fn source(path: &str, text: &str) -> Source {
    Source::new(path, text)
}

fn function(lines: usize) -> String {
    format!("fn f() {{\n{}}}\n", "    a();\n".repeat(lines - 2))
}

#[test]
fn long_files_warn_and_then_fail_but_tests_in_them_do_not_count() {
    let count = |product: usize, tests: usize| {
        let text = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "a();\n".repeat(product), "b();\n".repeat(tests));
        let (warnings, faults) = file_sizes(&[source("src/a.rs", &text)]);
        (warnings.len(), faults.len())
    };
    assert_eq!([count(300, 500), count(301, 0), count(450, 0), count(451, 0)], [(0, 0), (1, 0), (1, 0), (1, 1)]);
}

#[test]
fn long_functions_fail_and_so_do_many_middling_ones() {
    let faults = |text: String| function_sizes(&[source("src/a.rs", &text)]).len();
    assert_eq!(faults(function(61) + &function(3).repeat(20)), 1);
    assert_eq!(faults(function(60) + &function(35).repeat(9)), 0);
    assert_eq!(faults(function(36).repeat(2) + &function(3).repeat(8)), 1);
    assert_eq!(faults(format!("#[cfg(test)]\nmod tests {{ {} }}", function(99))), 0);
}

#[test]
fn commands_that_fail_where_a_key_is_set_are_found() {
    let faults = |text: &str| timid_commands("a.md", text).len();
    for (text, expected) in [
        ("run `kubectl label namespace shop a=b`", 1),
        ("run 'kubectl -n shop annotate service web a=b', and", 1),
        ("format!(\"`kubectl label namespace {name} \\\n    {label}={value}`\")", 1),
        ("run `kubectl label namespace shop a=b --overwrite`", 0),
        ("run `kubectl label namespace shop a-`", 0),
        ("with `kubectl annotate`, `label` and `patch`, a=b", 0),
        ("kubectl get pods -l app=label", 0),
    ] {
        assert_eq!(faults(text), expected, "{text}");
    }
}

#[test]
fn raw_errors_are_found_where_people_read_them() {
    let count =
        |path: &str| raw_errors(&source(path, "format!(\"it: {error}\");\nformat!(\"{error:?} {words}\");")).len();
    assert_eq!([count("src/cli/a.rs"), count("src/k8s/list.rs"), count("src/operator/a.rs")], [2, 2, 0]);
}

#[test]
fn banned_words_are_found_in_product_code() {
    let count = |text: &str| banned(&source("src/a.rs", text)).len();
    for (word, _) in BANNED {
        let receiver = if word.starts_with('.') { "b" } else { "" };
        assert_eq!(count(&format!("fn a() {{ {receiver}{word} }}")), 1, "{word}");
    }
    assert_eq!(count("a.unwrap_or(1); a.expect_err(\"\"); // a.unwrap()\nassert!(true, \"panic!\"); my_panic!();"), 0);
    assert_eq!(count("#[cfg(test)]\nmod tests { fn a() { b.unwrap(); panic!(); } }"), 0);
}

#[test]
fn files_of_tests_are_not_looked_at_and_must_be_tests() {
    assert_eq!(banned(&source("src/a/tests.rs", "fn a() { b.unwrap(); }")).len(), 0);
    assert_eq!(banned(&source("src/a/tests/cases.rs", "fn a() { b.unwrap(); }")).len(), 0);
    assert_eq!(tests_in_product(&source("src/a/mod.rs", "mod tests;")).len(), 1);
    assert_eq!(tests_in_product(&source("src/a/mod.rs", "#[cfg(test)]\nmod tests;")).len(), 0);
}

#[test]
fn sleeping_and_global_state_are_found() {
    assert_eq!(sleeps(&source("src/operator/a.rs", "tokio::time::sleep(second).await;")).len(), 1);
    assert_eq!(sleeps(&source("src/clb/a.rs", "tokio::time::sleep(second).await;")).len(), 0);
    let count = |path: &str, text: &str| global_state(&source(path, text)).len();
    assert_eq!(count("src/a.rs", "static A: Mutex<u8> = x;\npub static B: AtomicU8 = y;\nstatic mut C: u8 = 1;"), 3);
    assert_eq!(count("src/a.rs", "static A: &str = x;\nfn a(b: &'static Mutex<u8>) {}"), 0);
    assert_eq!(count("src/bin/a.rs", "static A: Mutex<u8> = x;"), 0);
}

#[test]
fn empty_names_are_found() {
    let count = |path: &str, text: &str| names(&source(path, text)).len();
    assert_eq!(count("src/plan/utils.rs", ""), 1);
    assert_eq!(count("src/clb/task_manager.rs", "fn get_task() {}"), 2);
    assert_eq!(count("src/plan/utility_cost.rs", "fn target() {} fn budget_of() {}"), 0);
}

#[test]
fn lost_files_and_twins_are_found() {
    let faults = |files: &[(&str, &str)]| {
        let sources: Vec<Source> = files.iter().map(|(path, text)| source(path, text)).collect();
        unreachable_files(&sources)
    };
    let good = [
        ("src/lib.rs", "pub mod a;\nmod b;"),
        ("src/a/mod.rs", "mod c;\n#[cfg(test)]\nmod tests;"),
        ("src/a/c.rs", "mod inline { }"),
        ("src/a/tests.rs", ""),
        ("src/b.rs", ""),
        ("tests/t/main.rs", "mod part;"),
        ("tests/t/part.rs", ""),
        ("tests/u.rs", "mod support;"),
        ("tests/support/mod.rs", ""),
    ];
    assert_eq!(faults(&good), Vec::<String>::new());
    assert_eq!(faults(&[("src/lib.rs", "// mod a;"), ("src/a.rs", "")]), ["src/a.rs: no mod reaches it"]);
    assert_eq!(
        faults(&[("src/lib.rs", "mod a;"), ("src/a.rs", "mod b;"), ("src/a/b.rs", "")]),
        ["src/a.rs: a folder's module is its mod.rs"]
    );
}

#[test]
fn machine_paths_are_found_at_the_start_of_a_path_only() {
    let count = |line: &str| machine_paths("a", line).len();
    for place in ["work/main", "tmp/x", "root/.cargo", "home/me"] {
        assert_eq!(count(&format!("cd /{place} && ls")), 1, "{place}");
        assert_eq!(count(&format!("see https://example.com/{place} and ./{place}")), 0, "{place}");
    }
    assert_eq!(count(concat!("see ..", "/shared/facts")), 1);
}
