//! What one machine is about.

use std::fmt;

use crate::api::DirectAccessBinding;
use crate::model::{LoadBalancerId, ObjectKey, Region};
use crate::plan::placement;

/// What one machine is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A load balancer with all its bindings.
    LoadBalancer(Region, LoadBalancerId),
    /// A binding that has no load balancer yet, or none at all.
    Unplaced(Region, ObjectKey),
}

impl Key {
    /// The key of a binding. `region` is the controller's, for bindings that name none.
    pub fn of(binding: &DirectAccessBinding, region: &Region) -> Self {
        if let Some((region, id)) = placement::home(binding, region) {
            return Self::LoadBalancer(region, id);
        }
        let meta = &binding.metadata;
        let (namespace, name) = (meta.namespace.clone(), meta.name.clone());
        let key = ObjectKey::new(namespace.unwrap_or_default(), name.unwrap_or_default());
        Self::Unplaced(placement::region_of(binding, region), key)
    }

    /// The region that it is in.
    pub const fn region(&self) -> &Region {
        let (Self::LoadBalancer(region, _) | Self::Unplaced(region, _)) = self;
        region
    }

    /// The load balancer; an empty id where there is none.
    pub fn load_balancer(&self) -> LoadBalancerId {
        match self {
            Self::LoadBalancer(_, id) => id.clone(),
            Self::Unplaced(..) => LoadBalancerId::new(""),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoadBalancer(region, id) => write!(f, "{region}/{id}"),
            Self::Unplaced(_, binding) => write!(f, "{binding}"),
        }
    }
}
