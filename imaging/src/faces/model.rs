//! The trained model of `SeetaFace`'s frontal detector: its types, and a parser for its file.
//!
//! The file is a sequence of little-endian 32-bit integers and floats: first boosted views, then perceptrons in the order
//! in which they run. The parser checks each number that later serves as an index or a length, so that the search needs
//! no checks of its own. A file that is cut short or has another structure is a [`FaceModelError`].

use thiserror::Error;

use super::surf;
use super::window::WINDOW;

/// Weak classifiers that are summed before the sum is compared with a threshold.
pub(super) const GROUP: usize = 10;
/// Numbers that a perceptron returns: score, shift to the right, shift down, growth.
pub(super) const OUTPUTS: usize = 4;

/// Side of the square within the window in which a local binary pattern can start. A pattern covers 9 × 9 pixels.
const PATTERN_STARTS: u32 = WINDOW as u32 - 8;
const PATTERNS: usize = 256;
/// Maximum of each number in the file that says how many of something follow.
const MAX_COUNT: usize = 4096;
/// How much two windows must overlap to be merged, between stages and at the end.
pub(super) const NEARLY_EQUAL: f32 = 0.8;
pub(super) const SAME_FACE: f32 = 0.3;

/// The file is not a model that the search can run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FaceModelError {
    /// The file ends before the model does.
    #[error("the face model is cut short")]
    Truncated,
    /// The file has a number that the search cannot use.
    #[error("the face model has an invalid {0}")]
    Invalid(&'static str),
}

/// Everything that has been trained.
#[derive(Debug)]
pub(super) struct Model {
    /// Cascades for different poses of the head. A window that one of them accepts is a proposal.
    pub(super) views: Vec<View>,
    /// Perceptrons that all proposals pass one after the other.
    pub(super) stages: Vec<Stage>,
}

/// A boosted cascade over local binary patterns.
#[derive(Debug)]
pub(super) struct View {
    pub(super) groups: Vec<Group>,
}

/// Weak classifiers of a cascade, and the minimum of the sum so far after them.
#[derive(Debug)]
pub(super) struct Group {
    /// Column and row of each pattern in the window.
    pub(super) places: [(u8, u8); GROUP],
    /// What each value of the pattern adds to the sum.
    pub(super) weights: Box<[[f32; PATTERNS]; GROUP]>,
    pub(super) threshold: f32,
}

/// A perceptron that scores and moves a window.
#[derive(Debug)]
pub(super) struct Stage {
    /// Indices of its features in [`surf::patches`].
    pub(super) features: Vec<usize>,
    /// Rows of the integral images that the features read.
    pub(super) rows: surf::Rows,
    pub(super) layers: Vec<Layer>,
    pub(super) threshold: f32,
    /// Overlap above which windows are merged after this stage.
    pub(super) merge: Option<f32>,
}

/// A fully connected layer. Each output has a row of `inputs` weights.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) inputs: usize,
    pub(super) weights: Vec<f32>,
    pub(super) biases: Vec<f32>,
}

/// Kinds of classifiers in the file.
const BOOSTED: usize = 0;
const PERCEPTRON: usize = 1;

impl Model {
    /// Parses a model file.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, FaceModelError> {
        let mut file = File(bytes);
        let levels = file.count("number of levels")?;
        let mut model = Self { views: Vec::new(), stages: Vec::new() };
        for level in 0..levels {
            let members = file.count("number of classifiers")?;
            for member in 0..members {
                let stages = file.count("number of stages")?;
                for stage in 0..stages {
                    let kind = file.number("kind of classifier")?;
                    match (kind, level) {
                        (BOOSTED, 0) => model.views.push(file.view()?),
                        (PERCEPTRON, 1..) if member == 0 => {
                            let merge = if stage + 1 < stages {
                                Some(NEARLY_EQUAL)
                            } else {
                                (level + 1 == levels).then_some(SAME_FACE)
                            };
                            model.stages.push(file.stage(merge)?);
                        }
                        _ => return Err(FaceModelError::Invalid("kind of classifier")),
                    }
                }
                file.skip_sources(level, model.views.len())?;
            }
        }
        if model.views.is_empty() || model.stages.is_empty() {
            return Err(FaceModelError::Invalid("number of levels"));
        }
        Ok(model)
    }
}

/// What is left of the file.
struct File<'a>(&'a [u8]);

impl File<'_> {
    fn word(&mut self) -> Result<[u8; 4], FaceModelError> {
        let (word, rest) = self.0.split_first_chunk().ok_or(FaceModelError::Truncated)?;
        self.0 = rest;
        Ok(*word)
    }

    fn number(&mut self, what: &'static str) -> Result<usize, FaceModelError> {
        let number = usize::try_from(i32::from_le_bytes(self.word()?)).ok();
        number.filter(|number| *number <= MAX_COUNT).ok_or(FaceModelError::Invalid(what))
    }

    /// A number that is not 0.
    fn count(&mut self, what: &'static str) -> Result<usize, FaceModelError> {
        Some(self.number(what)?).filter(|count| *count > 0).ok_or(FaceModelError::Invalid(what))
    }

    fn float(&mut self) -> Result<f32, FaceModelError> {
        let float = f32::from_le_bytes(self.word()?);
        if float.is_finite() { Ok(float) } else { Err(FaceModelError::Invalid("weight")) }
    }

    fn floats(&mut self, count: usize) -> Result<Vec<f32>, FaceModelError> {
        // The length is checked first: nothing is allocated for numbers that the file does not have.
        if self.0.len() / 4 < count {
            return Err(FaceModelError::Truncated);
        }
        (0..count).map(|_| self.float()).collect()
    }

    /// A level takes its windows from all members of the level before, of which only the first has several.
    fn skip_sources(&mut self, level: usize, views: usize) -> Result<(), FaceModelError> {
        if level == 0 {
            // The first level looks everywhere. Its count is -1.
            return self.word().map(drop);
        }
        let expected = if level == 1 { views } else { 1 };
        let invalid = FaceModelError::Invalid("source of windows");
        if self.number("number of sources")? != expected {
            return Err(invalid);
        }
        for source in 0..expected {
            if self.number("source of windows")? != source {
                return Err(invalid);
            }
        }
        Ok(())
    }

    fn view(&mut self) -> Result<View, FaceModelError> {
        let classifiers = self.count("number of weak classifiers")?;
        if classifiers % GROUP != 0 || self.number("number of patterns")? + 1 != PATTERNS {
            return Err(FaceModelError::Invalid("number of weak classifiers"));
        }
        let mut places = Vec::new();
        for _ in 0..classifiers {
            places.push((self.pattern_start()?, self.pattern_start()?));
        }
        let thresholds = self.floats(classifiers)?;
        let mut groups = Vec::new();
        // Only the last threshold of a group is used: the sum is not compared in between.
        for (places, thresholds) in places.as_chunks().0.iter().zip(thresholds.as_chunks::<GROUP>().0) {
            let weights = self.floats(GROUP * PATTERNS)?.as_chunks().0.to_vec();
            let weights = weights.try_into().map_err(|_| FaceModelError::Truncated)?;
            groups.push(Group { places: *places, weights, threshold: thresholds[GROUP - 1] });
        }
        Ok(View { groups })
    }

    fn pattern_start(&mut self) -> Result<u8, FaceModelError> {
        let at = u32::from_le_bytes(self.word()?);
        if at < PATTERN_STARTS { Ok(at as u8) } else { Err(FaceModelError::Invalid("place of a pattern")) }
    }

    fn stage(&mut self, merge: Option<f32>) -> Result<Stage, FaceModelError> {
        let sizes = self.count("number of layers")?;
        let count = self.count("number of features")?;
        let patches = surf::patches().len();
        let mut features = Vec::new();
        for _ in 0..count {
            // They are numbered from 1.
            let feature = self.count("feature")? - 1;
            if feature >= patches {
                return Err(FaceModelError::Invalid("feature"));
            }
            features.push(feature);
        }
        let threshold = self.float()?;
        let mut inputs = self.count("size of a layer")?;
        if inputs != count * surf::VALUES {
            return Err(FaceModelError::Invalid("size of a layer"));
        }
        let mut layers = Vec::new();
        for _ in 1..sizes {
            let outputs = self.count("size of a layer")?;
            let weights = self.floats(inputs * outputs)?;
            layers.push(Layer { inputs, weights, biases: self.floats(outputs)? });
            inputs = outputs;
        }
        if layers.is_empty() || inputs != OUTPUTS {
            return Err(FaceModelError::Invalid("size of a layer"));
        }
        Ok(Stage { rows: surf::rows(&features), features, layers, threshold, merge })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/faces.bin"));

    #[test]
    fn the_model_has_three_views_and_three_perceptrons() {
        let model = Model::parse(MODEL).unwrap();
        assert_eq!(model.views.iter().map(|view| view.groups.len()).collect::<Vec<_>>(), [15, 15, 15]);
        assert_eq!(model.stages.iter().map(|stage| stage.features.len()).collect::<Vec<_>>(), [4, 8, 16]);
        let merges: Vec<_> = model.stages.iter().map(|stage| stage.merge).collect();
        assert_eq!(merges, [Some(NEARLY_EQUAL), None, Some(SAME_FACE)]);
    }

    #[test]
    fn a_model_that_is_cut_short_is_an_error() {
        let ends = (0..3000).chain((3000..MODEL.len()).step_by(997)).chain([MODEL.len() - 1]);
        for end in ends {
            assert_eq!(Model::parse(&MODEL[..end]).unwrap_err(), FaceModelError::Truncated, "{end} bytes");
        }
    }

    #[test]
    fn a_number_that_the_search_cannot_use_is_an_error() {
        // Levels, members, stages, kind, weak classifiers, patterns and the place of the first pattern.
        for word in 0..8 {
            for value in [-1, i32::MAX, 1000] {
                let mut bytes = MODEL.to_vec();
                bytes[word * 4..][..4].copy_from_slice(&value.to_le_bytes());
                assert!(Model::parse(&bytes).is_err(), "word {word} is {value}");
            }
        }
        let mut bytes = MODEL.to_vec();
        // The last bias: two words on the source of windows follow.
        let last = bytes.len() - 12;
        bytes[last..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
        assert_eq!(Model::parse(&bytes).unwrap_err(), FaceModelError::Invalid("weight"));
    }

    #[test]
    fn any_changed_word_gives_a_model_or_an_error() {
        for word in (0..MODEL.len() / 4).step_by(9973).chain(0..40) {
            for value in [0, -1, i32::MAX, 0x7f80_0000] {
                let mut bytes = MODEL.to_vec();
                bytes[word * 4..][..4].copy_from_slice(&value.to_le_bytes());
                let _ = Model::parse(&bytes);
            }
        }
    }
}
