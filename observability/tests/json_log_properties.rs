//! Property test: any field values give one valid line, in which each key occurs once with the value that was logged.

mod support;

use huemill_observability::json_log::JsonLayer;
use proptest::prelude::*;
use serde_json::json;
use support::Sink;
use tracing_bunyan_formatter::JsonStorageLayer;
use tracing_subscriber::layer::SubscriberExt;

/// Arbitrary text, with many characters that could break lines, strings and terminals.
fn text() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "\n",
        "\r\n",
        "\"",
        "\\",
        "\\\"",
        "\u{0}",
        "\u{1b}[2J",
        "\u{2028}",
        "\u{202e}",
        "\u{85}",
        "\u{feff}",
        "{",
        "}",
        "\",\"level\":\"",
        "\u{10ffff}",
        "é",
        "${jndi:x}",
    ]);
    prop::collection::vec(prop_oneof![nasty.prop_map(str::to_owned), any::<String>()], 0..6)
        .prop_map(|parts| parts.concat())
}

/// Whether the line's `float` parses back to exactly this number, or is null if the number is not finite.
fn has_float(line: &str, float: f64) -> bool {
    let rest = line.rsplit_once(",\"float\":").map(|(_, rest)| rest).expect("the line has the member");
    let value = rest.split([',', '}']).next().expect("a value");
    if float.is_finite() { value.parse() == Ok(float) } else { value == "null" }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_fields_give_one_valid_line(
        request_id in text(),
        in_span in text(),
        own in text(),
        cause in prop::option::of(text()),
        signed in any::<i64>(),
        unsigned in prop::option::of(any::<u64>()),
        float in any::<f64>(),
        flag in any::<bool>(),
        debugged in text(),
        name in text(),
    ) {
        let sink = Sink::default();
        let subscriber = tracing_subscriber::registry().with(JsonStorageLayer).with(JsonLayer::new(sink.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!(
                "span",
                request_id = request_id.as_str(),
                shared = in_span.as_str(),
                ts = in_span.as_str(),
                level = in_span.as_str(),
            );
            let _entered = span.enter();
            tracing::info!(
                event = name.as_str(),
                shared = own.as_str(),
                cause = cause.as_deref(),
                signed,
                unsigned,
                float,
                flag,
                debugged = ?debugged,
                displayed = %own,
                level = own.as_str(),
                "{debugged}"
            );
        });
        let text = &sink.writes()[0];
        prop_assert!(!text.trim_end_matches('\n').chars().any(char::is_control), "{text:?}");
        let line = sink.line();
        prop_assert_eq!(line.get("event"), &json!(name));
        prop_assert_eq!(line.get("level"), &json!("info"));
        prop_assert_eq!(line.get("request_id"), &json!(request_id));
        prop_assert_eq!(line.get("shared"), &json!(own));
        prop_assert_eq!(line.get("cause"), &json!(cause));
        prop_assert_eq!(line.get("signed"), &json!(signed));
        prop_assert_eq!(line.get("unsigned"), &json!(unsigned));
        prop_assert_eq!(line.get("float").is_number(), float.is_finite());
        prop_assert!(has_float(text, float), "{text}");
        prop_assert_eq!(line.get("flag"), &json!(flag));
        prop_assert_eq!(line.get("debugged"), &json!(format!("{debugged:?}")));
        prop_assert_eq!(line.get("displayed"), &json!(own));
        prop_assert_eq!(line.get("message"), &json!(debugged));
    }
}
