//! Metrics of picture processing: counts, aspect ratios, outcomes and stage durations.

use std::time::Duration;

use prometheus::{
    HistogramVec, IntCounterVec, Registry, register_histogram_vec_with_registry,
    register_int_counter_vec_with_registry,
};

use super::label_values::LabelValues;
use crate::event::AspectClass;

/// Buckets in seconds. A stage takes a millisecond for a thumbnail and seconds at the limit of 50 megapixels.
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
    pub(super) fn new(registry: &Registry, known: &LabelValues<'_>) -> Result<Self, prometheus::Error> {
        let images = Self {
            processed: register_int_counter_vec_with_registry!(
                "images_processed_total",
                "Pictures processed successfully, by route.",
                &["endpoint"],
                registry
            )?,
            outcomes: register_int_counter_vec_with_registry!(
                "image_outcomes_total",
                "Processing attempts, by picture format and outcome.",
                &["format", "outcome"],
                registry
            )?,
            aspects: register_int_counter_vec_with_registry!(
                "images_by_aspect_total",
                "Pictures processed successfully, by aspect ratio class.",
                &["aspect"],
                registry
            )?,
            stages: register_histogram_vec_with_registry!(
                "image_stage_duration_seconds",
                "Duration of a picture's processing stages, by stage.",
                &["stage"],
                STAGE_SECONDS.to_vec(),
                registry
            )?,
        };
        for endpoint in known.image_endpoints {
            images.processed.with_label_values(&[endpoint]);
        }
        for format in known.formats {
            for outcome in known.outcomes {
                images.outcomes.with_label_values(&[format, outcome]);
            }
        }
        for aspect in AspectClass::ALL {
            images.aspects.with_label_values(&[aspect.name()]);
        }
        for stage in known.stages {
            images.stages.with_label_values(&[stage]);
        }
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
