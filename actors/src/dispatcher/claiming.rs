//! Asking the store for work: what may be asked for now, one question at a time, and what its answer leads to.

use std::sync::Arc;

use actix::fut::wrap_future;
use actix::{ActorFutureExt, AsyncContext, Context};
use huemill_store::store::{Ask, Claims, Role, Selection};

use super::suspects::SUSPECTS_AGAIN;
use super::{Dispatcher, DispatcherSettings, PAUSES, within};
use crate::clock::Instant;

/// Whether the store is being asked for work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claiming {
    No,
    Yes,
    /// And must be asked again after that.
    Again,
}

impl Dispatcher {
    /// What can be asked for now.
    fn ask(&self) -> Option<Ask> {
        let (held, stopping) = (self.items.len(), self.tools.drain.has_begun());
        let DispatcherSettings { slots, downloads, role, .. } = self.settings;
        // A picture on its way here needs no slot yet, so a slow server holds up nobody else's; but not without end.
        let at_work = held.saturating_sub(self.items.downloads());
        let free = slots.saturating_sub(at_work).min((slots + downloads).saturating_sub(held));
        let alone = self.suspects.in_flight == Some(Selection::Isolated);
        if stopping || self.paused || role == Role::Web || alone || free == 0 {
            return None;
        }
        let (selection, most) = match self.suspects.wanted() {
            Some(Selection::Isolated) if held > 0 => return None,
            Some(selection) => (selection, 1),
            None => (Selection::InTurn, free as u32),
        };
        Some(Ask {
            owner: self.tools.owner.clone(),
            sequence: self.items.next_claim(),
            most,
            lease: self.settings.lease,
            selection,
            pace_ms: self.tools.estimate.pace_ms(),
        })
    }

    pub(super) fn claim(&mut self, ctx: &mut Context<Self>) {
        if self.claiming != Claiming::No {
            self.claiming = Claiming::Again;
            return;
        }
        let Some(ask) = self.ask() else { return };
        self.claiming = Claiming::Yes;
        let store = Arc::clone(&self.tools.records.store);
        let (sequence, selection) = (ask.sequence, ask.selection);
        let claim = async move { within(ask.lease, store.claim(&ask)).await };
        ctx.spawn(wrap_future(claim).map(move |claims, dispatcher: &mut Self, ctx| {
            let again = std::mem::replace(&mut dispatcher.claiming, Claiming::No) == Claiming::Again;
            match claims {
                Ok(claims) => dispatcher.take(claims, (sequence, selection), again, ctx),
                Err(error) => {
                    // What it may have claimed all the same, the heartbeat finds.
                    dispatcher.items.answered_up_to(sequence);
                    dispatcher.pause(None, &error, ctx);
                }
            }
        }));
    }

    fn take(
        &mut self,
        claims: Claims,
        (sequence, selection): (u64, Selection),
        again: bool,
        ctx: &mut Context<Self>,
    ) {
        let empty = claims.items.is_empty();
        if empty {
            self.pause = PAUSES.0;
        }
        let in_turn = selection == Selection::InTurn;
        self.suspects.waiting = claims.suspects;
        self.suspects.isolated_waiting = claims.isolated;
        if !in_turn {
            self.suspects.in_flight = (!empty).then_some(selection);
            self.suspects.not_before = empty.then(|| Instant::now() + SUSPECTS_AGAIN);
        }
        for claim in claims.items {
            self.begin(claim, selection, ctx);
        }
        self.items.answered_up_to(sequence);
        let wait = if in_turn || !empty { claims.next } else { Some(SUSPECTS_AGAIN) };
        self.wake_in(wait, ctx);
        self.observe();
        if again || !empty || !in_turn || self.suspects.wanted().is_some() {
            self.claim(ctx);
        }
    }
}
