//! Entity tags and the conditions of requests on them (RFC 9110, 8.8.3 and 13.1): `If-Match` with `If-Unmodified-Since`,
//! `If-None-Match` and `If-Range`.

use std::time::{Duration, SystemTime};

use actix_web::http::header::{
    ETAG, EntityTag, Header, HeaderValue, HttpDate, IF_MATCH, IF_RANGE, IfMatch, IfNoneMatch, IfRange,
    IfUnmodifiedSince, TryIntoHeaderValue,
};
use actix_web::{HttpMessage, HttpResponse};
use huemill_actors::fault::{Code, Fault};

/// A strong entity tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ETag(EntityTag);

impl ETag {
    /// The tag with this text: visible ASCII without quotes.
    pub(crate) fn new(text: impl std::fmt::Display) -> Self {
        Self(EntityTag::new_strong(text.to_string()))
    }

    /// The tag as a header value.
    pub(crate) fn header_value(&self) -> HeaderValue {
        self.0.clone().try_into_value().unwrap_or_else(|_| HeaderValue::from_static("\"\""))
    }

    /// The response to a client that has this version.
    pub(crate) fn not_modified(&self) -> HttpResponse {
        HttpResponse::NotModified().insert_header((ETAG, self.header_value())).finish()
    }

    /// Whether `If-None-Match` says that the client has this version: `*`, or a list that contains the tag, weak or
    /// strong.
    pub(crate) fn matches(&self, request: &impl HttpMessage) -> bool {
        match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&self.0)),
            Err(_) => false,
        }
    }

    /// Whether a range may be sent: there is no `If-Range`, or it is this tag, strong. A date never matches.
    pub(crate) fn allows_range(&self, request: &impl HttpMessage) -> bool {
        if !request.headers().contains_key(IF_RANGE) {
            return true;
        }
        matches!(IfRange::parse(request), Ok(IfRange::EntityTag(tag)) if tag.strong_eq(&self.0))
    }
}

/// Checks the conditions under which a request is meant at all: `If-Match`, which must name one of these tags, or else
/// `If-Unmodified-Since`. `modified` is when the thing was last changed (Unix seconds), if that is known.
///
/// # Errors
/// `PRECONDITION_FAILED`.
pub(crate) fn check_preconditions(
    request: &impl HttpMessage,
    tags: &[ETag],
    modified: Option<i64>,
) -> Result<(), Fault> {
    let holds = if request.headers().contains_key(IF_MATCH) {
        match IfMatch::parse(request) {
            Ok(IfMatch::Any) => true,
            Ok(IfMatch::Items(asked)) => {
                tags.iter().any(|tag| asked.iter().any(|asked| asked.strong_eq(&tag.0)))
            }
            Err(_) => false,
        }
    } else {
        let since = IfUnmodifiedSince::parse(request).ok().map(|since| SystemTime::from(since.0));
        // A date that cannot be read is no condition.
        since.zip(modified).is_none_or(|(since, modified)| time(modified) <= since)
    };
    if holds { Ok(()) } else { Err(Code::PreconditionFailed.into()) }
}

/// A time in Unix seconds as a header's date.
pub(crate) fn http_date(seconds: i64) -> HttpDate {
    time(seconds).into()
}

fn time(seconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::IF_NONE_MATCH;
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::*;

    fn matches(list: &str) -> bool {
        let request = TestRequest::default().insert_header((IF_NONE_MATCH, list)).to_http_request();
        ETag::new("7-url").matches(&request)
    }

    #[test]
    fn lists_wildcards_and_weak_tags_match() {
        for list in [
            "\"7-url\"",
            "W/\"7-url\"",
            "*",
            " * ",
            "\"a\", W/\"b\" ,\"7-url\"",
            "\"a,b\",\"7-url\"",
            ",, \"7-url\"",
        ] {
            assert!(matches(list), "{list}");
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
            assert!(!matches(list), "{list}");
        }
    }

    #[test]
    fn a_tag_in_a_second_header_matches_too() {
        let request = TestRequest::default()
            .append_header((IF_NONE_MATCH, "\"1\""))
            .append_header((IF_NONE_MATCH, "\"2\""))
            .to_http_request();
        assert!(ETag::new(2).matches(&request));
        assert!(!ETag::new(3).matches(&request));
    }

    #[test]
    fn a_request_is_refused_unless_its_conditions_hold() {
        let tags = [ETag::new(7), ETag::new("7-url")];
        let holds = |headers: &[(&'static str, &'static str)]| {
            let request =
                headers.iter().fold(TestRequest::default(), |request, pair| request.append_header(*pair));
            check_preconditions(&request.to_http_request(), &tags, Some(1_445_412_480)).is_ok()
        };
        assert!(holds(&[]));
        for matching in ["*", "\"7\"", "\"x\", \"7-url\""] {
            assert!(holds(&[("if-match", matching)]), "{matching}");
        }
        for other in ["\"8\"", "W/\"7\"", "7", ""] {
            assert!(!holds(&[("if-match", other)]), "{other}");
        }
        let (same, before) = ("Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:27:59 GMT");
        assert!(holds(&[("if-unmodified-since", same)]));
        assert!(holds(&[("if-unmodified-since", "yesterday")]));
        assert!(!holds(&[("if-unmodified-since", before)]));
        assert!(holds(&[("if-match", "\"7\""), ("if-unmodified-since", before)]));
        let request = TestRequest::default().append_header(("if-unmodified-since", before)).to_http_request();
        assert!(check_preconditions(&request, &tags, None).is_ok());
        assert_eq!(http_date(1_445_412_480).to_string(), same);
    }

    #[test]
    fn only_the_exact_tag_allows_a_range() {
        let tag = ETag::new("x");
        let allows = |value: &'static str| {
            tag.allows_range(&TestRequest::default().insert_header((IF_RANGE, value)).to_http_request())
        };
        assert!(tag.allows_range(&TestRequest::default().to_http_request()));
        assert!(allows("\"x\""));
        for other in ["W/\"x\"", "\"y\"", "*", "Wed, 21 Oct 2015 07:28:00 GMT", ""] {
            assert!(!allows(other), "{other}");
        }
    }

    #[test]
    fn a_header_value_has_its_quotes() {
        assert_eq!(ETag::new("7-url").header_value(), "\"7-url\"");
    }

    proptest! {
        #[test]
        fn a_tag_is_found_in_every_list_that_contains_it(
            before in proptest::collection::vec("[a-z,0-9]{0,6}", 0..5),
            after in proptest::collection::vec("[a-z,0-9]{0,6}", 0..5),
            weak: bool,
        ) {
            let quoted = |words: &[String]| words.iter().map(|word| format!("\"{word}\", ")).collect::<Vec<_>>().concat();
            let list = format!("{}{}\"7-url\" , {}", quoted(&before), if weak { "W/" } else { "" }, quoted(&after));
            prop_assert!(matches(&list));
        }

        #[test]
        fn no_header_causes_a_panic(list in "[ -~]{0,64}") {
            let _ = matches(&list);
        }
    }
}
