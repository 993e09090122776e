//! The names of the palette formats on the command line: `tokens` and `tailwind`, and hidden beside them the names that
//! requests use (`tokens.json`, `tailwind.css`). `process` and `watch` use them.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use huemill_imaging::Export;

/// Reads the name of a format.
pub(super) fn parser() -> impl TypedValueParser<Value = Export> {
    let value = |export: Export| {
        let value = PossibleValue::new(export.name());
        if export.name() == export.extension() { value } else { value.alias(export.extension()) }
    };
    // The parser below accepts no others.
    let of_name = |name: String| {
        let is_named = |export: &Export| name == export.name() || name == export.extension();
        Export::ALL.into_iter().find(is_named).ok_or("not a format")
    };
    PossibleValuesParser::new(Export::ALL.map(value)).try_map(of_name)
}
