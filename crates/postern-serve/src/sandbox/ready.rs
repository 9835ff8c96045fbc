//! The ready file: that requests are taken, where, and with which keys.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use postern_sandbox::Scene;
use serde_json::json;

use super::{RunningSandbox, ServeError, admin, store::write_private};

/// Writes the file, whole or not at all, readable by its owner only; with a scene, its users' keys beside it.
pub(super) fn write(path: &Path, running: &RunningSandbox, scene: Option<Scene>) -> Result<(), ServeError> {
    let mut ready = json!({
        "endpoint": running.endpoint(),
        "admin": {"url": running.admin().url(), "token": running.admin().token()},
        "accounts": running.world().accounts().iter().map(admin::account).collect::<Vec<_>>(),
    });
    if let (Some(scene), Some(members)) = (scene, ready.as_object_mut()) {
        let beside = credentials_file(path);
        write_private(&beside, credentials(running, scene).as_bytes())?;
        members.insert("credentials_file".to_owned(), json!(beside));
    }
    write_private(path, format!("{ready:#}\n").as_bytes())
}

/// Where the keys of a scene's users are written, for a ready file of this name: `ready.json`, `ready.credentials`.
#[must_use]
pub fn credentials_file(ready_file: &Path) -> PathBuf {
    ready_file.with_extension("credentials")
}

/// A profile for each key, as in `~/.aws/credentials`: a second key of a user has a number behind the name.
fn credentials(running: &RunningSandbox, scene: Scene) -> String {
    let mut text = format!(
        "# The IAM users of account {} of the sandbox at {}.\n\
         # AWS_SHARED_CREDENTIALS_FILE=… AWS_ENDPOINT_URL={} aws --profile alice sts get-caller-identity\n",
        scene.account(),
        running.endpoint(),
        running.endpoint(),
    );
    let mut last = (String::new(), 0_u32);
    for key in running.world().user_keys(scene.account()) {
        last = if last.0 == key.user { (last.0, last.1 + 1) } else { (key.user.clone(), 1) };
        let profile = if last.1 == 1 { key.user } else { format!("{}-{}", key.user, last.1) };
        // The sandbox's own throw-away keys, handed to whoever runs it.
        let _never_fails = write!(
            text,
            "\n[{profile}]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            key.id,
            key.secret.expose_secret()
        );
    }
    text
}
