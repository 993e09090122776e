//! What answers and webhooks say about jobs.

#![allow(dead_code, reason = "the fields are read by the derived schemas alone")]

use std::borrow::Cow;

use utoipa::openapi::schema::{AnyOfBuilder, OneOfBuilder};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::picture::{FailedPicture, JobPicture};
use super::words::{
    CanceledStatus, EndedStatus, ErrorCode, FailedStatus, FinalStatus, JobStatus, JobType, LiveStatus,
};
use crate::http::openapi::shapes::named;

/// A job that was accepted. It is durable: no crash loses it.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct JobAccepted {
    job_id: String,
    status: JobStatus,
    /// Estimated seconds until it ends.
    eta_s: u32,
    /// The id of the request that created the job.
    request_id: String,
    /// A link to the job's events for clients that cannot send headers; only where API keys are in force.
    #[schema(nullable = false)]
    events_url: Option<String>,
}

/// Defines the schema of a job: the members that all jobs have, and these.
macro_rules! job {
    ($(#[$doc:meta])* $name:ident($status:ty) { $($(#[$member_doc:meta])* $member:ident: $type:ty,)+ }) => {
        $(#[$doc])*
        #[derive(ToSchema)]
        pub(in crate::http::openapi) struct $name {
            job_id: String,
            status: $status,
            #[schema(rename = "type")]
            r#type: JobType,
            /// The id of the request that created the job.
            request_id: String,
            /// Unix seconds.
            created_at: i64,
            /// Unix seconds; there once the first picture is in work.
            #[schema(nullable = false)]
            started_at: Option<i64>,
            /// Unix seconds.
            expires_at: i64,
            /// A link to the job's events for clients that cannot send headers; only where API keys are in force.
            #[schema(nullable = false)]
            events_url: Option<String>,
            $($(#[$member_doc])* $member: $type,)+
        }
    };
}

job! {
    /// A job that has not ended.
    LiveJob(LiveStatus) {
        /// Whole per cent of the pictures that are settled.
        #[schema(minimum = 0, maximum = 100)]
        progress: u32,
        /// Estimated seconds until it ends.
        eta_s: u32,
        /// The number of its pictures.
        total: u32,
    }
}

job! {
    /// A job that ended with results, as far as there are any.
    EndedJob(EndedStatus) {
        /// Unix seconds.
        finished_at: i64,
        /// The pictures that could be processed, in the order in which they were sent.
        results: Vec<JobPicture>,
        /// How many these are.
        results_count: u32,
        /// The pictures that could not be processed.
        failed: Vec<FailedPicture>,
        /// How many these are.
        failed_count: u32,
        /// A link to all results in one ZIP.
        download_url: String,
        /// When that link expires, in Unix seconds.
        download_expires_at: i64,
    }
}

job! {
    /// A job without any result.
    FailedJob(FailedStatus) {
        /// Unix seconds.
        finished_at: i64,
        /// Always 0.
        results_count: u32,
        /// The pictures that could not be processed.
        failed: Vec<FailedPicture>,
        /// How many these are.
        failed_count: u32,
        error_code: ErrorCode,
        /// What went wrong.
        message: String,
        /// The same, for the person in front of a page.
        user_message: String,
    }
}

job! {
    /// A job in a list, without its pictures.
    JobSummary(JobStatus) {
        /// Unix seconds; there once the job has ended.
        #[schema(nullable = false)]
        finished_at: Option<i64>,
        /// Whole per cent of the pictures that are settled, until the job has ended.
        #[schema(minimum = 0, maximum = 100, nullable = false)]
        progress: Option<u32>,
        /// Estimated seconds until it ends.
        #[schema(nullable = false)]
        eta_s: Option<u32>,
        /// The number of its pictures, until the job has ended.
        #[schema(nullable = false)]
        total: Option<u32>,
        /// How many pictures were processed, once the job has ended.
        #[schema(nullable = false)]
        results_count: Option<u32>,
        /// How many could not be processed.
        #[schema(nullable = false)]
        failed_count: Option<u32>,
        /// A link to all results in one ZIP.
        #[schema(nullable = false)]
        download_url: Option<String>,
        /// When that link expires, in Unix seconds.
        #[schema(nullable = false)]
        download_expires_at: Option<i64>,
    }
}

/// A job in any state. `status` tells which.
pub(in crate::http::openapi) struct Job;

impl PartialSchema for Job {
    fn schema() -> RefOr<Schema> {
        let states = ["LiveJob", "EndedJob", "FailedJob"].map(named);
        let job = states.into_iter().fold(OneOfBuilder::new(), OneOfBuilder::item);
        RefOr::T(job.description(Some("A job in any state. `status` tells which.")).build().into())
    }
}

impl ToSchema for Job {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Job")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        for (name, schema) in [
            ("LiveJob", LiveJob::schema()),
            ("EndedJob", EndedJob::schema()),
            ("FailedJob", FailedJob::schema()),
        ] {
            schemas.push((name.to_owned(), schema));
        }
        LiveJob::schemas(schemas);
        EndedJob::schemas(schemas);
        FailedJob::schemas(schemas);
    }
}

/// The settled pictures among some of a job's.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct JobPictures {
    job_id: String,
    status: JobStatus,
    /// Those that could be processed, in the order in which they were sent. `social_image` is always a link.
    #[schema(max_items = 100)]
    results: Vec<JobPicture>,
    /// Those that could not be processed.
    #[schema(max_items = 100)]
    failed: Vec<FailedPicture>,
    /// The number of the job's pictures.
    total: u32,
    /// The `from` of the next window; null on the last one.
    #[schema(required = true)]
    next: Option<u32>,
}

/// A canceled job, for a key that may not read jobs.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct CancelReceipt {
    job_id: String,
    status: CanceledStatus,
}

/// The answer to a cancellation.
pub(in crate::http::openapi) struct CanceledJob;

impl PartialSchema for CanceledJob {
    fn schema() -> RefOr<Schema> {
        let either = AnyOfBuilder::new().item(named("EndedJob")).item(named("CancelReceipt"));
        let text =
            "The canceled job with what was done; its id and status alone for a key that may not read jobs.";
        RefOr::T(either.description(Some(text)).build().into())
    }
}

impl ToSchema for CanceledJob {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("CanceledJob")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push(("CancelReceipt".to_owned(), CancelReceipt::schema()));
        CancelReceipt::schemas(schemas);
    }
}

/// A job whose failed pictures are processed again.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct JobRetried {
    job_id: String,
    status: JobStatus,
    /// How many pictures are in the queue again.
    retried: u32,
}

/// A page of jobs, newest first.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct JobPage {
    jobs: Vec<JobSummary>,
    /// The `cursor` of the next page; null on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Why a job failed.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct WebhookError {
    error_code: ErrorCode,
    message: String,
}

/// The body of a webhook: how a job ended.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct WebhookBody {
    job_id: String,
    status: FinalStatus,
    /// The id of the request that created the job.
    request_id: String,
    /// Unix seconds.
    created_at: i64,
    /// Unix seconds.
    finished_at: i64,
    /// When this attempt was made, in Unix seconds; the same as `X-Timestamp`.
    timestamp: i64,
    /// How many pictures were processed, unless the job failed.
    #[schema(nullable = false)]
    results_count: Option<u32>,
    /// How many could not be processed, unless the job failed.
    #[schema(nullable = false)]
    failed_count: Option<u32>,
    /// A link to all results in one ZIP, unless the job failed or the service does not know its own public URL.
    #[schema(nullable = false)]
    download_url: Option<String>,
    #[schema(nullable = false)]
    error: Option<WebhookError>,
}
