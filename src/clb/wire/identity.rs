//! Who calls, and keys for who shows a token: the actions of STS that are used
//! (<https://www.tencentcloud.com/document/product/1150/49453>, <https://www.tencentcloud.com/document/product/1150/49452>).

use super::Secret;

request! {
    /// Asks whose keys sign this call. It takes no parameters; its page names no right that it needs, and says that long-lived keys
    /// and those of roles and federations may call it.
    pub struct GetCallerIdentity {
        required {}
        optional {}
    }

    /// Asks for a temporary key of a role, which is given to who shows a token of an identity provider. The call is not signed.
    pub struct AssumeRoleWithWebIdentity {
        required {
            /// The name of the provider of identities.
            provider_id: String,
            /// The token that the provider has signed.
            web_identity_token: Secret,
            /// The role, such as `qcs::cam::uin/100000000001:roleName/direct-access`.
            role_arn: String,
            /// A name for the records of the account.
            role_session_name: String,
        }
        optional {
            /// How long the key is to last, in seconds: 7200 when absent, and at most 43200.
            duration_seconds: i64,
        }
    }
}

reply! {
    /// Whose keys have signed the call.
    pub struct GetCallerIdentityReply {
        /// The caller, such as `qcs::cam:100000000001:uin/100000000002`.
        arn: String,
        /// The UIN of the account that the caller belongs to, and in which its calls act: of a user the main account, of a role the
        /// account that has the role.
        account_id: String,
        /// The UIN of the user, `roleId:sessionName` or `uin:federatedUserName`.
        user_id: String,
        /// The UIN that the key was made for; of a role, of the account that asked for its key.
        principal_id: String,
        /// The kind of the caller, such as `CAMUser` or `CAMRole`.
        #[serde(rename = "Type")]
        kind: String,
    }

    /// A temporary key.
    pub struct AssumeRoleWithWebIdentityReply {
        /// When it ends, as Unix time.
        expired_time: i64,
        /// The same in ISO 8601, in UTC.
        expiration: String,
        /// The key.
        credentials: TemporaryKey,
    }

    /// The parts of a temporary key.
    pub struct TemporaryKey {
        /// Goes with each call.
        token: Secret,
        /// Its id.
        tmp_secret_id: String,
        /// What calls are signed with.
        tmp_secret_key: Secret,
    }
}

actions! {
    of Sts;
    GetCallerIdentity reads -> GetCallerIdentityReply;
    AssumeRoleWithWebIdentity reads -> AssumeRoleWithWebIdentityReply;
}
