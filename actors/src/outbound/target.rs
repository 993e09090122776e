//! A URL that may be requested, as far as that can be decided without the network.
//!
//! It is parsed by the WHATWG rules, as in browsers, so that every notation of an address is recognised. Those
//! rules are lenient; what is not plainly `http(s)://host…` is refused, since other programs may interpret it
//! differently. Names are checked later, by the addresses that they have when they are connected.

use std::fmt;
use std::net::IpAddr;

use awc::http::Uri;
use url::{Host, Url};

use super::address::check;
use super::address_policy::AddressPolicy;
use super::error::Reason;

/// Maximum length of a URL in bytes.
const MAX_LEN: usize = 2_048;

/// A URL whose form, scheme, port and literal address (if any) are allowed. It prints without its query, which may
/// contain a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
    uri: Uri,
}

impl Target {
    /// Checks a URL as a user wrote it.
    pub fn parse(text: &str, policy: &AddressPolicy) -> Result<Self, Reason> {
        let text = printable(text)?;
        let (scheme, rest) = text.split_once(':').ok_or(Reason::Form)?;
        if !is_scheme(scheme) {
            return Err(Reason::Form);
        }
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(Reason::Scheme);
        }
        let rest = rest.strip_prefix("//").ok_or(Reason::Form)?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.is_empty() {
            return Err(Reason::Form);
        }
        // The parser drops an empty user name.
        if authority.contains('@') {
            return Err(Reason::Userinfo);
        }
        Self::of(Url::parse(text).map_err(|_| Reason::Form)?, policy)
    }

    /// The target of a redirect from here. Servers write spaces as they are; browsers encode them.
    pub(super) fn join(&self, location: &str, policy: &AddressPolicy) -> Result<Self, Reason> {
        let location = location.trim().replace(' ', "%20");
        let location = printable(&location)?;
        let absolute = location.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme));
        let next = if absolute {
            Self::parse(location, policy)?
        } else {
            Self::of(self.url.join(location).map_err(|_| Reason::Form)?, policy)?
        };
        if self.is_https() && !next.is_https() {
            return Err(Reason::Downgrade);
        }
        Ok(next)
    }

    fn of(mut url: Url, policy: &AddressPolicy) -> Result<Self, Reason> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Reason::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Reason::Userinfo);
        }
        // The host as it is after percent and IDNA decoding.
        match url.host().ok_or(Reason::Form)? {
            Host::Ipv4(ip) => check(IpAddr::V4(ip), policy)?,
            Host::Ipv6(ip) => check(IpAddr::V6(ip), policy)?,
            Host::Domain(name) => check_name(name, policy)?,
        }
        let port = url.port_or_known_default().ok_or(Reason::Form)?;
        if !policy.allow_ports.contains(&port) {
            return Err(Reason::Port);
        }
        if policy.is_own(&url) {
            return Err(Reason::Own);
        }
        url.set_fragment(None);
        let uri = url.as_str().parse().map_err(|_| Reason::Form)?;
        Ok(Self { url, uri })
    }

    /// The whole URL: store or request it, but never log it.
    #[must_use]
    pub fn full(&self) -> &str {
        self.url.as_str()
    }

    /// The last segment of the path, still percent-encoded; empty if there is none.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.url.path().rsplit('/').next().unwrap_or_default()
    }

    /// Host and port, which identify an endpoint.
    #[must_use]
    pub fn endpoint(&self) -> String {
        endpoint(&self.url)
    }

    /// Host and port to look up.
    pub(super) fn host_and_port(&self) -> (&str, u16) {
        (self.url.host_str().unwrap_or_default(), self.url.port_or_known_default().unwrap_or_default())
    }

    /// The `Host` header's value (RFC 9110, 7.2).
    pub(super) fn host_header(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.url.scheme(), self.host_header(), self.url.path())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

/// The endpoint of a URL that is not checked, or empty text if it is no URL. The check follows before it is requested.
#[must_use]
pub fn endpoint_of(text: &str) -> String {
    Url::parse(text.trim()).map(|url| endpoint(&url)).unwrap_or_default()
}

fn endpoint(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    format!("{host}:{}", url.port_or_known_default().unwrap_or_default())
}

/// The text without surrounding white space, if every program interprets it in the same way.
fn printable(text: &str) -> Result<&str, Reason> {
    if text.len() > MAX_LEN {
        return Err(Reason::Form);
    }
    let text = text.trim();
    let bad = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    if text.is_empty() || text.contains(bad) { Err(Reason::Form) } else { Ok(text) }
}

/// RFC 3986, 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn check_name(name: &str, policy: &AddressPolicy) -> Result<(), Reason> {
    let name = name.trim_end_matches('.');
    if name.is_empty() {
        return Err(Reason::Form);
    }
    if !name.split('.').all(is_label) {
        return Err(Reason::Form);
    }
    let is_local = name == "localhost" || name.ends_with(".localhost");
    if is_local && !policy.allows_loopback() {
        return Err(Reason::Loopback);
    }
    // Reserved for private use (ICANN, 2024), including a cloud's metadata; it has no public web servers.
    let is_internal = name == "internal" || name.ends_with(".internal");
    if !is_internal || !policy.allow_cidrs.is_empty() {
        return Ok(());
    }
    Err(if name.starts_with("metadata.") { Reason::Metadata } else { Reason::Private })
}

/// Whether a label of a name is valid: RFC 1123, 2.1, and the underscore that occurs in practice.
fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
