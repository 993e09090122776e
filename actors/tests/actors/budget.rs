//! The memory budget: it is fair and bounded, and it never leaks.

use std::time::Duration;

use huemill_actors::budget::{Budget, Refusal};
use proptest::prelude::*;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

const KIB: u64 = 1024;

fn later() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

#[tokio::test(start_paused = true)]
async fn more_than_the_whole_budget_is_refused_at_once() {
    let budget = Budget::new(10 * KIB);
    let refusal = budget.reserve(10 * KIB + 1, later(), &CancellationToken::new()).await.unwrap_err();
    assert_eq!(refusal, Refusal::TooLarge { asked: 10 * KIB + 1, total: 10 * KIB });
}

#[tokio::test(start_paused = true)]
async fn a_reservation_that_times_out_holds_nothing() {
    let budget = Budget::new(10 * KIB);
    let token = CancellationToken::new();
    let held = budget.reserve(6 * KIB, later(), &token).await.unwrap();
    assert_eq!(budget.reserve(5 * KIB, later(), &token).await.unwrap_err(), Refusal::Late);
    drop(held);
    assert_eq!(budget.used(), 0);
    let _all = budget.reserve(10 * KIB, later(), &token).await.unwrap();
    assert_eq!(budget.used(), 10 * KIB);
}

#[tokio::test(start_paused = true)]
async fn a_large_reservation_is_not_starved_by_small_ones() {
    let budget = Budget::new(10 * KIB);
    let token = CancellationToken::new();
    let held = budget.reserve(KIB, later(), &token).await.unwrap();
    let large = budget.reserve(10 * KIB, later(), &token);
    tokio::pin!(large);
    assert!(timeout(Duration::from_millis(1), &mut large).await.is_err());
    let small = budget.reserve(KIB, later(), &token);
    tokio::pin!(small);
    assert!(timeout(Duration::from_millis(1), &mut small).await.is_err(), "requests are served in order");
    drop(held);
    drop(large.await.unwrap());
    let _small = small.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_small_reservation_does_not_wait_behind_a_large_one_that_waits() {
    let budget = Budget::new(160 * KIB);
    let token = CancellationToken::new();
    let held = budget.reserve(100 * KIB, later(), &token).await.unwrap();
    let large = budget.reserve(100 * KIB, later(), &token);
    tokio::pin!(large);
    assert!(timeout(Duration::from_millis(1), &mut large).await.is_err());
    let small = timeout(Duration::from_millis(1), budget.reserve(10 * KIB, later(), &token)).await;
    let small = small.expect("a part is kept for small pictures").unwrap();
    let other = budget.try_reserve(10 * KIB).unwrap();
    assert!(budget.try_reserve(KIB).is_none(), "that part is used up");
    drop((held, small, other));
    drop(large.await.unwrap());
    assert_eq!(budget.used(), 0);
    let all = budget.reserve(160 * KIB, later(), &token).await.unwrap();
    assert_eq!(budget.used(), 160 * KIB);
    drop(all);
}

#[tokio::test]
async fn canceling_ends_the_wait() {
    let budget = Budget::new(KIB);
    let token = CancellationToken::new();
    let _held = budget.reserve(KIB, later(), &token).await.unwrap();
    token.cancel();
    assert_eq!(budget.reserve(KIB, later(), &token).await.unwrap_err(), Refusal::Canceled);
}

#[test]
fn a_thread_waits_for_another_and_a_panic_releases_the_bytes() {
    let io = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let budget = Budget::new(KIB);
    let token = CancellationToken::new();
    let held = budget.reserve_blocking(io.handle(), KIB, later(), &token).unwrap();
    let (holder, waiter) = std::thread::scope(|scope| {
        let waiter = scope.spawn(|| budget.reserve_blocking(io.handle(), KIB, later(), &token).map(drop));
        let holder = scope.spawn(move || {
            let _held = held;
            panic!("while holding a reservation")
        });
        (holder.join(), waiter.join())
    });
    assert!(holder.is_err());
    assert_eq!(waiter.unwrap(), Ok(()));
    assert_eq!(budget.used(), 0);
}

proptest! {
    #[test]
    fn reservations_never_exceed_the_total_and_all_are_released(
        total in 1_u64..100, requests in prop::collection::vec(0_u64..200_000, 1..30)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let budget = Budget::new(total * KIB);
        let token = CancellationToken::new();
        let now = Instant::now();
        let mut held = Vec::new();
        let mut sum = 0;
        for bytes in requests {
            match runtime.block_on(budget.reserve(bytes, now, &token)) {
                Ok(reservation) => {
                    held.push(reservation);
                    sum += bytes;
                }
                Err(Refusal::TooLarge { asked, .. }) => prop_assert!(asked > total * KIB),
                Err(refusal) => prop_assert_eq!(refusal, Refusal::Late),
            }
            prop_assert!(sum <= budget.used() && budget.used() <= budget.total());
        }
        drop(held);
        prop_assert_eq!(budget.used(), 0);
    }
}
