//! The target of the AWS configuration files. It stands apart: the AWS SDK comes with it, which takes a
//! fuzzer's build many minutes.

use postern_aws::profile::Profiles;

/// The AWS configuration files: config and credentials, parted by a line `---`.
pub fn aws_config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (config, credentials) = text.split_once("\n---\n").unwrap_or((text, ""));
    if let Ok(profiles) = Profiles::parse(config, credentials) {
        for name in profiles.names() {
            let _ = profiles.profile(&name);
        }
    }
}
