//! Probes of disk and memory: calls that may block or hang. They run on the io runtime with a time limit each;
//! while one hangs, it is not started a second time. Health runs them, and Intake uses the disk probe.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::timeout;

/// Measures something; may block.
pub type Probe<T> = Arc<dyn Fn() -> io::Result<T> + Send + Sync>;

/// Measures the free bytes of a disk.
pub type DiskProbe = Probe<u64>;

/// Measures the memory in use and in total.
pub type MemoryProbe = Probe<MemoryUse>;

/// Memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUse {
    /// Bytes that are in use and cannot be reclaimed at once.
    pub used: u64,
    /// Total bytes.
    pub total: u64,
}

/// A probe of the bytes that this process can use on the file system of this path.
#[must_use]
pub fn disk_free(path: PathBuf) -> DiskProbe {
    least_free(vec![path])
}

/// The same for several paths; measures the file system with the least free bytes.
#[must_use]
pub fn least_free(paths: Vec<PathBuf>) -> DiskProbe {
    Arc::new(move || {
        paths.iter().try_fold(u64::MAX, |least, path| {
            let stat = rustix::fs::statvfs(path)?;
            Ok(least.min(stat.f_bavail.saturating_mul(stat.f_frsize)))
        })
    })
}

/// A probe that runs on the io runtime.
pub(crate) struct BackgroundProbe<T> {
    probe: Probe<T>,
    running: Arc<AtomicBool>,
    io: Handle,
}

impl<T: Send + 'static> BackgroundProbe<T> {
    pub(crate) fn new(probe: Probe<T>, io: Handle) -> Self {
        Self { probe, running: Arc::default(), io }
    }

    /// The result within `limit`, or why there is none.
    pub(crate) fn run(&self, limit: Duration) -> impl Future<Output = Result<T, String>> + use<T> {
        let answer = (!self.running.swap(true, Ordering::AcqRel)).then(|| {
            let (probe, running) = (Arc::clone(&self.probe), RunningGuard(Arc::clone(&self.running)));
            self.io.spawn_blocking(move || {
                let _running = running;
                probe()
            })
        });
        async move {
            let Some(answer) = answer else { return Err("an earlier probe still hangs".to_owned()) };
            match timeout(limit, answer).await {
                Ok(Ok(answer)) => answer.map_err(|error| error.to_string()),
                Ok(Err(_)) => Err("the probe panicked".to_owned()),
                Err(_) => Err(no_answer(limit)),
            }
        }
    }
}

/// The error of a call that timed out.
pub(crate) fn no_answer(limit: Duration) -> String {
    format!("no answer in {} ms", limit.as_millis())
}

/// Marks a probe as running until it is dropped.
struct RunningGuard(Arc<AtomicBool>);

impl Drop for RunningGuard {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_probe_that_hangs_times_out_and_is_not_started_again() {
        let starts = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let (release, held) = std::sync::mpsc::channel::<()>();
        let held = std::sync::Mutex::new(held);
        let counted = Arc::clone(&starts);
        let probe = BackgroundProbe::new(
            Arc::new(move || {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = held.lock().unwrap().recv();
                Ok(())
            }),
            Handle::current(),
        );
        let limit = Duration::from_millis(20);
        assert_eq!(probe.run(limit).await, Err("no answer in 20 ms".to_owned()));
        assert_eq!(probe.run(limit).await, Err("an earlier probe still hangs".to_owned()));
        assert_eq!(starts.load(Ordering::SeqCst), 1);
        drop(release);
        while probe.running.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        assert_eq!(probe.run(Duration::from_secs(30)).await, Ok(()));
    }

    #[tokio::test]
    async fn a_probe_that_fails_or_panics_reports_it() {
        let failing =
            BackgroundProbe::<u64>::new(Arc::new(|| Err(io::Error::other("gone"))), Handle::current());
        assert_eq!(failing.run(Duration::from_secs(30)).await, Err("gone".to_owned()));
        let panicking = BackgroundProbe::<u64>::new(Arc::new(|| panic!("as planned")), Handle::current());
        for _ in 0..2 {
            assert_eq!(panicking.run(Duration::from_secs(30)).await, Err("the probe panicked".to_owned()));
        }
    }

    #[test]
    fn the_disk_of_a_path_is_measured_and_a_missing_path_is_an_error() {
        assert!(disk_free(std::env::temp_dir())().unwrap() > 0);
        assert!(disk_free("/no/such/path".into())().is_err());
    }
}
