//! Parses a job's options: the fields that a client sends with its pictures, in the form, the JSON or the query.

use std::time::Duration;

use huemill_actors::fault::Fault;
use huemill_imaging::{OPTION_NAMES, Options};
use huemill_store::job::Priority;

use crate::http::content_negotiation::{parse_options, query_pairs};
use crate::http::option_names::refuse_misspelt;
use crate::http::problem::{given_twice, invalid};

/// The number of fields that are no options of pictures.
const OTHERS: usize = 4;

/// The names of all fields, to detect duplicates.
pub(crate) const NAMES: [&str; OTHERS + OPTION_NAMES.len()] = {
    let mut names = ["callback_url"; OTHERS + OPTION_NAMES.len()];
    names[1] = "ttl_h";
    names[2] = "priority";
    names[3] = "export";
    let mut option = 0;
    while option < OPTION_NAMES.len() {
        names[OTHERS + option] = OPTION_NAMES[option];
        option += 1;
    }
    names
};

/// Default and maximum number of hours that a job is kept.
const DEFAULT_HOURS: u64 = 24;
const MAX_HOURS: u64 = 168;

/// The fields, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobFields {
    /// How to process each picture.
    pub options: Options,
    /// The job's priority.
    pub priority: Priority,
    /// How long the job is kept.
    pub ttl: Duration,
    /// The webhook URL to call when the job ends, as the client sent it. The outbound guard checks it later.
    pub callback_url: Option<String>,
}

impl JobFields {
    /// Parses the query and the body's fields. An empty field counts as missing, because forms send those.
    pub(crate) fn parse(query: &str, body: &[(&'static str, String)]) -> Result<Self, Fault> {
        let query = query_pairs(query)?;
        query.iter().try_for_each(|(name, _)| refuse_misspelt(name, &NAMES))?;
        let query = query.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let body = body.iter().map(|(name, value)| (*name, value.as_str()));
        let known = |(name, value): &(&str, &str)| NAMES.contains(name) && !value.is_empty();
        let all: Vec<(&str, &str)> = query.chain(body).filter(known).collect();
        if let Some((name, _)) = all
            .iter()
            .enumerate()
            .find_map(|(at, pair)| all[..at].iter().any(|(name, _)| *name == pair.0).then_some(*pair))
        {
            return Err(given_twice(name));
        }
        if all.iter().any(|(name, _)| *name == "export") {
            return Err(invalid(
                "`export` has no effect on a job. Ask for the palettes of its pictures instead.",
            ));
        }
        let one = |name: &str| all.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        Ok(Self {
            options: parse_options(all.iter().copied())?,
            priority: one("priority").map_or(Ok(Priority::Normal), priority)?,
            ttl: one("ttl_h").map_or(Ok(hours(DEFAULT_HOURS)), ttl)?,
            callback_url: one("callback_url").map(|url| url.trim().to_owned()),
        })
    }
}

/// Refuses fields in the query of a signed request. The signature covers the path and the body, so whoever sees the
/// request could add them.
pub(crate) fn refuse_in_query(query: &str) -> Result<(), Fault> {
    match query_pairs(query)?.iter().find(|(name, value)| NAMES.contains(&name.as_str()) && !value.is_empty())
    {
        None => Ok(()),
        Some((name, _)) => Err(invalid(format!(
            "`{name}` is in the query, which the signature does not cover. Send it in the body of POST /jobs."
        ))),
    }
}

fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3_600)
}

fn priority(word: &str) -> Result<Priority, Fault> {
    Priority::parse(word).ok_or_else(|| invalid("`priority` must be low, normal or high."))
}

/// Parses whole hours from 1, with or without white space around. More than the maximum counts as the maximum.
fn ttl(text: &str) -> Result<Duration, Fault> {
    let text = text.trim_ascii();
    let number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    let count = text.bytes().all(number).then(|| text.parse::<f64>().ok()).flatten();
    let count = count.filter(|count| count.is_finite() && *count >= 1.0 && count.fract() == 0.0);
    let count = count.ok_or_else(|| invalid("`ttl_h` must be a whole number of hours, at least 1."))?;
    Ok(hours(count.min(MAX_HOURS as f64) as u64))
}

#[cfg(test)]
mod tests {
    use huemill_actors::fault::Code;
    use huemill_imaging::CardFormat;
    use proptest::prelude::*;

    use super::*;

    fn read(query: &str, body: &[(&'static str, &str)]) -> Result<JobFields, Code> {
        let body: Vec<_> = body.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        JobFields::parse(query, &body).map_err(|fault| fault.code)
    }

    fn kept(text: &str) -> Result<u64, Code> {
        read("", &[("ttl_h", text)]).map(|fields| fields.ttl.as_secs() / 3_600)
    }

    #[test]
    fn the_defaults_are_a_day_and_ten_colours() {
        let fields = read("", &[]).unwrap();
        assert_eq!(fields.options, Options::default());
        assert_eq!(
            (fields.priority, fields.ttl.as_secs(), fields.callback_url),
            (Priority::Normal, 86_400, None)
        );
        assert_eq!(kept(""), Ok(24));
    }

    #[test]
    fn j1_ttl_h_is_whole_hours_from_one_to_a_week() {
        for (text, hours) in [
            ("1", 1),
            ("24", 24),
            ("24.0", 24),
            (" 24 ", 24),
            ("\t24\r\n", 24),
            ("168", 168),
            ("169", 168),
            ("1e9", 168),
            ("1000000000", 168),
        ] {
            assert_eq!(kept(text), Ok(hours), "{text}");
        }
        for text in [
            "0", "-1", "1.5", "NaN", "abc", "inf", "infinity", "1e400", "0.5", "2 4", " ", "24h", "0x10",
            "--1",
        ] {
            assert_eq!(kept(text), Err(Code::InvalidInput), "{text}");
        }
    }

    #[test]
    fn query_and_form_are_equivalent() {
        let query = read("colors=5&format=jpeg&quality=70&priority=high&ttl_h=2&other=1", &[]).unwrap();
        let form =
            [("colors", "5"), ("format", "jpeg"), ("quality", "70"), ("priority", "high"), ("ttl_h", "2")];
        assert_eq!(query, read("", &form).unwrap());
        assert_eq!(query.options.card, CardFormat::Jpeg { quality: 70 });
        assert_eq!(query.priority, Priority::High);
    }

    #[test]
    fn fields_in_a_signed_requests_query_are_refused() {
        for name in NAMES {
            let fault = refuse_in_query(&format!("other=1&{name}=x")).unwrap_err();
            assert_eq!(fault.code, Code::InvalidInput);
            assert!(
                fault.detail().contains(name) && fault.detail().contains("in the body"),
                "{}",
                fault.detail()
            );
        }
        for query in ["", "other=1", "ttl_h="] {
            assert!(refuse_in_query(query).is_ok(), "{query}");
        }
    }

    #[test]
    fn repeated_and_invalid_fields_are_rejected() {
        assert_eq!(read("colors=5", &[("colors", "5")]), Err(Code::InvalidInput));
        assert_eq!(read("prioritty=high", &[]), Err(Code::InvalidInput));
        assert_eq!(read("ttl_h=5&ttl_h=5", &[]), Err(Code::InvalidInput));
        for (name, value) in
            [("priority", "urgent"), ("priority", "HIGH"), ("colors", "21"), ("aspect", "0:1")]
        {
            assert_eq!(read("", &[(name, value)]), Err(Code::InvalidInput), "{name}={value}");
        }
    }

    #[test]
    fn a_callback_url_is_kept_unchanged_except_for_white_space_around_it() {
        let callback = |url| read("", &[("callback_url", url)]).unwrap().callback_url;
        assert_eq!(
            callback(" HTTPS://EXAMPLE.org/a?b=%20\n").as_deref(),
            Some("HTTPS://EXAMPLE.org/a?b=%20")
        );
        assert_eq!(callback(""), None);
    }

    proptest! {
        #[test]
        fn every_whole_number_of_hours_counts(count in 1u64..u64::MAX) {
            prop_assert_eq!(kept(&count.to_string()), Ok(count.min(168)));
        }

        #[test]
        fn no_text_causes_a_panic(query in "[ -~]{0,80}", ttl in "\\PC{0,20}", url in "\\PC{0,60}") {
            let _ = read(&query, &[("ttl_h", &ttl), ("callback_url", &url)]);
        }
    }
}
