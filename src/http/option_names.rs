//! Names that are nearly those of options. An option that has no effect is an error, so a misspelt one is refused with the
//! name that was meant. All other names are ignored, because clients, proxies and analytics add their own, such as `_`,
//! `utm_source` and `time`.

use huemill_actors::fault::Fault;

use super::problem::invalid;

/// The length from which a name may differ in two places. Of shorter ones, too many other words differ by that much.
const LONG: usize = 6;

/// Names that are right elsewhere: `cards` is an option of a job's status, and clients send it when they create the job too.
const RIGHT_ELSEWHERE: [&str; 1] = ["cards"];

/// Refuses a name that is surely one of these options, misspelt.
///
/// # Errors
/// `INVALID_INPUT`, with the option that was meant.
pub(crate) fn refuse_misspelt(name: &str, options: &[&'static str]) -> Result<(), Fault> {
    if options.contains(&name) || RIGHT_ELSEWHERE.contains(&name) {
        return Ok(());
    }
    // The name is like an option's, so it is short enough to be repeated.
    match options.iter().find(|option| is_misspelt(name, option)) {
        Some(option) => Err(invalid(format!("{name:?} is not an option. Did you mean `{option}`?"))),
        None => Ok(()),
    }
}

/// Whether `name` has other capitals than the option, or one wrong, missing, additional or exchanged letter; two in a long
/// name. Real words often differ in their first letter (`drop`, `report`), misspelt ones hardly ever.
fn is_misspelt(name: &str, option: &str) -> bool {
    // Each letter has four bytes at most.
    if name.len() > 4 * (option.len() + 2) {
        return false;
    }
    let name = name.to_lowercase();
    let has_same_start = name.chars().next() == option.chars().next();
    match strsim::osa_distance(&name, option) {
        0 => true,
        1 => has_same_start || option.len() > 4,
        2 => has_same_start && option.len() >= LONG && name.chars().count().abs_diff(option.len()) <= 1,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::jobs::FIELD_NAMES;

    #[test]
    fn a_misspelt_option_is_refused_with_the_one_that_was_meant() {
        for (name, option) in [
            ("colours", "colors"),
            ("colour", "colors"),
            ("color", "colors"),
            ("Colors", "colors"),
            ("aspct", "aspect"),
            ("Format", "format"),
            ("fromat", "format"),
            ("pallette", "palette"),
            ("qualty", "quality"),
            ("focuss", "focus"),
            ("face", "faces"),
            ("crops", "crop"),
            ("widht", "width"),
            ("callbackUrl", "callback_url"),
            ("callback-url", "callback_url"),
            ("TTL_H", "ttl_h"),
            ("priorty", "priority"),
        ] {
            let fault = refuse_misspelt(name, &FIELD_NAMES).unwrap_err();
            assert!(
                fault.detail().ends_with(&format!("Did you mean `{option}`?")),
                "{name}: {}",
                fault.detail()
            );
        }
    }

    #[test]
    fn other_names_are_ignored() {
        for name in [
            "_",
            "t",
            "ts",
            "v",
            "id",
            "cb",
            "time",
            "date",
            "nonce",
            "cache",
            "utm_source",
            "utm_term",
            "fbclid",
            "gclid",
            "traceparent",
            "sentry-trace",
            "request_id",
            "token",
            "lang",
            "locale",
            "page",
            "pages",
            "file",
            "files",
            "form",
            "name",
            "title",
            "type",
            "top",
            "drop",
            "report",
            "import",
            "scheme",
            "team",
            "image",
            "images",
            "url",
            "urls",
            "zip",
            "zip_file",
            "csrf_token",
            "submit",
            "user",
            "callback",
            "ttl",
            "cards",
            "",
        ] {
            assert!(refuse_misspelt(name, &FIELD_NAMES).is_ok(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn options_are_never_refused_and_no_name_causes_a_panic(name in "\\PC{0,12}", index in 0..FIELD_NAMES.len()) {
            let _ = refuse_misspelt(&name, &FIELD_NAMES);
            prop_assert!(refuse_misspelt(FIELD_NAMES[index], &FIELD_NAMES).is_ok());
        }
    }
}
