//! One section of a credentials file, and everything else as it is.

use std::ops::Range;

use zeroize::Zeroizing;

/// What the first line of a section that postern wrote begins with.
pub(super) const MARK: &str = "# postern: ";

/// The keys that are written, in any order.
const OWN_KEYS: [&str; 6] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "x_security_token_expires",
    "region",
    "endpoint_url",
];

/// What may not be overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// Whatever postern did not write.
    Foreign,
    /// Long-term keys.
    LongTermKeys,
}

/// Why a section is left as it is; each with its line, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Somebody else wrote it.
    Foreign { line: usize },
    /// It holds a key that may exist nowhere else.
    LongTermKey { line: usize },
    /// It is there a second time.
    Twice { line: usize },
    /// There is none.
    NotThere,
}

/// A section's place.
struct Section {
    header: Range<usize>,
    /// Up to the next header.
    body: Range<usize>,
    line: usize,
}

/// Where the section of this name is, if there is one.
fn find(text: &str, name: &str) -> Result<Option<Section>, Refusal> {
    let mut found: Option<Section> = None;
    let (mut at, mut within) = (0, false);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let place = at..at + line.len();
        at = place.end;
        if let Some(header) = header(line) {
            within = header == name;
            if within && found.is_some() {
                return Err(Refusal::Twice { line: number + 1 });
            }
            if within {
                found = Some(Section { body: place.end..place.end, header: place, line: number + 1 });
            }
        } else if within && let Some(section) = &mut found {
            section.body.end = place.end;
        }
    }
    Ok(found)
}

/// An indented `[` goes on with the value above, as botocore has it.
fn header(line: &str) -> Option<&str> {
    let inside = line.strip_prefix('[')?;
    Some(inside.get(..inside.find(']')?)?.trim())
}

fn key(line: &str) -> Option<String> {
    let (key, _) = line.split_once(['=', ':'])?;
    let is_comment = line.trim_start().starts_with(['#', ';']);
    (!is_comment).then(|| key.trim().to_ascii_lowercase())
}

impl Section {
    fn lines<'a>(&self, text: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        text.get(self.body.clone()).unwrap_or_default().split_inclusive('\n')
    }

    /// The end of what postern wrote, if it wrote this.
    fn own_end(&self, text: &str) -> Option<usize> {
        let mut lines = self.lines(text);
        let mark = lines.next().filter(|line| line.starts_with(MARK))?;
        let own = |line: &&str| key(line).is_some_and(|key| OWN_KEYS.contains(&key.as_str()));
        let keys: usize = lines.take_while(own).map(str::len).sum();
        Some(self.body.start + mark.len() + keys)
    }

    /// The end of what belongs to the section: blank lines and comments at its end stand before the next.
    fn full_end(&self, text: &str) -> usize {
        let mut at = self.body.start;
        let mut end = at;
        for line in self.lines(text) {
            at += line.len();
            if !line.trim().is_empty() && !line.trim_start().starts_with(['#', ';']) {
                end = at;
            }
        }
        end
    }

    fn holds_long_term_key(&self, text: &str) -> bool {
        let keys: Vec<String> = self.lines(text).filter_map(key).collect();
        let holds = |wanted: &str| keys.iter().any(|key| key == wanted);
        holds("aws_secret_access_key") && !holds("aws_session_token")
    }
}

/// The text with a section of these lines, in place of the one there is or at the end.
pub(super) fn put(text: &str, name: &str, lines: &str, keep: Keep) -> Result<Zeroizing<String>, Refusal> {
    let Some(section) = find(text, name)? else {
        let gap = match text {
            "" => "",
            text if text.ends_with("\n\n") || text.ends_with("\n\r\n") => "",
            text if text.ends_with('\n') => "\n",
            _ => "\n\n",
        };
        return Ok(joined(text, &[text, gap, "[", name, "]\n"], lines, ""));
    };
    let line = section.line;
    let end = match section.own_end(text) {
        Some(end) => end,
        None if keep == Keep::Foreign => return Err(Refusal::Foreign { line }),
        None if section.holds_long_term_key(text) => return Err(Refusal::LongTermKey { line }),
        None => section.full_end(text),
    };
    let before = text.get(..section.header.start).unwrap_or_default();
    let after = text.get(end..).unwrap_or_default();
    Ok(joined(text, &[before, "[", name, "]\n"], lines, after))
}

/// The text without the section. Lines that the person wrote into it stay, and with them the header.
pub(super) fn remove(text: &str, name: &str) -> Result<Zeroizing<String>, Refusal> {
    let section = find(text, name)?.ok_or(Refusal::NotThere)?;
    let end = section.own_end(text).ok_or(Refusal::Foreign { line: section.line })?;
    let rest = text.get(end..section.body.end).unwrap_or_default();
    let after = text.get(end..).unwrap_or_default();
    if rest.lines().any(|line| key(line).is_some()) {
        let before = text.get(..section.header.end).unwrap_or_default();
        return Ok(joined(text, &[before], "", after));
    }
    let before = text.get(..section.header.start).unwrap_or_default();
    // The blank line that was put before it.
    let before = if before.ends_with("\n\n") { before.strip_suffix('\n').unwrap_or(before) } else { before };
    Ok(joined(text, &[before], "", after))
}

/// All of it in one piece of memory, which is wiped.
fn joined(text: &str, before: &[&str], lines: &str, after: &str) -> Zeroizing<String> {
    let mut whole = Zeroizing::new(String::with_capacity(2 * (text.len() + lines.len()) + 1_024));
    for part in before {
        whole.push_str(part);
    }
    whole.push_str(lines);
    whole.push_str(after);
    whole
}

/// What in a config file makes SDKs pass over keys of this profile.
pub(super) fn goes_before(config: &str, name: &str) -> Option<&'static str> {
    let header = if name == "default" { name.to_owned() } else { format!("profile {name}") };
    let section = find(config, &header).ok().flatten()?;
    let keys: Vec<String> = section.lines(config).filter_map(key).collect();
    ["role_arn", "web_identity_token_file", "sso_session", "sso_start_url"]
        .into_iter()
        .find(|wanted| keys.iter().any(|key| key == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "# postern: a/b until T\naws_access_key_id = ASIA1\naws_secret_access_key = s1\naws_session_token = t1\n";
    const LATER: &str = "# postern: a/b until U\naws_access_key_id = ASIA2\naws_session_token = t2\n";

    fn put(text: &str, lines: &str) -> String {
        super::put(text, "x", lines, Keep::Foreign).unwrap().to_string()
    }

    #[test]
    fn everything_else_stays_to_the_byte() {
        for text in [
            "",
            "[default]\naws_access_key_id = AKIA\naws_secret_access_key=s\n",
            "# a comment\r\n[default]\r\nkey: v  \r\n\r\n",
            "[a]\n\tweird = 1\n\n\n# end\n\n",
        ] {
            let with = put(text, LINES);
            assert_eq!(with.strip_prefix(text).unwrap().trim_start_matches('\n'), format!("[x]\n{LINES}"));
            let later = put(&with, LATER);
            assert_eq!(later, with.replace(LINES, LATER));
            let gone = remove(&later, "x").unwrap();
            assert_eq!(gone.trim_end_matches('\n'), text.trim_end_matches('\n'), "{text:?}");
            if !text.ends_with("\n\n") {
                assert_eq!(*gone, text);
            }
        }
        // Without a line break at its end, the last line gets one.
        assert_eq!(put("[a]\nk = v", LINES), format!("[a]\nk = v\n\n[x]\n{LINES}"));
    }

    #[test]
    fn in_the_middle_neighbours_keep_what_is_theirs() {
        let text = format!("[a]\nk = 1\n\n[x]\n{LINES}\n# about b\n[b]\nk = 2\n");
        assert_eq!(put(&text, LATER), text.replace(LINES, LATER));
        assert_eq!(*remove(&text, "x").unwrap(), "[a]\nk = 1\n\n# about b\n[b]\nk = 2\n");
        // What the person added stays, and does not slip into the section above.
        let added = text.replace(LINES, &format!("{LINES}output = json\n"));
        assert_eq!(put(&added, LATER), added.replace(LINES, LATER));
        assert_eq!(*remove(&added, "x").unwrap(), added.replace(LINES, ""));
    }

    #[test]
    fn what_postern_did_not_write_is_not_touched() {
        let put = |text: &str, keep| super::put(text, "x", LINES, keep).map(|text| text.to_string());
        let foreign = "[a]\nk=1\n[ x ]\nsource_profile = a\nrole_arn = r\n\n# about y\n[y]\nk=2\n";
        assert_eq!(put(foreign, Keep::Foreign), Err(Refusal::Foreign { line: 3 }));
        assert_eq!(remove(foreign, "x").unwrap_err(), Refusal::Foreign { line: 3 });
        assert_eq!(
            put(foreign, Keep::LongTermKeys).unwrap(),
            format!("[a]\nk=1\n[x]\n{LINES}\n# about y\n[y]\nk=2\n")
        );
        let long_term = "[x]\naws_access_key_id=AKIA\nAWS_Secret_Access_Key : s\n";
        assert_eq!(put(long_term, Keep::LongTermKeys), Err(Refusal::LongTermKey { line: 1 }));
        assert_eq!(put("[x]\n[y]\n[x]\n", Keep::LongTermKeys), Err(Refusal::Twice { line: 3 }));
        assert_eq!(remove("[y]\n", "x").unwrap_err(), Refusal::NotThere);
        // A mark further down is the person's own text.
        assert_eq!(put(&format!("[x]\nk=1\n{MARK}\n"), Keep::Foreign), Err(Refusal::Foreign { line: 1 }));
    }

    #[test]
    fn what_goes_before_in_the_config_file_is_found() {
        let config = "[default]\nrole_arn = r\n[profile x]\nregion = r\nRole_Arn=r\n[profile y]\ncredential_process = p\n";
        assert_eq!(goes_before(config, "default"), Some("role_arn"));
        assert_eq!(goes_before(config, "x"), Some("role_arn"));
        assert_eq!(goes_before(config, "y"), None);
        assert_eq!(goes_before(config, "z"), None);
    }
}
