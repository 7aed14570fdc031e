//! Links lead to what exists, and every page can be found.

use std::collections::BTreeSet;
use std::path::Path;

use super::generated::root;
use super::page::{Page, files, none, pages};

/// What is wrong with a link of a page.
fn fault(page: &Page, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let folder = Path::new(&page.name).parent().unwrap();
    let name = if file.is_empty() { page.name.clone() } else { plain(&folder.join(file)) };
    if !root().join(&name).exists() {
        return Some(format!("{name} does not exist"));
    }
    let anchor = anchor.filter(|_| name.ends_with(".md"))?;
    let has = Page::read(&name).anchors().iter().any(|known| known == anchor);
    (!has).then(|| format!("{name} has no heading '#{anchor}'"))
}

/// The path without `.` and `..`.
fn plain(path: &Path) -> String {
    let mut parts: Vec<_> = Vec::new();
    for part in path.iter() {
        match part.to_str().unwrap() {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let links = pages.iter().flat_map(|page| page.links().into_iter().map(move |(line, link)| (page, line, link)));
    let all: Vec<_> = links.collect();
    assert!(all.len() > 50, "{} links", all.len());
    let faults = all
        .iter()
        .filter_map(|(page, line, link)| fault(page, link).map(|what| format!("{}:{line}: {link}: {what}", page.name)));
    none(&faults.collect::<Vec<_>>());
}

#[test]
fn every_file_is_in_the_index() {
    let linked: BTreeSet<String> = Page::read("docs/README.md")
        .links()
        .into_iter()
        .map(|(_, link)| link.split('#').next().unwrap().to_owned())
        .collect();
    let all = files(&root().join("docs"));
    let names = all.iter().map(|path| path.strip_prefix(root().join("docs")).unwrap().to_string_lossy().into_owned());
    // Pictures are in pages.
    let lost: Vec<_> =
        names.filter(|name| name.ends_with(".md") && name != "README.md" && !linked.contains(name)).collect();
    none(&lost.iter().map(|name| format!("docs/README.md does not name {name}")).collect::<Vec<_>>());
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let page = Page::parse("docs/x.md", "");
    for (link, is_fine) in [
        ("https://example.com/none", true),
        ("errors.md", true),
        ("../README.md#limits", true),
        ("../README.md#no-limits", false),
        ("none.md", false),
        ("../docs/errors.md#classes", true),
    ] {
        assert_eq!(fault(&page, link).is_none(), is_fine, "{link}");
    }
}
