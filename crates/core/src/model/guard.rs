//! The lines of the guard's ConfigMap: what a namespace may do with load balancers.
//!
//! The admission policies of `deploy/components/guard` read the same lines, and decide; a line that cannot be read allows nothing
//! there. Here they are read to say which ones that are.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::reading::quoted;

/// The word that stands for every load balancer.
const ANY: &str = "any";
/// The word that allows new load balancers.
const CREATE: &str = "create";
/// What a line may be.
const FORM: &str = "write lb-… or any, then ports such as 80 443 8000-8099, or none for all; or create, create Public or create Internal";

/// What one line allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuardLine {
    /// To use a load balancer.
    LoadBalancer {
        /// Its id; `None` for every one.
        id: Option<String>,
        /// On these ports; none stands for all.
        ports: Vec<RangeInclusive<u16>>,
    },
    /// To create load balancers.
    Create(Share),
}

/// Which new load balancers are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// All.
    All,
    /// Those with a public address.
    Public,
    /// Those with an address of a subnet.
    Internal,
}

impl GuardLine {
    /// What a line allows; `None` for an empty line and for a comment.
    ///
    /// # Errors
    ///
    /// It cannot be read. The error names the word, and says what to write.
    pub fn read(line: &str) -> Result<Option<Self>, String> {
        let words = line.split('#').next().unwrap_or_default();
        let mut words = words.split([' ', '\t', '\r', ',']).filter(|word| !word.is_empty());
        let Some(first) = words.next() else { return Ok(None) };
        let line = match first {
            CREATE => Self::Create(share(&words.collect::<Vec<_>>())?),
            ANY => Self::LoadBalancer { id: None, ports: words.map(ports).collect::<Result<_, _>>()? },
            id if is_load_balancer(id) => {
                Self::LoadBalancer { id: Some(id.to_owned()), ports: words.map(ports).collect::<Result<_, _>>()? }
            }
            other => return Err(format!("{} is no load balancer; {FORM}", quoted(other))),
        };
        Ok(Some(line))
    }
}

fn is_load_balancer(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
    id.strip_prefix("lb-").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(is_plain))
}

fn share(words: &[&str]) -> Result<Share, String> {
    match words {
        [] | ["Public", "Internal"] | ["Internal", "Public"] => Ok(Share::All),
        ["Public"] => Ok(Share::Public),
        ["Internal"] => Ok(Share::Internal),
        others => Err(format!("{} is no network; {FORM}", quoted(&others.join(" ")))),
    }
}

fn ports(word: &str) -> Result<RangeInclusive<u16>, String> {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number =
        |text: &str| text.parse().ok().filter(|port: &u16| *port > 0 && is_digits(text) && !text.starts_with('0'));
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        _ => Err(format!("{} is no port and no range of ports; {FORM}", quoted(word))),
    }
}

/// The lines that allow less than they seem to, each with its namespace, its place and what to write; `skipped` is the key that has no
/// lines.
pub fn unreadable_lines(data: &BTreeMap<String, String>, skipped: &str) -> Vec<String> {
    let of_key = |(key, text): (&String, &String)| {
        let rows = text.lines().enumerate();
        let faults = rows.filter_map(|(row, line)| Some((row, GuardLine::read(line).err()?)));
        faults.map(|(row, fault)| format!("{key}, line {}: {fault}", row + 1)).collect::<Vec<_>>()
    };
    data.iter().filter(|(key, _)| *key != skipped).flat_map(of_key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: Option<&str>, ports: Vec<RangeInclusive<u16>>) -> GuardLine {
        GuardLine::LoadBalancer { id: id.map(str::to_owned), ports }
    }

    #[test]
    fn lines_are_read() {
        for (line, expected) in [
            ("lb-6efswuxa", Some(of(Some("lb-6efswuxa"), vec![]))),
            (" lb-1 80, 443\t8000-8099 # the web\r", Some(of(Some("lb-1"), vec![80..=80, 443..=443, 8000..=8099]))),
            ("any 53", Some(of(None, vec![53..=53]))),
            ("create", Some(GuardLine::Create(Share::All))),
            ("create Internal", Some(GuardLine::Create(Share::Internal))),
            ("create Public", Some(GuardLine::Create(Share::Public))),
            ("create Public, Internal", Some(GuardLine::Create(Share::All))),
            ("", None),
            ("  # nothing", None),
        ] {
            assert_eq!(GuardLine::read(line), Ok(expected), "{line}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_read_names_its_word() {
        for (line, word) in [
            ("lb_1 80", "\"lb_1\""),
            ("LB-1", "\"LB-1\""),
            ("lb-", "\"lb-\""),
            ("lb-1 0", "\"0\""),
            ("lb-1 080", "\"080\""),
            ("lb-1 65536", "\"65536\""),
            ("lb-1 90-80", "\"90-80\""),
            ("lb-1 80-", "\"80-\""),
            ("lb-1 1-2-3", "\"1-2-3\""),
            ("lb-1: 80", "\"lb-1:\""),
            ("lb-1 http", "\"http\""),
            ("creat", "\"creat\""),
            ("create internal", "\"internal\""),
            ("* 80", "\"*\""),
        ] {
            let fault = GuardLine::read(line).unwrap_err();
            assert!(fault.starts_with(&format!("{word} is no ")) && fault.contains("; write "), "{line}: {fault}");
        }
        let data = [("_contact", "the team: ask"), ("shop", "lb-1\n\nlb-1 80-\n")];
        let data = data.map(|(key, text)| (key.to_owned(), text.to_owned())).into();
        let lines = unreadable_lines(&data, "_contact");
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("shop, line 3: \"80-\" is no port"), "{lines:?}");
    }
}
