//! Profiles that ask postern for credentials, written so that every SDK reads them alike.

use std::fmt::Write as _;

use postern_types::Region;

use super::{
    oddity::Oddity,
    profile::{Profiles, Source},
    shell_words,
};

/// A profile to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessProfile {
    /// Its name.
    pub name: String,
    /// The command's words, the program first.
    pub words: Vec<String>,
    /// Where its programs work.
    pub region: Region,
    /// The endpoint of all services, where it is not AWS's own.
    pub endpoint_url: Option<String>,
}

/// Why something cannot be written so that every reader reads the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnfitError {
    /// A word of a command that no quoting makes the same everywhere.
    #[error("`{word}` holds `{}`, which not every SDK reads alike in a command", .character.escape_debug())]
    Character {
        /// The word.
        word: String,
        /// What is in it.
        character: char,
    },
    /// Two profiles of one name.
    #[error("two profiles would be called `{name}`")]
    Twice {
        /// The name.
        name: String,
    },
    /// It would be read, but not by everybody or not as it is meant.
    #[error("profile `{name}` would not be read alike by every SDK{}", .oddity.as_ref().map(|odd| format!(": {}", odd.kind)).unwrap_or_default())]
    Odd {
        /// The profile.
        name: String,
        /// What is odd, where that has a name.
        oddity: Option<Box<Oddity>>,
    },
}

/// Words as one command, such as botocore parts it and the other SDKs hand it to a shell.
///
/// # Errors
/// On quotes, backslashes, `$`, backticks and control characters, and on what a reader could take for a comment.
pub fn command(words: &[String]) -> Result<String, UnfitError> {
    let mut text = String::new();
    for word in words {
        let unfit = |character| UnfitError::Character { word: word.clone(), character };
        let is_special = |c: char| c.is_control() || matches!(c, '"' | '\'' | '\\' | '$' | '`' | '!');
        if let Some(character) = word.chars().find(|c| is_special(*c)) {
            return Err(unfit(character));
        }
        if let Some(comment) = [" #", " ;"].into_iter().find(|sign| word.contains(sign)) {
            return Err(unfit(comment.chars().last().unwrap_or('#')));
        }
        if !text.is_empty() {
            text.push(' ');
        }
        let is_plain = |c: char| c.is_alphanumeric() || "_-/.,:=@%+".contains(c);
        if !word.is_empty() && word.chars().all(is_plain) {
            text.push_str(word);
        } else {
            text.extend(["\"", word, "\""]);
        }
    }
    Ok(text)
}

/// The profiles as text, below a line of comment.
///
/// # Errors
/// When one of them would not be read by every SDK as it is meant.
pub fn profiles(comment: &str, profiles: &[ProcessProfile]) -> Result<String, UnfitError> {
    let mut text = format!("# {comment}\n");
    let mut names: Vec<&str> = profiles.iter().map(|profile| profile.name.as_str()).collect();
    names.sort_unstable();
    if let Some([name, _]) = names.array_windows().find(|[a, b]| a == b) {
        return Err(UnfitError::Twice { name: (*name).to_owned() });
    }
    for (index, profile) in profiles.iter().enumerate() {
        let ProcessProfile { name, words, region, endpoint_url } = profile;
        let gap = if index == 0 { "" } else { "\n" };
        let command = command(words)?;
        let _ = write!(text, "{gap}[profile {name}]\ncredential_process = {command}\nregion = {region}\n");
        if let Some(url) = endpoint_url {
            let _ = writeln!(text, "endpoint_url = {url}");
        }
    }
    check(&text, profiles)?;
    Ok(text)
}

/// Reads what was written: names and values come from elsewhere.
fn check(text: &str, profiles: &[ProcessProfile]) -> Result<(), UnfitError> {
    let odd = |name: &str, oddity| Err(UnfitError::Odd { name: name.to_owned(), oddity });
    let read = match Profiles::parse(text, "") {
        Ok(read) => read,
        Err(_) => return odd(profiles.first().map_or("", |profile| &profile.name), None),
    };
    if let Some(oddity) = read.oddities().into_iter().next() {
        let above: Vec<&str> = text.lines().take(oddity.line).filter(|line| line.starts_with('[')).collect();
        let name = profiles.get(above.len().saturating_sub(1)).map_or("", |profile| &profile.name);
        return odd(name, Some(Box::new(oddity)));
    }
    for profile in profiles {
        let as_meant = read.profile(&profile.name).is_ok_and(|found| {
            let url = found.endpoints.endpoint_url.as_ref().map(|url| url.value.as_str());
            let Source::Process(process) = &found.source else { return false };
            shell_words(&process.command.value).as_ref() == Some(&profile.words)
                && found.region.as_ref().is_some_and(|region| region.value == profile.region)
                && url == profile.endpoint_url.as_deref()
                && found.roles.is_empty()
        });
        if !as_meant {
            return odd(&profile.name, None);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(name: &str, program: &str) -> ProcessProfile {
        let words = [program, "credential-process", "prod/developer", "--estate", "/home/al ice/(a&b).toml"];
        ProcessProfile {
            name: name.to_owned(),
            words: words.map(str::to_owned).to_vec(),
            region: "eu-central-1".parse().unwrap(),
            endpoint_url: Some("http://127.0.0.1:4581".to_owned()),
        }
    }

    #[test]
    fn paths_with_blanks_and_signs_are_quoted() {
        let text = profiles("made", &[profile("a", "/usr/bin/postern"), profile("b", "/p")]).unwrap();
        assert_eq!(
            text,
            "# made\n[profile a]\ncredential_process = /usr/bin/postern credential-process prod/developer --estate \
             \"/home/al ice/(a&b).toml\"\nregion = eu-central-1\nendpoint_url = http://127.0.0.1:4581\n\n\
             [profile b]\ncredential_process = /p credential-process prod/developer --estate \
             \"/home/al ice/(a&b).toml\"\nregion = eu-central-1\nendpoint_url = http://127.0.0.1:4581\n"
        );
        assert_eq!(Profiles::parse(&text, "").unwrap().oddities(), []);
    }

    #[test]
    fn what_readers_would_part_differently_is_refused() {
        for program in ["/a\"b", "/a'b", "/a\\b", "/a$b", "/a`b", "/a!b", "/a\nb", "/a #b", "/a ;b"] {
            assert!(matches!(command(&[program.to_owned()]), Err(UnfitError::Character { .. })), "{program}");
        }
        assert_eq!(command(&["/ü/x".to_owned(), String::new()]).unwrap(), "/ü/x \"\"");
        let twice = profiles("", &[profile("a", "/p"), profile("b", "/p"), profile("a", "/p")]);
        assert_eq!(twice, Err(UnfitError::Twice { name: "a".to_owned() }));
        for name in ["a b", "a]b", "a=b", "ü", "", "\"a\""] {
            let error = profiles("", &[profile("fine", "/p"), profile(name, "/p")]).unwrap_err();
            assert!(matches!(&error, UnfitError::Odd { name: odd, .. } if odd == name), "{name}: {error}");
        }
        let mut commented = profile("a", "/p");
        commented.endpoint_url = Some("http://x #y".to_owned());
        assert!(matches!(profiles("", &[commented]), Err(UnfitError::Odd { .. })));
    }
}
