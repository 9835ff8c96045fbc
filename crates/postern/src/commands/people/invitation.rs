//! An invitation as one text: what the invited person's postern needs to know, and the key that lets it in.

use data_encoding::BASE64URL_NOPAD;
use postern_types::{
    AccessKeyId, AccountId, LongTermKey, ParseError, Partition, Region, SecretAccessKey, Timestamp, UserName,
};
use zeroize::Zeroizing;

/// What an invitation begins with. The number is that of its format.
const PREFIX: &str = "postern-invitation-1.";
/// Stands at the end, so that what was cut off on the way is no shorter secret.
const WHOLE: &str = "whole";

/// An invitation to enrol. It holds a secret: nothing shows it but [`Invitation::to_text`].
pub(crate) struct Invitation {
    pub(crate) account: AccountId,
    pub(crate) partition: Partition,
    pub(crate) user: UserName,
    pub(crate) region: Region,
    /// What the estate is called.
    pub(crate) estate: String,
    /// Where AWS is, if not at its own addresses.
    pub(crate) endpoint: Option<String>,
    pub(crate) until: Timestamp,
    pub(crate) key: LongTermKey,
}

impl Invitation {
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        let fields = [
            &*self.account.to_string(),
            self.partition.as_str(),
            self.user.as_str(),
            self.region.as_str(),
            &self.estate,
            self.endpoint.as_deref().unwrap_or_default(),
            &self.until.to_string(),
            self.key.id.as_str(),
            self.key.secret.expose_secret(),
            WHOLE,
        ];
        // Space for all of it at once, so that no copy is left behind where the text grew.
        let length = fields.iter().map(|field| field.len() + 1).sum();
        let mut plain = Zeroizing::new(String::with_capacity(length));
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                plain.push('\n');
            }
            plain.push_str(field);
        }
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + 2 * length));
        text.push_str(PREFIX);
        BASE64URL_NOPAD.encode_append(plain.as_bytes(), &mut text);
        text
    }

    /// Reads an invitation, with whatever white space a mail or a chat put into it.
    ///
    /// None for what is none, or is not whole.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bare = Zeroizing::new(String::with_capacity(text.len()));
        bare.extend(text.chars().filter(|c| !c.is_whitespace()));
        let encoded = bare.strip_prefix(PREFIX)?;
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(encoded.as_bytes()).ok()?);
        let plain = std::str::from_utf8(&bytes).ok()?;
        let fields: Vec<&str> = plain.split('\n').collect();
        let [account, partition, user, region, estate, endpoint, until, id, secret, WHOLE] =
            fields.as_slice()
        else {
            return None;
        };
        Some(Self {
            account: account.parse().ok()?,
            partition: partition.parse().ok()?,
            user: user.parse().ok()?,
            region: region.parse().ok()?,
            estate: (*estate).to_owned(),
            endpoint: (!endpoint.is_empty()).then(|| (*endpoint).to_owned()),
            until: until.parse().ok()?,
            key: key(id, secret).ok()?,
        })
    }
}

fn key(id: &str, secret: &str) -> Result<LongTermKey, ParseError> {
    Ok(LongTermKey { id: id.parse::<AccessKeyId>()?, secret: SecretAccessKey::new(secret)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_survives_its_way() {
        let text = |endpoint: Option<&str>| {
            Invitation {
                account: "111111111111".parse().unwrap(),
                partition: Partition::Aws,
                user: "zoe@acme.example".parse().unwrap(),
                region: "eu-central-1".parse().unwrap(),
                estate: "acme".to_owned(),
                endpoint: endpoint.map(str::to_owned),
                until: "2026-01-02T03:04:05Z".parse().unwrap(),
                key: key("AKIAY34FZKBOKMUTV001", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap(),
            }
            .to_text()
        };
        for endpoint in [None, Some("http://127.0.0.1:4566")] {
            let sent = text(endpoint);
            let (start, end) = sent.split_at(60);
            let read = Invitation::parse(&format!("  {start}\n{end}\n")).unwrap();
            assert_eq!(read.user.as_str(), "zoe@acme.example");
            assert_eq!(read.endpoint.as_deref(), endpoint);
            assert_eq!(read.key.secret.expose_secret(), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
            assert_eq!(read.to_text(), sent);
            for wrong in [&sent[..sent.len() - 4], &sent[1..], "", "postern-invitation-2.YQ"] {
                assert!(Invitation::parse(wrong).is_none(), "{wrong}");
            }
        }
    }
}
