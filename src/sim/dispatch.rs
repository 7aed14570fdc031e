//! From an action's name and a body to an answer.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::Value;

use super::calls::CallRecord;
use super::error::{ApiError, ApiResult};
use super::fault::{Spoiled, Strike};
use super::pure::PureCloud;
use super::state::{Context, Handle};
use super::{Moment, fault};
use crate::clb::wire;
use crate::clb::wire::{Action, ErrorBody, Service, encode_failure, encode_success};

/// What is sent back, and how.
pub(crate) struct Outcome {
    pub(crate) body: Vec<u8>,
    /// The answer is given at this moment; `None`: at once.
    pub(crate) hold_until: Option<Moment>,
    /// And this much later, by a fault.
    pub(crate) delay: Duration,
    pub(crate) spoiled: Spoiled,
}

/// What is called, and by whom: as the signature and the headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Called<'a> {
    /// The account of the key that has signed it.
    pub(crate) account: &'a str,
    /// The service that it was signed for.
    pub(crate) service: Service,
    /// The action.
    pub(crate) action: &'a str,
}

/// Hands out addresses for new load balancers; `None` when there is none left.
pub(crate) type Addresses<'a> = dyn FnMut() -> Option<Ipv4Addr> + 'a;

/// One call on its way through.
struct Call<'a> {
    account: &'a str,
    body: &'a [u8],
    request_id: &'a str,
    now: Moment,
}

impl Outcome {
    /// The answer as it arrives: its status, media type and body; `None` where the connection is closed instead.
    pub(crate) fn arriving(self) -> Option<(u16, &'static str, Vec<u8>)> {
        const JSON: &str = "application/json";
        match self.spoiled {
            Spoiled::No => Some((200, JSON, self.body)),
            Spoiled::Lost { .. } => None,
            Spoiled::Malformed(Some(text)) => Some((200, JSON, text.into_bytes())),
            Spoiled::Malformed(None) => {
                let mut body = self.body;
                body.truncate(body.len() / 2);
                Some((200, JSON, body))
            }
            Spoiled::Emptied => Some((200, JSON, without_items(&self.body, Vec::clear, true))),
            Spoiled::Partial => Some((200, JSON, without_items(&self.body, |list| drop(list.pop()), false))),
            Spoiled::Status { status, .. } => {
                Some((status, "text/html", format!("<html><body>{status}</body></html>\n").into_bytes()))
            }
        }
    }
}

/// An answer whose lists have lost items; and its count says so, or not.
fn without_items(body: &[u8], lose: impl Fn(&mut Vec<Value>), count_follows: bool) -> Vec<u8> {
    let mut answer: Value = serde_json::from_slice(body).unwrap_or_default();
    for (key, member) in answer.get_mut("Response").and_then(Value::as_object_mut).into_iter().flatten() {
        match member {
            Value::Array(list) => lose(list),
            count if count_follows && key == "TotalCount" => *count = Value::from(0),
            _ => {}
        }
    }
    answer.to_string().into_bytes()
}

/// The answer to a call that is refused.
pub(crate) fn refuse(error: &ApiError, request_id: &str) -> Outcome {
    let error = ErrorBody { code: error.code.clone(), message: error.message.clone() };
    let body = encode_failure(&error, request_id).unwrap_or_default();
    Outcome { body, hold_until: None, delay: Duration::ZERO, spoiled: Spoiled::No }
}

macro_rules! actions {
    ($($name:ident)*) => {
        /// The actions that the simulator has.
        pub const ACTIONS: &[&str] = &[$(wire::$name::NAME,)*];

        /// Carries out a call whose signature is good.
        pub(crate) fn dispatch(
            cloud: &mut PureCloud,
            addresses: &mut Addresses<'_>,
            called: &Called<'_>,
            body: &[u8],
            request_id: &str,
            now: Moment,
        ) -> Outcome {
            let Called { account, service, action } = *called;
            let call = Call { account, body, request_id, now };
            match action {
                $(wire::$name::NAME if wire::$name::SERVICE == service => run::<wire::$name>(cloud, addresses, &call),)*
                _ => refuse(&ApiError::new("InvalidAction", format!("there is no action {action}")), request_id),
            }
        }
    };
}

actions! {
    CreateLoadBalancer DescribeLoadBalancers DeleteLoadBalancer ModifyLoadBalancerAttributes
    SetLoadBalancerSecurityGroups SetLoadBalancerStartStatus CreateLoadBalancerSnatIps DeleteLoadBalancerSnatIps
    CreateListener DescribeListeners ModifyListener DeleteListener DeleteLoadBalancerListeners
    CreateRule ModifyRule DeleteRule ModifyDomainAttributes
    RegisterTargets DeregisterTargets BatchRegisterTargets BatchDeregisterTargets
    ModifyTargetWeight BatchModifyTargetWeight ModifyTargetPort BatchModifyTargetTag
    DescribeTargets DescribeTargetHealth DescribeTaskStatus DescribeQuota
    GetCallerIdentity AssumeRoleWithWebIdentity
    UploadCertificate DescribeCertificates DeleteCertificate DescribeLoadBalancerListByCertId
}

fn run<A: Handle>(cloud: &mut PureCloud, addresses: &mut Addresses<'_>, call: &Call<'_>) -> Outcome {
    let admitted = match cloud.rates.admit(A::NAME, call.now) {
        true if cloud.denied_actions.contains(A::NAME) => Err(ApiError::unauthorized(A::SERVICE.name(), A::NAME)),
        true => decode::<A>(call.body),
        false => Err(ApiError::new(
            "RequestLimitExceeded",
            format!("Your current request times equals to the limit of {} per second", A::NAME),
        )),
    };
    let load_balancer = admitted.as_ref().ok().and_then(|request| request.load_balancer().map(str::to_owned));
    let strike = match &admitted {
        Ok(_) => cloud.faults.strike(A::NAME, load_balancer.as_deref(), call.body),
        Err(_) => Strike::default(),
    };
    let struck = strike != Strike::default();
    let done = admitted.and_then(|request| carry_out(cloud, addresses, call, request, &strike));
    let error = done.as_ref().err().map(|error| error.code.clone());
    let described = done.as_ref().map_or(0, |done| done.described);
    cloud.calls.add(
        CallRecord {
            at_milliseconds: u64::try_from(call.now.as_millis()).unwrap_or(u64::MAX),
            action: A::NAME.to_owned(),
            load_balancer,
            request_id: call.request_id.to_owned(),
            error,
            struck,
        },
        A::WRITE,
        described,
    );
    let (body, hold_until) = match done {
        Ok(done) => (done.body, done.hold_until),
        Err(error) => (refuse(&error, call.request_id).body, None),
    };
    Outcome { body, hold_until, delay: Duration::from_millis(strike.delay_milliseconds), spoiled: strike.reply }
}

/// The answer to a call that was carried out.
struct Done {
    body: Vec<u8>,
    hold_until: Option<Moment>,
    /// How many targets the body describes.
    described: usize,
}

/// A read of what the account has made. A task is known at once in any case, since its id is in a reply.
fn is_of_the_past<A: Action>() -> bool {
    !A::WRITE && A::SERVICE != Service::Sts && !["DescribeTaskStatus", "DescribeQuota"].contains(&A::NAME)
}

fn carry_out<A: Handle>(
    cloud: &mut PureCloud,
    addresses: &mut Addresses<'_>,
    call: &Call<'_>,
    request: A,
    strike: &fault::Strike,
) -> ApiResult<Done> {
    if let Some(error) = &strike.error {
        return Err(error.clone());
    }
    if let Spoiled::Lost { done: false } | Spoiled::Status { done: false, .. } = strike.reply {
        return Err(ApiError::new("LostOnTheWay", "a fault kept this call from the cloud"));
    }
    let state = match cloud.others.get_mut(call.account) {
        Some(other) => other,
        None if is_of_the_past::<A>() => cloud.past.shown(call.now).unwrap_or(&mut cloud.state),
        None => {
            cloud.past.keep(&cloud.state, call.now);
            &mut cloud.state
        }
    };
    let (now, request_id, twist) = (call.now, call.request_id, &strike.twist);
    let mut context = Context { now, request_id, twist, addresses, described: 0 };
    let handled = request.handle(state, &mut context)?;
    let body = encode_success(&handled.reply, call.request_id)
        .map_err(|error| ApiError::new("InternalError", error.to_string()))?;
    Ok(Done { body, hold_until: handled.hold_until, described: context.described })
}

/// Reads the parameters. The parser only tells in words what is wrong, so its words decide the code.
fn decode<A: Action>(body: &[u8]) -> ApiResult<A> {
    // The parser would take a list for the members of an object, in their order.
    if body.trim_ascii_start().first().is_some_and(|&first| first != b'{') {
        return Err(ApiError::invalid("the body must be a JSON object"));
    }
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        let code = if text.starts_with("unknown field") {
            "UnknownParameter"
        } else if text.starts_with("missing field") {
            "MissingParameter"
        } else if error.is_data() {
            "InvalidParameter.FormatError"
        } else {
            "InvalidParameter"
        };
        ApiError::new(code, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_strictly() {
        let code = |body: &str| decode::<wire::RegisterTargets>(body.as_bytes()).expect_err("refused").code;
        assert_eq!(code("{}"), "MissingParameter");
        assert_eq!(code(r#"{"LoadBalancerId":"lb-1","Nonsense":1}"#), "UnknownParameter");
        let nested = r#"{"LoadBalancerId":"a","ListenerId":"b","Targets":[{"Port":1,"EniIP":"10.0.0.1"}]}"#;
        assert_eq!(code(nested), "UnknownParameter");
        assert_eq!(code(r#"{"LoadBalancerId":1}"#), "InvalidParameter.FormatError");
        for no_object in ["{", "[]", r#"["lb-1", "lbl-1", []]"#, "null", r#""lb-1""#] {
            assert_eq!(code(no_object), "InvalidParameter", "{no_object}");
        }
    }
}
