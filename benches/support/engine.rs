//! Runs the engine without the service, one engine per core.

use std::time::{Duration, Instant};

use huemill_imaging::{Engine, Limits, Options, Unmonitored, probe};

/// The number of pictures per second on all cores together.
pub fn per_second(picture: &[u8], time: Duration) -> f64 {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let started = Instant::now();
    let done: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(picture, started, time))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    done as f64 / started.elapsed().as_secs_f64()
}

fn work(picture: &[u8], started: Instant, time: Duration) -> usize {
    let (mut engine, options) = (Engine::new().unwrap(), Options::default());
    let mut done = 0;
    while started.elapsed() < time {
        let probe = probe(picture, &Limits::default()).unwrap();
        engine.process(picture, &probe, &options, &Unmonitored).unwrap();
        done += 1;
    }
    done
}
