//! The kit's table and the table of assumptions say the same.

use std::collections::BTreeSet;

use tke_direct_access::conformance::{self, NOT_ASKED};
use tke_direct_access::sim;

#[test]
fn every_assumption_is_asked_or_it_is_said_why_not() {
    let asked: BTreeSet<_> = conformance::beliefs().filter_map(|belief| belief.assumption).collect();
    let not_asked: BTreeSet<_> = NOT_ASKED.iter().map(|(name, _)| *name).collect();
    let known: BTreeSet<_> = sim::beliefs().iter().map(|belief| belief.name).collect();
    assert_eq!(asked.intersection(&not_asked).collect::<Vec<_>>(), Vec::<&&str>::new());
    assert_eq!(asked.union(&not_asked).copied().collect::<BTreeSet<_>>(), known);
}
