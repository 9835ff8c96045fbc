//! What to type to play on in the demo's world.

use super::{stage::Stage, story::Person};
use crate::output::{BOLD, DIM, command, paint, prose};

/// Exports for a shell with its own `aws` CLI, and where to go from there. Everything can be copied as it stands.
pub(super) fn exports(stage: &Stage, alice: &Person, width: usize) -> String {
    let heading = |text: &str| prose(&paint(BOLD, text), "", "", width);
    let note = |text: &str| format!("  {}", paint(DIM, &prose(text, "", "  ", width.saturating_sub(2))));
    let typed = |text: &str| command(text, "  ", "    ", width);
    let admin = stage.admin();
    // Version 1 of the CLI reads AWS_DEFAULT_REGION only, other SDKs AWS_REGION only.
    let exports = [
        ("AWS_ENDPOINT_URL", stage.endpoint()),
        ("AWS_REGION", stage.region().as_str()),
        ("AWS_DEFAULT_REGION", stage.region().as_str()),
        ("AWS_ACCESS_KEY_ID", alice.long_term.id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", alice.long_term.secret.expose_secret()),
    ];
    let exports = exports.map(|(name, value)| format!("  export {name}={value}")).join("\n");
    let session =
        format!("aws sts get-session-token --serial-number {} --token-code CODE", alice.entry.serial);
    let role = "aws sts assume-role --role-arn arn:aws:iam::222222222222:role/postern/developer \
                --role-session-name me";
    let hour = format!(
        "curl -H 'Authorization: Bearer {}' -d '{{\"advance_seconds\":3600}}' {}/clock",
        admin.token(),
        admin.url()
    );
    let seed = alice.codes.seed_text();
    [
        "",
        &heading("The sandbox goes on. In another terminal you are alice, with her long-term key:"),
        "",
        &exports,
        "  unset AWS_SESSION_TOKEN AWS_PROFILE",
        "",
        &heading("With a code of her device, a session; export its three values and assume a role:"),
        "",
        &typed(&session),
        &typed(role),
        "",
        &note(&format!("the device's seed, for an authenticator app: {}", seed.as_str())),
        &note("codes up to the one that alice used are spent: take one that comes up from now on"),
        "",
        &heading("An hour passes:"),
        "",
        &typed(&hour),
        "",
        &heading("Ctrl-C ends the sandbox."),
        "",
    ]
    .join("\n")
}
