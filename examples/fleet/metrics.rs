//! What a replica counts, as its `/metrics` says it.

/// The samples of one look.
#[derive(Clone, Debug)]
pub(crate) struct Metrics(Vec<Sample>);

#[derive(Clone, Debug)]
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Metrics {
    pub(crate) fn read(text: &str) -> Self {
        Self(text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect())
    }

    fn of<'a>(&'a self, name: &'a str, labels: &'a [(&str, &str)]) -> impl Iterator<Item = &'a Sample> {
        let has = |sample: &Sample, label: &(&str, &str)| {
            sample.labels.iter().any(|(key, value)| (key.as_str(), value.as_str()) == *label)
        };
        self.0.iter().filter(move |sample| sample.name == name && labels.iter().all(|label| has(sample, label)))
    }

    /// The sum of all samples with this name and these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.of(name, labels).map(|sample| sample.value).sum()
    }

    /// Upper bound of the bucket in which a percentile of what a histogram has counted since `before` lies, in seconds; infinite in the
    /// last bucket. `None` when nothing was counted.
    pub(crate) fn percentile(&self, before: &Self, name: &str, labels: &[(&str, &str)], percent: f64) -> Option<f64> {
        let name = format!("{name}_bucket");
        let bounds = |metrics: &Self| -> Vec<(f64, f64)> {
            let bucket = |sample: &Sample| {
                let (_, bound) = sample.labels.iter().find(|(key, _)| key == "le")?;
                let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
                Some((bound, sample.value))
            };
            metrics.of(&name, labels).filter_map(bucket).collect()
        };
        let old = bounds(before);
        let earlier = |bound: f64| old.iter().filter(|(found, _)| *found == bound).map(|(_, count)| count).sum::<f64>();
        let mut counts: Vec<(f64, f64)> =
            bounds(self).into_iter().map(|(bound, count)| (bound, count - earlier(bound))).collect();
        counts.sort_by(|one, other| one.0.total_cmp(&other.0));
        let total = counts.last().map(|(_, count)| *count).filter(|count| *count > 0.0)?;
        counts.into_iter().find(|(_, count)| *count >= total * percent / 100.0).map(|(bound, _)| bound)
    }
}

/// Reads `name{key="value",…} 1.5`. No label of the controller holds a quotation mark or a comma.
fn sample(line: &str) -> Option<Sample> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = match series.split_once('{') {
        Some((name, rest)) => (name, rest.trim_end_matches('}')),
        None => (series, ""),
    };
    let label = |text: &str| {
        let (key, value) = text.split_once('=')?;
        Some((key.to_owned(), value.trim_matches('"').to_owned()))
    };
    let labels = labels.split(',').filter_map(label).collect();
    Some(Sample { name: name.to_owned(), labels, value: value.parse().ok()? })
}
