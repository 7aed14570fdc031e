//! What each setting of a config means: where replies of the cloud show it. Written from the definition's descriptions and the reference
//! of the cloud, and not from the code that applies them.

use serde_json::{Value, json};

/// How a value is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One of these words, in any case; an empty one says nothing.
    Word(&'static [&'static str]),
    /// A text; an empty one says nothing.
    Text,
    /// A number; 0 says nothing.
    Count,
    /// A number within these bounds.
    Number(i64, i64),
    /// True or false.
    Switch,
}

/// Where replies show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In this member of the listener or rule.
    Member(&'static str),
    /// Among the flags of the listener.
    Flag(&'static str),
    /// In the seconds of the session, together with the other members.
    Session,
    /// In the switch of the check; the old spelling counts where the new one is not there.
    CheckSwitch,
    /// In a rule of this domain.
    DefaultServer,
    /// It is never applied, and is always reported.
    Nowhere,
    /// It says what the entry is about.
    Key,
    /// On the load balancer.
    LoadBalancer(&'static str),
}

const ON: &str = "healthCheck.enable";

/// Each setting, by its path in its entry.
pub(super) const SETTINGS: &[(&str, Form, Place)] = &[
    ("internetMaxBandwidthOut", Form::Count, Place::LoadBalancer("/NetworkAttributes/InternetMaxBandwidthOut")),
    ("protocol", Form::Text, Place::Key),
    ("port", Form::Count, Place::Key),
    ("domain", Form::Text, Place::Key),
    ("url", Form::Text, Place::Key),
    ("scheduler", Form::Word(&["WRR", "LEAST_CONN", "IP_HASH"]), Place::Member("/Scheduler")),
    ("listenerName", Form::Text, Place::Nowhere),
    ("sniSwitch", Form::Text, Place::Nowhere),
    ("certificate", Form::Text, Place::Nowhere),
    ("proxyProtocol.enable", Form::Switch, Place::Flag("ProxyProtocol")),
    ("snatEnable", Form::Switch, Place::Flag("SnatEnable")),
    ("deregisterTargetRst", Form::Switch, Place::Member("/DeregisterTargetRst")),
    ("keepaliveEnable", Form::Number(0, 1), Place::Member("/KeepaliveEnable")),
    ("defaultServer", Form::Text, Place::DefaultServer),
    ("http2", Form::Switch, Place::Member("/Http2")),
    ("forwardType", Form::Word(&["HTTP", "HTTPS", "GRPC", "GRPCS"]), Place::Member("/ForwardType")),
    ("session.enable", Form::Switch, Place::Session),
    ("session.enabled", Form::Switch, Place::Session),
    ("session.sessionExpireTime", Form::Number(0, 86_400), Place::Session),
    (ON, Form::Switch, Place::CheckSwitch),
    ("healthCheck.enabled", Form::Switch, Place::CheckSwitch),
    ("healthCheck.intervalTime", Form::Count, Place::Member("/HealthCheck/IntervalTime")),
    ("healthCheck.timeout", Form::Count, Place::Member("/HealthCheck/TimeOut")),
    ("healthCheck.healthNum", Form::Count, Place::Member("/HealthCheck/HealthNum")),
    ("healthCheck.unHealthNum", Form::Count, Place::Member("/HealthCheck/UnHealthNum")),
    ("healthCheck.checkPort", Form::Count, Place::Member("/HealthCheck/CheckPort")),
    (
        "healthCheck.checkType",
        Form::Word(&["TCP", "HTTP", "HTTPS", "GRPC", "PING", "CUSTOM"]),
        Place::Member("/HealthCheck/CheckType"),
    ),
    ("healthCheck.contextType", Form::Word(&["HEX", "TEXT"]), Place::Member("/HealthCheck/ContextType")),
    ("healthCheck.sendContext", Form::Text, Place::Member("/HealthCheck/SendContext")),
    ("healthCheck.recvContext", Form::Text, Place::Member("/HealthCheck/RecvContext")),
    ("healthCheck.httpVersion", Form::Word(&["HTTP/1.0", "HTTP/1.1"]), Place::Member("/HealthCheck/HttpVersion")),
    ("healthCheck.httpCode", Form::Count, Place::Member("/HealthCheck/HttpCode")),
    ("healthCheck.httpCheckPath", Form::Text, Place::Member("/HealthCheck/HttpCheckPath")),
    ("healthCheck.httpCheckDomain", Form::Text, Place::Member("/HealthCheck/HttpCheckDomain")),
    ("healthCheck.httpCheckMethod", Form::Word(&["HEAD", "GET"]), Place::Member("/HealthCheck/HttpCheckMethod")),
    ("healthCheck.sourceIpType", Form::Number(0, 1), Place::Member("/HealthCheck/SourceIpType")),
];

/// The setting at a path of an entry.
pub(super) fn setting(path: &str) -> Option<(Form, Place)> {
    SETTINGS.iter().find(|(known, ..)| *known == path).map(|(_, form, place)| (*form, *place))
}

/// What a value says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// Nothing.
    Nothing,
    /// This is to be shown.
    This(Value),
    /// Nobody can read it.
    Unreadable,
}

/// Reads a value.
pub(super) fn said(form: Form, value: &Value) -> Said {
    match (form, value) {
        (_, Value::Null) => Said::Nothing,
        (Form::Word(_) | Form::Text, Value::String(text)) if text.is_empty() => Said::Nothing,
        (Form::Text, Value::String(text)) => Said::This(json!(text)),
        (Form::Word(words), Value::String(text)) => {
            let word = words.iter().find(|word| word.eq_ignore_ascii_case(text));
            word.map_or(Said::Unreadable, |word| Said::This(json!(word)))
        }
        (Form::Count, Value::Number(number)) if number.as_i64() == Some(0) => Said::Nothing,
        // The target's own port is what no port is shown for.
        (Form::Count, Value::Number(number)) if number.as_i64() == Some(-1) => Said::This(Value::Null),
        (Form::Count, Value::Number(number)) if number.is_i64() => Said::This(value.clone()),
        (Form::Number(least, most), Value::Number(number)) => match number.as_i64() {
            Some(number) if (least..=most).contains(&number) => Said::This(value.clone()),
            _ => Said::Unreadable,
        },
        (Form::Switch, Value::Bool(_)) => Said::This(value.clone()),
        _ => Said::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::admit::Definitions;

    fn leaves(schema: &Value, path: &str, found: &mut Vec<String>) {
        let properties = schema.get("properties").and_then(Value::as_object);
        match (properties, schema.get("items")) {
            (Some(properties), _) => {
                for (name, property) in properties {
                    leaves(property, &if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, found);
                }
            }
            // An entry of its own.
            (None, Some(items)) => leaves(items, "", found),
            (None, None) => found.push(path.trim_start_matches("loadBalancer.").to_owned()),
        }
    }

    #[test]
    fn each_setting_of_the_definition_is_in_the_table() {
        let mut found = Vec::new();
        leaves(Definitions::new().config_schema(), "", &mut found);
        let missing: Vec<_> = found.iter().filter(|path| setting(path).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
        let gone: Vec<_> = SETTINGS.iter().filter(|(path, ..)| !found.iter().any(|one| one == path)).collect();
        assert!(gone.is_empty(), "{gone:?}");
    }
}
