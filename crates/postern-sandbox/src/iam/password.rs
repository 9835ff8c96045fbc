//! What passwords must look like, and how they are kept.

use hmac::{Hmac, KeyInit as _, Mac as _};
use postern_types::Rng;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::{
    ServiceError,
    model::{LoginProfile, PasswordPolicy},
};

/// The symbols that count as such (*IAM User Guide*, "Set an account password policy for IAM users").
const SYMBOLS: &str = "!@#$%^&*()_+-=[]{}|'";

fn violation() -> ServiceError {
    ServiceError::password_policy_violation("Password does not conform to the account password policy.")
}

/// Checks a new password against the account's policy, or AWS's default where there is none.
pub(super) fn check(
    policy: Option<&PasswordPolicy>,
    user_name: &str,
    profile: Option<&LoginProfile>,
    password: &str,
) -> Result<(), ServiceError> {
    let length = password.chars().count();
    let has = |class: fn(char) -> bool| password.chars().any(class);
    let symbol = has(|c| SYMBOLS.contains(c));
    let number = has(|c| c.is_ascii_digit());
    let upper = has(char::is_uppercase);
    let lower = has(char::is_lowercase);
    let conforms = match policy {
        Some(policy) => {
            length >= usize::try_from(policy.minimum_length).unwrap_or(usize::MAX)
                && (symbol || !policy.require_symbols)
                && (number || !policy.require_numbers)
                && (upper || !policy.require_uppercase)
                && (lower || !policy.require_lowercase)
        }
        // Eight characters of three classes, and not the user's own name.
        None => {
            length >= 8
                && [symbol, number, upper, lower].into_iter().filter(|there| *there).count() >= 3
                && !password.eq_ignore_ascii_case(user_name)
        }
    };
    let earlier = policy.and_then(|policy| policy.reuse_prevention).unwrap_or(0);
    let earlier = usize::try_from(earlier).unwrap_or(usize::MAX);
    let reused = profile.is_some_and(|profile| {
        profile.password_hashes.iter().take(earlier).any(|hash| matches(hash, password))
    });
    if conforms && !reused { Ok(()) } else { Err(violation()) }
}

/// A salted hash, `SALT:HASH` in hexadecimal. Enough for throw-away passwords that open nothing.
pub(super) fn hash(password: &str, rng: &mut dyn Rng) -> String {
    let mut salt = [0_u8; 16];
    rng.fill_bytes(&mut salt);
    let salt = data_encoding::HEXLOWER.encode(&salt);
    let digest = digest(&salt, password);
    format!("{salt}:{digest}")
}

/// Whether this is the password behind the hash.
pub(super) fn matches(hash: &str, password: &str) -> bool {
    hash.split_once(':')
        .is_some_and(|(salt, kept)| digest(salt, password).as_bytes().ct_eq(kept.as_bytes()).into())
}

fn digest(salt: &str, password: &str) -> String {
    match Hmac::<Sha256>::new_from_slice(salt.as_bytes()) {
        Ok(mut mac) => {
            mac.update(password.as_bytes());
            data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes())
        }
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn the_default_wants_three_classes_of_eight() {
        for (password, good) in [
            ("Abcdefg1", true),
            ("abcdefg1!", true),
            ("Abcdef1", false),
            ("abcdefgh1", false),
            ("ABCDEFGH", false),
            ("Carol-12", false),
        ] {
            assert_eq!(check(None, "carol-12", None, password).is_ok(), good, "{password}");
        }
    }

    #[test]
    fn a_policy_of_ones_own_says_it_all() {
        let policy = PasswordPolicy {
            minimum_length: 6,
            require_symbols: true,
            require_numbers: false,
            require_uppercase: false,
            require_lowercase: false,
            allow_change: false,
            max_age_days: None,
            reuse_prevention: Some(2),
            hard_expiry: None,
        };
        let mut rng = StdRng::seed_from_u64(1);
        let profile = LoginProfile {
            created: postern_types::Timestamp::UNIX_EPOCH,
            password_reset_required: false,
            password_changed: postern_types::Timestamp::UNIX_EPOCH,
            password_hashes: ["third!", "second!", "first!"].map(|p| hash(p, &mut rng)).into(),
        };
        for (password, good) in [
            ("!!!!!!", true),
            ("!!!!!", false),
            ("abcdef", false),
            ("third!", false),
            ("second!", false),
            ("first!", true),
        ] {
            assert_eq!(check(Some(&policy), "u", Some(&profile), password).is_ok(), good, "{password}");
        }
    }

    #[test]
    fn hashes_are_salted() {
        let mut rng = StdRng::seed_from_u64(1);
        let (a, b) = (hash("secret", &mut rng), hash("secret", &mut rng));
        assert_ne!(a, b);
        assert!(matches(&a, "secret") && matches(&b, "secret") && !matches(&a, "Secret"));
        assert!(!matches("", "") && !a.contains("secret"));
    }
}
