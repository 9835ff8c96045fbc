//! A request and its response as bytes, before and after everything that this crate does.

use core::net::IpAddr;

/// An HTTP request as it came, nothing decoded.
#[derive(Clone, Debug)]
pub struct RawRequest {
    /// `GET`, `POST`, … as sent.
    pub method: String,
    /// Path and query as sent: a signature covers these very bytes.
    pub target: String,
    /// Names and values in the order of their arrival.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// Where the connection came from: `aws:SourceIp`.
    pub source_ip: IpAddr,
}

impl RawRequest {
    /// The first value of this header, in whatever case, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        core::str::from_utf8(value).ok()
    }

    /// The target before its question mark.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The target behind its question mark.
    #[must_use]
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }
}

/// What goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawResponse {
    /// The HTTP status.
    pub status: u16,
    /// Names and values; the length is left to whoever sends it.
    pub headers: Vec<(&'static str, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl RawResponse {
    /// The first value of this header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}
