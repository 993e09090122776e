//! Metrics of picture processing: counts, aspect ratios, outcomes and stage durations.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec};

use super::families::{Families, LabelValues, start_at_zero};
use crate::event::AspectClass;

/// Buckets in seconds. A stage takes a millisecond for a thumbnail and seconds at the limit of pixels.
const STAGE_SECONDS: [f64; 13] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Debug)]
pub(super) struct ImageMetrics {
    processed: IntCounterVec,
    outcomes: IntCounterVec,
    aspects: IntCounterVec,
    stages: HistogramVec,
}

impl ImageMetrics {
    pub(super) fn new(families: Families<'_>, known: &LabelValues<'_>) -> Result<Self, prometheus::Error> {
        let images = Self {
            processed: families.counters(
                "images_processed_total",
                "Pictures processed successfully, by route.",
                &["endpoint"],
            )?,
            outcomes: families.counters(
                "image_outcomes_total",
                "Processing attempts, by picture format and outcome.",
                &["format", "outcome"],
            )?,
            aspects: families.counters(
                "images_by_aspect_total",
                "Pictures processed successfully, by aspect ratio class.",
                &["aspect"],
            )?,
            stages: families.histograms(
                "image_stage_duration_seconds",
                "Duration of a picture's processing stages, by stage.",
                &["stage"],
                &STAGE_SECONDS,
            )?,
        };
        start_at_zero(&images.processed, known.image_endpoints);
        for format in known.formats {
            for outcome in known.outcomes {
                images.outcomes.with_label_values(&[format, outcome]);
            }
        }
        for aspect in AspectClass::ALL {
            images.aspects.with_label_values(&[aspect.name()]);
        }
        start_at_zero(&images.stages, known.stages);
        Ok(images)
    }

    pub(super) fn processed(&self, endpoint: &str) {
        self.processed.with_label_values(&[endpoint]).inc();
    }

    pub(super) fn ended(&self, format: &str, outcome: &str) {
        self.outcomes.with_label_values(&[format, outcome]).inc();
    }

    pub(super) fn shaped(&self, aspect: AspectClass) {
        self.aspects.with_label_values(&[aspect.name()]).inc();
    }

    pub(super) fn timed(&self, stage: &str, time: Duration) {
        self.stages.with_label_values(&[stage]).observe(time.as_secs_f64());
    }
}
