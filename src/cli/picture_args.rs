//! The options of pictures on the command line, which `process` and `submit` share. Names, ranges and rules are those of
//! requests; only the dashes differ.

use clap::builder::PossibleValuesParser;
use clap::{Args, value_parser};
use huemill_imaging::{
    Aspect, CardKind, CropMethod, Focus, OptionError, OptionFields, Options, PaletteMethod, Theme,
};

/// The options. What is not given is left to the service, whose defaults the help texts name.
#[derive(Debug, Args)]
pub(super) struct PictureArgs {
    /// Number of colours in each palette (2–20) [default: 10]
    #[arg(long, value_name = "N", value_parser = value_parser!(u8).range(COLORS))]
    colors: Option<u8>,
    /// How to choose colours: balanced covers the whole picture, classic works like color-thief
    /// [default: balanced]
    #[arg(long, value_parser = PossibleValuesParser::new(PaletteMethod::ALL.map(PaletteMethod::name)))]
    palette: Option<String>,
    /// Aspect ratio of the crops [default: 3:2]
    #[arg(long, value_name = "W:H")]
    aspect: Option<Aspect>,
    /// How to place crops: subject keeps what stands out, classic works like smartcrop [default: subject]
    #[arg(long, value_parser = PossibleValuesParser::new(CropMethod::ALL.map(CropMethod::name)))]
    crop: Option<String>,
    /// Point to place crops around, from 0,0 (top left) to 1,1
    #[arg(long, value_name = "X,Y")]
    focus: Option<Focus>,
    /// Whether to look for faces, so that crops do not cut through heads [default: on]
    #[arg(long, value_parser = ["on", "off"])]
    faces: Option<String>,
    /// What the cards show, and their size [default: palette]
    #[arg(long, value_parser = PossibleValuesParser::new(CardKind::ALL.map(CardKind::name)))]
    card: Option<String>,
    /// Width of cards that show the crop alone, in pixels (16–2048) [default: 1080]
    #[arg(long, value_name = "PIXELS", value_parser = value_parser!(u16).range(WIDTHS))]
    width: Option<u16>,
    /// Background colour of the cards [default: light]
    #[arg(long, value_parser = PossibleValuesParser::new(Theme::ALL.map(Theme::name)))]
    theme: Option<String>,
    /// File format of the cards [default: png]
    #[arg(long, value_parser = ["png", "jpeg", "webp"])]
    format: Option<String>,
    /// Quality of JPEG cards (1–100) [default: 85]
    #[arg(long, value_name = "Q", value_parser = value_parser!(u8).range(1..=100))]
    quality: Option<u8>,
}

/// The allowed numbers of colours in a palette.
const COLORS: std::ops::RangeInclusive<i64> = *Options::COLORS.start() as i64..=*Options::COLORS.end() as i64;

const WIDTHS: std::ops::RangeInclusive<i64> =
    *Options::CARD_WIDTHS.start() as i64..=*Options::CARD_WIDTHS.end() as i64;

impl PictureArgs {
    /// The options that were given, by the names of requests.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let text = |value: Option<&dyn ToString>| value.map(ToString::to_string);
        let fields = [
            ("colors", text(self.colors.as_ref().map(|value| value as _))),
            ("palette", self.palette.clone()),
            ("aspect", text(self.aspect.as_ref().map(|value| value as _))),
            ("crop", self.crop.clone()),
            ("focus", text(self.focus.as_ref().map(|value| value as _))),
            ("faces", self.faces.clone()),
            ("card", self.card.clone()),
            ("width", text(self.width.as_ref().map(|value| value as _))),
            ("theme", self.theme.clone()),
            ("format", self.format.clone()),
            ("quality", text(self.quality.as_ref().map(|value| value as _))),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// The options for the engine, or why the arguments contradict each other.
    pub(super) fn options(&self) -> Result<Options, String> {
        let mut fields = OptionFields::default();
        let read = self.fields().iter().try_for_each(|(name, value)| fields.set(name, value));
        read.and_then(|()| fields.finish(None)).map_err(|error| as_argument(&error))
    }
}

/// An error in the words of the command line: `` `card=crop` `` is `--card crop`.
fn as_argument(error: &OptionError) -> String {
    let text = error.to_string();
    let parts = text.split('`').enumerate();
    parts
        .map(|(at, part)| if at % 2 == 1 { format!("--{}", part.replace('=', " ")) } else { part.to_owned() })
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        picture: PictureArgs,
    }

    fn options(arguments: &[&str]) -> Result<Options, String> {
        Command::try_parse_from([&["x"], arguments].concat()).unwrap().picture.options()
    }

    #[test]
    fn arguments_are_options() {
        assert_eq!(options(&[]), Ok(Options::default()));
        let arguments =
            ["--colors", "5", "--card", "crop", "--width", "300", "--focus", "0.5,0.2", "--format", "jpeg"];
        let found = options(&arguments).unwrap();
        assert_eq!((found.colors(), found.card_kind, found.card_width()), (5, CardKind::Crop, 300));
        assert_eq!(found.focus, Focus::new(0.5, 0.2));
    }

    #[test]
    fn a_contradiction_is_reported_in_arguments() {
        assert_eq!(
            options(&["--quality", "70"]),
            Err("--quality has no effect without --format jpeg.".to_owned())
        );
        assert_eq!(options(&["--width", "70"]), Err("--width has no effect without --card crop.".to_owned()));
    }
}
