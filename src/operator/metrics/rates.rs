//! How fast calls of the cloud may follow one another, asked of the clients when it is printed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use crate::clb::Rates;
use crate::telemetry::catalog;

/// The rates of the clients that there are. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct ClientRates(Arc<Mutex<Vec<Rates>>>);

impl ClientRates {
    /// Shows the rates of this client, too, for as long as there is one.
    pub(super) fn add(&self, rates: Rates) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|known| !known.is_over());
        all.push(rates);
    }

    /// The lowest rate of each action.
    fn lowest(&self) -> BTreeMap<&'static str, f64> {
        let mut lowest = BTreeMap::new();
        for (action, rate) in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().flat_map(Rates::now) {
            lowest.entry(action).and_modify(|known: &mut f64| *known = known.min(rate)).or_insert(rate);
        }
        lowest
    }
}

impl Collector for ClientRates {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut metric = catalog::CALL_RATE.gauge(&mut encoder)?;
        for (action, rate) in self.lowest() {
            metric.encode_family(&catalog::CALL_RATE.with([action]))?.encode_gauge(&rate)?;
        }
        Ok(())
    }
}
