//! The ready file: that requests are taken, where, and with which keys.

use std::path::Path;

use serde_json::json;

use super::{RunningSandbox, ServeError, admin, store::write_private};

/// Writes the file, whole or not at all, readable by its owner only.
pub(super) fn write(path: &Path, running: &RunningSandbox) -> Result<(), ServeError> {
    let ready = json!({
        "endpoint": running.endpoint(),
        "admin": {"url": running.admin().url(), "token": running.admin().token()},
        "accounts": running.world().accounts().iter().map(admin::account).collect::<Vec<_>>(),
    });
    write_private(path, format!("{ready:#}\n").as_bytes())
}
