//! Who calls: the one action of STS that is used (<https://www.tencentcloud.com/document/product/1150/49453>).

request! {
    /// Asks whose keys sign this call. It takes no parameters; its page names no right that it needs, and says that long-lived keys
    /// and those of roles and federations may call it.
    pub struct GetCallerIdentity {
        required {}
        optional {}
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
}

actions! {
    of Sts;
    GetCallerIdentity reads -> GetCallerIdentityReply;
}
