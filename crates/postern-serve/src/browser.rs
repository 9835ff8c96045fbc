//! What gives a browser away, whichever server it comes to.

use http::{HeaderMap, header::ORIGIN};

/// Whether a browser sent a request on behalf of a page. No SDK sends these headers, and no page can leave
/// them out.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), String> {
    if headers.contains_key(ORIGIN) {
        return Err("requests with an Origin are refused".to_owned());
    }
    // Of several, each must be harmless.
    if headers.get_all("sec-fetch-site").iter().any(|site| site != "none") {
        return Err("requests from web pages are refused".to_owned());
    }
    Ok(())
}

/// The port of a `Host`, in digits: `parse` would take a sign too.
pub(crate) fn port_of(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_give_themselves_away() {
        let with = |name: &'static str, values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(name, value.parse().unwrap());
            }
            check(&headers).is_ok()
        };
        assert!(check(&HeaderMap::new()).is_ok());
        assert!(with("sec-fetch-site", &["none"]));
        for site in ["cross-site", "same-site", "same-origin", ""] {
            assert!(!with("sec-fetch-site", &[site]), "{site}");
        }
        assert!(!with("sec-fetch-site", &["none", "cross-site"]));
        assert!(!with("origin", &["null"]) && !with("origin", &["http://127.0.0.1:9911"]));
    }
}
