//! The ARNs that a caller can have: `arn:PARTITION:iam::ACCOUNT:user/NAME`, `…:role/NAME`, both with a path or
//! none, `…:root`, and `arn:PARTITION:sts::ACCOUNT:federated-user/NAME`.

use super::automaton::Stage;

/// What stands at the beginning of each, one stage for each character.
const HEAD: &[u8] = b"arn:aws";
/// Behind `aws`, within the rest of a partition's name, and behind its colon.
const PARTITION: Stage = 7;
const REST: Stage = 8;
const SERVICE: Stage = 9;

/// Fixed texts: the stage before, the text, the stage behind.
const WORDS: [(Stage, &[u8], Stage); 6] = [
    (10, b"am::", 20),
    (15, b"ts::", 40),
    (60, b"ser/", USER),
    (65, b"le/", ROLE),
    (70, b"ot", ROOT),
    (75, b"ederated-user/", FEDERATED),
];
/// The account's digits, of IAM and of STS, each behind so many.
const IAM: Stage = 20;
const STS: Stage = 40;
const DIGITS: Stage = 12;

/// Behind the account's colon of IAM, and behind `ro`.
const RESOURCE: Stage = 90;
const RO: Stage = 91;
const RO_O: Stage = 92;
/// Names: at the beginning of a segment, within one that can be a name, within one that cannot.
const USER: Stage = 100;
const ROLE: Stage = 110;
const FEDERATED: Stage = 120;
const ROOT: Stage = 130;

pub(super) const fn is_whole(stage: Stage) -> bool {
    matches!(stage, ROOT) || stage == USER + 1 || stage == ROLE + 1 || stage == FEDERATED + 1
}

pub(super) const fn is_digit(stage: Stage) -> bool {
    matches!(stage, IAM..=31 | STS..=51)
}

pub(super) fn advance(stage: Stage, character: char) -> Option<Stage> {
    if let Some(wanted) = HEAD.get(stage as usize) {
        return (char::from(*wanted) == character).then_some(stage + 1);
    }
    for (before, text, behind) in WORDS {
        let Some(at) = stage.checked_sub(before) else { continue };
        if let Some(wanted) = text.get(at as usize) {
            let next = if at as usize + 1 == text.len() { behind } else { stage + 1 };
            return (char::from(*wanted) == character).then_some(next);
        }
    }
    match (stage, character) {
        (PARTITION | REST, ':') => Some(SERVICE),
        (PARTITION, '-') | (REST, 'a'..='z' | '-') => Some(REST),
        (SERVICE, 'i') => Some(10),
        (SERVICE, 's') => Some(15),
        (IAM..=31 | STS..=51, '0'..='9') => Some(stage + 1),
        (stage, ':') if stage == IAM + DIGITS => Some(RESOURCE),
        (stage, ':') if stage == STS + DIGITS => Some(STS + DIGITS + 1),
        (stage, 'f') if stage == STS + DIGITS + 1 => Some(75),
        (RESOURCE, 'u') => Some(60),
        (RESOURCE, 'r') => Some(RO),
        (RO, 'o') => Some(RO_O),
        (RO_O, 'l') => Some(66),
        (RO_O, 'o') => Some(71),
        (USER..=102, c) => name(USER, stage, c),
        (ROLE..=112, c) => name(ROLE, stage, c),
        (FEDERATED | 121, c) if is_name(c) => Some(FEDERATED + 1),
        _ => None,
    }
}

fn name(start: Stage, stage: Stage, character: char) -> Option<Stage> {
    match character {
        '/' => Some(start),
        c if is_name(c) && stage != start + 2 => Some(start + 1),
        '!'..='~' => Some(start + 2),
        _ => None,
    }
}

const fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '+' | '=' | ',' | '.' | '@' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Principal;

    fn is_caller(text: &str) -> bool {
        text.chars().try_fold(0, advance).is_some_and(is_whole)
    }

    #[test]
    fn it_is_what_the_readers_of_arns_take() {
        for text in [
            "arn:aws:iam::111111111111:user/alice",
            "arn:aws:iam::111111111111:user/a/b:c/alice",
            "arn:aws-cn:iam::111111111111:role/a//work+1",
            "arn:aws:iam::111111111111:root",
            "arn:aws:sts::111111111111:federated-user/fed",
        ] {
            assert!(is_caller(text) && Principal::from_arn(text).is_some(), "{text}");
        }
        for text in [
            "arn:aws:iam::111111111111:user/",
            "arn:aws:iam::111111111111:user/a:b",
            "arn:aws:iam::111111111111:rool/x",
            "arn:aws:iam::11111111111:root",
            "arn:aws:iam:eu-central-1:111111111111:user/alice",
            "arn:aws:iam::aws:role/x",
            "arn:aws:s3:::bucket",
        ] {
            assert!(!is_caller(text), "{text}");
        }
        assert!(!is_caller("arn:aws:iam::111111111111:roote"));
    }
}
