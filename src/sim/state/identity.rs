//! Who calls.

use super::super::error::ApiResult;
use super::{Context, Handle, Handled, State};
use crate::clb::wire::{GetCallerIdentity, GetCallerIdentityReply};

impl Handle for GetCallerIdentity {
    fn handle(self, state: &mut State, _: &mut Context<'_>) -> ApiResult<Handled<GetCallerIdentityReply>> {
        // Keys here are those of the account itself.
        let id = state.config.account.clone();
        let reply = GetCallerIdentityReply {
            arn: Some(format!("qcs::cam:{id}:uin/{id}")),
            account_id: Some(id.clone()),
            user_id: Some(id.clone()),
            principal_id: Some(id),
            kind: Some("CAMUser".to_owned()),
        };
        Ok(reply.into())
    }
}
