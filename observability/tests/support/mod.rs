//! Test support: a log writer that stores every write, and a JSON parser that keeps duplicate keys.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

/// Stores what is written, one entry per call.
#[derive(Clone, Default)]
pub(crate) struct Sink(Arc<Mutex<Vec<Vec<u8>>>>);

impl Sink {
    /// All writes so far, as text.
    pub(crate) fn writes(&self) -> Vec<String> {
        let writes = self.0.lock().expect("no test panics while writing");
        writes.iter().map(|write| String::from_utf8(write.clone()).expect("UTF-8")).collect()
    }

    /// The only write so far, which must be one line.
    #[track_caller]
    pub(crate) fn line(&self) -> Line {
        let writes = self.writes();
        assert_eq!(writes.len(), 1, "an event must be a single write: {writes:?}");
        let text = writes[0].strip_suffix('\n').expect("a line ends with a line break");
        assert!(!text.contains('\n'), "not a single line: {text}");
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test panics while writing").push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Sink {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// The members of a line in their order, including duplicates.
#[derive(Debug)]
pub(crate) struct Line(Vec<(String, Value)>);

impl Line {
    /// All keys, in order.
    pub(crate) fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(key, _)| key.as_str()).collect()
    }

    /// The value of a key, which must occur once.
    #[track_caller]
    pub(crate) fn get(&self, key: &str) -> &Value {
        let found: Vec<_> = self.0.iter().filter(|(name, _)| name == key).collect();
        assert_eq!(found.len(), 1, "{key} does not occur once: {self:?}");
        &found[0].1
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Line;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Line(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
