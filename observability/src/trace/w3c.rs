//! Parses and formats the headers `traceparent` and `tracestate` (W3C Trace Context).
//!
//! The parser is strict; the SDK's own one accepts ids that are too short. A malformed `traceparent` is ignored, and so
//! is a malformed `tracestate`.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// Parses a caller's headers; `None` if they are malformed. Of a future version, it reads the part that every version
/// must have.
pub(super) fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<SpanContext> {
    let parts: Vec<&str> = traceparent.split('-').collect();
    let [version, trace, span, flags, rest @ ..] = &*parts else { return None };
    let is_hex = |part: &str, length| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_valid = is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
    if !is_valid || *version == "ff" || (*version == "00" && !rest.is_empty()) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let state = tracestate.and_then(|text| text.parse().ok()).unwrap_or(TraceState::NONE);
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    Some(SpanContext::new(trace, span, flags, true, state)).filter(SpanContext::is_valid)
}

/// Formats the `traceparent` of a span.
pub(super) fn to_traceparent(span: &SpanContext) -> String {
    format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags() & TraceFlags::SAMPLED)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_valid_traceparent_survives_a_round_trip() {
        for text in [GOOD, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"] {
            assert_eq!(to_traceparent(&parse(text, None).unwrap()), text);
        }
        let later = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-future-fields";
        assert_eq!(to_traceparent(&parse(later, None).unwrap()), GOOD);
        assert!(parse(GOOD, None).unwrap().is_sampled());
    }

    #[test]
    fn a_valid_tracestate_is_kept_and_a_malformed_one_is_ignored() {
        let state = |text| parse(GOOD, Some(text)).unwrap().trace_state().header();
        assert_eq!(state("one=1,two=2"), "one=1,two=2");
        assert_eq!(state("no pair"), "");
    }

    #[test]
    fn a_malformed_traceparent_is_ignored() {
        for bad in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "00-1-1-01",
            "ä",
        ] {
            assert_eq!(parse(bad, None), None, "{bad}");
        }
    }
}
