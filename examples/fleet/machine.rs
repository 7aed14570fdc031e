//! How busy the whole machine is, which all programs of the measurement share.

use std::fs;

use anyhow::{Context, Result};

/// Processor time of all processors since the start of the machine, in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticks {
    busy: u64,
    all: u64,
}

impl Ticks {
    /// Reads the first line of `/proc/stat`: user, nice, system, idle, iowait and so on.
    pub(crate) fn now() -> Result<Self> {
        let text = fs::read_to_string("/proc/stat")?;
        let line = text.lines().next().context("/proc/stat is empty")?;
        let numbers: Vec<u64> = line.split_whitespace().skip(1).take(8).filter_map(|word| word.parse().ok()).collect();
        let idle: u64 = numbers.iter().skip(3).take(2).sum();
        let all: u64 = numbers.iter().sum();
        Ok(Self { busy: all - idle, all })
    }

    /// The busy part of the time since `before`, from 0 to 1.
    pub(crate) fn busy_since(&self, before: &Self) -> f64 {
        let (busy, all) = (self.busy.saturating_sub(before.busy), self.all.saturating_sub(before.all));
        let ratio = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        if all == 0 { 0.0 } else { ratio(busy) / ratio(all) }
    }
}
