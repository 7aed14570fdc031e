//! What the cloud of a story is like.

use std::time::Duration;

use tke_direct_access::sim::{AttributeFlags, BatchMode, Settings, TargetTags};

use super::World;
use crate::act::{Act, Dialect};
use crate::story::Story;

impl World {
    /// The cloud shows no tags of targets.
    pub(super) fn hides_tags(&self) -> bool {
        settings(&self.story).target_tags == TargetTags::Hidden
    }
}

/// The settings of the cloud of a story.
pub(super) fn settings(story: &Story) -> Settings {
    let mut settings =
        Settings { rate_per_second: None, account: crate::replica::ACCOUNT.to_owned(), ..Settings::default() };
    let dialects = story.acts.iter().filter_map(|(_, act)| match act {
        Act::Dialect(dialect) => Some(dialect),
        _ => None,
    });
    for dialect in dialects {
        match *dialect {
            Dialect::BatchTasks => settings.batch = BatchMode::Task,
            Dialect::FlagsHidden => settings.attribute_flags = AttributeFlags::Hidden,
            Dialect::TagsHidden => settings.target_tags = TargetTags::Hidden,
            Dialect::Tasks(time) => settings.timing.task = Duration::from_millis(time),
            Dialect::Tail(time) => settings.timing.tail = Duration::from_millis(time),
            Dialect::Listeners(most) => settings.quotas.listeners = most,
            Dialect::Rate(rate) => settings.rate_per_second = Some(rate),
            Dialect::Targets(most) => settings.quotas.targets = most,
        }
    }
    settings
}
