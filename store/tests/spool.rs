//! Tests spools: they keep the bytes, stay within the allowance, and leave nothing behind.

#![allow(clippy::unwrap_used)]

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use bytes::Bytes;
use huemill_store::{Spool, SpoolRoom, SpoolSettings};
use proptest::prelude::*;

const EACH: usize = 64 << 10;
const TOTAL: u64 = 1 << 20;

/// An allowance of 64 KiB of memory per spool, 1 MiB of memory in total and 64 MiB of disk, in a new folder.
fn room() -> (SpoolRoom, tempfile::TempDir) {
    room_with(TOTAL, 64 << 20)
}

fn room_with(memory_total: u64, disk_total: u64) -> (SpoolRoom, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let settings =
        SpoolSettings { dir: dir.path().join("spool"), memory_each: EACH, memory_total, disk_total };
    (SpoolRoom::open(settings).unwrap(), dir)
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| ((index * index) >> 7) as u8).collect()
}

async fn written(room: &SpoolRoom, bytes: &[u8], chunk: usize) -> Spool {
    let mut writer = room.writer();
    for part in bytes.chunks(chunk) {
        writer.write(Bytes::copy_from_slice(part)).await.unwrap();
    }
    writer.finish().await.unwrap()
}

fn names_in(room_dir: &tempfile::TempDir) -> usize {
    std::fs::read_dir(room_dir.path().join("spool")).unwrap().count()
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_chunking_gives_the_same_bytes(
        lengths in proptest::collection::vec(0..200_000usize, 0..12),
        memory in prop_oneof![Just(0), Just(100_000), Just(TOTAL)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let bytes = pattern(lengths.iter().sum());
        let (room, dir) = room_with(memory, 64 << 20);
        let spool = runtime.block_on(async {
            let (mut writer, mut rest) = (room.writer(), Bytes::from(bytes.clone()));
            for length in lengths {
                writer.write(rest.split_to(length)).await.unwrap();
            }
            assert_eq!(writer.len(), bytes.len() as u64);
            writer.finish().await.unwrap()
        });
        prop_assert_eq!(spool.len(), bytes.len() as u64);
        prop_assert!(spool.to_vec().unwrap() == bytes);
        prop_assert!(spool.bytes().unwrap().into_owned() == bytes);
        prop_assert_eq!(names_in(&dir), 0);
        prop_assert_eq!(room.disk_used() > 0, room.memory_used() == 0 && !bytes.is_empty());
        drop(spool);
        prop_assert_eq!((room.memory_used(), room.disk_used()), (0, 0));
    }

    #[test]
    fn any_range_can_be_read(length in 0..200_000usize, offset in 0..300_000u64, limit in 0..100_000usize) {
        let (room, _dir) = room();
        let bytes = pattern(length);
        let spool = Spool::from_bytes(&room, bytes.clone()).unwrap();
        let expected = bytes.get(offset as usize..).unwrap_or_default();
        let expected = &expected[..expected.len().min(limit)];
        let mut buffer = vec![0; limit];
        prop_assert_eq!(spool.read_at(offset, &mut buffer).unwrap(), expected.len());
        prop_assert!(buffer.starts_with(expected));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        prop_assert!(runtime.block_on(spool.chunk(offset, limit)).unwrap() == expected);
    }
}

#[tokio::test]
async fn short_spools_stay_in_memory_and_long_ones_go_to_a_file() {
    let (room, _dir) = room();
    let few = written(&room, &pattern(EACH), 1000).await;
    assert_eq!((room.memory_used(), room.disk_used()), (EACH as u64, 0));
    let many = written(&room, &pattern(EACH + 1), 1000).await;
    assert_eq!((room.memory_used(), room.disk_used()), (EACH as u64, EACH as u64 + 1));
    assert!(matches!(few.bytes().unwrap(), std::borrow::Cow::Borrowed(_)));
    assert!(matches!(many.bytes().unwrap(), std::borrow::Cow::Owned(_)));
}

#[tokio::test]
async fn complete_bytes_use_the_memory_allowance_first_and_then_the_disk() {
    let (room, dir) = room();
    let first = Spool::keep(&room, pattern(10 * EACH)).await.unwrap();
    assert!(first.as_slice().is_some(), "longer than the limit per spool, but the allowance has room");
    let second = Spool::keep(&room, pattern(10 * EACH)).await.unwrap();
    assert!(second.as_slice().is_none(), "the allowance has no room");
    assert_eq!((room.memory_used(), room.disk_used()), (10 * EACH as u64, 10 * EACH as u64));
    assert!(second.to_vec().unwrap() == first.to_vec().unwrap());
    drop((first, second));
    assert_eq!((room.memory_used(), room.disk_used(), names_in(&dir)), (0, 0, 0));
}

#[tokio::test]
async fn no_file_ever_has_a_name() {
    let (room, dir) = room();
    let mut writer = room.writer();
    for _ in 0..100 {
        writer.write(pattern(10_000).into()).await.unwrap();
        assert_eq!(names_in(&dir), 0);
    }
    let spool = writer.finish().await.unwrap();
    assert_eq!((names_in(&dir), spool.len()), (0, 1_000_000));
}

#[tokio::test]
async fn the_last_clone_frees_memory_and_disk() {
    let (room, _dir) = room();
    let spools = [written(&room, &pattern(1000), 100).await, written(&room, &pattern(100_000), 5000).await];
    let clones = spools.clone();
    drop(spools);
    assert_eq!(clones[1].to_vec().unwrap(), pattern(100_000));
    assert_eq!((room.memory_used(), room.disk_used()), (1000, 100_000));
    drop(clones);
    assert_eq!((room.memory_used(), room.disk_used()), (0, 0));
}

#[tokio::test]
async fn dropping_a_writer_frees_its_memory_and_disk_at_once() {
    let (room, _dir) = room();
    for length in [1000, 1_000_000] {
        let mut writer = room.writer();
        writer.write(pattern(length).into()).await.unwrap();
        assert!(room.memory_used() + room.disk_used() >= length as u64);
        drop(writer);
        assert_eq!((room.memory_used(), room.disk_used()), (0, 0));
    }
}

#[test]
fn an_abandoned_write_breaks_the_writer_and_frees_everything() {
    let (room, _dir) = room();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let (release, held) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || held.recv());
        let mut writer = room.writer();
        tokio::select! {
            biased;
            result = writer.write(pattern(1 << 20).into()) => panic!("the write did not wait: {result:?}"),
            () = std::future::ready(()) => {}
        }
        assert!(writer.write(Bytes::from_static(b"more")).await.is_err());
        assert!(writer.finish().await.is_err());
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
        until("everything is freed", || (room.memory_used(), room.disk_used()) == (0, 0)).await;
    });
}

#[tokio::test]
async fn a_used_up_disk_allowance_is_reported_and_recovers() {
    let (room, _dir) = room_with(0, 300_000);
    let first = written(&room, &pattern(200_000), 7000).await;
    let mut writer = room.writer();
    let error = writer.write(pattern(100_001).into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert!(writer.write(Bytes::from_static(b"more")).await.is_err());
    drop(writer);
    let result = Spool::from_bytes(&room, pattern(100_001));
    assert_eq!(result.unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(room.disk_used(), 200_000);
    drop(first);
    assert_eq!(written(&room, &pattern(300_000), 7000).await.len(), 300_000);
}

#[tokio::test]
async fn a_folder_that_cannot_hold_files_is_rejected() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), b"").unwrap();
    let settings = SpoolSettings { dir: dir.path().join("file"), ..SpoolSettings::default() };
    assert!(SpoolRoom::open(settings).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_writers_share_one_allowance() {
    let (room, dir) = room();
    let peak = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..100usize)
        .map(|index| {
            let (room, peak) = (room.clone(), Arc::clone(&peak));
            tokio::spawn(async move {
                let bytes = pattern(40_000 + 1500 * index);
                let mut writer = room.writer();
                for part in bytes.chunks(1000 + 97 * index) {
                    writer.write(Bytes::copy_from_slice(part)).await.unwrap();
                    peak.fetch_max(room.memory_used(), Relaxed);
                    tokio::task::yield_now().await;
                }
                let spool = writer.finish().await.unwrap();
                assert!(spool.to_vec().unwrap() == bytes);
                spool
            })
        })
        .collect();
    let mut spools = Vec::new();
    for task in tasks {
        spools.push(task.await.unwrap());
    }
    assert!((TOTAL / 2..=TOTAL).contains(&peak.load(Relaxed)), "the peak was {peak:?} bytes of memory");
    assert!(room.disk_used() > 0);
    assert_eq!(names_in(&dir), 0);
    drop(spools);
    assert_eq!((room.memory_used(), room.disk_used()), (0, 0));
}
