//! Virtual MFA: serial numbers, one-time codes and the seeds they come from.

use std::{fmt, str::FromStr};

use data_encoding::BASE32_NOPAD;
use secrecy::{ExposeSecret, SecretSlice};
use subtle::ConstantTimeEq;
use totp_rs::{Algorithm, Builder, Secret, Totp};
use zeroize::Zeroizing;

use crate::{AccountId, Arn, IamPath, MfaDeviceName, ParseError, Partition, Rng, Timestamp};

/// What names an MFA device in a call: the ARN of a virtual one, or a hardware token's serial number.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MfaSerial(Box<str>);

impl MfaSerial {
    /// The serial number of a virtual device: `arn:aws:iam::ACCOUNT:mfa/path/name`.
    #[must_use]
    pub fn virtual_device(
        partition: Partition,
        account: AccountId,
        path: &IamPath,
        name: &MfaDeviceName,
    ) -> Self {
        Self(format!("arn:{partition}:iam::{account}:mfa{path}{name}").into())
    }

    /// The serial number as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ARN, for virtual devices and security keys.
    #[must_use]
    pub fn arn(&self) -> Option<Arn> {
        self.0.parse().ok()
    }
}

impl FromStr for MfaSerial {
    type Err = ParseError;

    /// STS takes 9 to 256 characters of `[\w+=/:,.@-]`.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = |problem: String| ParseError::new("MFA serial number", problem);
        if !(9..=256).contains(&text.len()) {
            return Err(wrong(format!("must have 9 to 256 characters, not {}", text.len())));
        }
        let taken = |b: u8| {
            b.is_ascii_alphanumeric()
                || matches!(b, b'_' | b'+' | b'=' | b'/' | b':' | b',' | b'.' | b'@' | b'-')
        };
        if !text.bytes().all(taken) {
            return Err(wrong(format!("`{text}` holds a character that AWS does not take")));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for MfaSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MfaSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The six digits a device shows. Good once and for a minute, so printing is withheld but argv is not.
#[derive(Clone, Copy)]
pub struct MfaCode([u8; 6]);

impl MfaCode {
    /// The six digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether both are the same, in constant time.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl FromStr for MfaCode {
    type Err = ParseError;

    /// Takes six digits; blanks around and between them, as apps show them, are dropped.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = || ParseError::new("MFA code", "not 6 digits");
        let digits: Vec<u8> = text.bytes().filter(|b| *b != b' ').collect();
        let code: [u8; 6] = digits.try_into().map_err(|_| wrong())?;
        if code.iter().all(u8::is_ascii_digit) { Ok(Self(code)) } else { Err(wrong()) }
    }
}

impl fmt::Debug for MfaCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The secret that a virtual MFA device and AWS share. TOTP of RFC 6238: SHA-1, six digits, 30 seconds.
pub struct TotpSeed(SecretSlice<u8>);

impl TotpSeed {
    /// Seconds that each code lasts.
    pub const STEP_SECONDS: i64 = 30;

    /// Takes the seed's bytes.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(SecretSlice::from(bytes))
    }

    /// A fresh seed of 40 bytes, the size that AWS issues.
    #[must_use]
    pub fn generate(rng: &mut dyn Rng) -> Self {
        let mut bytes = vec![0; 40];
        rng.fill_bytes(&mut bytes);
        Self::from_bytes(bytes)
    }

    /// Takes a seed as authenticator apps do: Base32 of either case, with or without padding and blanks.
    ///
    /// # Errors
    /// When the text is not Base32 or holds no byte; the text is never quoted.
    pub fn from_base32(text: &str) -> Result<Self, ParseError> {
        let bare: Zeroizing<String> = Zeroizing::new(
            text.chars().filter(|c| !matches!(c, ' ' | '=' | '-')).map(|c| c.to_ascii_uppercase()).collect(),
        );
        match BASE32_NOPAD.decode(bare.as_bytes()) {
            Ok(bytes) if !bytes.is_empty() => Ok(Self::from_bytes(bytes)),
            _ => Err(ParseError::new("MFA seed", "not Base32 text")),
        }
    }

    /// Whether both are the same, in time that does not depend on where they differ.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.expose_secret().ct_eq(other.expose_secret()).into()
    }

    /// The seed as Base32, for an authenticator app: shown once, when the device is made.
    #[must_use]
    pub fn expose_secret_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(self.0.expose_secret()))
    }

    /// The seed's bytes, to be sealed or stored.
    #[must_use]
    pub fn expose_secret(&self) -> &[u8] {
        self.0.expose_secret()
    }

    /// The number of the 30-second step that holds this time.
    #[must_use]
    pub fn step_at(time: Timestamp) -> i64 {
        time.as_second().div_euclid(Self::STEP_SECONDS)
    }

    /// The code of a step; steps before 1970 have none and get that of step 0.
    #[must_use]
    pub fn code_of_step(&self, step: i64) -> MfaCode {
        let seconds = u64::try_from(step).unwrap_or(0).saturating_mul(Self::STEP_SECONDS.unsigned_abs());
        let totp: Totp = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_secret(Secret::new(self.0.expose_secret().into()))
            .build_noncompliant();
        totp.generate(seconds)
            .to_string()
            .parse()
            .unwrap_or_else(|_| unreachable!("a TOTP code of six digits"))
    }

    /// The code that a device with the right clock shows at this time.
    #[must_use]
    pub fn code_at(&self, time: Timestamp) -> MfaCode {
        self.code_of_step(Self::step_at(time))
    }
}

impl Clone for TotpSeed {
    fn clone(&self) -> Self {
        Self::from_bytes(self.expose_secret().to_vec())
    }
}

impl fmt::Debug for TotpSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // RFC 6238, appendix B, the SHA-1 rows cut to six digits.
        let seed = TotpSeed::from_bytes(b"12345678901234567890".to_vec());
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let time = Timestamp::from_second(seconds).unwrap();
            assert_eq!(seed.code_at(time).as_str(), code);
        }
    }

    #[test]
    fn seeds_are_read_as_apps_show_them() {
        let seed = TotpSeed::from_base32("gezd gnbv gy3t qojq gezd gnbv gy3t qojq").unwrap();
        assert_eq!(seed.expose_secret(), b"12345678901234567890");
        assert_eq!(seed.expose_secret_base32().as_str(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert!(TotpSeed::from_base32("").is_err());
        assert!(TotpSeed::from_base32("0189").is_err());
    }

    #[test]
    fn codes_are_six_digits() {
        assert_eq!("123 456".parse::<MfaCode>().unwrap().as_str(), "123456");
        for bad in ["", "12345", "1234567", "12345a", "１２３４５６"] {
            assert!(bad.parse::<MfaCode>().is_err(), "{bad}");
        }
        assert_eq!(format!("{:?}", "123456".parse::<MfaCode>().unwrap()), "…");
    }
}
