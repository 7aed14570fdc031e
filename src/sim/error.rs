//! The cloud's error envelope, as a value.

/// Why a call was refused: what goes into `Response.Error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// The cloud's code; clients decide by it.
    pub(crate) code: String,
    /// Free text; clients match on it only where the code says too little.
    pub(crate) message: String,
}

/// What a call leads to, or the error it is refused with.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// An error of any code.
    pub(crate) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    /// The load balancer is held by a running task. Text as observed at the real service.
    pub(crate) fn busy(load_balancer: &str) -> Self {
        let message = format!(
            "Loadbalancer({load_balancer}) is not in normal desState, maybe some tasks are being processed, please try later."
        );
        Self::new("FailedOperation.ResourceInOperating", message)
    }

    /// No such load balancer.
    pub(crate) fn load_balancer_not_found(id: &str) -> Self {
        Self::new("InvalidParameter.LBIdNotFound", format!("LoadBalancer not exist: {id}"))
    }

    /// No such listener, in an action whose documented codes include a specific one.
    pub(crate) fn listener_not_found(id: &str) -> Self {
        Self::new("InvalidParameter.ListenerIdNotFound", format!("some ListenerId {id} not found"))
    }

    /// No such rule.
    pub(crate) fn rule_not_found(id: &str) -> Self {
        Self::new("InvalidParameter.LocationNotFound", format!("LocationId {id} not found"))
    }

    /// A value that is of the right type and still wrong.
    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    /// A number outside its range.
    pub(crate) fn range(what: &str, low: i64, high: i64, found: i64) -> Self {
        Self::new("InvalidParameterValue.Range", format!("{what} must be within {low} and {high}, not {found}"))
    }

    /// A list or text of the wrong length.
    pub(crate) fn length(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue.Length", message)
    }

    /// A quota is used up.
    pub(crate) fn quota(name: &str, limit: usize) -> Self {
        Self::new("LimitExceeded", format!("quota {name} of {limit} exceeded"))
    }

    /// A parameter that the action cannot do without.
    pub(crate) fn missing(name: &str) -> Self {
        Self::new("MissingParameter", format!("The request is missing the required parameter `{name}`"))
    }

    /// The key may not call the action.
    pub(crate) fn unauthorized(service: &str, action: &str) -> Self {
        let message = format!("You are not authorized to perform operation ({service}:{action})");
        Self::new("UnauthorizedOperation", message)
    }

    /// What the service says about a request that contradicts what exists.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new("InvalidParameter", message)
    }
}
