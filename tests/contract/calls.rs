//! Calls that are written down in a table, and made to a cloud without sockets.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tke_direct_access::clb::wire::Service;
use tke_direct_access::sim::{Identities, PureCloud, Settings};

/// A call of the tables: `calls.json` and `refused.json`. The SDK's script makes the same ones.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    pub(crate) action: String,
    /// Texts that begin with `$` stand for what an earlier call has given; `{"$times": 3, "$of": 1}` stands for `[1, 1, 1]`.
    #[serde(default)]
    pub(crate) parameters: Value,
    /// What is kept of the reply: a name, and where it is.
    #[serde(default)]
    pub(crate) keep: BTreeMap<String, String>,
    /// What the call shows beside the others.
    #[serde(default)]
    pub(crate) case: String,
    /// The code that it is refused with; empty: it succeeds.
    #[serde(default)]
    pub(crate) code: String,
}

/// The calls of a table.
pub(crate) fn table(text: &str) -> Vec<Call> {
    serde_json::from_str(text).expect("a table of calls")
}

/// Those that together show every action, and the replies in all their forms.
pub(crate) fn all() -> Vec<Call> {
    table(include_str!("calls.json"))
}

/// A cloud, and what the calls so far have given.
pub(crate) struct Caller {
    cloud: PureCloud,
    kept: BTreeMap<String, Value>,
    calls: u32,
}

impl Caller {
    /// A new cloud in which nothing takes time.
    pub(crate) fn new() -> Self {
        let identities = Identities {
            provider: "provider".to_owned(),
            role_arn: "qcs::cam::uin/100000000001:roleName/direct-access".to_owned(),
            tokens: ["token".to_owned()].into(),
            ..Identities::default()
        };
        let cloud = PureCloud::new(&Settings { identities, ..Settings::instant() }, Timestamp::UNIX_EPOCH);
        Self { cloud, kept: BTreeMap::new(), calls: 0 }
    }

    /// Makes a call, and gives the body of the reply.
    pub(crate) fn call(&mut self, service: Service, call: &Call) -> Value {
        self.calls += 1;
        let id = format!("00000000-0000-4000-8000-{:012}", self.calls);
        let body = self.filled(&call.parameters).to_string();
        let now = Duration::from_secs(u64::from(self.calls));
        let arrived = self.cloud.call(service, &call.action, body.as_bytes(), &id, now);
        let (status, reply) = arrived.reply.expect("the call is answered");
        let reply: Value = serde_json::from_slice(&reply).expect("a reply in JSON");
        assert_eq!(status, 200);
        for (name, pointer) in &call.keep {
            let value = reply["Response"].pointer(pointer);
            let value = value.unwrap_or_else(|| panic!("{} gives no {pointer}: {reply}", call.action));
            self.kept.insert(format!("${name}"), value.clone());
        }
        reply["Response"].clone()
    }

    /// Parameters with what was kept in its places. None at all are `{}`.
    fn filled(&self, parameters: &Value) -> Value {
        match parameters {
            Value::Null => Value::Object(serde_json::Map::new()),
            Value::String(text) if text.starts_with('$') => {
                self.kept.get(text).unwrap_or_else(|| panic!("nothing has given {text}")).clone()
            }
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Value::Object(members) if members.contains_key("$times") => {
                let times = members["$times"].as_u64().expect("a number of times");
                (0..times).map(|_| self.filled(&members["$of"])).collect()
            }
            Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), self.filled(value))).collect(),
            other => other.clone(),
        }
    }
}
