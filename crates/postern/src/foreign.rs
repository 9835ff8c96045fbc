//! Credentials that are no keys of the person's: whoever a profile names gives them.

use postern_broker::{ForeignCredentials, ForeignError, ForeignSource, ForeignSources};

/// The sources of this process.
pub(crate) struct Foreign;

impl ForeignSources for Foreign {
    fn take(&self, _: &ForeignSource) -> Result<ForeignCredentials, ForeignError> {
        Err(ForeignError { problem: "not read yet".to_owned() })
    }
}
