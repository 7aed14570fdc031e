//! What the cloud's error codes mean: one table.

use crate::model::{Class, Failure};

use super::wire::ErrorBody;

/// Our code when no reply came in time. A write may have happened.
pub const TIMEOUT: &str = "ClientError.Timeout";
/// Our code when no connection came about, or it broke. A write may have happened in the latter case.
pub const CONNECT: &str = "ClientError.Connect";
/// Our code when the reply's status was not 200 and its body was not the cloud's. A write may have happened.
pub const HTTP_STATUS: &str = "ClientError.HttpStatus";
/// Our code when the reply was not what the protocol says. A write may have happened.
pub const MALFORMED_REPLY: &str = "ClientError.MalformedReply";
/// Our code when the reply to a read lacks rows that it counts, or has a row that lacks something or has something that cannot
/// be: the message names the member. What such a read leaves out would look removed, so that it counts as failed.
pub const UNREADABLE_REPLY: &str = "ClientError.UnreadableReply";
/// Our code when this replica did not lead any more when a write was to be sent, or until its reply. In the latter case it may have
/// happened.
pub const NOT_LEADING: &str = "ClientError.NotLeading";
/// Our code when a call could not be made as asked, such as with too many targets. Nothing was sent.
pub const INVALID_REQUEST: &str = "ClientError.InvalidRequest";

/// Our code when a batch was done in part, after the member of the reply that lists the listeners of the others. The message is the
/// reply's.
pub const FAILED_LISTENERS: &str = "FailListenerIdSet";

/// Our code when there is no key yet to sign a call with. Nothing was sent.
pub const NO_CREDENTIALS: &str = "ClientError.NoCredentials";

/// The codes of temporary keys that have ended, or are not known any more.
pub(super) const KEY_ENDED: [&str; 3] =
    ["AuthFailure.TokenFailure", "AuthFailure.SecretIdNotFound", "AuthFailure.InvalidSecretId"];

/// The code of a clock that is more than 300 s off.
pub(super) const SIGNATURE_EXPIRED: &str = "AuthFailure.SignatureExpire";

/// Which codes a row is about.
#[derive(Clone, Copy, Debug)]
enum Codes {
    /// Every code.
    Any,
    /// This code.
    Exact(&'static str),
    /// This code and those that refine it after a dot.
    Family(&'static str),
}

/// A row: codes, phrases that must all be in the message (in lower case), actions by the beginning of their names, and the
/// class. No phrase and no action means any.
struct Row(Codes, &'static [&'static str], &'static [&'static str], Class);

const ANY_MESSAGE: &[&str] = &[];
const ANY_ACTION: &[&str] = &[];
/// Actions that take something away: a parameter that is generally "invalid" is one that is gone already.
const REMOVALS: &[&str] = &["Delete", "Deregister", "BatchDeregister"];

/// Actions that add targets.
const REGISTRATIONS: &[&str] = &["BatchRegister"];

const fn any(phrases: &'static [&'static str], class: Class) -> Row {
    Row(Codes::Any, phrases, ANY_ACTION, class)
}

const fn exact(code: &'static str, class: Class) -> Row {
    Row(Codes::Exact(code), ANY_MESSAGE, ANY_ACTION, class)
}

const fn family(code: &'static str, class: Class) -> Row {
    Row(Codes::Family(code), ANY_MESSAGE, ANY_ACTION, class)
}

/// The first row that fits decides. Codes are those of the API reference (common codes and each action's page); phrases were
/// observed by others where the code alone is too general.
const ROWS: &[Row] = &[
    family("AuthFailure", Class::Denied),
    family("UnauthorizedOperation", Class::Denied),
    family("RequestLimitExceeded", Class::Throttled),
    // Of SSL, which has codes of its own for what others have common ones for.
    family("LimitExceeded.RateLimitExceeded", Class::Throttled),
    family("FailedOperation.AuthError", Class::Denied),
    family("FailedOperation.CAMAuthorizedFail", Class::Denied),
    family("FailedOperation.NoProjectPermission", Class::Denied),
    family("FailedOperation.NoRealNameAuth", Class::Denied),
    family("FailedOperation.RoleNotFoundAuthorization", Class::Denied),
    family("FailedOperation.CertificateNotFound", Class::NotFound),
    // It is in use.
    family("FailedOperation.DeleteResourceFailed", Class::Busy),
    family("FailedOperation.CertificateEncryptInvalid", Class::Invalid),
    family("FailedOperation.CertificateInvalid", Class::Invalid),
    family("FailedOperation.CertificateMismatch", Class::Invalid),
    family("FailedOperation.InvalidParam", Class::Invalid),
    family("FailedOperation.CannotBeDeletedIssued", Class::Invalid),
    family("FailedOperation.CannotBeDeletedWithinHour", Class::Invalid),
    family("InvalidParameter.CertificatesNumberExceeded", Class::Quota),
    family("FailedOperation.ResourceInOperating", Class::Busy),
    family("FailedOperation.ResourceInCloning", Class::Busy),
    any(&["is not in normal desstate"], Class::Busy),
    any(&["is not in normal status"], Class::Busy),
    any(&["desstate is abnormal"], Class::Busy),
    any(&["des status abnormal"], Class::Busy),
    any(&["your task is working"], Class::Busy),
    any(&["loadbalancer not exist"], Class::NotFound),
    any(&["lb not exist"], Class::NotFound),
    Row(Codes::Family("InvalidParameter"), &["some listenerid", "not found"], ANY_ACTION, Class::NotFound),
    family("InvalidParameter.LBIdNotFound", Class::NotFound),
    family("InvalidParameter.ListenerIdNotFound", Class::NotFound),
    family("InvalidParameter.LocationNotFound", Class::NotFound),
    family("ResourceNotFound", Class::NotFound),
    Row(Codes::Exact("InvalidParameter"), ANY_MESSAGE, REMOVALS, Class::NotFound),
    family("InvalidParameter.PortCheckFailed", Class::Conflict),
    family("InvalidParameter", Class::Invalid),
    family("InvalidParameterValue", Class::Invalid),
    family("MissingParameter", Class::Invalid),
    family("UnknownParameter", Class::Invalid),
    family("UnsupportedOperation", Class::Invalid),
    family("UnsupportedProtocol", Class::Invalid),
    family("UnsupportedRegion", Class::Invalid),
    family("InvalidAction", Class::Invalid),
    family("InvalidRequest", Class::Invalid),
    family("ActionOffline", Class::Invalid),
    family("NoSuchProduct", Class::Invalid),
    family("NoSuchVersion", Class::Invalid),
    family("DryRunOperation", Class::Invalid),
    family("RequestSizeLimitExceeded", Class::Invalid),
    family("ResponseSizeLimitExceeded", Class::Invalid),
    family("IpInBlacklist", Class::Denied),
    family("IpNotInWhitelist", Class::Denied),
    family("LimitExceeded", Class::Quota),
    family("ResourceInsufficient", Class::Quota),
    family("ResourcesSoldOut", Class::Quota),
    // More than 30 deletions in five minutes: waiting a second as for `Throttled` would be too short.
    family("FailedOperation.FrequencyCheckRisk", Class::Quota),
    family("FailedOperation.InvalidLBStatus", Class::Arrears),
    family("FailedOperation.InsufficientBalance", Class::Arrears),
    // Refused until somebody decides otherwise.
    family("FailedOperation.TargetNumCheckRisk", Class::Invalid),
    family("FailedOperation.TrafficCheckRisk", Class::Invalid),
    family("FailedOperation.EipTrafficCheckRisk", Class::Invalid),
    family("FailedOperation.NoListenerInLB", Class::Invalid),
    family("FailedOperation.AssociationNotActive", Class::Invalid),
    family("FailedOperation", Class::Transient),
    family("InternalError", Class::Transient),
    family("ResourceInUse", Class::Transient),
    family("ResourceUnavailable", Class::Transient),
    family("ServiceUnavailable", Class::Transient),
    family("OperationDenied", Class::Transient),
    // An address and port that another listener has. The cloud's own wording is not documented.
    Row(Codes::Exact(FAILED_LISTENERS), &["already"], REGISTRATIONS, Class::Conflict),
    exact(FAILED_LISTENERS, Class::Invalid),
    exact(TIMEOUT, Class::Unreachable),
    exact(CONNECT, Class::Unreachable),
    exact(HTTP_STATUS, Class::Unreachable),
    exact(MALFORMED_REPLY, Class::Unreachable),
    exact(UNREADABLE_REPLY, Class::Transient),
    exact(NOT_LEADING, Class::Unreachable),
    exact(NO_CREDENTIALS, Class::Unreachable),
    exact(INVALID_REQUEST, Class::Invalid),
];

/// The table for people: what is looked for, and the class, in the order in which it is looked for.
pub fn table() -> Vec<(String, Class)> {
    let words = |Row(codes, phrases, actions, class): &Row| {
        let mut words = match codes {
            Codes::Any => "any code".to_owned(),
            Codes::Exact(code) => format!("`{code}`"),
            Codes::Family(code) => format!("`{code}`, `{code}.*`"),
        };
        if !phrases.is_empty() {
            let phrases: Vec<_> = phrases.iter().map(|phrase| format!("\"{phrase}\"")).collect();
            words.push_str(&format!(" with {} in the message", phrases.join(" and ")));
        }
        if !actions.is_empty() {
            let actions: Vec<_> = actions.iter().map(|action| format!("`{action}*`")).collect();
            words.push_str(&format!(" of {}", actions.join(", ")));
        }
        (words, *class)
    };
    ROWS.iter().map(words).collect()
}

impl Row {
    fn fits(&self, action: &str, code: &str, message: &str) -> bool {
        let Self(codes, phrases, actions, _) = self;
        codes.contains(code)
            && phrases.iter().all(|phrase| message.contains(phrase))
            && (actions.is_empty() || actions.iter().any(|prefix| action.starts_with(prefix)))
    }
}

impl Codes {
    fn contains(self, code: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => code == exact,
            Self::Family(family) => {
                code.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }
        }
    }
}

/// The class of an error code. A code that nobody has seen may pass by itself: [`Class::Transient`].
pub fn classify(action: &str, code: &str, message: &str) -> Class {
    let message = message.to_lowercase();
    ROWS.iter().find(|row| row.fits(action, code, &message)).map_or(Class::Transient, |row| row.3)
}

/// A failure that the cloud reported.
pub(super) fn reported(action: &'static str, error: ErrorBody, request_id: Option<String>) -> Failure {
    let class = classify(action, &error.code, &error.message);
    Failure { class, action, code: error.code, message: error.message, request_id }
}

/// A failure of ours, by one of the codes of this module.
pub(super) fn own(action: &'static str, code: &str, message: impl Into<String>) -> Failure {
    // No action and no message: our codes have rows of their own, and a reply's text must not decide about them.
    let class = classify("", code, "");
    Failure { class, action, code: code.to_owned(), message: message.into(), request_id: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(code: &str) -> Class {
        classify("ModifyListener", code, "")
    }

    /// Every common code and every code that an action's page lists, by class.
    const CODES: &[(Class, &str)] = &[
        (
            Class::Throttled,
            "RequestLimitExceeded RequestLimitExceeded.UinLimitExceeded RequestLimitExceeded.IPLimitExceeded",
        ),
        (Class::Throttled, "RequestLimitExceeded.GlobalRegionUinLimitExceeded"),
        (Class::Busy, "FailedOperation.ResourceInOperating FailedOperation.ResourceInCloning"),
        (Class::NotFound, "InvalidParameter.LBIdNotFound InvalidParameter.ListenerIdNotFound"),
        (Class::NotFound, "InvalidParameter.LocationNotFound ResourceNotFound"),
        (Class::Conflict, "InvalidParameter.PortCheckFailed"),
        (Class::Denied, "AuthFailure.InvalidAuthorization AuthFailure.InvalidSecretId AuthFailure.MFAFailure"),
        (Class::Denied, "AuthFailure.SecretIdNotFound AuthFailure.SignatureExpire AuthFailure.SignatureFailure"),
        (Class::Denied, "AuthFailure.TokenFailure AuthFailure.UnauthorizedOperation UnauthorizedOperation"),
        (Class::Denied, "IpInBlacklist IpNotInWhitelist"),
        (Class::Arrears, "FailedOperation.InvalidLBStatus FailedOperation.InsufficientBalance"),
        (Class::Quota, "LimitExceeded ResourceInsufficient ResourcesSoldOut FailedOperation.FrequencyCheckRisk"),
        (Class::Invalid, "InvalidParameter InvalidParameter.FormatError InvalidParameter.ProtocolCheckFailed"),
        (Class::Invalid, "InvalidParameter.RegionNotFound InvalidParameter.ClientTokenLimitExceeded"),
        (Class::Invalid, "InvalidParameterValue InvalidParameterValue.Duplicate InvalidParameterValue.InvalidFilter"),
        (Class::Invalid, "InvalidParameterValue.Length InvalidParameterValue.Range MissingParameter UnknownParameter"),
        (Class::Invalid, "UnsupportedOperation UnsupportedProtocol UnsupportedRegion InvalidAction InvalidRequest"),
        (Class::Invalid, "ActionOffline NoSuchProduct NoSuchVersion DryRunOperation RequestSizeLimitExceeded"),
        (
            Class::Invalid,
            "ResponseSizeLimitExceeded FailedOperation.TargetNumCheckRisk FailedOperation.TrafficCheckRisk",
        ),
        (Class::Invalid, "FailedOperation.EipTrafficCheckRisk FailedOperation.NoListenerInLB"),
        (Class::Invalid, "FailedOperation.AssociationNotActive"),
        (Class::Transient, "FailedOperation InternalError InternalError.Anything ResourceInUse ResourceUnavailable"),
        (Class::Transient, "ServiceUnavailable OperationDenied"),
        (Class::Throttled, "LimitExceeded.RateLimitExceeded"),
        (Class::Denied, "FailedOperation.AuthError FailedOperation.CAMAuthorizedFail FailedOperation.NoRealNameAuth"),
        (Class::Denied, "FailedOperation.NoProjectPermission FailedOperation.RoleNotFoundAuthorization"),
        (Class::NotFound, "FailedOperation.CertificateNotFound"),
        (Class::Busy, "FailedOperation.DeleteResourceFailed"),
        (Class::Invalid, "FailedOperation.CertificateEncryptInvalid FailedOperation.CertificateInvalid"),
        (Class::Invalid, "FailedOperation.CertificateMismatch FailedOperation.InvalidParam"),
        (Class::Invalid, "FailedOperation.CannotBeDeletedIssued FailedOperation.CannotBeDeletedWithinHour"),
        (Class::Quota, "InvalidParameter.CertificatesNumberExceeded"),
    ];

    #[test]
    fn every_code_has_its_class() {
        for (expected, codes) in CODES {
            for code in codes.split_whitespace() {
                assert_eq!(class(code), *expected, "{code}");
            }
        }
    }

    #[test]
    fn every_row_is_reached() {
        // A row that an earlier one hides would be a mistake that no example shows.
        for (index, Row(codes, phrases, actions, _)) in ROWS.iter().enumerate() {
            let code = match codes {
                Codes::Any => "FailedOperation",
                Codes::Exact(code) | Codes::Family(code) => code,
            };
            let message = phrases.join(" ");
            let action = actions.first().copied().unwrap_or("ModifyListener");
            let first = ROWS.iter().position(|row| row.fits(action, code, &message));
            assert_eq!(first, Some(index), "{codes:?} {message}");
        }
    }

    #[test]
    fn busy_is_told_from_the_message_where_the_code_is_general() {
        for message in [
            "Loadbalancer(lb-demo0001) is not in normal desState, maybe some tasks are being processed, please try later.",
            "Your task is working (BindTargetGroupDevice). Pls wait for the task to complete and try again.",
            "the des status abnormal",
        ] {
            assert_eq!(classify("BatchRegisterTargets", "FailedOperation", message), Class::Busy, "{message}");
            assert_eq!(classify("BatchRegisterTargets", "InternalError", message), Class::Busy, "{message}");
        }
    }

    #[test]
    fn gone_is_told_from_the_message_or_the_action() {
        let message = "some ListenerId lbl-1 not found";
        assert_eq!(classify("DeleteLoadBalancerListeners", "InvalidParameter", message), Class::NotFound);
        assert_eq!(classify("ModifyListener", "InternalError", "LB not exist"), Class::NotFound);
        assert_eq!(classify("BatchDeregisterTargets", "InvalidParameter", "not bound"), Class::NotFound);
        assert_eq!(classify("BatchRegisterTargets", "InvalidParameter", "not bound"), Class::Invalid);
        assert_eq!(classify("DeleteListener", "InvalidParameter.FormatError", ""), Class::Invalid);
    }

    #[test]
    fn a_code_is_not_mistaken_for_one_that_begins_alike() {
        assert_eq!(class("InternalErrorish"), Class::Transient);
        assert_eq!(class("LimitExceededNot"), Class::Transient);
        assert_eq!(class(""), Class::Transient);
    }

    #[test]
    fn credentials_are_denied_whatever_the_message_says() {
        assert_eq!(classify("DescribeQuota", "AuthFailure.SignatureFailure", "your task is working"), Class::Denied);
    }

    #[test]
    fn our_own_codes_have_classes() {
        for code in [TIMEOUT, CONNECT, HTTP_STATUS, MALFORMED_REPLY] {
            assert_eq!(own("DescribeQuota", code, "x").class, Class::Unreachable, "{code}");
        }
        assert_eq!(own("DescribeQuota", UNREADABLE_REPLY, "x").class, Class::Transient);
        assert_eq!(own("DeleteListener", INVALID_REQUEST, "x").class, Class::Invalid);
        let in_part = |action, words| classify(action, FAILED_LISTENERS, words);
        let held = "backend 10.0.1.5:80 is already bound to listener lbl-1 with protocol TCP";
        assert_eq!(in_part("BatchRegisterTargets", held), Class::Conflict);
        assert_eq!(in_part("BatchRegisterTargets", "no such backend"), Class::Invalid);
        assert_eq!(in_part("BatchDeregisterTargets", "already gone"), Class::Invalid);
    }
}
