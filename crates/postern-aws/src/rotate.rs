//! What the replacement of an access key asks of IAM, beside making and deleting one (see [`crate::enrol`]).

use aws_sdk_iam::types::StatusType;
use postern_broker::rotate::KeyAtAws;
use postern_types::{AccessKeyId, Timestamp, UserName};

use crate::{AwsError, Connection, enrol::AccessKey};

impl Connection {
    /// The user's access keys with their last use. Where AWS does not tell the use, because that right is another
    /// one, a key counts as never used.
    ///
    /// # Errors
    /// When AWS refuses the list or does not answer.
    pub fn access_keys_in_use(&self, user: &UserName) -> Result<Vec<KeyAtAws>, AwsError> {
        let keys = self.access_keys(user)?;
        Ok(keys
            .into_iter()
            .map(|AccessKey { id, active, created_at }| {
                let used_at = self.access_key_used_at(&id).ok().flatten();
                KeyAtAws { id, active, created_at, used_at }
            })
            .collect())
    }

    /// When a key was last used; none for never. AWS takes up to some hours to tell.
    ///
    /// # Errors
    /// When AWS refuses or does not answer.
    pub fn access_key_used_at(&self, key: &AccessKeyId) -> Result<Option<Timestamp>, AwsError> {
        self.aws.block_on(async {
            let call = self.iam.get_access_key_last_used().access_key_id(key.as_str()).send();
            let output = call.await.map_err(|error| self.error(&error, "iam:GetAccessKeyLastUsed"))?;
            let used = output.access_key_last_used().and_then(|used| used.last_used_date());
            Ok(used.and_then(|time| Timestamp::new(time.secs(), 0).ok()))
        })
    }

    /// Makes AWS refuse a key that stays: it can be made active again.
    ///
    /// # Errors
    /// When AWS refuses or does not answer.
    pub fn deactivate_access_key(&self, user: &UserName, key: &AccessKeyId) -> Result<(), AwsError> {
        self.aws.block_on(async {
            let call = self
                .iam
                .update_access_key()
                .user_name(user.as_str())
                .access_key_id(key.as_str())
                .status(StatusType::Inactive)
                .send();
            call.await.map(drop).map_err(|error| self.error(&error, "iam:UpdateAccessKey"))
        })
    }
}
