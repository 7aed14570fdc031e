//! How the structures of the protocol are declared, so that each member is one line and one sentence. Every structure and
//! member is public; a key is its name in PascalCase unless `#[serde(rename)]` says otherwise.

/// Structures of a request. A key that is not declared is refused on decoding, as the cloud does with `UnknownParameter`;
/// an optional member that is `None` is left out on encoding, because the SDKs never send null.
macro_rules! request {
    ($(
        $(#[$struct_meta:meta])*
        pub struct $name:ident {
            required { $($(#[$required_meta:meta])* $required:ident: $required_type:ty,)* }
            optional { $($(#[$optional_meta:meta])* $optional:ident: $optional_type:ty,)* }
        }
    )*) => {$(
        $(#[$struct_meta])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "PascalCase", deny_unknown_fields)]
        pub struct $name {
            $($(#[$required_meta])* pub $required: $required_type,)*
            $($(#[$optional_meta])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $optional: Option<$optional_type>,)*
        }
    )*};
}

/// Structures of a reply. Every member may be absent or null, which are the same; unknown members are ignored. On
/// encoding `None` is null, as in the official examples.
macro_rules! reply {
    ($(
        $(#[$struct_meta:meta])*
        pub struct $name:ident { $($(#[$meta:meta])* $member:ident: $type:ty,)* }
    )*) => {$(
        $(#[$struct_meta])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "PascalCase", default)]
        pub struct $name {
            $($(#[$meta])* pub $member: Option<$type>,)*
        }
    )*};
}

/// Structures that requests and replies have in common: one declaration, two types with the conventions of each side.
macro_rules! shared {
    ($(
        $(#[$struct_meta:meta])*
        pub struct $name:ident, $output:ident {
            required { $($(#[$required_meta:meta])* $required:ident: $required_type:ty,)* }
            optional { $($(#[$optional_meta:meta])* $optional:ident: $optional_type:ty,)* }
        }
    )*) => {$(
        request! {
            $(#[$struct_meta])*
            ///
            /// The form in a request.
            pub struct $name {
                required { $($(#[$required_meta])* $required: $required_type,)* }
                optional { $($(#[$optional_meta])* $optional: $optional_type,)* }
            }
        }
        reply! {
            $(#[$struct_meta])*
            ///
            /// The form in a reply.
            pub struct $output {
                $($(#[$required_meta])* $required: $required_type,)*
                $($(#[$optional_meta])* $optional: $optional_type,)*
            }
        }
        impl From<$name> for $output {
            fn from(input: $name) -> Self {
                Self { $($required: Some(input.$required),)* $($optional: input.$optional,)* }
            }
        }
    )*};
}

/// Makes request structures actions: read or write, the reply, and the member that names the load balancer. They belong to CLB
/// unless `of` names another service first.
macro_rules! actions {
    (of $service:ident; $($name:ident $mode:ident -> $reply:ty $(, $load_balancer:ident)?;)*) => {$(
        impl $crate::clb::wire::Action for $name {
            const NAME: &'static str = stringify!($name);
            const SERVICE: $crate::clb::wire::Service = $crate::clb::wire::Service::$service;
            const WRITE: bool = actions!(@write $mode);
            type Reply = $reply;

            fn load_balancer(&self) -> Option<&str> {
                actions!(@load_balancer self $($load_balancer)?)
            }
        }
    )*};
    (@write reads) => { false };
    (@write writes) => { true };
    (@load_balancer $self:ident $member:ident) => { Some(&$self.$member) };
    (@load_balancer $self:ident) => { None };
    ($($all:tt)*) => { actions! { of Clb; $($all)* } };
}
