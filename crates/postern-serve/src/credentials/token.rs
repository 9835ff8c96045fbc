//! Random tokens, compared in constant time.

use postern_types::Rng;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// 256 random bits, as URL-safe Base64: fit for a header, a variable and a file.
pub(super) struct Token(Zeroizing<String>);

impl Token {
    pub(super) fn draw(rng: &mut dyn Rng) -> Self {
        let mut raw = Zeroizing::new([0_u8; 32]);
        rng.fill_bytes(raw.as_mut_slice());
        Self(Zeroizing::new(data_encoding::BASE64URL_NOPAD.encode(raw.as_slice())))
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// Whether this is what was shown; takes as long for a token that is nearly right.
    pub(super) fn is(&self, shown: &[u8]) -> bool {
        shown.ct_eq(self.0.as_bytes()).into()
    }
}
