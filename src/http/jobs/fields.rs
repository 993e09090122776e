//! What a job's creator may say beside the pictures, in the form, the JSON or the query.

use std::time::Duration;

use huemill_actors::fault::{Code, Fault};
use huemill_imaging::Options;
use huemill_store::job::Priority;

use crate::http::negotiate::{self, OPTIONS};

/// Every name, so that one that is there twice is found.
pub(crate) const NAMES: [&str; 7] =
    ["callback_url", "ttl_h", "priority", OPTIONS[0], OPTIONS[1], OPTIONS[2], OPTIONS[3]];

/// Hours that a job is kept where nothing is said, and at most.
const DEFAULT_HOURS: u64 = 24;
const MOST_HOURS: u64 = 168;

/// The fields, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fields {
    /// What to make of each picture.
    pub options: Options,
    /// Which jobs go first.
    pub priority: Priority,
    /// How long the job is kept.
    pub ttl: Duration,
    /// Where its end is told, as it was sent: the guard judges it.
    pub callback_url: Option<String>,
}

impl Fields {
    /// Reads the query and the body's fields. An empty one is as if it were missing: forms send those.
    pub(crate) fn read(query: &str, body: &[(&'static str, String)]) -> Result<Self, Fault> {
        let query = negotiate::pairs(query)?;
        let query = query.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let body = body.iter().map(|(name, value)| (*name, value.as_str()));
        let known = |(name, value): &(&str, &str)| NAMES.contains(name) && !value.is_empty();
        let all: Vec<(&str, &str)> = query.chain(body).filter(known).collect();
        if let Some((name, _)) = all
            .iter()
            .enumerate()
            .find_map(|(at, pair)| all[..at].iter().any(|(name, _)| *name == pair.0).then_some(*pair))
        {
            return Err(invalid(format!("{name} is there twice: send it once.")));
        }
        let one = |name: &str| all.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        Ok(Self {
            options: negotiate::options(all.iter().copied())?,
            priority: one("priority").map_or(Ok(Priority::Normal), priority)?,
            ttl: one("ttl_h").map_or(Ok(hours(DEFAULT_HOURS)), ttl)?,
            callback_url: one("callback_url").map(|url| url.trim().to_owned()),
        })
    }
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
    Fault::new(Code::InvalidInput).with_message(message)
}

fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3_600)
}

fn priority(word: &str) -> Result<Priority, Fault> {
    Priority::parse(word).ok_or_else(|| invalid("priority must be low, normal or high."))
}

/// Whole hours from 1 on, with or without blanks around; what is above the most counts as the most.
fn ttl(text: &str) -> Result<Duration, Fault> {
    let text = text.trim_ascii();
    let number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    let count = text.bytes().all(number).then(|| text.parse::<f64>().ok()).flatten();
    let count = count.filter(|count| count.is_finite() && *count >= 1.0 && count.fract() == 0.0);
    let count = count.ok_or_else(|| invalid("ttl_h must be a whole number of hours, 1 at least."))?;
    Ok(hours(count.min(MOST_HOURS as f64) as u64))
}

#[cfg(test)]
mod tests {
    use huemill_imaging::CardFormat;
    use proptest::prelude::*;

    use super::*;

    fn read(query: &str, body: &[(&'static str, &str)]) -> Result<Fields, Code> {
        let body: Vec<_> = body.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Fields::read(query, &body).map_err(|fault| fault.code)
    }

    fn kept(text: &str) -> Result<u64, Code> {
        read("", &[("ttl_h", text)]).map(|fields| fields.ttl.as_secs() / 3_600)
    }

    #[test]
    fn nothing_said_is_a_day_of_ten_colours() {
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
    fn query_and_form_say_the_same_things() {
        let query = read("colors=5&format=jpeg&quality=70&priority=high&ttl_h=2&other=1", &[]).unwrap();
        let form =
            [("colors", "5"), ("format", "jpeg"), ("quality", "70"), ("priority", "high"), ("ttl_h", "2")];
        assert_eq!(query, read("", &form).unwrap());
        assert_eq!(query.options.card, CardFormat::Jpeg { quality: 70 });
        assert_eq!(query.priority, Priority::High);
    }

    #[test]
    fn what_is_said_twice_or_out_of_range_is_refused() {
        assert_eq!(read("colors=5", &[("colors", "5")]), Err(Code::InvalidInput));
        assert_eq!(read("ttl_h=5&ttl_h=5", &[]), Err(Code::InvalidInput));
        for (name, value) in
            [("priority", "urgent"), ("priority", "HIGH"), ("colors", "21"), ("aspect", "0:1")]
        {
            assert_eq!(read("", &[(name, value)]), Err(Code::InvalidInput), "{name}={value}");
        }
    }

    #[test]
    fn a_callback_is_kept_as_it_was_sent_without_white_space_around() {
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
        fn no_text_panics(query in "[ -~]{0,80}", ttl in "\\PC{0,20}", url in "\\PC{0,60}") {
            let _ = read(&query, &[("ttl_h", &ttl), ("callback_url", &url)]);
        }
    }
}
