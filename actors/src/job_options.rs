//! A job's options as JSON text: the store keeps them with the job, so that any process processes its pictures alike.

use huemill_imaging::{OptionFields, Options};
use serde_json::{Map, Value};

use crate::fault::{Code, Fault};

/// The options as JSON: an object of those that are not the default ones, and of three that earlier versions expect.
///
/// # Errors
/// None that an option can cause.
pub fn write(options: &Options) -> Result<String, Fault> {
    let mut fields = Map::new();
    fields.insert("colors".to_owned(), options.colors().into());
    fields.insert("aspect".to_owned(), options.aspect.to_string().into());
    fields.insert("format".to_owned(), "png".into());
    for (name, value) in options.fields() {
        // Earlier versions expect numbers where there are numbers.
        let value = value.parse::<u64>().map_or_else(|_| Value::from(value), Value::from);
        fields.insert(name.to_owned(), value);
    }
    serde_json::to_string(&fields).map_err(|error| Fault::new(Code::InternalError).with_cause(error))
}

/// Parses the options from this JSON.
///
/// # Errors
/// If another program wrote it.
pub fn read(text: &str) -> Result<Options, Fault> {
    let invalid = |what: &str| Fault::new(Code::InternalError).with_cause(format!("a job's options: {what}"));
    let stored: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| invalid(&error.to_string()))?;
    let mut fields = OptionFields::default();
    for (name, value) in &stored {
        // Without a card, its format has no effect.
        if name == "format" && value == "png" {
            continue;
        }
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        fields.set(name, &value).map_err(|error| invalid(&error.to_string()))?;
    }
    fields.finish(None).map_err(|error| invalid(&error.to_string()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use huemill_imaging::{CardFormat, CardKind, PaletteMethod};

    use super::*;

    #[test]
    fn options_of_earlier_versions_are_read() {
        let text = r#"{"colors":7,"palette":"classic","aspect":"16:9","format":"jpeg","quality":71}"#;
        let options = read(text).unwrap();
        assert_eq!((options.colors(), options.palette), (7, PaletteMethod::Classic));
        assert_eq!(
            (options.aspect.to_string(), options.card),
            ("16:9".to_owned(), CardFormat::Jpeg { quality: 71 })
        );
    }

    #[test]
    fn options_survive_a_round_trip() {
        let none = Options::default().with_card_kind(CardKind::None);
        let focus = Options::default().with_focus("0.25,1".parse().unwrap());
        for options in [Options::default(), none, focus] {
            assert_eq!(read(&write(&options).unwrap()).unwrap(), options);
        }
        for card in [CardFormat::Png, CardFormat::Jpeg { quality: 71 }, CardFormat::WebP] {
            for colors in [2, 10, 20] {
                for palette in PaletteMethod::ALL {
                    let mut options = Options::default().with_colors(colors).unwrap().with_palette(palette);
                    options.aspect = "16:9".parse().unwrap();
                    options.card = card;
                    assert_eq!(read(&write(&options).unwrap()).unwrap(), options);
                }
            }
        }
    }

    #[test]
    fn text_that_is_not_options_is_an_internal_error() {
        for text in ["", "[]", r#"{"colors":1,"aspect":"3:2","format":"png"}"#, r#"{"colors":5,"aspect":3}"#]
        {
            assert_eq!(read(text).unwrap_err().code, Code::InternalError, "{text}");
        }
    }
}
