//! Collects the fields of one log event, each already formatted as JSON.
//!
//! [`Fields`] visits an event for [`JsonLayer`](super::JsonLayer), which then arranges them in the line.

use std::fmt::{Debug, Write};
use std::ops::Range;

use tracing::field::{Field, FieldSet, Visit};

use super::json;

/// Fields in the order in which they were recorded. All values share one buffer, so a line needs no allocation once the
/// buffer has grown.
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

    /// Returns the JSON value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.index.iter().find(|(found, _)| *found == name).map(|(_, range)| &self.values[range.clone()])
    }

    /// Iterates over names and JSON values, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.index.iter().map(|(name, range)| (*name, &self.values[range.clone()]))
    }

    /// Adds declared fields without a value as null, at the position of their declaration.
    pub(super) fn null_unless_recorded(&mut self, declared: &FieldSet) {
        let recorded = self.index.len();
        for field in declared {
            if self.get(plain_name(&field)).is_none() {
                self.put(&field, |out| out.push_str("null"));
            }
        }
        if self.index.len() > recorded {
            let position = |name: &str| declared.iter().position(|field| plain_name(&field) == name);
            self.index.sort_by_key(|(name, _)| position(name));
        }
    }

    /// Adds a field. Of two fields with the same name, the last one wins.
    fn put(&mut self, field: &Field, write: impl FnOnce(&mut String)) {
        let start = self.values.len();
        write(&mut self.values);
        let (name, range) = (plain_name(field), start..self.values.len());
        match self.index.iter_mut().find(|(found, _)| *found == name) {
            Some((_, old)) => *old = range,
            None => self.index.push((name, range)),
        }
    }

    /// Adds a number or boolean. Rust's notation of them is valid JSON.
    fn put_plain(&mut self, field: &Field, value: impl Debug) {
        self.put(field, |out| {
            // Writing to a string cannot fail.
            let _ = write!(out, "{value:?}");
        });
    }
}

/// The name without Rust's prefix for raw identifiers, as in `r#type`.
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
            // If formatting fails, the part that was written stays. The string is closed in any case.
            let _ = write!(json::Escaped(out), "{value:?}");
            out.push('"');
        });
    }
}
