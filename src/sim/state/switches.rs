//! Switches of a listener that no member of a reply shows, but flags.

use crate::clb::wire::attr_flag;
use crate::clb::wire::{CreateListener, ModifyListener};

/// What was asked for; `None` is off, and was never asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Switches {
    /// Whether the client's address is replaced; kept, without effect on traffic.
    pub(crate) snat: Option<bool>,
    /// Whether targets are told the client's address by PROXY protocol.
    pub(crate) proxy_protocol: Option<bool>,
    /// Whether HTTP/2 is spoken without TLS; kept, without effect on traffic.
    h2c: Option<bool>,
    /// Whether connections of a target move when its weight becomes 0; kept, without effect on traffic.
    reschedule_target_zero_weight: Option<bool>,
    /// Whether connections of a target move when it becomes unhealthy; kept, without effect on traffic.
    reschedule_unhealthy: Option<bool>,
    /// Whether connections move when targets come or go; kept, without effect on traffic.
    reschedule_expand_target: Option<bool>,
}

impl Switches {
    pub(super) fn of(request: &CreateListener) -> Self {
        Self {
            snat: request.snat_enable,
            proxy_protocol: request.proxy_protocol,
            h2c: request.h2c_switch,
            reschedule_target_zero_weight: request.reschedule_target_zero_weight,
            reschedule_unhealthy: request.reschedule_unhealthy,
            reschedule_expand_target: request.reschedule_expand_target,
        }
    }

    /// The switches after a change, which leaves those as they are that it does not name.
    pub(super) fn changed(self, request: &ModifyListener) -> Self {
        Self {
            snat: request.snat_enable.or(self.snat),
            proxy_protocol: request.proxy_protocol.or(self.proxy_protocol),
            h2c: self.h2c,
            reschedule_target_zero_weight: request.reschedule_target_zero_weight.or(self.reschedule_target_zero_weight),
            reschedule_unhealthy: request.reschedule_unhealthy.or(self.reschedule_unhealthy),
            reschedule_expand_target: request.reschedule_expand_target.or(self.reschedule_expand_target),
        }
    }

    /// The flags of those that are on. Their order is not documented.
    pub(super) fn flags(self) -> impl Iterator<Item = &'static str> {
        let flag = |(on, flag): (Option<bool>, &'static str)| (on == Some(true)).then_some(flag);
        [
            (self.snat, attr_flag::SNAT),
            (self.proxy_protocol, attr_flag::PROXY_PROTOCOL),
            (self.h2c, attr_flag::H2C),
            (self.reschedule_target_zero_weight, attr_flag::RESCHEDULE_TARGET_ZERO_WEIGHT),
            (self.reschedule_unhealthy, attr_flag::RESCHEDULE_UNHEALTHY),
            (self.reschedule_expand_target, attr_flag::RESCHEDULE_EXPAND_TARGET),
        ]
        .into_iter()
        .filter_map(flag)
    }
}
