//! The canonical request: the one form that both sides hash.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::http::RawRequest;

use super::{Claim, Fault, Form};

/// Everything but RFC 3986's unreserved characters.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// As [`COMPONENT`], slashes kept.
const PATH: &AsciiSet = &COMPONENT.remove(b'/');

const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// What stands for the body. It is always computed, so that a header cannot vouch for another body.
pub(super) fn payload_hash<'r>(raw: &'r RawRequest, claim: &Claim) -> Result<Cow<'r, str>, Fault> {
    let is_s3 = claim.scope.service == "s3";
    let told = raw.header("x-amz-content-sha256").map(str::trim);
    match told {
        Some(told) if is_s3 && (told == UNSIGNED || told.starts_with("STREAMING-")) => {
            return Ok(Cow::Borrowed(told));
        }
        None if is_s3 && claim.form != Form::Header => return Ok(Cow::Borrowed(UNSIGNED)),
        _ => {}
    }
    let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(&raw.body));
    match told {
        Some(told) if !bool::from(told.as_bytes().ct_eq(hash.as_bytes())) => Err(Fault::OtherBody),
        _ => Ok(Cow::Owned(hash)),
    }
}

/// The canonical request of *AWS General Reference*, "Create a signed AWS API request".
pub(super) fn request(raw: &RawRequest, claim: &Claim, payload: &str) -> String {
    let mut text = String::with_capacity(512);
    text.push_str(&raw.method);
    text.push('\n');
    text.push_str(&path(raw.path(), claim.scope.service == "s3"));
    text.push('\n');
    text.push_str(&query(raw.query(), claim.form));
    text.push('\n');
    for name in &claim.signed_headers {
        text.push_str(name);
        text.push(':');
        header_values(raw, name, &mut text);
        text.push('\n');
    }
    text.push('\n');
    for (number, name) in claim.signed_headers.iter().enumerate() {
        if number > 0 {
            text.push(';');
        }
        text.push_str(name);
    }
    text.push('\n');
    text.push_str(payload);
    text
}

/// S3 signs the path encoded once, all others normalise it and encode once more what was sent.
fn path(sent: &str, is_s3: bool) -> String {
    if is_s3 {
        let plain: Vec<u8> = percent_decode_str(sent).collect();
        let path = percent_encode(&plain, PATH).to_string();
        return if path.is_empty() { "/".to_owned() } else { path };
    }
    percent_encode(normalised(sent).as_bytes(), PATH).to_string()
}

/// RFC 3986, 5.2.4, with empty segments dropped as AWS does.
fn normalised(sent: &str) -> Cow<'_, str> {
    if sent.starts_with('/') && !sent.contains("//") && !sent.contains("/.") {
        return Cow::Borrowed(sent);
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in sent.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let mut path = String::from("/");
    path.push_str(&segments.join("/"));
    let is_folder = ["/", "/.", "/.."].iter().any(|end| sent.ends_with(end));
    if is_folder && !path.ends_with('/') {
        path.push('/');
    }
    Cow::Owned(path)
}

/// Encoded anew, sorted by encoded name and then value, without the signature itself.
fn query(sent: &str, form: Form) -> String {
    if sent.is_empty() {
        return String::new();
    }
    let encoded = |text: &str| {
        let blanks = text.replace('+', " ");
        let plain: Vec<u8> = percent_decode_str(&blanks).collect();
        percent_encode(&plain, COMPONENT).to_string()
    };
    let mut pairs: Vec<(String, String)> = sent
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded(name), encoded(value)))
        .filter(|(name, _)| form == Form::Header || name != "X-Amz-Signature")
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// All values of a header, trimmed, runs of blanks made one, joined by commas.
fn header_values(raw: &RawRequest, name: &str, text: &mut String) {
    let values = raw.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
    for (number, (_, value)) in values.enumerate() {
        if number > 0 {
            text.push(',');
        }
        let value = String::from_utf8_lossy(value);
        let mut blank = false;
        for c in value.trim_matches([' ', '\t']).chars() {
            if c != ' ' || !blank {
                text.push(c);
            }
            blank = c == ' ';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_and_encoded_twice_but_for_s3() {
        for (sent, once_more, s3) in [
            ("", "/", "/"),
            ("/", "/", "/"),
            ("/a//b/./c/../d/", "/a/b/d/", "/a//b/./c/../d/"),
            ("/..", "/", "/.."),
            ("/a%20b", "/a%2520b", "/a%20b"),
            ("/a b", "/a%20b", "/a%20b"),
            ("/%c3%a9", "/%25c3%25a9", "/%C3%A9"),
            ("/a/.hidden", "/a/.hidden", "/a/.hidden"),
        ] {
            assert_eq!(path(sent, false), once_more, "{sent}");
            assert_eq!(path(sent, true), s3, "{sent}");
        }
    }

    #[test]
    fn queries_are_sorted_by_encoded_name_and_value() {
        for (sent, sorted) in [
            ("b=2&a=1&a=0&c", "a=0&a=1&b=2&c="),
            ("%61=%7e+x", "a=~%20x"),
            ("a=b=c", "a=b%3Dc"),
            ("X-Amz-Signature=s&a=1", "X-Amz-Signature=s&a=1"),
        ] {
            assert_eq!(query(sent, Form::Header), sorted, "{sent}");
        }
        assert_eq!(query("X-Amz-Signature=s&a=1", Form::Presigned { expires: 1 }), "a=1");
    }
}
