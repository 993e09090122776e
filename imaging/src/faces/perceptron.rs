//! Evaluates a perceptron of the model for the features of a window. The parser has checked all sizes.

use super::model::{OUTPUTS, Stage};
use super::surf::{self, Channels};

/// Values that are summed side by side, so that the compiler can use vector instructions: floats may not be reordered.
const LANES: usize = 16;

/// What a perceptron predicts for a window. Each value is between 0 and 1.
pub(super) struct Prediction {
    pub(super) score: f32,
    /// Shifts and growth as a part of the window's size, where 0.5 is none.
    pub(super) right: f32,
    pub(super) down: f32,
    pub(super) growth: f32,
}

/// Values of two layers, used in turns.
#[derive(Default)]
pub(super) struct Perceptron {
    inputs: Vec<f32>,
    outputs: Vec<f32>,
}

impl Perceptron {
    /// Scores the window whose channels have been computed.
    pub(super) fn predict(&mut self, stage: &Stage, channels: &Channels) -> Prediction {
        self.inputs.clear();
        self.inputs.resize(stage.features.len() * surf::VALUES, 0.0);
        for (feature, values) in stage.features.iter().zip(self.inputs.as_chunks_mut().0) {
            channels.feature(surf::patches()[*feature], values);
        }
        for (index, layer) in stage.layers.iter().enumerate() {
            let last = index + 1 == stage.layers.len();
            self.outputs.clear();
            for (weights, bias) in layer.weights.chunks_exact(layer.inputs).zip(&layer.biases) {
                let sum = dot(weights, &self.inputs) + bias;
                self.outputs.push(if last { sigmoid(sum) } else { sum.max(0.0) });
            }
            std::mem::swap(&mut self.inputs, &mut self.outputs);
        }
        let [score, right, down, growth] = *self.inputs.first_chunk::<OUTPUTS>().unwrap_or(&[0.0; OUTPUTS]);
        Prediction { score, right, down, growth }
    }
}

fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}
