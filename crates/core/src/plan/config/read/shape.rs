//! Which fields a config has, and what each takes. A test holds the table against the definition that is installed.

/// What a field takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A text.
    Text,
    /// A whole number.
    Number,
    /// True or false.
    Switch,
    /// An object.
    Object(&'static Shape),
    /// A list of objects.
    List(&'static Shape),
    /// Anything: a field of the vendor's first design, which is not applied.
    Any,
}

/// The fields of an object.
#[derive(Debug)]
pub(super) struct Shape {
    /// Each field by its name.
    pub(super) fields: &'static [(&'static str, Kind)],
    /// Those that say what the object is about: where one cannot be read, nobody knows.
    pub(super) keys: &'static [(&'static str, Presence)],
}

/// Whether a key has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It has to.
    Needed,
    /// What its absence means is known.
    Optional,
}

impl Shape {
    pub(super) fn kind(&self, name: &str) -> Option<Kind> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, kind)| *kind)
    }
}

/// The spec.
pub(super) const SPEC: Shape = Shape { fields: &[("loadBalancer", Kind::Object(&LOAD_BALANCER))], keys: &[] };

const LOAD_BALANCER: Shape = Shape {
    fields: &[
        ("internetMaxBandwidthOut", Kind::Number),
        ("l4Listeners", Kind::List(&LAYER4)),
        ("l7Listeners", Kind::List(&LAYER7)),
    ],
    keys: &[],
};

pub(super) const LAYER4: Shape = Shape {
    fields: &[
        ("protocol", Kind::Text),
        ("port", Kind::Number),
        ("scheduler", Kind::Text),
        ("listenerName", Kind::Text),
        ("proxyProtocol", Kind::Object(&PROXY_PROTOCOL)),
        ("deregisterTargetRst", Kind::Switch),
        ("session", Kind::Object(&SESSION)),
        ("healthCheck", Kind::Object(&HEALTH_CHECK)),
    ],
    keys: &[("protocol", Presence::Needed), ("port", Presence::Needed)],
};

pub(super) const LAYER7: Shape = Shape {
    fields: &[
        ("protocol", Kind::Text),
        ("port", Kind::Number),
        ("defaultServer", Kind::Text),
        ("keepaliveEnable", Kind::Number),
        ("snatEnable", Kind::Switch),
        ("listenerName", Kind::Text),
        ("sniSwitch", Kind::Any),
        ("domains", Kind::List(&DOMAIN)),
    ],
    keys: &[("protocol", Presence::Needed), ("port", Presence::Needed)],
};

pub(super) const DOMAIN: Shape = Shape {
    fields: &[
        ("domain", Kind::Text),
        ("http2", Kind::Switch),
        ("certificate", Kind::Any),
        ("rules", Kind::List(&RULE)),
    ],
    keys: &[("domain", Presence::Optional)],
};

pub(super) const RULE: Shape = Shape {
    fields: &[
        ("url", Kind::Text),
        ("forwardType", Kind::Text),
        ("scheduler", Kind::Text),
        ("session", Kind::Object(&SESSION)),
        ("healthCheck", Kind::Object(&HEALTH_CHECK)),
    ],
    keys: &[("url", Presence::Needed)],
};

const PROXY_PROTOCOL: Shape = Shape { fields: &[("enable", Kind::Switch)], keys: &[] };

const SESSION: Shape = Shape {
    fields: &[("enable", Kind::Switch), ("enabled", Kind::Switch), ("sessionExpireTime", Kind::Number)],
    keys: &[],
};

const HEALTH_CHECK: Shape = Shape {
    fields: &[
        ("enable", Kind::Switch),
        ("enabled", Kind::Switch),
        ("intervalTime", Kind::Number),
        ("timeout", Kind::Number),
        ("healthNum", Kind::Number),
        ("unHealthNum", Kind::Number),
        ("checkPort", Kind::Number),
        ("checkType", Kind::Text),
        ("contextType", Kind::Text),
        ("sendContext", Kind::Text),
        ("recvContext", Kind::Text),
        ("httpVersion", Kind::Text),
        ("httpCode", Kind::Number),
        ("httpCheckPath", Kind::Text),
        ("httpCheckDomain", Kind::Text),
        ("httpCheckMethod", Kind::Text),
        ("sourceIpType", Kind::Number),
    ],
    keys: &[],
};

/// The objects that have fields, by where they are: for somebody who wrote a field in the wrong place.
pub(super) const PLACES: [(&str, &Shape); 9] = [
    ("spec", &SPEC),
    ("loadBalancer", &LOAD_BALANCER),
    ("l4Listeners[]", &LAYER4),
    ("l7Listeners[]", &LAYER7),
    ("domains[]", &DOMAIN),
    ("rules[]", &RULE),
    ("proxyProtocol", &PROXY_PROTOCOL),
    ("session", &SESSION),
    ("healthCheck", &HEALTH_CHECK),
];
