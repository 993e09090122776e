//! The clock of the benchmarks: CPU time of the whole process, including helper threads. It stops while other processes
//! use the CPU, so the results are valid on a busy machine.

use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use huemill_imaging::Monitor;
use rustix::time::{ClockId, clock_gettime};

/// CPU time of this process, for criterion and for the pipeline's timings.
#[derive(Clone, Copy)]
pub(crate) struct CpuTime;

impl CpuTime {
    /// Runs `work`. Returns its CPU time and its result.
    pub(crate) fn of<T>(work: impl FnOnce() -> T) -> (Duration, T) {
        let start = Self.now();
        let result = work();
        (Self.now().saturating_sub(start), result)
    }
}

impl Monitor for CpuTime {
    fn now(&self) -> Duration {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    fn canceled(&self) -> bool {
        false
    }
}

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        self.now()
    }

    fn end(&self, start: Duration) -> Duration {
        self.now().saturating_sub(start)
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}
