//! Reads what proxies say about the requests that they pass on: `Forwarded` (RFC 7239) or `X-Forwarded-*`. It decides
//! nothing: the text is as the request brought it, and a hop that cannot be read is told as such.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{self, HeaderMap, HeaderName};

use crate::settings::ForwardedHeaders;

/// The most hops that are looked at. Real chains are short.
const MAX_HOPS: usize = 32;

/// One hop, as the proxy that received it wrote it down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hop {
    /// Who sent the request to the proxy; `None` if it is hidden or cannot be read.
    pub(super) address: Option<IpAddr>,
    pub(super) scheme: Option<String>,
    pub(super) host: Option<String>,
}

/// The hops from the nearest to the farthest.
pub(super) fn hops(headers: &HeaderMap, which: ForwardedHeaders) -> Vec<Hop> {
    match which {
        ForwardedHeaders::Forwarded => {
            let elements = values(headers, &header::FORWARDED, |text| split(text, ','));
            elements.rev().take(MAX_HOPS).map(element).collect()
        }
        ForwardedHeaders::XForwarded => {
            // Proxies add to the list of addresses, but write scheme and host once: the nearest one's count.
            let all =
                |name: HeaderName| values(headers, &name, |text| text.split(',').map(str::trim).collect());
            let last = |name| all(name).next_back().map(str::to_owned);
            let (scheme, host) = (last(header::X_FORWARDED_PROTO), last(header::X_FORWARDED_HOST));
            let hop = |text| Hop { address: address(text), scheme: scheme.clone(), host: host.clone() };
            all(header::X_FORWARDED_FOR).rev().take(MAX_HOPS).map(hop).collect()
        }
    }
}

/// The members of a list that may be spread over several headers. A header that is not text has one member, which
/// nothing can be read from.
fn values<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    members: impl Fn(&'a str) -> Vec<&'a str>,
) -> std::vec::IntoIter<&'a str> {
    let texts = headers.get_all(name).map(|value| value.to_str().unwrap_or_default());
    texts.flat_map(members).collect::<Vec<_>>().into_iter()
}

/// Splits at a character that is not within a quoted string, and trims the parts.
fn split(text: &str, at: char) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = text.split(|found: char| {
        let splits = found == at && !is_quoted;
        is_quoted ^= found == '"' && !is_escaped;
        is_escaped = is_quoted && found == '\\' && !is_escaped;
        splits
    });
    parts.map(str::trim).collect()
}

/// An element of `Forwarded`. A parameter that occurs twice makes it unreadable.
fn element(text: &str) -> Hop {
    let mut hop = Hop::default();
    let mut seen = HashSet::new();
    for pair in split(text, ';').into_iter().filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = pair.split_once('=') else { return Hop::default() };
        let (name, value) = (name.trim().to_ascii_lowercase(), unquoted(value.trim()));
        match name.as_str() {
            "for" => hop.address = address(&value),
            "proto" => hop.scheme = Some(value),
            "host" => hop.host = Some(value),
            _ => {}
        }
        if !seen.insert(name) {
            return Hop::default();
        }
    }
    hop
}

fn unquoted(value: &str) -> String {
    let Some(quoted) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut is_escape = false;
    quoted
        .chars()
        .filter(|&char| {
            is_escape = char == '\\' && !is_escape;
            !is_escape
        })
        .collect()
}

/// An address with or without a port, an IPv6 one with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::*;

    fn read(which: ForwardedHeaders, headers: &[(&'static str, &str)]) -> Vec<Hop> {
        let request =
            headers.iter().fold(TestRequest::default(), |request, header| request.append_header(*header));
        hops(request.to_http_request().headers(), which)
    }

    fn addresses(hops: &[Hop]) -> Vec<Option<String>> {
        hops.iter().map(|hop| hop.address.map(|address| address.to_string())).collect()
    }

    fn some(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|text| (!text.is_empty()).then(|| (*text).to_owned())).collect()
    }

    #[test]
    fn hops_come_from_the_nearest_to_the_farthest() {
        let found = read(
            ForwardedHeaders::XForwarded,
            &[
                ("x-forwarded-for", "198.51.100.1, 198.51.100.2:80"),
                ("x-forwarded-for", "[2001:db8::1]:443,2001:db8::2, unknown"),
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "evil.example, a.example"),
            ],
        );
        assert_eq!(
            addresses(&found),
            some(&["", "2001:db8::2", "2001:db8::1", "198.51.100.2", "198.51.100.1"])
        );
        assert_eq!(
            (found[0].scheme.as_deref(), found[0].host.as_deref()),
            (Some("https"), Some("a.example"))
        );
    }

    #[test]
    fn elements_are_read_as_the_standard_says() {
        let found = read(
            ForwardedHeaders::Forwarded,
            &[(
                "forwarded",
                r#"for="[2001:db8:cafe::17]:4711";proto=http, For=192.0.2.60; HOST="a\.example;b,c";by=203.0.113.43, for=_hidden, for=1.2.3.4;for=5.6.7.8, nonsense"#,
            )],
        );
        assert_eq!(addresses(&found), some(&["", "", "", "192.0.2.60", "2001:db8:cafe::17"]));
        assert_eq!(found[3].host.as_deref(), Some("a.example;b,c"));
        assert_eq!(found[4].scheme.as_deref(), Some("http"));
    }

    /// An element as the standard's words say, without regard to the time it takes.
    fn plain_element(text: &str) -> Hop {
        let pairs: Vec<_> = split(text, ';').into_iter().filter(|pair| !pair.is_empty()).collect();
        let named = |pair: &&str| {
            let (name, value) = pair.split_once('=')?;
            Some((name.trim().to_ascii_lowercase(), unquoted(value.trim())))
        };
        let Some(parameters) = pairs.iter().map(named).collect::<Option<Vec<_>>>() else {
            return Hop::default();
        };
        let value = |wanted: &str| {
            let mut found = parameters.iter().filter(|(name, _)| name == wanted);
            found.next().map(|(_, value)| value.clone())
        };
        let occurs_twice = |(at, (name, _)): (usize, &(String, String))| {
            parameters[..at].iter().any(|(earlier, _)| earlier == name)
        };
        if parameters.iter().enumerate().any(occurs_twice) {
            return Hop::default();
        }
        let address = value("for").and_then(|value| address(&value));
        Hop { address, scheme: value("proto"), host: value("host") }
    }

    proptest! {
        #[test]
        fn an_element_is_read_as_its_parameters_say(
            pairs in proptest::collection::vec("(For|proto|HOST|by|[a-c]{1,2})? ?(=\"?(192[.]0[.]2[.]1|x|[;,\\\\\" =]){0,3}\"?)?", 0..8),
        ) {
            let text = pairs.join(";");
            prop_assert_eq!(element(&text), plain_element(&text), "{}", text);
        }
    }

    #[test]
    fn the_largest_header_has_as_many_parameters_as_fit() {
        let parameters: Vec<_> = (0..20_000).map(|number| format!("{number:x}=;")).collect();
        let text = format!("{}for=192.0.2.1", parameters.concat());
        assert_eq!(element(&text).address, Some([192, 0, 2, 1].into()));
        assert_eq!(element(&format!("{text};0=")), Hop::default());
    }

    #[test]
    fn a_chain_without_end_is_cut() {
        let long = vec!["192.0.2.1"; 10_000].join(",");
        assert_eq!(read(ForwardedHeaders::XForwarded, &[("x-forwarded-for", &long)]).len(), MAX_HOPS);
    }
}
