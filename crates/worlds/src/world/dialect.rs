//! What the cloud of a story is like.

use std::time::Duration;

use tke_direct_access::sim::{Departure, Settings};

use super::World;
use crate::act::{Act, Dialect};
use crate::story::Story;

impl World {
    /// The cloud shows no tags of targets.
    pub(super) fn hides_tags(&self) -> bool {
        settings(&self.story).dialect.has(Departure::TagsHidden)
    }
}

/// The settings of the cloud of a story.
pub(super) fn settings(story: &Story) -> Settings {
    let mut settings =
        Settings { rate_per_second: None, account: crate::replica::ACCOUNT.to_owned(), ..Settings::default() };
    // How long a lock lasts is of the story, as whatever else there is.
    settings.timing.tail = Duration::ZERO;
    let dialects = story.acts.iter().filter_map(|(_, act)| match act {
        Act::Dialect(dialect) => Some(dialect),
        _ => None,
    });
    for dialect in dialects {
        match *dialect {
            Dialect::Departs(departure) => settings.dialect.add(departure),
            Dialect::Tasks(time) => settings.timing.task = Duration::from_millis(time),
            Dialect::Tail(time) => settings.timing.tail = Duration::from_millis(time),
            Dialect::Listeners(most) => settings.quotas.listeners = most,
            Dialect::Rate(rate) => settings.rate_per_second = Some(rate),
            Dialect::Targets(most) => settings.quotas.targets = most,
        }
    }
    settings
}
