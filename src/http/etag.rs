//! Entity tags and the conditions on them (RFC 9110, 8.8.3 and 13.1).

use actix_web::http::header::{HeaderMap, HeaderValue, IF_NONE_MATCH, IF_RANGE};

/// A strong entity tag, with its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ETag(String);

impl ETag {
    /// The tag of this word: visible ASCII without quotes.
    #[must_use]
    pub(crate) fn new(word: impl std::fmt::Display) -> Self {
        Self(format!("\"{word}\""))
    }

    /// The tag as a header's value.
    #[must_use]
    pub(crate) fn header_value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
    }

    /// Whether `If-None-Match` says that the client has this already: `*`, or a list that names it, weakly or not.
    #[must_use]
    pub(crate) fn is_held(&self, headers: &HeaderMap) -> bool {
        headers.get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok()).any(|list| self.is_in(list))
    }

    /// Whether a range may be sent: there is no `If-Range`, or it names this tag, strongly. A date never does.
    #[must_use]
    pub(crate) fn allows_range(&self, headers: &HeaderMap) -> bool {
        headers.get(IF_RANGE).is_none_or(|value| value.as_bytes() == self.0.as_bytes())
    }

    fn is_in(&self, list: &str) -> bool {
        list.trim() == "*" || Tags(list).any(|tag| tag == self.0)
    }
}

/// The tags of a list with their quotes, whose text may hold commas. Ends at the first thing that is no tag.
struct Tags<'a>(&'a str);

impl<'a> Iterator for Tags<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_start_matches([' ', '\t', ',']);
        let rest = rest.strip_prefix("W/").unwrap_or(rest);
        let length = rest.strip_prefix('"')?.find('"')? + 2;
        let (tag, rest) = rest.split_at(length);
        self.0 = rest;
        Some(tag)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderMap;
    use proptest::prelude::*;

    use super::*;

    fn held(list: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, HeaderValue::from_str(list).unwrap());
        ETag::new("7-url").is_held(&headers)
    }

    #[test]
    fn lists_stars_and_weak_tags_match() {
        for list in [
            "\"7-url\"",
            "W/\"7-url\"",
            "*",
            " * ",
            "\"a\", W/\"b\" ,\"7-url\"",
            "\"a,b\",\"7-url\"",
            ",, \"7-url\"",
        ] {
            assert!(held(list), "{list}");
        }
        for list in [
            "",
            "7-url",
            "\"7\"",
            "\"7-url",
            "w/\"7-url\"",
            "\"8-url\", \"7-inline\"",
            "\"x\" 7-url",
            "\"*\"",
        ] {
            assert!(!held(list), "{list}");
        }
    }

    #[test]
    fn a_tag_in_a_second_header_matches_too() {
        let mut headers = HeaderMap::new();
        headers.append(IF_NONE_MATCH, HeaderValue::from_static("\"1\""));
        headers.append(IF_NONE_MATCH, HeaderValue::from_static("\"2\""));
        assert!(ETag::new(2).is_held(&headers));
        assert!(!ETag::new(3).is_held(&headers));
    }

    #[test]
    fn a_range_is_allowed_by_the_very_tag_alone() {
        let tag = ETag::new("x");
        let asked = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_RANGE, HeaderValue::from_static(value));
            tag.allows_range(&headers)
        };
        assert!(tag.allows_range(&HeaderMap::new()));
        assert!(asked("\"x\""));
        for other in ["W/\"x\"", "\"y\"", "*", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert!(!asked(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_tag_is_found_in_every_list_that_names_it(
            before in proptest::collection::vec("[a-z,0-9]{0,6}", 0..5),
            after in proptest::collection::vec("[a-z,0-9]{0,6}", 0..5),
            weak: bool,
        ) {
            let quoted = |words: &[String]| words.iter().map(|word| format!("\"{word}\", ")).collect::<Vec<_>>().concat();
            let list = format!("{}{}\"7-url\" , {}", quoted(&before), if weak { "W/" } else { "" }, quoted(&after));
            prop_assert!(held(&list));
        }

        #[test]
        fn no_header_panics(list in "[ -~]{0,64}") {
            let _ = held(&list);
        }
    }
}
