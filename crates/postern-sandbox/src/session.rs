//! Temporary credentials. All that is known of a session is sealed into its token: no row is stored, so the
//! sandbox is as fast after a hundred thousand of them as after one, and any edit is refused.

use miniz_oxide::{deflate::compress_to_vec, inflate::decompress_to_vec_with_limit};
use postern_policy::Document;
use postern_types::{
    AccessKeyId, AccountId, KeyKind, PrincipalId, Rng, SecretAccessKey, SessionToken, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{
    ServiceError,
    caller::SessionFacts,
    model::{PolicyText, Tag},
    seal::Sealer,
};

/// The most that policies and tags of a session may take, packed: what leaves the token below 4096 characters.
const PACKED_MAX: usize = 2_400;
/// Far above what a token of ours unpacks to.
const UNPACKED_MAX: usize = 64 * 1024;

/// Whose session it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Principal {
    /// `GetSessionToken` of root.
    #[serde(rename = "a")]
    Root,
    /// `GetSessionToken` of a user, by unique id.
    #[serde(rename = "u")]
    User(String),
    /// `AssumeRole`: the role's unique id and the session's name.
    #[serde(rename = "r")]
    Role(String, String),
    /// `GetFederationToken`: its name, and the unique id of the user behind it.
    #[serde(rename = "f")]
    Federated(String, Option<String>),
}

/// A session to be made, or one that came back.
pub(crate) struct Session {
    pub(crate) principal: Principal,
    pub(crate) facts: SessionFacts,
}

/// What is sealed. Short names: a token is sent with every request.
#[derive(Serialize, Deserialize)]
struct Sealed<'a> {
    #[serde(rename = "p")]
    principal: Principal,
    #[serde(rename = "k")]
    secret: std::borrow::Cow<'a, str>,
    #[serde(rename = "i")]
    issued: i64,
    #[serde(rename = "e")]
    expires: i64,
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    mfa: Option<i64>,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    source_identity: Option<String>,
    #[serde(rename = "x", default, skip_serializing_if = "Extras::is_empty")]
    extras: Extras,
}

/// What the packed size counts.
#[derive(Default, Serialize, Deserialize)]
struct Extras {
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    policy_arns: Vec<String>,
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<(String, String)>,
    #[serde(rename = "v", default, skip_serializing_if = "Vec::is_empty")]
    transitive: Vec<String>,
}

impl Extras {
    fn of(facts: &SessionFacts) -> Self {
        Self {
            policy: facts.policy.as_ref().map(|policy| policy.text.to_string()),
            policy_arns: facts.policy_arns.clone(),
            tags: facts.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
            transitive: facts.transitive.clone(),
        }
    }

    fn is_empty(&self) -> bool {
        self.policy.is_none() && self.policy_arns.is_empty() && self.tags.is_empty()
    }
}

/// What STS hands out.
pub(crate) struct Issued {
    pub(crate) id: AccessKeyId,
    pub(crate) secret: SecretAccessKey,
    pub(crate) token: SessionToken,
}

impl Session {
    /// How much of the space for policies and tags is taken, in percent.
    ///
    /// # Errors
    /// `PackedPolicyTooLarge` above a hundred.
    pub(crate) fn packed_size(&self) -> Result<u32, ServiceError> {
        let extras = Extras::of(&self.facts);
        if extras.is_empty() {
            return Ok(0);
        }
        let text = serde_json::to_vec(&extras).unwrap_or_default();
        let packed = compress_to_vec(&text, 6).len().min(text.len());
        let percent = u32::try_from((packed * 100).div_ceil(PACKED_MAX)).unwrap_or(u32::MAX);
        if percent <= 100 {
            return Ok(percent);
        }
        Err(ServiceError::packed_policy_too_large(
            if extras.policy.is_none() && extras.policy_arns.is_empty() {
                format!("Packed size of session tags consumes {percent}% of allotted space.")
            } else {
                format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.")
            },
        ))
    }

    /// Makes the session's credentials, for a principal of this account.
    pub(crate) fn issue(self, account: AccountId, sealer: &Sealer, rng: &mut dyn Rng) -> Issued {
        let id = AccessKeyId::generate(KeyKind::Temporary, account, rng);
        let secret = SecretAccessKey::generate(rng);
        let sealed = Sealed {
            principal: self.principal,
            secret: secret.expose_secret().into(),
            issued: self.facts.issued.as_second(),
            expires: self.facts.expires.as_second(),
            mfa: self.facts.mfa.map(Timestamp::as_second),
            source_identity: self.facts.source_identity.clone(),
            extras: Extras::of(&self.facts),
        };
        let text = zeroize::Zeroizing::new(serde_json::to_vec(&sealed).unwrap_or_default());
        // The first byte tells whether the rest is deflated, which pays for policies but not for bare ids.
        let mut packed = zeroize::Zeroizing::new(Vec::with_capacity(text.len() + 1));
        if sealed.extras.is_empty() {
            packed.push(0);
            packed.extend_from_slice(&text);
        } else {
            packed.push(1);
            packed.extend_from_slice(&compress_to_vec(&text, 6));
        }
        let token = sealer.seal(id.as_str(), &packed, rng);
        let Ok(token) = SessionToken::new(token) else { unreachable!("Base64 text is a token") };
        Issued { id, secret, token }
    }

    /// Opens the token that came with a key id. None for one that is not this key's, or was touched.
    pub(crate) fn open(key_id: &str, token: &str, sealer: &Sealer) -> Option<(Self, SecretAccessKey)> {
        let packed = sealer.open(key_id, token)?;
        let (deflated, rest) = packed.split_first()?;
        let inflated;
        let text = if *deflated == 0 {
            rest
        } else {
            inflated = zeroize::Zeroizing::new(decompress_to_vec_with_limit(rest, UNPACKED_MAX).ok()?);
            inflated.as_slice()
        };
        let sealed: Sealed<'_> = serde_json::from_slice(text).ok()?;
        let time = |seconds: i64| Timestamp::from_second(seconds).ok();
        let policy = match sealed.extras.policy {
            None => None,
            Some(text) => {
                let document = Document::parse(&text).ok()?;
                Some(PolicyText::new(&text, document))
            }
        };
        let facts = SessionFacts {
            issued: time(sealed.issued)?,
            expires: time(sealed.expires)?,
            mfa: match sealed.mfa {
                None => None,
                Some(seconds) => Some(time(seconds)?),
            },
            source_identity: sealed.source_identity,
            tags: sealed.extras.tags.into_iter().map(|(key, value)| Tag { key, value }).collect(),
            transitive: sealed.extras.transitive,
            policy,
            policy_arns: sealed.extras.policy_arns,
        };
        let secret = SecretAccessKey::new(sealed.secret.into_owned()).ok()?;
        Some((Self { principal: sealed.principal, facts }, secret))
    }
}

/// A unique id out of a token.
pub(crate) fn id(text: &str) -> Option<PrincipalId> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn session(tags: usize) -> Session {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        Session {
            principal: Principal::Role("AROAAAAAAAAAAAAAAAAAA".into(), "work".into()),
            facts: SessionFacts {
                issued: now,
                expires: now,
                mfa: None,
                source_identity: Some("alice".into()),
                tags: (0..tags)
                    .map(|n| Tag {
                        key: format!("{n}{}", n.wrapping_mul(2_654_435_761)),
                        value: "v".repeat(n),
                    })
                    .collect(),
                transitive: vec!["0".into()],
                policy: (tags > 0).then(|| PolicyText::new(text, Document::parse(text).unwrap())),
                policy_arns: Vec::new(),
            },
        }
    }

    #[test]
    fn a_session_comes_back_as_it_was_sealed() {
        let mut rng = StdRng::seed_from_u64(1);
        let sealer = Sealer::generate(&mut rng);
        let account = "111111111111".parse().unwrap();
        for tags in [0, 1, 20] {
            let issued = session(tags).issue(account, &sealer, &mut rng);
            assert!(issued.token.expose_secret().len() <= 4_096, "{}", issued.token.expose_secret().len());
            assert_eq!(issued.id.account(), Some(account));
            let (back, secret) =
                Session::open(issued.id.as_str(), issued.token.expose_secret(), &sealer).unwrap();
            assert!(secret.ct_eq(&issued.secret));
            assert_eq!(back.principal, session(tags).principal);
            assert_eq!(back.facts.tags, session(tags).facts.tags);
            assert_eq!(back.facts.source_identity.as_deref(), Some("alice"));
            assert_eq!(back.facts.policy.is_some(), tags > 0);
            // Under another key id it is nothing.
            let other = AccessKeyId::generate(KeyKind::Temporary, account, &mut rng);
            assert!(Session::open(other.as_str(), issued.token.expose_secret(), &sealer).is_none());
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut large = session(1);
        assert!(large.packed_size().unwrap() < 20);
        let mut rng = StdRng::seed_from_u64(2);
        large.facts.policy = None;
        large.facts.tags = (0..50)
            .map(|_| Tag {
                key: SecretAccessKey::generate(&mut rng).expose_secret().to_owned(),
                value: SecretAccessKey::generate(&mut rng).expose_secret().repeat(2),
            })
            .collect();
        let error = large.packed_size().unwrap_err();
        assert_eq!(error.code, "PackedPolicyTooLarge");
        assert!(error.message.starts_with("Packed size of session tags consumes "), "{}", error.message);
    }
}
