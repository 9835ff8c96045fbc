//! Addresses from which people may assume roles.

use std::{fmt, net::IpAddr, str::FromStr};

use postern_types::ParseError;

/// A block of addresses as `aws:SourceIp` is compared with: `203.0.113.0/24`, `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressBlock {
    first: IpAddr,
    prefix: u8,
}

impl FromStr for AddressBlock {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = |problem: String| ParseError { what: "address", problem };
        let neither = || {
            wrong(format!(
                "`{}` is no address and no block of addresses such as `203.0.113.0/24`",
                text.escape_debug()
            ))
        };
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| neither())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix: u8 = match prefix {
            None => bits,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| neither())?
            }
            Some(_) => return Err(neither()),
        };
        if prefix > bits {
            return Err(wrong(format!(
                "`{text}` has a prefix longer than an address, which has {bits} bits"
            )));
        }
        if prefix == 0 {
            return Err(wrong(format!("`{text}` takes every address; leave the key out instead")));
        }
        let block = Self { first: first(address, prefix), prefix };
        if block.first != address {
            return Err(wrong(format!("`{text}` is an address inside of a block; the block is `{block}`")));
        }
        Ok(block)
    }
}

/// The first address of the block that an address lies in.
fn first(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix.into())).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix.into())).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

impl fmt::Display for AddressBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_told_from_what_is_none() {
        for (text, shown) in [
            ("203.0.113.0/24", "203.0.113.0/24"),
            ("203.0.113.7", "203.0.113.7/32"),
            ("128.0.0.0/1", "128.0.0.0/1"),
            ("2001:DB8::/32", "2001:db8::/32"),
            ("::1", "::1/128"),
        ] {
            assert_eq!(text.parse::<AddressBlock>().unwrap().to_string(), shown);
        }
        for (text, problem) in [
            ("office", "no address"),
            ("203.0.113.0/", "no address"),
            ("203.0.113.0/+8", "no address"),
            ("203.0.113.0/999", "no address"),
            ("203.0.113.0/33", "longer than an address"),
            ("0.0.0.0/0", "takes every address"),
            ("::/0", "takes every address"),
            ("203.0.113.7/24", "the block is `203.0.113.0/24`"),
            ("2001:db8::1/32", "the block is `2001:db8::/32`"),
        ] {
            let error = text.parse::<AddressBlock>().unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }
}
