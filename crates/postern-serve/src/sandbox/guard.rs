//! The `Host` guard: a page in a browser must not reach the sandbox under a name of its own.

use std::net::IpAddr;

use http::{HeaderMap, Uri, header::HOST};

use crate::browser::port_of;

/// Whether a request names this server by a name or address of loopback, and its port.
///
/// `localhost`, names under it (S3 puts the bucket there) and loopback addresses are taken; anything else
/// may be a name that somebody made point here.
pub(super) fn check_host(headers: &HeaderMap, uri: &Uri, port: u16) -> Result<(), String> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        (None, _) => return Err("the request has no Host header".to_owned()),
        (Some(_), Some(_)) => return Err("the request has more than one Host header".to_owned()),
    };
    let absolute = uri.authority().map(http::uri::Authority::as_str);
    if is_here(host, port) && absolute.is_none_or(|authority| is_here(authority, port)) {
        return Ok(());
    }
    Err(format!(
        "the sandbox answers only to localhost:{port}, names under it, and 127.0.0.1:{port}; this request is for \
         `{}`",
        absolute.filter(|authority| !is_here(authority, port)).unwrap_or(host)
    ))
}

fn is_here(host: &str, port: u16) -> bool {
    let (name, given) = match host.rsplit_once(':') {
        Some((name, given)) if !given.ends_with(']') => (name, port_of(given)),
        _ => (host, Some(80)),
    };
    given == Some(port) && is_loopback(name)
}

fn is_loopback(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    if name == "localhost" || name.ends_with(".localhost") {
        return true;
    }
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(&name);
    bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_with_the_right_port_is_here() {
        for here in [
            "localhost:4581",
            "LOCALHOST:4581",
            "127.0.0.1:4581",
            "127.0.0.53:4581",
            "[::1]:4581",
            "bucket.localhost:4581",
            "bucket.s3.localhost:4581",
        ] {
            assert!(is_here(here, 4581), "{here}");
        }
        for elsewhere in [
            "",
            "localhost",
            "localhost:4582",
            "localhost:",
            "localhost:x",
            "example.org:4581",
            "localhost.example.org:4581",
            "127.0.0.1.example.org:4581",
            "10.0.0.1:4581",
            "0.0.0.0:4581",
            "notlocalhost:4581",
            "[::2]:4581",
            "localhost.:4581",
            "127.0.0.1.:4581",
            "bucket.localhost.:4581",
            "127.1:4581",
            "2130706433:4581",
            "[::]:4581",
            "[::1%lo]:4581",
            "localhost:4581:4581",
            "localhost:+4581",
        ] {
            assert!(!is_here(elsewhere, 4581), "{elsewhere}");
        }
        assert!(is_here("localhost", 80));
    }
}
