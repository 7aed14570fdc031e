//! What chance decides: a number that follows from the seed, from what it is asked about, and from how often that was asked.

use std::collections::BTreeMap;
use std::time::Duration;

/// Decides by a seed. The same question about the same thing is answered anew each time, and in the same way in each telling of a story,
/// whatever else was asked in between.
#[derive(Debug)]
pub(crate) struct Chance {
    seed: u64,
    asked: BTreeMap<u64, u64>,
}

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, asked: BTreeMap::new() }
    }

    /// Any number.
    pub(crate) fn number(&mut self, about: &str) -> u64 {
        let place = hash(self.seed, about.as_bytes());
        let count = self.asked.entry(place).or_default();
        *count += 1;
        mixed(place ^ count.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// A number below this one, which is not 0.
    pub(crate) fn below(&mut self, about: &str, bound: u64) -> u64 {
        self.number(about) % bound.max(1)
    }

    /// One of these.
    pub(crate) fn one_of<'a, T>(&mut self, about: &str, of: &'a [T]) -> &'a T {
        let place = self.below(about, of.len() as u64);
        &of[usize::try_from(place).unwrap_or_default()]
    }

    /// Whether something comes about that does once in so many times.
    pub(crate) fn once_in(&mut self, about: &str, times: u64) -> bool {
        self.below(about, times) == 0
    }

    /// How long something takes: usually around `usual`, now and then up to ten times as long.
    pub(crate) fn latency(&mut self, about: &str, usual: Duration) -> Duration {
        let number = self.number(about);
        let tenths = 5 + number % 10;
        let factor = if (number >> 32).is_multiple_of(16) { 10 } else { 1 };
        usual.mul_f64(f64::from(u32::try_from(tenths * factor).unwrap_or(10)) / 10.0)
    }
}

/// A hash of these bytes (FNV-1a), the same on every machine.
pub(crate) fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let start = 0xCBF2_9CE4_8422_2325 ^ mixed(seed);
    mixed(bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)))
}

/// SplitMix64's last step.
pub(crate) const fn mixed(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// A UID that follows from a number, in the usual form; no two are alike in their first eight characters for a few thousand numbers.
pub(crate) fn uid(number: u64) -> String {
    let (a, b) = (mixed(number ^ 0xA5A5), mixed(number ^ 0x5A5A_0000));
    // The first part counts, so that it is unique.
    let first = u32::try_from(number & 0xFFFF_FFFF).unwrap_or_default().wrapping_mul(0x9E37_79B1);
    format!(
        "{first:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        a & 0xFFFF,
        (a >> 16) & 0xFFF,
        (a >> 32) & 0xFFF,
        b & 0xFFFF_FFFF_FFFF
    )
}
