//! The rule by which callers share places: the dynamic threshold of Choudhury and Hahne ("Dynamic Queue Length Thresholds
//! for Shared-Memory Packet Switches", 1998). A caller may hold up to twice as much as is free. One caller alone gets two
//! thirds, two get two fifths each, and there is always something left for the next. A caller that holds nothing gets
//! whatever fits.

use crate::fault::{Code, Fault};
use crate::reached_limit::{ReachedLimit, Unit};

/// How often what is free a caller may hold.
const THRESHOLD: u64 = 2;

/// Why there is no place now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPlace {
    /// The caller holds its share, which is so many places at the moment: others would still get one.
    ShareUsed(u64),
    /// All places are taken.
    AllTaken,
}

impl NoPlace {
    /// The fault of a caller for whom there is no place: the caller's own if its share is used, ours if there is none
    /// for anybody. `what` says in the plural what the places are for.
    #[must_use]
    pub fn into_fault(self, policy: &'static str, what: &str, unit: Unit, cause: &'static str) -> Fault {
        match self {
            Self::ShareUsed(share) => share_used(policy, what, unit, share).with_cause(cause),
            Self::AllTaken => Fault::new(Code::Overloaded).with_cause(cause),
        }
    }
}

/// The fault of a caller that holds its whole share.
pub(crate) fn share_used(policy: &'static str, what: &str, unit: Unit, share: u64) -> Fault {
    let message = format!(
        "You have as many {what} as one client may have at a time, which is {share} at the moment (limit `{policy}`). \
         Try again when some of them have ended."
    );
    Fault::new(Code::RateLimited).with_message(message).with_limit(ReachedLimit::quota(policy, share, unit))
}

/// Whether a caller that holds this much may take more, while so much is free.
pub(crate) fn may_take(held: u64, free: u64, amount: u64) -> Result<(), NoPlace> {
    // The most for which `share <= THRESHOLD * (held + free - share)`.
    let used = NoPlace::ShareUsed(THRESHOLD.saturating_mul(held.saturating_add(free)) / (THRESHOLD + 1));
    if amount > free {
        return Err(if held > THRESHOLD.saturating_mul(free) { used } else { NoPlace::AllTaken });
    }
    let is_within = held + amount <= THRESHOLD.saturating_mul(free - amount);
    if held == 0 || is_within { Ok(()) } else { Err(used) }
}

/// How many more a caller that holds so many may take, one after the other.
pub(super) fn room(held: u64, free: u64) -> u64 {
    // The most `more` for which `held + more <= THRESHOLD * (free - more)`.
    let more = THRESHOLD.saturating_mul(free).saturating_sub(held) / (THRESHOLD + 1);
    if held == 0 { more.max(free.min(1)) } else { more }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_without_any_gets_whatever_fits() {
        assert_eq!(may_take(0, 10, 10), Ok(()));
        assert_eq!(may_take(0, 0, 1), Err(NoPlace::AllTaken));
        assert_eq!(may_take(1, 9, 10), Err(NoPlace::AllTaken));
    }

    #[test]
    fn a_caller_with_some_gets_twice_what_is_left() {
        assert_eq!(may_take(59, 31, 1), Ok(()));
        assert_eq!(may_take(60, 30, 1), Err(NoPlace::ShareUsed(60)));
        assert_eq!((room(0, 90), room(60, 30), room(0, 1)), (60, 0, 1));
    }
}
