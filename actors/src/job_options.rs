//! A job's options as JSON text: the store keeps them with the job, so that any process processes its pictures alike.

use huemill_imaging::{CardFormat, Options, PaletteMethod};
use serde::{Deserialize, Serialize};

use crate::fault::{Code, Fault};

#[derive(Serialize, Deserialize)]
struct JobOptions {
    colors: u8,
    /// Missing in jobs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    palette: Option<String>,
    aspect: String,
    format: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quality: Option<u8>,
}

/// The options as JSON.
///
/// # Errors
/// None that an option can cause.
pub fn write(options: &Options) -> Result<String, Fault> {
    let (format, quality) = match options.card {
        CardFormat::Png => ("png", None),
        CardFormat::Jpeg { quality } => ("jpeg", Some(quality)),
        CardFormat::WebP => ("webp", None),
    };
    let job_options = JobOptions {
        colors: options.colors() as u8,
        palette: (options.palette != PaletteMethod::default()).then(|| options.palette.name().to_owned()),
        aspect: options.aspect.to_string(),
        format: format.to_owned(),
        quality,
    };
    serde_json::to_string(&job_options).map_err(|error| Fault::new(Code::InternalError).with_cause(error))
}

/// Parses the options from this JSON.
///
/// # Errors
/// If another program wrote it.
pub fn read(text: &str) -> Result<Options, Fault> {
    let invalid = |what: &str| Fault::new(Code::InternalError).with_cause(format!("a job's options: {what}"));
    let job_options: JobOptions = serde_json::from_str(text).map_err(|error| invalid(&error.to_string()))?;
    let mut options = Options::default().with_colors(job_options.colors).ok_or_else(|| invalid("colors"))?;
    if let Some(palette) = job_options.palette {
        options.palette = palette.parse().map_err(|_| invalid("palette"))?;
    }
    options.aspect = job_options.aspect.parse().map_err(|_| invalid("aspect"))?;
    options.card = match (job_options.format.as_str(), job_options.quality) {
        ("png", None) => CardFormat::Png,
        ("jpeg", Some(quality)) => CardFormat::Jpeg { quality },
        ("webp", None) => CardFormat::WebP,
        _ => return Err(invalid("format")),
    };
    Ok(options)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn options_survive_a_round_trip() {
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
        for text in ["", "{}", r#"{"colors":1,"aspect":"3:2","format":"png"}"#] {
            assert_eq!(read(text).unwrap_err().code, Code::InternalError, "{text}");
        }
    }
}
