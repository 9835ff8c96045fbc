//! What time it is at AWS.

use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_types::body::SdkBody;
use postern_types::SignedDuration;

use crate::{Aws, Endpoint, Unreachable, error};

impl Aws {
    /// How far the clock of STS is ahead of ours, by the `Date` of its answer to a request that nobody signed.
    ///
    /// # Errors
    /// When no answer comes, or one without a time.
    pub fn clock_of_sts(&self, endpoint: &Endpoint) -> Result<SignedDuration, Unreachable> {
        let url = sts_url(endpoint);
        let request = http::Request::builder().method("GET").uri(&url).body(SdkBody::empty());
        let request = request.map_err(|_| Unreachable::Malformed)?;
        let request = request.try_into().map_err(|_| Unreachable::Malformed)?;
        let connector = self.connector(url.starts_with("https:"));
        self.block_on(async {
            let patience = self.patience();
            let answer = tokio::time::timeout(patience.connect + patience.read, connector.call(request))
                .await
                .map_err(|_| Unreachable::Timeout)?
                .map_err(|error| error::why_unreachable(&error))?;
            let date = answer.headers().get("date");
            date.and_then(|date| error::skew(date, self.clock().machine())).ok_or(Unreachable::Malformed)
        })
    }
}

/// Where STS is called.
#[must_use]
pub fn sts_url(endpoint: &Endpoint) -> String {
    match endpoint.url("sts") {
        Some(url) => url.to_owned(),
        None => format!("https://sts.{}.amazonaws.com", endpoint.region),
    }
}
