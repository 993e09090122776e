//! Measures blobs in a folder: writing cards of 100 kB, and listing all jobs to find orphans:
//! `cargo bench -p huemill-store --bench blobs`. The folder is in `TMPDIR`, whose disk determines the cost of a sync.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark may panic, and prints its output")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use huemill_store::blobs::{Blobs, card_key};
use huemill_store::job::JobId;

#[tokio::main]
async fn main() {
    // `cargo test` runs benchmarks too, in their short form.
    let short = !std::env::args().any(|argument| argument == "--bench");
    let (cards, jobs) = if short { (10, 100) } else { (500, 100_000) };
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::folder(folder.path()).unwrap();
    put(&blobs, cards).await;
    list(&blobs, folder.path(), jobs).await;
}

fn job() -> JobId {
    JobId::generate(Duration::from_secs(1_800_000_000), &mut rand::rng())
}

/// Writes one card after the other, fifty per job.
async fn put(blobs: &Blobs, cards: u32) {
    let card = Bytes::from(vec![7; 100_000]);
    let mut id = job();
    let mut times = Vec::new();
    for number in 0..cards {
        if number % 50 == 0 {
            id = job();
        }
        let start = Instant::now();
        blobs.put(&card_key(&id, number % 50, "png"), card.clone()).await.unwrap();
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    println!("put of a card of 100 kB: median {:?}, 95 % {:?}", at(0.5), at(0.95));
}

/// Lists all jobs like the Janitor does.
async fn list(blobs: &Blobs, root: &std::path::Path, jobs: u32) {
    for _ in 0..jobs {
        let card = root.join(card_key(&job(), 0, "png"));
        std::fs::create_dir_all(card.parent().unwrap()).unwrap();
        std::fs::write(card, "card").unwrap();
    }
    let (start, mut found) = (Instant::now(), 0);
    for shard in 0..=u8::MAX {
        found += blobs.jobs_in(shard).await.unwrap().len();
    }
    found += blobs.jobs_of_old_layout().await.unwrap().len();
    println!("listing of {found} jobs: {:?}", start.elapsed());
}
