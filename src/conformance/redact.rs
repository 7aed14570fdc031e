//! A recording without anything of the account that it was made in. Pure.
//!
//! What is kept is listed; everything else goes. Ids, addresses and the run's own names become others that are the same in every place,
//! so that a judgement comes out as it would have.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use regex::{Captures, Regex};
use serde_json::{Map, Value};

use super::recording::{Answer, Entry, Recording};
use super::step::PREFIX;
use super::words::is_known;

/// What stands for what was taken away.
const GONE: &str = "…";
/// The run, in its names.
const RUN: &str = "run";

/// Members whose texts are kept where they are words of the cloud, or were asked for by the script.
const KEPT: &[&str] = &[
    "AddressIPVersion",
    "AttrFlags",
    "AttributeFlags",
    "ChargeType",
    "CheckType",
    "ContextType",
    "ForwardType",
    "HealthStatusDetail",
    "HealthStatusDetial",
    "HttpCheckMethod",
    "HttpCheckPath",
    "HttpVersion",
    "LoadBalancerType",
    "Name",
    "Protocol",
    "QuicStatus",
    "QuotaId",
    "SSLMode",
    "Scheduler",
    "SessionType",
    "TargetType",
    "Url",
];
/// Members whose numbers are somebody's.
const SOMEBODYS: &[&str] = &["NumericalVpcId", "ProjectId", "QuotaCurrent", "ZoneId"];
/// No member of the API has a longer name.
const LONGEST_MEMBER: usize = 40;
/// Numbers above this are ids.
const LARGEST: f64 = 100_000.0;
/// What was asked for is looked for in the words of the cloud when it is at least so long.
const SHORTEST: usize = 6;
/// Values of arguments are looked for when they are at least so long.
const SHORTEST_VALUE: usize = 3;
/// What domains of the script end with.
const DOMAIN: &str = "conformance.example";
/// Members that name what a run has made.
const MADE: &[&str] = &["ListenerIds", "LoadBalancerIds", "LocationIds"];
/// Members that say whose a row is.
const OWNERS: &[&str] = &["LoadBalancerId", "ListenerId"];

/// A recording of what is nobody's. `run` is what the names of the run have in common; it begins with a letter or digit. `values`
/// are those of the arguments of the run.
///
/// # Errors
/// When a pattern of this module is wrong, which a test rules out.
pub(super) fn redact(recording: &Recording, run: &str, values: &[String]) -> Result<Recording, regex::Error> {
    let mut redaction = Redaction::new(run, values)?;
    for entry in &recording.calls {
        redaction.learn(entry);
    }
    let calls = recording.calls.iter().map(|entry| redaction.entry(entry)).collect();
    Ok(Recording { calls, ..recording.clone() })
}

struct Redaction {
    run: String,
    /// Values of arguments.
    values: Vec<String>,
    /// What a word is.
    word: Regex,
    /// Ids that the run has used or made.
    own: BTreeSet<String>,
    names: BTreeMap<String, String>,
    numbers: BTreeMap<String, usize>,
    patterns: Vec<(Regex, Kind)>,
}

#[derive(Clone, Copy)]
enum Kind {
    /// Keeps the letters before the dash.
    Id,
    Request,
    Ipv4,
    Ipv6,
    /// A word that is not one of the cloud's.
    Word,
    Gone,
}

impl Redaction {
    fn new(run: &str, values: &[String]) -> Result<Self, regex::Error> {
        let patterns = [
            (r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b", Kind::Request),
            (r"\b(lb|lbl|loc|vpc|subnet|sg|eni|ins|bwp|eip|cert|nat)-[0-9A-Za-z]{4,}\b", Kind::Id),
            (r"\b[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\b", Kind::Ipv4),
            (r"\b[0-9a-fA-F]{1,4}:[0-9a-fA-F:]*:[0-9a-fA-F:]*", Kind::Ipv6),
            (r"\bqcs::\S*", Kind::Gone),
            (r"\S+@\S+", Kind::Gone),
            (r"\b[0-9a-fA-F]{16,}\b", Kind::Gone),
            (r"\b[0-9]{6,}\b", Kind::Gone),
            (r"\bAKID\w*", Kind::Gone),
        ];
        let patterns = patterns.into_iter().map(|(text, kind)| Ok((Regex::new(text)?, kind)));
        Ok(Self {
            run: run.to_owned(),
            values: values.iter().filter(|value| value.len() >= SHORTEST_VALUE).cloned().collect(),
            word: Regex::new(r"[\p{L}\p{N}_]+")?,
            own: BTreeSet::new(),
            names: BTreeMap::new(),
            numbers: BTreeMap::new(),
            patterns: patterns.collect::<Result<_, regex::Error>>()?,
        })
    }

    /// Notes what is the run's: what its requests name, and what replies say that it has made.
    fn learn(&mut self, entry: &Entry) {
        texts(&entry.request, &mut self.own);
        if let Answer::Reply(reply) = &entry.answer {
            MADE.iter().for_each(|member| texts(&reply[*member], &mut self.own));
        }
    }

    fn entry(&mut self, entry: &Entry) -> Entry {
        let answer = match &entry.answer {
            Answer::Reply(reply) => Answer::Reply(self.value("", reply)),
            Answer::Error { code, message } => Answer::Error { code: self.code(code), message: self.message(message) },
            Answer::Unanswered(_) => Answer::Unanswered("no reply that could be read".to_owned()),
        };
        Entry { request: self.value("", &entry.request), answer, ..entry.clone() }
    }

    /// The words of a refusal, which may repeat what was asked for.
    fn message(&mut self, message: &str) -> String {
        let is_somebodys = |text: &str| text.len() >= SHORTEST && text.bytes().any(|byte| byte.is_ascii_digit());
        let asked: Vec<String> = self.own.iter().filter(|text| is_somebodys(text)).cloned().collect();
        let asked = asked.into_iter().chain(self.values.clone());
        let gone: Vec<String> = asked.filter(|text| self.text("", text) == GONE).collect();
        let message = gone.iter().fold(message.to_owned(), |message, text| message.replace(text.as_str(), GONE));
        let message = self.scrubbed(&message);
        self.cloud_words(&message)
    }

    /// A code is one of the cloud's when it is made of its words; others are gone.
    fn code(&self, code: &str) -> String {
        if code.split('.').all(is_of_known_words) { code.to_owned() } else { GONE.to_owned() }
    }

    /// A text in which each word that is not one of the cloud's is another.
    fn cloud_words(&mut self, text: &str) -> String {
        let others: BTreeSet<String> = self.names.values().cloned().collect();
        let word = self.word.clone();
        let is_punctuation = |letter: char| !letter.is_alphanumeric();
        let one = |redaction: &mut Self, token: &str| {
            let bare = token.trim_matches(is_punctuation);
            if others.contains(bare) {
                return token.to_owned();
            }
            // Numbers that are joined are an address, or an account.
            if bare.split(['-', ':', '.']).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit())).count() > 1 {
                return token.replace(bare, &redaction.other(bare, Kind::Word));
            }
            let replaced = word.replace_all(token, |found: &Captures<'_>| {
                let is_number = found[0].len() < SHORTEST && found[0].bytes().all(|byte| byte.is_ascii_digit());
                if is_number || is_known(&found[0]) {
                    found[0].to_owned()
                } else {
                    redaction.other(&found[0], Kind::Word)
                }
            });
            replaced.into_owned()
        };
        text.split_inclusive(char::is_whitespace).map(|token| one(self, token)).collect()
    }

    fn value(&mut self, member: &str, value: &Value) -> Value {
        match value {
            Value::Object(object) => self.object(object),
            Value::Array(list) => list.iter().map(|item| self.value(member, item)).collect(),
            Value::String(text) => Value::from(self.text(member, text)),
            Value::Number(number) => {
                let is_plain = number.as_f64().is_some_and(|number| number.abs() <= LARGEST);
                if is_plain && !SOMEBODYS.contains(&member) { value.clone() } else { Value::from(0) }
            }
            Value::Null | Value::Bool(_) => value.clone(),
        }
    }

    /// Of what is not the run's, only that it is there.
    fn object(&mut self, object: &Map<String, Value>) -> Value {
        let owner = OWNERS.iter().find_map(|member| Some((*member, object.get(*member)?.as_str()?)));
        match owner.filter(|(_, id)| !self.own.contains(*id)) {
            Some((member, id)) => {
                Value::Object([(member.to_owned(), Value::from(self.scrubbed(id)))].into_iter().collect())
            }
            None => object.iter().map(|(member, value)| (self.member(member), self.value(member, value))).collect(),
        }
    }

    /// Members of the API are one word that begins with a capital letter.
    fn member(&mut self, member: &str) -> String {
        let is_name = member.len() <= LONGEST_MEMBER
            && member.starts_with(|first: char| first.is_ascii_uppercase())
            && member.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'6' || byte == b'4');
        if is_name { member.to_owned() } else { self.other(member, Kind::Word) }
    }

    fn text(&mut self, member: &str, text: &str) -> String {
        let mut parts = text.split(|letter: char| !letter.is_alphanumeric()).filter(|part| !part.is_empty());
        let is_cloud = |part: &str| is_known(part) || part.len() == 1 && part.bytes().all(|byte| byte.is_ascii_digit());
        let is_word = text.is_empty() || KEPT.contains(&member) && (self.own.contains(text) || parts.all(is_cloud));
        // Others may have names that begin as ours do.
        let is_name = text.starts_with(PREFIX) && (self.own.contains(text) || text.contains(&self.run));
        let is_own = is_name || text.ends_with(DOMAIN) || text == self.run;
        if member == "Message" {
            return self.message(text);
        }
        if is_word || is_own {
            return self.scrubbed(text);
        }
        let is_whole = |(pattern, kind): &(Regex, Kind)| {
            !matches!(kind, Kind::Gone) && pattern.find(text).is_some_and(|found| found.as_str() == text)
        };
        if self.patterns.iter().any(is_whole) { self.scrubbed(text) } else { GONE.to_owned() }
    }

    /// A text with other ids and addresses.
    fn scrubbed(&mut self, text: &str) -> String {
        let mut text = text.replace(&self.run, RUN);
        let patterns = std::mem::take(&mut self.patterns);
        for (pattern, kind) in &patterns {
            let replaced = pattern.replace_all(&text, |found: &Captures<'_>| self.other(&found[0], *kind));
            if let Cow::Owned(other) = replaced {
                text = other;
            }
        }
        self.patterns = patterns;
        text
    }

    /// What stands for a text, in every place.
    fn other(&mut self, text: &str, kind: Kind) -> String {
        if let Some(known) = self.names.get(text) {
            return known.clone();
        }
        let letters = match kind {
            Kind::Gone => return GONE.to_owned(),
            Kind::Id => text.split('-').next().unwrap_or_default(),
            Kind::Request => "request",
            Kind::Ipv4 => "ipv4",
            Kind::Ipv6 => "ipv6",
            Kind::Word => "word",
        };
        let number = self.numbers.entry(letters.to_owned()).or_default();
        *number += 1;
        let other = match kind {
            Kind::Ipv4 => format!("10.0.{}.{}", *number / 250, *number % 250 + 1),
            Kind::Ipv6 => format!("2001:db8::{number:x}"),
            _ => format!("{letters}-{number}"),
        };
        self.names.insert(text.to_owned(), other.clone());
        other
    }
}

/// A name such as `LBIdNotFound` is made of words that are known, each with a capital letter.
fn is_of_known_words(name: &str) -> bool {
    let letters: Vec<char> = name.chars().collect();
    let is_first = |at: usize| {
        let is_upper = |at: usize| letters.get(at).is_some_and(char::is_ascii_uppercase);
        let is_lower = |at: usize| letters.get(at).is_some_and(char::is_ascii_lowercase);
        at == 0 || is_upper(at) && (is_lower(at - 1) || is_lower(at + 1))
    };
    let mut words: Vec<String> = Vec::new();
    for (at, letter) in letters.iter().enumerate() {
        match words.last_mut() {
            Some(word) if !is_first(at) => word.push(*letter),
            _ => words.push(letter.to_string()),
        }
    }
    !words.is_empty() && (is_known(name) || words.iter().all(|word| is_known(word)))
}

/// All texts in a value.
fn texts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            found.insert(text.clone());
        }
        Value::Array(list) => list.iter().for_each(|item| texts(item, found)),
        Value::Object(object) => object.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes that the product knows, and some of the vendor's list that it has no row for.
    #[test]
    fn codes_of_the_cloud_are_made_of_known_words() {
        for code in [
            "AuthFailure.InvalidSecretId",
            "AuthFailure.SecretIdNotFound",
            "AuthFailure.SignatureExpire",
            "AuthFailure.TokenFailure",
            "FailedOperation.AssociationNotActive",
            "FailedOperation.EipTrafficCheckRisk",
            "FailedOperation.FrequencyCheckRisk",
            "FailedOperation.InsufficientBalance",
            "FailedOperation.InvalidLBStatus",
            "FailedOperation.NoListenerInLB",
            "FailedOperation.ResourceInCloning",
            "FailedOperation.ResourceInOperating",
            "FailedOperation.TargetNumCheckRisk",
            "InvalidParameter.ClientTokenLimitExceeded",
            "InvalidParameter.FormatError",
            "InvalidParameter.LBIdNotFound",
            "InvalidParameter.LocationNotFound",
            "InvalidParameter.PortCheckFailed",
            "InvalidParameter.ProtocolCheckFailed",
            "InvalidParameter.RegionNotFound",
            "InvalidParameter.RewriteAlreadyExist",
            "InvalidParameterValue.Duplicate",
            "InvalidParameterValue.InvalidFilter",
            "InvalidParameterValue.Length",
            "InvalidParameterValue.Range",
            "MissingParameter",
            "RequestLimitExceeded.GlobalRegionUinLimitExceeded",
            "ResourceInsufficient",
            "ResourcesSoldOut",
            "UnauthorizedOperation",
            "UnknownParameter",
            "UnsupportedOperation",
        ] {
            assert!(code.split('.').all(is_of_known_words), "{code}");
        }
        assert!(!is_of_known_words("AcmePayments") && !is_of_known_words(""));
    }
}
