//! Marks of ownership: the only places where a listener or target of the cloud can say whose it is.
//!
//! A binding owns what carries its UID, and nothing else. UIDs survive neither copies of YAML nor a second cluster,
//! which names do.

use std::fmt;

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

/// The name of a listener that a binding created: `dab-<binding uid>-<namespace>-<name>`, cut to 80 characters. What
/// follows the UID is for people; two listeners of one binding may bear the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerName(String);

impl ListenerName {
    /// The name for the listeners of a binding.
    pub fn new(binding_uid: &str, namespace: &str, name: &str) -> Self {
        Self(format!("{PREFIX}{binding_uid}-{namespace}-{name}").chars().take(LISTENER_NAME_MAX).collect())
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

    /// Whether a name that bears a mark may be from this namespace: what follows the UID begins with it, as far as the name is not
    /// cut. Of `shop` and `shop-web` it may be from both, since `-` stands in names of namespaces, too.
    pub fn may_be_of(listener_name: &str, namespace: &str) -> bool {
        let Some((uid, _)) = split_uid(listener_name) else { return false };
        let begin: String = format!("{PREFIX}{uid}-{namespace}-").chars().take(LISTENER_NAME_MAX).collect();
        listener_name.starts_with(&begin)
    }
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
        for (listener, namespace, expected) in [
            (name("shop"), "shop", true),
            (name("shop"), "sho", false),
            (name("shop"), "shop-web", false),
            (name("shop-web"), "shop", true),
            (name(&long), long.as_str(), true),
            (name(&long), "nn", false),
            (format!("dab-{UID}"), "shop", false),
            ("shop-web".to_owned(), "shop", false),
        ] {
            assert_eq!(ListenerName::may_be_of(&listener, namespace), expected, "{listener} {namespace}");
        }
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
