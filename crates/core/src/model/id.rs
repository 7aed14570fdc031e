//! Identifiers that the cloud hands out. Opaque: compared and printed, never taken apart.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Wraps an identifier as the cloud or a user wrote it.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The identifier as the cloud knows it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self::new(id)
            }
        }
    };
}

id!(
    /// A CLB instance, `lb-…`.
    LoadBalancerId
);
id!(
    /// A listener of a load balancer, `lbl-…`.
    ListenerId
);
id!(
    /// A forwarding rule of a layer-7 listener, `loc-…`.
    RuleId
);
id!(
    /// An asynchronous job of the cloud; it is the `RequestId` of the call that started it.
    TaskId
);
id!(
    /// An account of the cloud: the UIN of a main account, such as `100000000001`.
    AccountId
);
id!(
    /// A region of the cloud, such as `ap-guangzhou`.
    Region
);
