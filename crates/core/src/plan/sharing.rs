//! Whether a binding may bind into a listener that another one has made, by its listenerId: within one namespace it may, across
//! namespaces only where the one that has made it shares it.

use crate::api::mark::{ListenerName, TargetTag};
use crate::model::{Listener, Protocol};

use super::desired::protocol_of;
use super::resolution::row_by_id;
use super::{BindingView, Observed, Problem, Snapshot, problem};

/// A listener that a binding may not bind into.
pub(super) struct Barred {
    /// Why, for people.
    pub(super) problem: Problem,
    /// The binding has bound into it before: what serves goes on.
    pub(super) is_bound: bool,
}

impl Barred {
    /// Asks for an existing listener; `None` where the binding may use it: nobody's mark is on it, or one of its namespace, or the
    /// binding that has made it shares it.
    pub(super) fn check(
        view: &BindingView,
        snapshot: &Snapshot,
        observed: &Observed,
        listener: &Listener,
    ) -> Option<Self> {
        let uid = ListenerName::owner(&listener.name).filter(|uid| !view.is_uid_of_ours(uid))?;
        let namespace = namespace(view);
        let maker = snapshot.bindings.iter().find(|other| other.is_uid_of_ours(uid));
        let is_allowed = match maker {
            Some(maker) => self::namespace(maker) == namespace || shares(maker, listener, namespace),
            None => ListenerName::may_be_of(&listener.name, namespace),
        };
        (!is_allowed).then(|| Self {
            problem: problem::not_shared(listener, maker.map(BindingView::display_name).as_deref(), namespace),
            is_bound: is_bound(view, observed, listener),
        })
    }
}

fn namespace(view: &BindingView) -> &str {
    view.binding.metadata.namespace.as_deref().unwrap_or_default()
}

/// The binding shares its listener of this port with a namespace.
fn shares(maker: &BindingView, listener: &Listener, namespace: &str) -> bool {
    let is_it = |protocol: Protocol, port: i32| {
        port == i32::from(listener.port) && protocol.transport() == listener.protocol.transport()
    };
    let mut specs = maker.binding.spec.listeners.iter().filter(|spec| is_it(protocol_of(spec.protocol), spec.port));
    specs.any(|spec| spec.shared_with.iter().any(|shared| shared == namespace))
}

/// The binding has bound into the listener before: its status says so, or a target there bears its mark.
fn is_bound(view: &BindingView, observed: &Observed, listener: &Listener) -> bool {
    let is_ours = |tag: &str| TargetTag::parse(tag).is_some_and(|tag| view.is_uid_of_ours(&tag.binding_uid));
    let mut routes = observed.targets.iter().filter(|(route, _)| route.listener == listener.id);
    row_by_id(view, &listener.id).is_some() || routes.any(|(_, all)| all.iter().any(|target| is_ours(&target.tag)))
}
