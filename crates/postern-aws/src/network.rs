//! How requests leave this machine: by which proxy, and whose certificates are believed on the way.

use std::{collections::BTreeMap, fmt};

use aws_smithy_http_client::{
    Connector,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use hyper_util::client::proxy::matcher::Matcher;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// What the environment says of the way to AWS, under the names that AWS's own tools read: `HTTPS_PROXY`,
/// `HTTP_PROXY`, `NO_PROXY` and `AWS_CA_BUNDLE`, the first three in small letters too.
///
/// What is on this machine itself is always called directly.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// For requests without TLS.
    plain: Option<Proxy>,
    /// For requests with TLS, which pass the proxy through a tunnel.
    secure: Option<Proxy>,
    /// Certificate authorities in place of the system's.
    trust: Option<TrustStore>,
}

#[derive(Clone)]
struct Proxy {
    config: ProxyConfig,
    /// Of the same text, to tell which requests go this way.
    matcher: std::sync::Arc<Matcher>,
    /// Scheme, host and port: without user name and password.
    shown: String,
    variable: String,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// A variable that says nothing usable about the network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
pub struct NetworkError {
    /// The variable.
    pub variable: String,
    /// What is wrong with it. Never the text itself, which may hold a password.
    pub problem: String,
}

/// Never by a proxy: the sandbox, and whatever else listens here.
const HERE: &str = "localhost,127.0.0.0/8,::1";

impl Network {
    /// Reads what these variables say, and the file that one of them names.
    ///
    /// # Errors
    /// When a proxy is of a kind that cannot be used, or the file holds no certificates.
    pub fn resolve(variables: &BTreeMap<String, String>) -> Result<Self, NetworkError> {
        // As every program of AWS's in Python reads them: small letters first.
        let found = |name: &str| {
            let names = [name.to_ascii_lowercase(), name.to_owned()];
            names.into_iter().find_map(|name| {
                let text = variables.get(&name)?.trim();
                (!text.is_empty()).then(|| (name, text.to_owned()))
            })
        };
        let direct = match found("NO_PROXY") {
            Some((_, text)) => format!("{text},{HERE}"),
            None => HERE.to_owned(),
        };
        // Under a web server, HTTP_PROXY is a header that the caller wrote.
        let plain = found("HTTP_PROXY")
            .filter(|(name, _)| name == "http_proxy" || !variables.contains_key("REQUEST_METHOD"));
        let plain = plain.map(|(name, text)| Proxy::new(name, &text, &direct, ProxyConfig::http));
        let secure = found("HTTPS_PROXY");
        let secure = secure.map(|(name, text)| Proxy::new(name, &text, &direct, ProxyConfig::https));
        let trust = variables.get(BUNDLE).filter(|path| !path.is_empty()).map(|path| authorities(path));
        Ok(Self { plain: plain.transpose()?, secure: secure.transpose()?, trust: trust.transpose()? })
    }

    /// The proxy that a request to this URL takes, as a person may read it, and the variable that names it.
    #[must_use]
    pub fn proxy_of(&self, url: &str) -> Option<String> {
        let proxy = if is_plain(url) { &self.plain } else { &self.secure }.as_ref()?;
        proxy.matcher.intercept(&url.parse().ok()?)?;
        Some(format!("{} ({})", proxy.shown, proxy.variable))
    }

    /// A connector for requests with TLS, or for those without.
    pub(crate) fn connector(
        &self,
        secure: bool,
        builder: aws_smithy_http_client::ConnectorBuilder,
    ) -> Connector {
        let proxy = if secure { &self.secure } else { &self.plain };
        let builder = match proxy {
            Some(proxy) => builder.proxy_config(proxy.config.clone()),
            None => builder,
        };
        // The proxy itself may be reached by TLS. Without one, plain requests must not cost the reading of the
        // system's certificates.
        if !secure && proxy.is_none() {
            return builder.build_http();
        }
        let builder = builder.tls_provider(Provider::Rustls(CryptoMode::Ring));
        let context = self.trust.clone().map(|trust| TlsContext::builder().with_trust_store(trust).build());
        match context {
            Some(Ok(context)) => builder.tls_context(context).build(),
            _ => builder.build(),
        }
    }
}

pub(crate) fn is_plain(url: &str) -> bool {
    url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"))
}

impl Proxy {
    fn new(
        variable: String,
        text: &str,
        direct: &str,
        config: fn(String) -> Result<ProxyConfig, aws_smithy_http_client::proxy::ProxyError>,
    ) -> Result<Self, NetworkError> {
        let wrong = |problem: &str| NetworkError { variable: variable.clone(), problem: problem.to_owned() };
        let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let parsed: http::Uri = url.parse().map_err(|_| wrong("is no URL"))?;
        let scheme = match parsed.scheme_str() {
            Some(scheme @ ("http" | "https")) => scheme,
            _ => {
                return Err(wrong(
                    "names a proxy of another kind than http:// and https://, the only ones here",
                ));
            }
        };
        let host = parsed.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("names no host"))?;
        let port = parsed.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
        let shown = format!("{scheme}://{host}{port}");
        let matcher = Matcher::builder().all(url.clone()).no(direct).build();
        let config = config(url).map_err(|_| wrong("is no URL of a proxy"))?.no_proxy(direct);
        Ok(Self { config, matcher: std::sync::Arc::new(matcher), shown, variable })
    }
}

const BUNDLE: &str = "AWS_CA_BUNDLE";

/// The certificates of a file, in place of the system's, as AWS's tools take it.
///
/// The TLS library ends the process at a certificate that it cannot read, and bundles hold odd ones: those are left
/// out, as it leaves them out of the system's own.
fn authorities(path: &str) -> Result<TrustStore, NetworkError> {
    let wrong = |problem: String| NetworkError { variable: BUNDLE.to_owned(), problem };
    let text = std::fs::read(path)
        .map_err(|error| wrong(format!("names `{path}`, which cannot be read: {error}")))?;
    let mut store = TrustStore::empty();
    let mut good = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text).filter_map(Result::ok) {
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            aws_smithy_types::base64::encode(&certificate)
        );
        if good.add(certificate).is_ok() {
            store.add_pem_certificate(pem);
        }
    }
    if good.is_empty() {
        return Err(wrong(format!("names `{path}`, which holds no certificate in PEM")));
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(pairs: &[(&str, &str)]) -> Result<Network, NetworkError> {
        Network::resolve(
            &pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        )
    }

    #[test]
    fn each_kind_of_request_has_its_proxy_and_what_is_here_has_none() {
        let network = resolve(&[
            ("HTTPS_PROXY", "http://alice:secret@proxy.example:3128"),
            ("http_proxy", "plain.example:8080"),
            ("HTTP_PROXY", "http://other.example"),
            ("NO_PROXY", ".inside.example, 10.0.0.0/8"),
        ])
        .unwrap();
        let cases = [
            ("https://sts.eu-central-1.amazonaws.com", Some("http://proxy.example:3128 (HTTPS_PROXY)")),
            ("http://sts.example", Some("http://plain.example:8080 (http_proxy)")),
            ("https://sts.inside.example/", None),
            ("https://10.1.2.3", None),
            ("http://127.0.0.1:4000", None),
            ("http://[::1]:4000", None),
            ("https://localhost", None),
            ("no url", None),
        ];
        for (url, wanted) in cases {
            assert_eq!(network.proxy_of(url).as_deref(), wanted, "{url}");
        }
        assert!(!format!("{network:?}").contains("secret"));
    }

    #[test]
    fn nothing_set_and_everything_exempt_mean_no_proxy() {
        for pairs in [
            &[][..],
            &[("HTTPS_PROXY", ""), ("https_proxy", " ")],
            &[("HTTPS_PROXY", "http://p"), ("no_proxy", "*")],
            // A header `Proxy:` of a web request would be this.
            &[("HTTP_PROXY", "http://p"), ("REQUEST_METHOD", "GET")],
            &[("ALL_PROXY", "socks5://p")],
        ] {
            let network = resolve(pairs).unwrap();
            for url in ["https://sts.amazonaws.com", "http://sts.example"] {
                assert_eq!(network.proxy_of(url), None, "{pairs:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_showing_it() {
        for text in ["socks5://u:secret@p:1080", "http://", "http://u:secret@", "a b://secret"] {
            let error = resolve(&[("HTTPS_PROXY", text)]).unwrap_err();
            assert_eq!(error.variable, "HTTPS_PROXY");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_bundle_must_hold_a_certificate() {
        let error = resolve(&[("AWS_CA_BUNDLE", "/nonexistent/ca.pem")]).unwrap_err();
        assert!(
            error.to_string().contains("AWS_CA_BUNDLE names `/nonexistent/ca.pem`, which cannot be read")
        );
        let file = std::env::temp_dir().join(format!("postern-no-certificate-{}.pem", std::process::id()));
        for text in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&file, text).unwrap();
            let error = resolve(&[("AWS_CA_BUNDLE", file.to_str().unwrap())]).unwrap_err();
            assert!(error.problem.ends_with("which holds no certificate in PEM"), "{error}");
        }
        std::fs::remove_file(file).unwrap();
    }
}
