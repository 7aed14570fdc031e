//! Services that carry TKE's annotations, read as the binding that they stand for.

mod keys;
mod listeners;
mod load_balancer;
#[cfg(test)]
mod tests;

use crate::api::binding::{
    DeletionPolicy, DirectAccessBindingSpec, DrainAction, DrainSpec, LoadBalancerSpec, ServiceRef,
};
use crate::api::names;
use crate::model::Service;

pub use keys::{KEYS, Key, Treatment};

/// Which annotated Services get a binding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acceptance {
    /// None.
    #[default]
    Off,
    /// Those of our own load balancer class.
    OwnClass,
    /// Those of our own class and of none, unless TKE's own service controller has them.
    All,
}

/// What decides about Services besides their own annotations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// Which Services are taken.
    pub acceptance: Acceptance,
    /// TKE's own service controller is there.
    pub has_tke: bool,
    /// Services that do not say are taken to ask for direct access.
    pub is_default: bool,
}

/// An annotation that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its key.
    pub key: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
}

/// What a Service asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// Nothing.
    None,
    /// Direct access, which it does not get for this reason.
    Refused(String),
    /// A binding with this spec.
    Binding(Box<DirectAccessBindingSpec>),
}

/// What the annotations of a Service say.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What it asks for.
    pub wish: Wish,
    /// What cannot be followed; the rest is.
    pub faults: Vec<Fault>,
    /// Annotations that are known and not acted on.
    pub ignored: Vec<&'static str>,
}

/// The annotations that the user has set, with the faults found so far.
struct Reader<'a> {
    service: &'a Service,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    /// The value of an annotation; `None` when it is absent, or ours.
    fn text(&self, key: &str) -> Option<&'a str> {
        let is_ours = self.service.our_annotations.iter().any(|ours| ours == key);
        self.service.annotations.get(key).map(|value| value.trim()).filter(|_| !is_ours)
    }

    fn fault(&mut self, key: &'static str, message: impl Into<String>) {
        self.faults.push(Fault { key, message: message.into() });
    }

    fn switch(&mut self, key: &'static str) -> Option<bool> {
        match self.text(key)? {
            "true" => Some(true),
            "false" => Some(false),
            other => {
                self.fault(key, format!("\"{other}\" is neither \"true\" nor \"false\"; correct it"));
                None
            }
        }
    }
}

/// Reads the annotations of a Service.
pub fn read(service: &Service, setting: Setting) -> Reading {
    let mut reader = Reader { service, faults: Vec::new() };
    let mut reading = Reading { wish: Wish::None, faults: Vec::new(), ignored: Vec::new() };
    if !concerns_us(service, setting.acceptance) {
        return reading;
    }
    let is_asked = match reader.text(names::DIRECT_ACCESS) {
        None => setting.is_default,
        Some(_) => reader.switch(names::DIRECT_ACCESS).unwrap_or(false),
    };
    if is_asked {
        reading.wish = if is_left_to_tke(service, setting.has_tke) {
            Wish::Refused(
                "TKE's own service controller programs this Service; set the annotation service.cloud.tencent.com/mode to \
                 skip, and this controller takes it over"
                    .to_owned(),
            )
        } else {
            Wish::Binding(Box::new(spec(&mut reader)))
        };
        let is_ignored = |key: &&Key| key.treatment == Treatment::Ignored && reader.text(key.name).is_some();
        reading.ignored = KEYS.iter().filter(is_ignored).map(|key| key.name).collect();
    }
    reading.faults = reader.faults;
    reading
}

fn concerns_us(service: &Service, acceptance: Acceptance) -> bool {
    let is_own_class = service.load_balancer_class.as_deref() == Some(names::LOAD_BALANCER_CLASS);
    service.is_load_balancer
        && !service.is_deleting
        && match acceptance {
            Acceptance::Off => false,
            Acceptance::OwnClass => is_own_class,
            Acceptance::All => is_own_class || service.load_balancer_class.is_none(),
        }
}

/// True when the Service has a binding made for it when it has none.
pub fn asks_for_direct_access(service: &Service, acceptance: Acceptance, is_default: bool) -> bool {
    matches!(read(service, Setting { acceptance, has_tke: false, is_default }).wish, Wish::Binding(_))
}

/// True when TKE's own service controller programs the Service, or would: it has left its marks there, or it is at work in the
/// cluster, and the Service is not kept from it by its class or by `mode: skip`.
pub fn is_left_to_tke(service: &Service, has_tke: bool) -> bool {
    let is_skipped = service.annotations.get(names::MODE).map(String::as_str) == Some(names::MODE_SKIP);
    let is_marked = service.has_tke_finalizer || service.annotations.contains_key(names::CLIENT_TOKEN);
    service.is_load_balancer && service.load_balancer_class.is_none() && !is_skipped && (has_tke || is_marked)
}

fn spec(reader: &mut Reader<'_>) -> DirectAccessBindingSpec {
    if reader.text(names::SERVICE_CONFIG).is_some() && reader.switch(names::SERVICE_CONFIG_AUTO) == Some(true) {
        reader.fault(
            names::SERVICE_CONFIG_AUTO,
            "it excludes tke-service-config, which is followed; remove one of the two",
        );
    }
    if let Some(mode) = reader.text(names::MODE).filter(|mode| *mode != names::MODE_SKIP) {
        reader.fault(names::MODE, format!("\"{mode}\" is not known; \"skip\" is"));
    }
    reader.check_weights();
    let load_balancer = reader.load_balancer();
    let is_created = load_balancer.create.is_some();
    let is_retained = [names::LOAD_BALANCER_RETAIN, names::DELETION_PROTECTION]
        .into_iter()
        .filter_map(|key| reader.switch(key))
        .any(|is_retained| is_retained);
    DirectAccessBindingSpec {
        service_ref: ServiceRef { name: reader.service.key.name.clone() },
        load_balancer: Some(load_balancer),
        listeners: reader.listeners(),
        drain: reader.drain(),
        deletion_policy: if is_created && !is_retained { DeletionPolicy::Delete } else { DeletionPolicy::Deregister },
        mode: crate::api::binding::Mode::default(),
        service_config_ref: None,
        auto_service_config: false,
        network: crate::api::binding::NetworkMode::default(),
        readiness_gate: crate::api::binding::ReadinessGateSpec::default(),
        suspend: false,
    }
}

impl Reader<'_> {
    fn drain(&mut self) -> DrainSpec {
        let action = |is_graceful: Option<bool>| match is_graceful {
            Some(false) => DrainAction::Deregister,
            _ => DrainAction::WeightZero,
        };
        DrainSpec {
            terminating: action(self.switch(names::GRACE_SHUTDOWN)),
            not_ready: action(self.switch(names::GRACE_SHUTDOWN_NOT_READY)),
            ..DrainSpec::default()
        }
    }

    /// The weights are read where they are used; here it is only told when they cannot be.
    fn check_weights(&mut self) {
        if let Some(Err(error)) = self.text(names::RS_WEIGHT).map(serde_json::from_str::<serde_json::Value>) {
            self.fault(names::RS_WEIGHT, format!("it is not JSON ({error}); correct it"));
        }
    }

    fn load_balancer(&mut self) -> LoadBalancerSpec {
        let region = self.text(names::CROSS_REGION_ID).filter(|region| !region.is_empty()).map(str::to_owned);
        match self.text(names::EXISTING_LOAD_BALANCER_ID).filter(|id| !id.is_empty()) {
            Some(id) => {
                for key in [names::SECURITY_GROUPS, names::PASS_TO_TARGET] {
                    if self.text(key).is_some() {
                        self.fault(
                            key,
                            "it is not applied to a load balancer given by tke-existed-lbid; set it there yourself",
                        );
                    }
                }
                LoadBalancerSpec { id: Some(id.to_owned()), region, create: None }
            }
            None => LoadBalancerSpec { id: None, region, create: Some(self.create()) },
        }
    }
}
