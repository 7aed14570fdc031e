//! Makes a story that fails shorter, as long as it breaks the same rule.

use crate::story::Story;
use crate::world::play;

/// The shortest story that is found which breaks the same rule as this one; the story itself where it breaks none.
pub fn shrink(story: &Story) -> Story {
    let Some(rule) = broken(story) else { return story.clone() };
    let mut shortest = story.clone();
    // Whole halves first, then quarters, down to single acts; again as long as something goes.
    loop {
        let before = shortest.acts.len();
        let mut size = (before / 2).max(1);
        loop {
            let mut start = 0;
            while start < shortest.acts.len() {
                let mut shorter = shortest.clone();
                let end = (start + size).min(shorter.acts.len());
                shorter.acts.drain(start..end);
                if broken(&shorter) == Some(rule) {
                    shortest = shorter;
                } else {
                    start = end;
                }
            }
            if size == 1 {
                break;
            }
            size /= 2;
        }
        if shortest.acts.len() == before {
            return shortest;
        }
    }
}

/// The first rule that a story breaks.
fn broken(story: &Story) -> Option<&'static str> {
    play(story).violations.first().map(|violation| violation.rule)
}
