//! The pages: README.md and what is in `docs/`, taken apart into blocks, links, headings and words in code style.

use std::fs;
use std::path::{Path, PathBuf};

use super::generated::root;

/// A fenced block.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// `file:line` of its first line of text.
    pub(super) place: String,
    /// What follows the fence: the language, and perhaps more.
    pub(super) info: String,
    pub(super) text: String,
}

/// A page, read once.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// Path from the root.
    pub(super) name: String,
    pub(super) blocks: Vec<Block>,
    /// The lines outside of blocks, with their numbers.
    pub(super) prose: Vec<(usize, String)>,
}

impl Page {
    pub(super) fn read(name: &str) -> Self {
        Self::parse(name, &fs::read_to_string(root().join(name)).unwrap())
    }

    pub(super) fn parse(name: &str, text: &str) -> Self {
        let mut page = Self { name: name.to_owned(), blocks: Vec::new(), prose: Vec::new() };
        let mut open: Option<(usize, Block)> = None;
        for (number, line) in (1..).zip(text.lines()) {
            let indent = line.len() - line.trim_start().len();
            match (line.trim_start().strip_prefix("```"), &mut open) {
                (Some(info), None) => {
                    let place = format!("{name}:{}", number + 1);
                    open = Some((indent, Block { place, info: info.trim().to_owned(), text: String::new() }));
                }
                (Some(_), Some(_)) => page.blocks.extend(open.take().map(|(_, block)| block)),
                // A block in a list is as far to the right as its fence.
                (None, Some((fence, block))) => block.text.extend([&line[indent.min(*fence)..], "\n"]),
                (None, None) => page.prose.push((number, line.to_owned())),
            }
        }
        assert!(open.is_none(), "{name}: a block is not closed");
        page
    }

    /// The anchors of its headings, as GitHub makes them.
    pub(super) fn anchors(&self) -> Vec<String> {
        let mut anchors: Vec<String> = Vec::new();
        for (_, line) in &self.prose {
            let Some(title) = line.strip_prefix('#').map(|rest| rest.trim_start_matches('#')) else { continue };
            let Some(title) = title.strip_prefix(' ') else { continue };
            let kept = title.trim().to_lowercase();
            let kept: String = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect();
            let anchor = kept.replace(' ', "-");
            let twins = anchors.iter().filter(|known| **known == anchor || is_twin(known, &anchor)).count();
            anchors.push(if twins == 0 { anchor } else { format!("{anchor}-{twins}") });
        }
        anchors
    }

    /// The targets of its links and pictures, with the numbers of their lines.
    pub(super) fn links(&self) -> Vec<(usize, String)> {
        let markdown = regex::Regex::new(r#"\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)""#).unwrap();
        let mut links = Vec::new();
        for (number, line) in &self.prose {
            let line = without_code(line);
            let found = markdown.captures_iter(&line).filter_map(|found| found.get(1).or_else(|| found.get(2)));
            links.extend(found.map(|target| (*number, target.as_str().to_owned())));
        }
        links
    }

    /// What stands in code style outside of blocks, also over the end of a line, with the numbers of the lines.
    pub(super) fn codes(&self) -> Vec<(usize, String)> {
        let mut codes = Vec::new();
        for paragraph in self.prose.split(|(_, line)| line.trim().is_empty()) {
            let mut number = paragraph.first().map_or(0, |(number, _)| *number);
            let text: Vec<&str> = paragraph.iter().map(|(_, line)| line.as_str()).collect();
            for (index, piece) in text.join("\n").split('`').enumerate() {
                if index % 2 == 1 {
                    codes.push((number, piece.replace('\n', " ")));
                }
                number += piece.matches('\n').count();
            }
        }
        codes
    }
}

fn is_twin(known: &str, anchor: &str) -> bool {
    let number = known.strip_prefix(anchor).and_then(|rest| rest.strip_prefix('-'));
    number.is_some_and(|number| number.parse::<usize>().is_ok())
}

/// A link's text may be code; code itself has no links.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("code")
}

/// Everything that people read.
pub(super) fn pages() -> Vec<Page> {
    let mut names: Vec<String> = files(&root().join("docs"))
        .iter()
        .map(|path| path.strip_prefix(root()).unwrap().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".md"))
        .collect();
    let here = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.extend(here.filter(|name| name.ends_with(".md")));
    names.sort();
    names.iter().map(|name| Page::read(name)).collect()
}

/// The files below a folder.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Fails with all faults at once.
#[track_caller]
pub(super) fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn a_page_is_taken_apart() {
    let text = "# A `b`, c!\n[x](y.md#z) `--flag [no](link)`\n  ```yaml fragment\n  a:\n    b: 1\n  ```\n\n## A b c\n## 快速开始\n`d\ne` `f`\n";
    let page = Page::parse("p.md", text);
    assert_eq!(page.blocks.len(), 1);
    let block = &page.blocks[0];
    let expected = ("p.md:4", "yaml fragment", "a:\n  b: 1\n");
    assert_eq!((block.place.as_str(), block.info.as_str(), block.text.as_str()), expected);
    assert_eq!(page.anchors(), ["a-b-c", "a-b-c-1", "快速开始"]);
    assert_eq!(page.links(), [(2, "y.md#z".to_owned())]);
    let codes = page.codes();
    let codes: Vec<_> = codes.iter().map(|(line, code)| (*line, code.as_str())).collect();
    assert_eq!(codes, [(1, "b"), (2, "--flag [no](link)"), (10, "d e"), (11, "f")]);
}
