//! What every reply is wrapped in: `{"Response": {…, "RequestId": "…"}}`, failures with HTTP status 200 as well.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A reply, unwrapped.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<R> {
    /// The action was carried out or accepted.
    Success {
        /// The members of the reply.
        reply: R,
        /// The id of the request, which for a write is the id of its task; `None` when the reply lacks it.
        request_id: Option<String>,
    },
    /// The action was refused.
    Failure {
        /// The reason.
        error: ErrorBody,
        /// The id of the request; `None` when the reply lacks it.
        request_id: Option<String>,
    },
}

/// Why an action was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ErrorBody {
    /// A code such as `FailedOperation.ResourceInOperating`.
    pub code: String,
    /// Free text, in the language that the request asked for.
    #[serde(default)]
    pub message: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<T> {
    response: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Head {
    error: Option<ErrorBody>,
    request_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Success<'a, R> {
    #[serde(flatten)]
    reply: &'a R,
    request_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Refusal<'a> {
    error: &'a ErrorBody,
    request_id: &'a str,
}

/// Why a reply cannot be unwrapped.
#[derive(Debug, thiserror::Error)]
pub enum Undecodable {
    /// It is not JSON, or has no `Response`.
    #[error("the reply is not the cloud's JSON: {0}")]
    Whole(serde_json::Error),
    /// It is a reply, and a member has another type than the reference says.
    #[error("a member of the reply cannot be read: {0}")]
    Member(serde_json::Error),
}

/// Unwraps a reply.
///
/// # Errors
/// When the text is not JSON, has no `Response`, or a member has another type than the reference says.
pub fn decode<R: DeserializeOwned>(body: &[u8]) -> Result<Answer<R>, Undecodable> {
    // Two passes, because the first one skips what it does not need, while flattening would copy everything.
    let Envelope { response: Head { error, request_id } } = serde_json::from_slice(body).map_err(Undecodable::Whole)?;
    if let Some(error) = error {
        return Ok(Answer::Failure { error, request_id });
    }
    let Envelope { response: reply } = serde_json::from_slice(body).map_err(Undecodable::Member)?;
    Ok(Answer::Success { reply, request_id })
}

/// Wraps a success.
///
/// # Errors
/// When the reply cannot be written as JSON, which none of this module's replies causes.
pub fn encode_success<R: Serialize>(reply: &R, request_id: &str) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Envelope { response: Success { reply, request_id } })
}

/// Wraps a refusal.
///
/// # Errors
/// None in practice; the type is that of [`encode_success`].
pub fn encode_failure(error: &ErrorBody, request_id: &str) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Envelope { response: Refusal { error, request_id } })
}
