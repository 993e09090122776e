//! The fields of one log event, each already turned into JSON.

use std::fmt::{Debug, Write};
use std::ops::Range;

use tracing::field::{Field, FieldSet, Visit};

use super::json;

/// Fields in the order in which they were recorded. One buffer for all values: a line costs no allocation once
/// the buffer has grown.
#[derive(Debug, Default)]
pub(super) struct Fields {
    values: String,
    index: Vec<(&'static str, Range<usize>)>,
}

impl Fields {
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.index.clear();
    }

    /// The JSON value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.index.iter().find(|(found, _)| *found == name).map(|(_, range)| &self.values[range.clone()])
    }

    /// Names and JSON values, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.index.iter().map(|(name, range)| (*name, &self.values[range.clone()]))
    }

    /// Fields that were declared and have no value are null, in the place where they were written.
    pub(super) fn null_unless_recorded(&mut self, declared: &FieldSet) {
        let recorded = self.index.len();
        for field in declared {
            if self.get(plain_name(&field)).is_none() {
                self.put(&field, |out| out.push_str("null"));
            }
        }
        if self.index.len() > recorded {
            let place = |name: &str| declared.iter().position(|field| plain_name(&field) == name);
            self.index.sort_by_key(|(name, _)| place(name));
        }
    }

    /// The last of two fields with one name wins.
    fn put(&mut self, field: &Field, write: impl FnOnce(&mut String)) {
        let start = self.values.len();
        write(&mut self.values);
        let (name, range) = (plain_name(field), start..self.values.len());
        match self.index.iter_mut().find(|(found, _)| *found == name) {
            Some((_, old)) => *old = range,
            None => self.index.push((name, range)),
        }
    }

    /// Rust's own notation of numbers and booleans is JSON's too.
    fn put_plain(&mut self, field: &Field, value: impl Debug) {
        self.put(field, |out| {
            // They never refuse to be written.
            let _ = write!(out, "{value:?}");
        });
    }
}

/// `r#type` is a name that Rust needs, not one that a reader does.
fn plain_name(field: &Field) -> &'static str {
    field.name().strip_prefix("r#").unwrap_or(field.name())
}

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put_plain(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put_plain(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put_plain(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.put_plain(field, value);
        } else {
            self.put(field, |out| out.push_str("null"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, |out| json::string(out, value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, |out| {
            out.push('"');
            let mut text = json::Escaped(out);
            let mut result = write!(text, "{value}");
            let mut source = value.source();
            while let (Ok(()), Some(cause)) = (result, source) {
                result = write!(text, ": {cause}");
                source = cause.source();
            }
            out.push('"');
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, |out| {
            out.push('"');
            // What a value wrote before it refused stays; the string is closed in any case.
            let _ = write!(json::Escaped(out), "{value:?}");
            out.push('"');
        });
    }
}
