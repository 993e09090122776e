//! Claiming: decides what to claim from the store next, and keeps track of suspects.
//!
//! Suspects are items that were in flight when a process died. This process works on at most one of them at a time;
//! one that must be isolated runs alone in the process.

use std::time::Duration;

use huemill_store::store::{ClaimRequest, ClaimResult, DownloadLimits, Role, Selection};

use super::claimed_items::ClaimedItems;
use super::dependencies::{DispatcherDependencies, DispatcherSettings};
use crate::clock::Instant;

/// How long to wait after another process was faster to claim a suspect.
const SUSPECT_RETRY: Duration = Duration::from_secs(1);

/// Whether a claim is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClaimState {
    Idle,
    Running,
    /// Another claim must follow the running one.
    RunAgain,
}

/// Which suspects wait in the store, and which one is in flight here.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Suspects {
    /// Suspects wait in the store.
    waiting: bool,
    /// Items that must be isolated wait in the store.
    isolated_waiting: bool,
    /// A suspect or an isolated item is in flight.
    in_flight: Option<Selection>,
    /// No suspect is claimed before this time.
    not_before: Option<Instant>,
}

impl Suspects {
    /// Whether any suspects wait in the store.
    pub(super) fn are_waiting(&self) -> bool {
        self.waiting || self.isolated_waiting
    }

    /// Notes that items came back to the store, possibly as suspects.
    pub(super) fn add_waiting(&mut self, waiting: bool) {
        self.waiting |= waiting;
    }

    /// The attempt of a claim with this selection has ended.
    pub(super) fn finished(&mut self, selection: Selection) {
        if selection != Selection::InTurn {
            self.in_flight = None;
        }
    }

    /// Takes over what the answer to a claim says about suspects. Returns after what time to claim again.
    pub(super) fn update(&mut self, claims: &ClaimResult, selection: Selection) -> Option<Duration> {
        self.waiting = claims.suspects;
        self.isolated_waiting = claims.isolated;
        if selection == Selection::InTurn {
            return claims.next;
        }
        let is_empty = claims.items.is_empty();
        self.in_flight = (!is_empty).then_some(selection);
        self.not_before = is_empty.then(|| Instant::now() + SUSPECT_RETRY);
        if is_empty { Some(SUSPECT_RETRY) } else { claims.next }
    }

    /// Which kind of suspect to claim next, if any.
    pub(super) fn wanted(&self) -> Option<Selection> {
        let too_soon = self.not_before.is_some_and(|at| Instant::now() < at);
        match self.in_flight {
            _ if too_soon => None,
            None if self.isolated_waiting => Some(Selection::Isolated),
            None if self.waiting => Some(Selection::Suspect),
            _ => None,
        }
    }
}

/// The next claim, if one is possible now.
pub(super) fn next_claim(
    settings: &DispatcherSettings,
    dependencies: &DispatcherDependencies,
    items: &ClaimedItems,
    suspects: &Suspects,
) -> Option<ClaimRequest> {
    let DispatcherSettings { slots, role, .. } = *settings;
    let held = items.len();
    // A picture that is still downloading needs no slot, so a slow server blocks no other pictures. Downloads have
    // limits of their own.
    let in_slots = held.saturating_sub(items.downloads());
    let free = slots.saturating_sub(in_slots);
    let is_isolated = suspects.in_flight == Some(Selection::Isolated);
    if dependencies.drain.has_begun() || role == Role::Web || is_isolated || free == 0 {
        return None;
    }
    let (selection, most) = match suspects.wanted() {
        Some(Selection::Isolated) if held > 0 => return None,
        Some(selection) => (selection, 1),
        None => (Selection::InTurn, free as u32),
    };
    Some(ClaimRequest {
        owner: dependencies.owner.clone(),
        sequence: items.next_claim(),
        limit: most,
        lease: settings.lease,
        selection,
        downloads: download_limits(settings, items),
        pace_ms: dependencies.estimate.pace_ms(),
    })
}

/// What may be downloaded beside what is downloading already.
fn download_limits(settings: &DispatcherSettings, items: &ClaimedItems) -> DownloadLimits {
    let held = items.downloads_by_caller();
    let downloading: u32 = held.iter().map(|(_, downloads)| downloads).sum();
    DownloadLimits {
        free: u32::try_from(settings.downloads).unwrap_or(u32::MAX).saturating_sub(downloading),
        each: u32::try_from(settings.downloads_each).unwrap_or(u32::MAX).max(1),
        excluded: Vec::new(),
        held,
    }
}
