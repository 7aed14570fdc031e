//! What is counted of credentials. Names, labels and meanings are those of the [catalog].

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::clb::KeyObserver;
use crate::telemetry::catalog;

/// Names and values of the labels of one series.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Metrics of credentials. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct KeyMetrics {
    expiry: Family<Labels<1>, Gauge>,
    requests: Family<Labels<2>, Counter>,
}

impl KeyMetrics {
    /// Adds them to what is printed.
    pub fn register(&self, registry: &mut Registry) {
        catalog::CREDENTIALS_EXPIRY.register(registry, self.expiry.clone());
        catalog::CREDENTIALS_REQUESTS.register(registry, self.requests.clone());
    }
}

impl KeyObserver for KeyMetrics {
    fn given(&self, source: &'static str, ends: Option<Timestamp>) {
        self.expiry
            .get_or_create(&catalog::CREDENTIALS_EXPIRY.with([source]))
            .set(ends.map_or(0, Timestamp::as_second));
        self.requests.get_or_create(&catalog::CREDENTIALS_REQUESTS.with([source, "given"])).inc();
        // An alarm on growth needs a zero to grow from.
        drop(self.requests.get_or_create(&catalog::CREDENTIALS_REQUESTS.with([source, "failed"])));
    }

    fn failed(&self, source: &'static str) {
        self.requests.get_or_create(&catalog::CREDENTIALS_REQUESTS.with([source, "failed"])).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clb::Source;

    #[test]
    fn each_source_is_in_the_catalog() {
        let label = catalog::CREDENTIALS_EXPIRY.labels.first().unwrap();
        assert!(Source::NAMES.iter().all(|name| label.allows(name)) && !label.allows("elsewhere"));
    }
}
