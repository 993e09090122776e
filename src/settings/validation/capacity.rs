//! Validates the sections that say how much the service takes on at a time: limits, uploads, answers, workers, health and
//! jobs. Every problem is reported.

use crate::settings::problems::Problems;
use crate::settings::schema::Settings;

pub(super) fn limits(settings: &Settings, check: &mut Problems) {
    let (limits, uploads) = (&settings.limits, &settings.uploads);
    at_least!(1, check, limits: image_bytes);
    check.require(
        limits.zip_bytes >= 22,
        "limits.zip_bytes",
        "must be at least 22, which is the size of an empty ZIP",
    );
    at_least!(1, check, limits: image_pixels, jpeg_pixels);
    check.between(1..=65_535, limits.image_side, "limits.image_side");
    at_least!(1, check, limits: image_work);
    at_least!(1, check, limits: zip_pictures);
    check.between(1..=10_000, limits.job_pictures, "limits.job_pictures");
    check.between(1..=10_000, limits.job_urls, "limits.job_urls");
    check.require(
        limits.zip_entries >= limits.zip_pictures.max(limits.job_pictures),
        "limits.zip_entries",
        "must not be below limits.zip_pictures and limits.job_pictures",
    );
    at_least!(1, check, limits: request_seconds, zip_seconds);
    at_least!(1, check, uploads: in_flight);
    let largest_upload = limits.zip_bytes.max(limits.image_bytes);
    let too_small =
        "must not be below limits.zip_bytes and limits.image_bytes, so that the largest upload fits";
    check.require(uploads.in_flight_bytes >= largest_upload, "uploads.in_flight_bytes", too_small);
    check.require(uploads.disk_total_bytes >= largest_upload, "uploads.disk_total_bytes", too_small);
    check.require(
        uploads.memory_total_bytes >= uploads.memory_each_bytes,
        "uploads.memory_total_bytes",
        "must not be below uploads.memory_each_bytes",
    );
    at_least!(1, check, uploads: idle_seconds, total_seconds);
    let answers = &settings.answers;
    at_least!(1, check, answers: idle_seconds, total_seconds);
}

pub(super) fn workers(settings: &Settings, check: &mut Problems) {
    let (workers, supervision) = (&settings.workers, &settings.supervision);
    check.require(
        workers.count <= 1024,
        "workers.count",
        "must be from 0 to 1024; 0 means one worker for each core",
    );
    at_least!(1, check, workers: queue);
    check.require(
        workers.memory_bytes >= 67_108_864,
        "workers.memory_bytes",
        "must be at least 67108864 (64 MiB); most pictures do not fit into less",
    );
    at_least!(1, check, workers: grace_seconds, max_abandoned);
    at_least!(1, check, supervision: window_seconds, backoff_initial_ms);
    check.require(
        supervision.backoff_max_ms >= supervision.backoff_initial_ms,
        "supervision.backoff_max_ms",
        "must not be below supervision.backoff_initial_ms",
    );
}

pub(super) fn health(settings: &Settings, check: &mut Problems) {
    let health = &settings.health;
    at_least!(1, check, health: interval_seconds, timeout_seconds, store_seconds, canary_seconds);
    check.require(
        health.stale_seconds > health.interval_seconds + health.timeout_seconds,
        "health.stale_seconds",
        "must be above health.interval_seconds + health.timeout_seconds; otherwise every verdict is stale",
    );
    check.require(
        health.memory_used_ratio > 0.0 && health.memory_used_ratio <= 1.0,
        "health.memory_used_ratio",
        "must be above 0 and at most 1",
    );
}

pub(super) fn jobs(settings: &Settings, check: &mut Problems) {
    let jobs = &settings.jobs;
    at_least!(3, check, jobs: lease_seconds);
    at_least!(10, check, jobs: poll_ms);
    at_least!(1, check, jobs: picture_seconds, max_crashes);
    check.between(1..=100, jobs.max_attempts, "jobs.max_attempts");
    check.between(1..=60_000, jobs.retry_base_ms, "jobs.retry_base_ms");
    at_least!(1, check, jobs: collect_seconds);
    check.require(
        jobs.disk_low_bytes >= settings.uploads.disk_low_bytes,
        "jobs.disk_low_bytes",
        "must not be below uploads.disk_low_bytes",
    );
    at_least!(1, check, jobs: orphan_seconds);
}
