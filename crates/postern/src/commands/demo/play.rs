//! What to type to play on in the demo's world.

use super::{stage::Stage, story::Person};
use crate::output::{BOLD, DIM, paint};

/// Exports for a shell with its own `aws` CLI, and where to go from there.
pub(super) fn exports(stage: &Stage, alice: &Person) -> String {
    let heading = |text: &str| paint(BOLD, text);
    let note = |text: &str| paint(DIM, text);
    let admin = stage.admin();
    let mut text = format!(
        "\n{}\n\n  export AWS_ENDPOINT_URL={}\n  export AWS_REGION={}\n  export AWS_ACCESS_KEY_ID={}\n  \
         export AWS_SECRET_ACCESS_KEY={}\n\n",
        heading("The sandbox goes on. In another terminal you are alice, with her long-term key:"),
        stage.endpoint(),
        stage.region(),
        alice.long_term.id,
        alice.long_term.secret.expose_secret(),
    );
    text.push_str(&format!(
        "{}\n\n  aws sts get-session-token --serial-number {} --token-code CODE\n\n  {}\n  {}\n\n",
        heading("With a code of her device, a session; export its three values and assume a role:"),
        alice.entry.serial,
        note(&format!("the device's seed, for an authenticator app: {}", alice.codes.seed_text().as_str())),
        note("codes up to the one that alice used are spent: take one that comes up from now on"),
    ));
    text.push_str(&format!(
        "  aws sts assume-role --role-arn arn:aws:iam::222222222222:role/postern/developer --role-session-name me\n\n{}\n\n  \
         curl -H 'Authorization: Bearer {}' -d '{{\"advance_seconds\":3600}}' {}/clock\n\n{}\n",
        heading("An hour passes:"),
        admin.token(),
        admin.url(),
        heading("Ctrl-C ends the sandbox."),
    ));
    text
}
