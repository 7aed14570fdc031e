//! Bindings whose targets get no weight from anybody at present: to wait for it would be in vain.

use std::time::Duration;

use tokio::time::timeout;

use crate::cli::Error;
use crate::cli::output::{Printer, Tone};
use crate::cli::session::Session;
use crate::cli::world::{Seen, World};
use crate::plan::{Frozen, Management, selects};

/// What is to become of the Pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// They get weight 0.
    Out,
    /// They get their weight back.
    Back,
}

impl Way {
    pub(super) const fn new(is_undone: bool) -> Self {
        if is_undone { Self::Back } else { Self::Out }
    }
}

/// When what is asked for is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    /// The controller is about to do it.
    Soon,
    /// Not before what bars it has ended.
    Later,
}

/// What of the bindings of some Pods sets no weights.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Barred {
    /// Why each of those does not, with what to do.
    why: Vec<String>,
    /// How many others do.
    others: usize,
}

/// Looks at the bindings whose Service selects one of these Pods. What CLB has to say is waited for so long; without it, what the
/// bindings themselves say counts.
pub(super) async fn find(
    session: &Session,
    way: Way,
    is_meant: &dyn Fn(&str) -> bool,
    patience: Duration,
) -> Result<Barred, Error> {
    let world = World::read(session, false).await?;
    let Ok(sights) = timeout(patience, world.look(session)).await else { return Ok(by_objects(&world, way, is_meant)) };
    let sights = sights?;
    let mut found = Barred::default();
    for seen in sights.iter().flat_map(|sight| sight.bindings()).filter(|seen| world.is_asked_for(&seen.view.binding)) {
        let mut pods = seen.view.pods.values().filter(|pod| is_meant(&pod.key.name));
        let is_selecting = seen.view.service.as_deref().is_some_and(|service| pods.any(|pod| selects(service, pod)));
        found.add(is_selecting, bar(&seen, way));
    }
    Ok(found)
}

/// By what the bindings themselves say.
fn by_objects(world: &World, way: Way, is_meant: &dyn Fn(&str) -> bool) -> Barred {
    let mut found = Barred::default();
    for row in world.stores.bindings.all().iter().filter(|row| world.is_asked_for(&row.0)) {
        let (meta, spec) = (&row.0.metadata, &row.0.spec);
        let (namespace, name) = (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default());
        let pods = world.stores.pods.rows(&namespace);
        let mut pods = pods.values().filter(|pod| is_meant(&pod.key.name));
        let service = world.stores.services.row(&namespace, &spec.service_ref.name);
        let is_selecting = service.is_some_and(|service| pods.any(|pod| selects(&service, pod)));
        let is_suspended = spec.suspend && meta.deletion_timestamp.is_none();
        let management = if is_suspended { Management::Freeze(Frozen::Suspended) } else { Management::Manage };
        found.add(is_selecting, words(management, way, &format!("{namespace}/{name}")));
    }
    found
}

impl Barred {
    fn add(&mut self, is_selecting: bool, why: Option<String>) {
        match why.filter(|_| is_selecting) {
            Some(why) => self.why.push(why),
            None => self.others += usize::from(is_selecting),
        }
    }

    /// When it is done. What nobody would do is refused, but for the end of a drain: a drain that was forgotten would come true later.
    pub(super) fn outlook(&self, way: Way) -> Result<Outlook, Error> {
        if self.others > 0 || self.why.is_empty() {
            return Ok(Outlook::Soon);
        }
        match way {
            Way::Out => Err(Error::Argument(format!("nothing is changed: {}", self.why.join("; ")))),
            Way::Back => Ok(Outlook::Later),
        }
    }

    /// Says where nobody does it.
    pub(super) fn print(&self, printer: &mut Printer) -> Result<(), Error> {
        let mark = printer.tint(Tone::Odd, "!");
        self.why.iter().try_for_each(|why| printer.line(format!("{mark} {why}")))
    }
}

/// Why nobody sets weights of a binding's targets; `None` where the controller does.
pub(super) fn bar(seen: &Seen<'_>, way: Way) -> Option<String> {
    words(seen.plan.management, way, &seen.view.display_name())
}

fn words(management: Management, way: Way, binding: &str) -> Option<String> {
    let (namespace, name) = binding.split_once('/').unwrap_or(("", binding));
    let resume = format!("kubectl direct-access resume {name} -n {namespace}");
    let explain = format!("`kubectl direct-access explain dab/{name} -n {namespace}` says what to do");
    Some(match management {
        // That of the controller may be another one than that of whoever asks.
        Management::Manage | Management::Hold | Management::Freeze(Frozen::OtherAccount) => return None,
        Management::Freeze(Frozen::Suspended) if way == Way::Back => format!(
            "DirectAccessBinding '{binding}' is suspended, and while it is, targets keep the weight that they have: run `{resume}` to have \
             them go back into service"
        ),
        Management::Freeze(Frozen::Suspended) => format!(
            "DirectAccessBinding '{binding}' is suspended, and while it is, only targets of Pods that are gone lose their weight: run \
             `{resume}` first, or delete the Pods"
        ),
        Management::Freeze(_) => {
            format!("DirectAccessBinding '{binding}' sets no weights at present: {explain}")
        }
        Management::Observe => format!(
            "DirectAccessBinding '{binding}' is of mode Delegate, and TKE's own service controller sets the weights: set them in the Service's \
             lb-rs-weight"
        ),
        Management::Park(_) | Management::Release(_) | Management::Abandon(_) => {
            format!("DirectAccessBinding '{binding}' is on its way out, and sets no weights any more: {explain}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Heir;

    #[test]
    fn who_sets_no_weights_says_what_to_do() {
        for (management, expected) in [
            (Management::Manage, None),
            (Management::Hold, None),
            (Management::Freeze(Frozen::Suspended), Some("run `kubectl direct-access resume web -n shop` first")),
            (Management::Freeze(Frozen::LeftToTke), Some("`kubectl direct-access explain dab/web -n shop`")),
            (Management::Observe, Some("mode Delegate")),
            (Management::Abandon(Heir::Nobody), Some("on its way out")),
        ] {
            let said = words(management, Way::Out, "shop/web");
            assert_eq!(said.is_some(), expected.is_some(), "{management:?}");
            assert!(expected.is_none_or(|words| said.is_some_and(|said| said.contains(words))), "{management:?}");
            assert_eq!(words(management, Way::Back, "shop/web").is_some(), expected.is_some(), "{management:?}");
        }
        let back = words(Management::Freeze(Frozen::Suspended), Way::Back, "shop/web").unwrap_or_default();
        assert!(back.contains("`kubectl direct-access resume web -n shop` to have them go back"), "{back}");
    }

    #[test]
    fn only_what_nobody_does_is_refused() {
        let barred = |why: &[&str], others| Barred { why: why.iter().map(|one| (*one).to_owned()).collect(), others };
        for way in [Way::Out, Way::Back] {
            let none = barred(&[], 0).outlook(way).unwrap();
            assert_eq!(none, Outlook::Soon, "no binding has the Pods yet");
            assert_eq!(barred(&["one"], 1).outlook(way).unwrap(), Outlook::Soon);
        }
        let nobody = barred(&["one", "two"], 0);
        assert_eq!(nobody.outlook(Way::Out).unwrap_err().to_string(), "nothing is changed: one; two");
        assert_eq!(nobody.outlook(Way::Back).unwrap(), Outlook::Later, "a drain can be taken back at any time");
    }
}
