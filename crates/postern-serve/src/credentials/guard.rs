//! What a request must be before its token is looked at.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, Uri, header::HOST};

use crate::browser::port_of;

/// Whether a request names this server by the address that it arrived at. A name that somebody made point
/// here, which is how a page in a browser reaches loopback, is none. A whole URL in the first line is for
/// proxies, and this is none.
pub(super) fn check_host(headers: &HeaderMap, uri: &Uri, local: SocketAddr) -> Result<(), String> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        (None, _) => return Err("the request has no Host header".to_owned()),
        (Some(_), Some(_)) => return Err("the request has more than one Host header".to_owned()),
    };
    if uri.authority().is_some() {
        return Err("this is no proxy, and the request names a whole URL".to_owned());
    }
    if is_local(host, local) {
        Ok(())
    } else {
        Err(format!("this is {local}, and the request is for another host"))
    }
}

fn is_local(host: &str, local: SocketAddr) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port_of(port)),
        _ => (host, Some(80)),
    };
    let address = local.ip().to_canonical();
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let named = if bare.eq_ignore_ascii_case("localhost") {
        address.is_loopback()
    } else {
        bare.parse::<IpAddr>().is_ok_and(|named| named.to_canonical() == address)
    };
    named && port == Some(local.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(host: &str, local: &str) -> bool {
        is_local(host, local.parse().unwrap())
    }

    #[test]
    fn only_the_address_that_was_called_is_here() {
        for host in ["127.0.0.1:9911", "localhost:9911", "LOCALHOST:9911", "[::ffff:127.0.0.1]:9911"] {
            assert!(is(host, "127.0.0.1:9911"), "{host}");
            assert!(is(host, "[::ffff:127.0.0.1]:9911"), "{host}");
        }
        for host in [
            "",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:9912",
            "127.0.0.2:9911",
            "0.0.0.0:9911",
            "0:9911",
            "[::1]:9911",
            "localhost.example.org:9911",
            "x.localhost:9911",
            "127.0.0.1.example.org:9911",
            "user@127.0.0.1:9911",
            "example.org:9911",
            "host.docker.internal:9911",
            // Other spellings of loopback: no client writes them, and names with a dot behind are names.
            "127.0.0.1.:9911",
            "localhost.:9911",
            "127.1:9911",
            "2130706433:9911",
            "0x7f000001:9911",
            "0177.0.0.1:9911",
            "[::127.0.0.1]:9911",
            "[::1%lo]:9911",
            "[::]:9911",
            "::1:9911",
            "127.0.0.1:9911:9911",
            "127.0.0.1:+9911",
            " 127.0.0.1:9911",
            "[127.0.0.1]:9911x",
        ] {
            assert!(!is(host, "127.0.0.1:9911"), "{host}");
        }
        assert!(is("[::1]:80", "[::1]:80") && is("[::1]", "[::1]:80") && is("localhost:7", "[::1]:7"));
        assert!(is("169.254.170.2", "169.254.170.2:80") && !is("localhost", "169.254.170.2:80"));
    }
}
