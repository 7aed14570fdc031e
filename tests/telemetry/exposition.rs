//! The OpenMetrics text, taken apart.

use std::collections::{BTreeMap, BTreeSet};

/// One line with a value.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// With its ending.
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// What one scrape gave.
#[derive(Clone, Debug)]
pub(crate) struct Scrape {
    pub(crate) text: String,
    /// Names and types of the families.
    pub(crate) families: BTreeMap<String, String>,
    pub(crate) samples: Vec<Sample>,
}

impl Scrape {
    pub(crate) fn new(text: &str) -> Self {
        let mut lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.pop(), Some("# EOF"), "the text is complete");
        let mut families = BTreeMap::new();
        for line in lines.iter().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').expect("a name and a type");
            assert_eq!(families.insert(name.to_owned(), kind.to_owned()), None, "{name} is there twice");
        }
        let samples: Vec<_> = lines.iter().filter(|line| !line.starts_with('#')).map(|line| sample(line)).collect();
        let series: BTreeSet<_> = samples.iter().map(|sample| (&sample.name, &sample.labels)).collect();
        assert_eq!(series.len(), samples.len(), "a series is there twice");
        Self { text: text.to_owned(), families, samples }
    }

    /// The sum over the series that have these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |sample: &&Sample| {
            let all = labels.iter().all(|(key, value)| sample.labels.get(*key).is_some_and(|found| found == value));
            sample.name == name && all
        };
        self.samples.iter().filter(has).map(|sample| sample.value).sum()
    }
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').expect("a series and a value");
    let (name, labels) = match series.split_once('{') {
        None => (series, BTreeMap::new()),
        Some((name, rest)) => (name, labels(rest.strip_suffix('}').expect("labels end"))),
    };
    let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
    Sample { name: name.to_owned(), labels, value }
}

/// No value of ours has a quote, a comma or a line break in it.
fn labels(text: &str) -> BTreeMap<String, String> {
    let label = |pair: &str| {
        let (key, value) = pair.split_once('=').expect("a label has a value");
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).expect("a value is quoted");
        (key.to_owned(), value.to_owned())
    };
    text.split(',').filter(|pair| !pair.is_empty()).map(label).collect()
}
