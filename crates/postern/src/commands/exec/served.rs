//! `exec --serve`: an endpoint in place of credentials.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    aws_files,
    commands::serve_for,
    context::Context,
    daily::{Destination, Wish},
    errors::CliError,
    served::Recipe,
};

/// Starts an endpoint for this process, and gives the command what it needs to find it. What would lead elsewhere has
/// been taken from the command before.
pub(super) fn give(
    command: &mut Command,
    destination: &Destination,
    wish: &Wish<'_>,
    context: &Context,
) -> Result<(), CliError> {
    hide_other_credentials(command, context);
    let recipe = Recipe::of_destinations(context, wish, std::slice::from_ref(destination))?;
    let endpoint = serve_for::start(&destination.name, recipe)?;
    command
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &endpoint.uri)
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", endpoint.token.as_str());
    Ok(())
}

/// An SDK takes the credentials of a `[default]` profile before it looks for an endpoint: a file that has
/// some is kept from the command, which would otherwise work as somebody else in silence.
fn hide_other_credentials(command: &mut Command, context: &Context) {
    let environment = &context.environment;
    let hide = |command: &mut Command, variable: &str, file: Option<PathBuf>| {
        let Some(file) = file.filter(|file| gives_default(file)) else { return };
        context.printer.warning(&format!(
            "`{}` gives credentials in its [default] profile, which would go before the endpoint: the command \
             does not see this file",
            file.display()
        ));
        command.env(variable, "/dev/null");
    };
    hide(command, crate::env::AWS_CONFIG_FILE, aws_files::config_file(environment));
    hide(command, crate::env::AWS_SHARED_CREDENTIALS_FILE, aws_files::credentials_file(environment));
}

fn gives_default(file: &Path) -> bool {
    std::fs::read(file).is_ok_and(|text| default_gives_credentials(&String::from_utf8_lossy(&text)))
}

/// What makes a profile a source of credentials.
const SOURCES: &[&str] = &[
    "aws_access_key_id",
    "credential_process",
    "credential_source",
    "login_session",
    "role_arn",
    "web_identity_token_file",
];

/// Whether a `[default]` section names a source of credentials; read generously, as SDKs differ.
fn default_gives_credentials(text: &str) -> bool {
    let mut in_default = false;
    for line in text.lines().map(str::trim_start) {
        if let Some(header) = line.strip_prefix('[') {
            let name = header.split(']').next().unwrap_or_default();
            let words: Vec<&str> = name.split_whitespace().collect();
            in_default = matches!(words.as_slice(), [last] | ["profile", last]
                if last.trim_matches(['"', '\'']).eq_ignore_ascii_case("default"));
        } else if in_default && let Some((key, _)) = line.split_once(['=', ':']) {
            let key = key.trim().to_ascii_lowercase();
            if SOURCES.contains(&key.as_str()) || key.starts_with("sso_") {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::default_gives_credentials;

    #[test]
    fn a_default_profile_with_credentials_is_noticed() {
        for text in [
            "[default]\naws_access_key_id = AKIA\n",
            "[a]\nregion=x\n[profile default] # mine\r\n  role_arn: x\r\n",
            "[profile \"default\"]\nSSO_session = x",
            "[DEFAULT]\ncredential_process=x",
        ] {
            assert!(default_gives_credentials(text), "{text}");
        }
        for text in [
            "",
            "[default]\nregion = eu-central-1\n#aws_access_key_id = x\n",
            "[default]\nregion=x\n[profile b]\nrole_arn=x",
            "[profile defaults]\nrole_arn=x",
            "aws_access_key_id = x",
        ] {
            assert!(!default_gives_credentials(text), "{text}");
        }
    }
}
