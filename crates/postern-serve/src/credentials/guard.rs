//! What a request must be before its token is looked at.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, Uri, header::HOST, header::ORIGIN};

/// Whether a request names this server by the address that it arrived at. A name that somebody made point
/// here, which is how a page in a browser reaches loopback, is none.
pub(super) fn check_host(headers: &HeaderMap, uri: &Uri, local: SocketAddr) -> Result<(), String> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        (None, _) => return Err("the request has no Host header".to_owned()),
        (Some(_), Some(_)) => return Err("the request has more than one Host header".to_owned()),
    };
    let absolute = uri.authority().map(http::uri::Authority::as_str);
    if is_local(host, local) && absolute.is_none_or(|authority| is_local(authority, local)) {
        Ok(())
    } else {
        Err(format!("this is {local}, and the request is for another host"))
    }
}

fn is_local(host: &str, local: SocketAddr) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port.parse::<u16>().ok()),
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

/// Whether a browser sent a request on behalf of a page. No SDK sends these headers, and no page can leave
/// them out.
pub(super) fn check_browser(headers: &HeaderMap) -> Result<(), String> {
    if headers.contains_key(ORIGIN) {
        return Err("requests with an Origin are refused".to_owned());
    }
    match headers.get("sec-fetch-site") {
        Some(site) if site != "none" => Err("requests from web pages are refused".to_owned()),
        _ => Ok(()),
    }
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
        ] {
            assert!(!is(host, "127.0.0.1:9911"), "{host}");
        }
        assert!(is("[::1]:80", "[::1]:80") && is("[::1]", "[::1]:80") && is("localhost:7", "[::1]:7"));
        assert!(is("169.254.170.2", "169.254.170.2:80") && !is("localhost", "169.254.170.2:80"));
    }

    #[test]
    fn browsers_give_themselves_away() {
        let with = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            check_browser(&headers).is_ok()
        };
        assert!(check_browser(&HeaderMap::new()).is_ok());
        assert!(with("sec-fetch-site", "none"));
        for site in ["cross-site", "same-site", "same-origin", ""] {
            assert!(!with("sec-fetch-site", site), "{site}");
        }
        assert!(!with("origin", "null") && !with("origin", "http://127.0.0.1:9911"));
    }
}
