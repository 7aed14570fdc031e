//! Marks of ownership: the only places where a listener or target of the cloud can say whose it is.
//!
//! A binding owns what carries its UID, and nothing else. UIDs survive neither copies of YAML nor a second cluster,
//! which names do.

use std::fmt;

use sha2::{Digest, Sha256};

/// Tag of a load balancer that a binding created: the binding's UID.
pub const OWNER_TAG: &str = "direct-access-binding";
/// Tag of a load balancer that a binding of an annotated Service created: the UID of the Service, so that the binding finds it again
/// when it is deleted and made anew.
pub const SERVICE_TAG: &str = "direct-access-service";
/// Tag of a load balancer that a binding created: `namespace/name` of the binding, for people.
pub const OWNER_NAME_TAG: &str = "direct-access-binding-name";

const PREFIX: &str = "dab-";
const UID_LEN: usize = 36;
const POD_MARK_LEN: usize = 8;
/// The most characters CLB takes as the name of a listener (`CreateListener`).
const LISTENER_NAME_MAX: usize = 80;

/// What stands between the part of a long name that is kept and its hash: no name of Kubernetes has it.
const CUT: &str = "__";
/// Hexadecimal digits of the hash of a name that is cut: nobody finds another name with the same ones.
const HASH_LEN: usize = 16;

/// The name of a listener that a binding created: `dab-<binding uid>-<namespace>_<name>`. Where that is longer than 80 characters, its
/// end is replaced by a hash of namespace and name, so that it still says in full whose it is. Two listeners of one binding may bear the
/// same name. Earlier versions wrote `dab-<binding uid>-<namespace>-<name>` and cut it, which counts as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerName(String);

impl ListenerName {
    /// The name for the listeners of a binding.
    pub fn new(binding_uid: &str, namespace: &str, name: &str) -> Self {
        let whole = format!("{PREFIX}{binding_uid}-{namespace}_{name}");
        if whole.chars().count() <= LISTENER_NAME_MAX {
            return Self(whole);
        }
        let kept: String = whole.chars().take(LISTENER_NAME_MAX - CUT.len() - HASH_LEN).collect();
        Self(format!("{kept}{CUT}{}", hash(namespace, name)))
    }

    /// The name as the cloud gets it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The UID of the binding that created the listener of this name; `None` for a foreign listener.
    pub fn owner(listener_name: &str) -> Option<&str> {
        let (uid, rest) = split_uid(listener_name)?;
        (rest.is_empty() || rest.starts_with('-')).then_some(uid)
    }

    /// The UID in a name that says in full, and of nobody else, that a binding of this namespace and name created the listener.
    pub fn owner_named<'a>(listener_name: &'a str, namespace: &str, name: &str) -> Option<&'a str> {
        let uid = Self::owner(listener_name)?;
        let is_whole = listener_name.chars().count() < LISTENER_NAME_MAX;
        // A hyphen may stand in either of the two.
        let is_former = is_whole && !namespace.contains('-') && !name.contains('-');
        let is_named = Self::new(uid, namespace, name).as_str() == listener_name
            || is_former && former(uid, namespace, name) == listener_name;
        is_named.then_some(uid)
    }

    /// The UID in a name that a binding of this namespace and name would give, in whatever version; others may give the same one.
    pub fn owner_perhaps_named<'a>(listener_name: &'a str, namespace: &str, name: &str) -> Option<&'a str> {
        let uid = Self::owner(listener_name)?;
        let is_it =
            Self::new(uid, namespace, name).as_str() == listener_name || former(uid, namespace, name) == listener_name;
        is_it.then_some(uid)
    }

    /// Whether a name bears a mark and does not say of which binding.
    pub fn is_nameless(listener_name: &str) -> bool {
        split_uid(listener_name).is_some_and(|(_, rest)| rest.is_empty())
    }

    /// Whether a name that bears a mark may be from this namespace, as far as the name is not cut. Of names that earlier versions gave it
    /// may be from both `shop` and `shop-web`, since `-` stands in names of namespaces, too.
    pub fn may_be_of(listener_name: &str, namespace: &str) -> bool {
        let Some((uid, rest)) = split_uid(listener_name) else { return false };
        match rest.strip_prefix('-').and_then(|rest| rest.split_once('_')) {
            // It is cut before the end of the namespace.
            Some((kept, after)) if after.starts_with('_') && after.len() == HASH_LEN + 1 => namespace.starts_with(kept),
            Some((whole, _)) => whole == namespace,
            None => {
                let begin: String = format!("{PREFIX}{uid}-{namespace}-").chars().take(LISTENER_NAME_MAX).collect();
                listener_name.starts_with(&begin)
            }
        }
    }
}

/// The name that earlier versions gave to listeners: cut, and ambiguous.
fn former(binding_uid: &str, namespace: &str, name: &str) -> String {
    format!("{PREFIX}{binding_uid}-{namespace}-{name}").chars().take(LISTENER_NAME_MAX).collect()
}

/// A hash of namespace and name, which distinguishes long names.
fn hash(namespace: &str, name: &str) -> String {
    let digest = Sha256::digest(format!("{namespace}/{name}"));
    digest.iter().take(HASH_LEN / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a text is a UID as Kubernetes prints it, and so may stand in a mark.
pub fn is_uid(text: &str) -> bool {
    split_uid(&format!("{PREFIX}{text}")).is_some_and(|(_, rest)| rest.is_empty())
}

impl fmt::Display for ListenerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The tag of a target that a binding registered: `dab-<binding uid>-<pod mark>`. The mark tells the Pods apart that
/// had the same address one after the other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetTag {
    /// The UID of the binding.
    pub binding_uid: String,
    /// The first 8 characters of the Pod's UID, see [`pod_mark`].
    pub pod_mark: String,
}

impl TargetTag {
    /// The tag for a Pod of a binding.
    pub fn new(binding_uid: impl Into<String>, pod_uid: &str) -> Self {
        Self { binding_uid: binding_uid.into(), pod_mark: pod_mark(pod_uid) }
    }

    /// Reads a tag; `None` for a foreign target.
    pub fn parse(tag: &str) -> Option<Self> {
        let (uid, rest) = split_uid(tag)?;
        let mark = rest.strip_prefix('-')?;
        let ours = mark.len() == POD_MARK_LEN && mark.bytes().all(is_lower_hex);
        ours.then(|| Self { binding_uid: uid.to_owned(), pod_mark: mark.to_owned() })
    }
}

impl fmt::Display for TargetTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}-{}", self.binding_uid, self.pod_mark)
    }
}

/// The first 8 characters of a Pod's UID: enough to tell apart the few Pods that ever share an address within one
/// binding.
pub fn pod_mark(pod_uid: &str) -> String {
    pod_uid.chars().take(POD_MARK_LEN).collect()
}

/// What follows `dab-`: a UID as Kubernetes prints it (RFC 4122, lower case), and the rest.
fn split_uid(text: &str) -> Option<(&str, &str)> {
    let (uid, rest) = text.strip_prefix(PREFIX)?.split_at_checked(UID_LEN)?;
    let shaped = uid.bytes().enumerate().all(|(i, byte)| match i {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => is_lower_hex(byte),
    });
    shaped.then_some((uid, rest))
}

const fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UID: &str = "0b5a3f0e-6f4c-4a52-9a3e-6c1d1c3f5a77";

    fn uid() -> impl Strategy<Value = String> {
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    }

    proptest! {
        #[test]
        fn the_owner_of_a_printed_listener_name_is_read_back(
            uid in uid(), namespace in "[a-z][a-z0-9-]{0,62}", name in "[a-z][a-z0-9-]{0,62}",
        ) {
            let printed = ListenerName::new(&uid, &namespace, &name);
            prop_assert!(printed.as_str().chars().count() <= 80);
            prop_assert_eq!(ListenerName::owner(printed.as_str()), Some(uid.as_str()));
            prop_assert_eq!(ListenerName::owner_named(printed.as_str(), &namespace, &name), Some(uid.as_str()));
            prop_assert!(ListenerName::may_be_of(printed.as_str(), &namespace));
        }

        #[test]
        fn a_printed_listener_name_names_nobody_else(
            uid in uid(), own in "[a-c-]{1,40}/[a-c-]{1,40}", other in "[a-c-]{1,40}/[a-c-]{1,40}",
        ) {
            let (namespace, name) = own.split_once('/').unwrap();
            let (foreign, of) = other.split_once('/').unwrap();
            for printed in [ListenerName::new(&uid, namespace, name).0, former(&uid, namespace, name)] {
                let is_named = ListenerName::owner_named(&printed, foreign, of).is_some();
                prop_assert!(own == other || !is_named, "{printed} {other}");
            }
        }

        #[test]
        fn a_printed_tag_is_read_back(binding in uid(), pod in uid()) {
            let tag = TargetTag::new(binding, &pod);
            prop_assert!(pod.starts_with(&tag.pod_mark));
            prop_assert_eq!(TargetTag::parse(&tag.to_string()), Some(tag));
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".*") {
            let owner = ListenerName::owner(&text).map(str::to_owned);
            prop_assert!(owner.is_none_or(|uid| text.contains(&uid)));
            prop_assert!(TargetTag::parse(&text).is_none_or(|tag| tag.to_string() == text));
        }
    }

    #[test]
    fn the_namespace_of_a_mark_is_known_as_far_as_its_name_goes() {
        let long = "n".repeat(63);
        let name = |namespace: &str| ListenerName::new(UID, namespace, "web").to_string();
        let former = |namespace: &str| super::former(UID, namespace, "web");
        for (listener, namespace, expected) in [
            (name("shop"), "shop", true),
            (name("shop"), "sho", false),
            (name("shop"), "shop-web", false),
            (name("shop-web"), "shop", false),
            (name(&long), long.as_str(), true),
            (name(&long), "nn", false),
            (former("shop"), "shop", true),
            (former("shop"), "sho", false),
            (former("shop"), "shop-web", false),
            (former("shop-web"), "shop", true),
            (former(&long), long.as_str(), true),
            (former(&long), "nn", false),
            (format!("dab-{UID}"), "shop", false),
            ("shop-web".to_owned(), "shop", false),
        ] {
            assert_eq!(ListenerName::may_be_of(&listener, namespace), expected, "{listener} {namespace}");
        }
    }

    #[test]
    fn a_name_says_in_full_whose_it_is_where_nobody_else_gives_it() {
        let long = "w".repeat(60);
        let cut = ListenerName::new(UID, "shop", &long).to_string();
        let other_cut = ListenerName::new(UID, "shop", &format!("{long}w")).to_string();
        let is_alike = cut.chars().zip(other_cut.chars()).take(62).all(|(a, b)| a == b);
        assert!(is_alike && cut != other_cut && cut.len() == 80, "{cut} {other_cut}");
        for (listener, (namespace, name), expected, perhaps) in [
            (ListenerName::new(UID, "shop", "web").0, ("shop", "web"), true, true),
            (ListenerName::new(UID, "shop", "web").0, ("other", "web"), false, false),
            (ListenerName::new(UID, "shop", "web").0, ("shop", "web2"), false, false),
            (cut.clone(), ("shop", long.as_str()), true, true),
            (other_cut, ("shop", long.as_str()), false, false),
            (former(UID, "shop", "web"), ("shop", "web"), true, true),
            (former(UID, "shop-eu", "web"), ("shop", "eu-web"), false, true),
            (former(UID, "shop-eu", "web"), ("shop-eu", "web"), false, true),
            (former(UID, "shop", &long), ("shop", long.as_str()), false, true),
            (format!("dab-{UID}"), ("shop", "web"), false, false),
            ("web".to_owned(), ("shop", "web"), false, false),
        ] {
            let found = ListenerName::owner_named(&listener, namespace, name);
            assert_eq!(found, expected.then_some(UID), "{listener} {namespace} {name}");
            let found = ListenerName::owner_perhaps_named(&listener, namespace, name);
            assert_eq!(found, perhaps.then_some(UID), "{listener} {namespace} {name}");
        }
        assert!(is_uid(UID) && !is_uid(&UID[1..]) && !is_uid(&format!("{UID}0")) && !is_uid(""));
    }

    #[test]
    fn what_others_named_is_foreign() {
        let upper = format!("dab-{}", UID.to_uppercase());
        let longer = format!("dab-{UID}f");
        for foreign in [
            "",
            "dab-",
            "web",
            "TKE-DEDICATED-LISTENER",
            "dab-web-shop",
            &upper,
            &longer,
            "dab-余余余余余余余余余余余余",
        ] {
            assert_eq!(ListenerName::owner(foreign), None, "{foreign}");
            assert_eq!(TargetTag::parse(foreign), None, "{foreign}");
        }
        assert_eq!(TargetTag::parse(&format!("dab-{UID}-0b5a3f0")), None, "a mark that is too short");
        assert_eq!(TargetTag::parse(&format!("dab-{UID}-0b5a3f0e1")), None, "a mark that is too long");
        assert_eq!(ListenerName::owner(&format!("dab-{UID}")), Some(UID), "a name without the readable part");
    }
}
