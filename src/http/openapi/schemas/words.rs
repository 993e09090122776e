//! Values from closed lists. The lists are those of the code that writes them.

use std::borrow::Cow;

use huemill_actors::fault::Code;
use huemill_imaging as imaging;
use huemill_store::access_key;
use huemill_store::job::{self, JobKind, JobState};
use huemill_store::outbox;
use huemill_store::store;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::http::openapi::shapes;

/// Defines a schema whose values are the words of a list.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident: $text:literal, $list:expr;)+) => {
        $(
            $(#[$doc])*
            pub(in crate::http::openapi) struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    RefOr::T(shapes::described(shapes::words($list), $text).into())
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    Cow::Borrowed(stringify!($name))
                }
            }
        )+
    };
}

words! {
    /// The codes of errors.
    ErrorCode: "What went wrong. Programs read this; its texts may change.", Code::ALL.map(Code::as_str);
    /// The states of jobs.
    JobStatus: "The state of a job.", JobState::ALL.iter().map(|state| state.as_str());
    /// The states of jobs that have not ended.
    LiveStatus: "The state of a job that has not ended.",
        [JobState::Queued, JobState::Processing].map(JobState::as_str);
    /// The states of jobs that ended with results.
    EndedStatus: "The state of a job that ended with results, as far as there are any.",
        [JobState::Completed, JobState::Canceled].map(JobState::as_str);
    /// The state of jobs that failed.
    FailedStatus: "The state of a job without any result.", [JobState::Failed.as_str()];
    /// The state of jobs that were canceled.
    CanceledStatus: "The state of a canceled job.", [JobState::Canceled.as_str()];
    /// The state in which a job ends.
    FinalStatus: "The state in which a job ended.",
        [JobState::Completed, JobState::Failed, JobState::Canceled].map(JobState::as_str);
    /// What jobs are made of.
    JobType: "What the job was created from.", JobKind::ALL.iter().map(|kind| kind.as_str());
    /// The priorities of jobs.
    Priority: "The weight of a job among the jobs of its caller.",
        job::Priority::ALL.iter().map(|priority| priority.as_str());
    /// How colours are chosen.
    PaletteMethod: "How colours are chosen.", imaging::PaletteMethod::ALL.map(imaging::PaletteMethod::name);
    /// How crops are placed.
    CropMethod: "How crops are placed.", imaging::CropMethod::ALL.map(imaging::CropMethod::name);
    /// On or off.
    Switch: "On or off.", ["on", "off"];
    /// What cards show.
    CardKind: "What a card shows, and its size.", imaging::CardKind::ALL.map(imaging::CardKind::name);
    /// The backgrounds of cards.
    CardTheme: "The background of a card.", imaging::Theme::ALL.map(imaging::Theme::name);
    /// The formats of cards.
    CardFormat: "The format of a card.", ["png", "jpeg", "webp"];
    /// The formats of palettes.
    ExportFormat: "The format of a palette's file.", imaging::Export::ALL.map(imaging::Export::extension);
    /// What is paused.
    PausedType: "A type of job, or `all`.",
        std::iter::once("all").chain(JobKind::ALL.iter().map(|kind| kind.as_str()));
    /// The states of deliveries.
    DeliveryStatus: "The state of a delivery. A `dead` one is not tried again unless an operator wants that.",
        outbox::DeliveryState::ALL.iter().map(|state| state.as_str());
    /// What keys allow.
    Scope: "What an API key allows.", access_key::Scope::ALL.iter().map(|scope| scope.as_str());
    /// What processes do.
    ProcessRole: "What a process does.", store::Role::ALL.iter().map(|role| role.as_str());
}
