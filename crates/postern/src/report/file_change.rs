//! What is about to change in a file of `~/.aws`, as a unified diff.

use similar::TextDiff;

/// Keys whose values are shown to nobody.
const SECRET: [&str; 3] = ["aws_secret_access_key", "aws_session_token", "aws_security_token"];

/// The change from an old text, if there was one, to a new one. Secrets that stand nearby are left out.
pub(crate) fn unified(path: &str, old: Option<&str>, new: &str) -> String {
    let (before, after) = (without_secrets(old.unwrap_or_default()), without_secrets(new));
    let from = if old.is_some() { path } else { "/dev/null" };
    TextDiff::from_lines(&before, &after).unified_diff().context_radius(3).header(from, path).to_string()
}

fn without_secrets(text: &str) -> String {
    let mut hidden_indent = None;
    text.split_inclusive('\n')
        .map(|line| {
            let content = line.trim_end_matches(['\r', '\n']);
            let end = line.get(content.len()..).unwrap_or_default();
            let indent = content.len() - content.trim_start().len();
            // A secret that goes on in deeper lines goes on being one.
            if hidden_indent.is_some_and(|hidden| indent > hidden) {
                return format!("…{end}");
            }
            let key = content.split(['=', ':']).next().unwrap_or_default();
            hidden_indent = SECRET.iter().any(|name| key.trim().eq_ignore_ascii_case(name)).then_some(indent);
            if hidden_indent.is_some() { format!("{key}= …{end}") } else { line.to_owned() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_shows_no_secret_nearby() {
        let old =
            "[default]\naws_access_key_id = AKIA\nAWS_Secret_Access_Key: hunter2\n  hunter3\nregion = x\n";
        let new = format!("{old}\n[profile a]\n");
        assert_eq!(
            unified("config", Some(old), &new),
            "--- config\n+++ config\n@@ -3,3 +3,5 @@\n AWS_Secret_Access_Key= …\n …\n region = x\n+\n+[profile a]\n"
        );
        assert!(
            unified("config", None, "[a]\n").starts_with("--- /dev/null\n+++ config\n@@ -0,0 +1 @@\n+[a]")
        );
        assert!(unified("config", Some("[a]"), "[a]\n[b]\n").contains("\\ No newline at end of file"));
    }
}
