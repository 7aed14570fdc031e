//! Clouds that depart in several ways at once: few of them, in which each two ways meet.

use std::collections::BTreeSet;

use tke_direct_access::sim::{Departure, Dialect};

/// Two departures, each with whether the cloud departs in this way.
type Pair = ((Departure, bool), (Departure, bool));

/// Clouds among which each two departures occur together, each without the other, and not at all, as far as they do not exclude each
/// other. Always the same ones.
pub fn pairwise() -> Vec<Dialect> {
    let mut left = pairs();
    let mut clouds = Vec::new();
    while let Some(first) = left.first().copied() {
        let cloud = next(&left, first);
        let before = left.len();
        left.retain(|pair| !occurs(&cloud, pair));
        clouds.push(cloud);
        if left.len() == before {
            break;
        }
    }
    clouds
}

/// All pairs that a cloud may have.
fn pairs() -> BTreeSet<Pair> {
    let mut pairs = BTreeSet::new();
    for (place, one) in Departure::ALL.iter().enumerate() {
        for other in Departure::ALL.iter().skip(place + 1) {
            let both = |(one_is, other_is): (bool, bool)| ((*one, one_is), (*other, other_is));
            let all = [(true, true), (true, false), (false, true), (false, false)];
            let is_possible = |is: &(bool, bool)| *is != (true, true) || !Dialect::from([*one, *other]).is_impossible();
            pairs.extend(all.into_iter().filter(is_possible).map(both));
        }
    }
    pairs
}

fn occurs(cloud: &Dialect, ((one, one_is), (other, other_is)): &Pair) -> bool {
    cloud.has(*one) == *one_is && cloud.has(*other) == *other_is
}

/// A cloud with this pair, and with as many others that are left as can be found one departure after another.
fn next(left: &BTreeSet<Pair>, first: Pair) -> Dialect {
    let mut decided = vec![first.0, first.1];
    for departure in Departure::ALL {
        if decided.iter().any(|(known, _)| known == departure) {
            continue;
        }
        let gain = |is: bool| {
            let new = (*departure, is);
            decided.iter().filter(|known| left.contains(&(**known, new)) || left.contains(&(new, **known))).count()
        };
        let with = decided.iter().filter(|(_, is)| *is).map(|(known, _)| *known).chain([*departure]);
        let is_possible = !with.collect::<Dialect>().is_impossible();
        decided.push((*departure, is_possible && gain(true) >= gain(false)));
    }
    decided.into_iter().filter(|(_, is)| *is).map(|(departure, _)| departure).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_occurs_that_may_and_no_cloud_is_impossible() {
        let clouds = pairwise();
        let missing: Vec<_> =
            pairs().into_iter().filter(|pair| !clouds.iter().any(|cloud| occurs(cloud, pair))).collect();
        assert_eq!(missing, []);
        assert!(clouds.iter().all(|cloud| !cloud.is_impossible()));
        assert!(clouds.len() <= 16, "{}", clouds.len());
        // Of the pairs that would need all departures, those are left out that exclude each other, and no others.
        let count = Departure::ALL.len() * (Departure::ALL.len() - 1) / 2;
        assert_eq!(pairs().len(), 4 * count - tke_direct_access::sim::EXCLUSIVE.len());
    }
}
