//! A short fuzz run with nothing but stable Rust: mutates seeds with a generator whose start is printed, and gives each
//! input to a check of `checks/`. It knows nothing of coverage; `make fuzz` runs the same checks with libFuzzer.

use std::time::{Duration, Instant, SystemTime};

/// Runs the check on mutated seeds for this time, unless `HUEMILL_FUZZ_SECONDS` says otherwise. A failing input is printed
/// in hex. `HUEMILL_FUZZ_SEED` repeats a run.
pub fn fuzz(seconds: u64, seeds: &[Vec<u8>], check: fn(&[u8])) {
    let variable = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let start = variable("HUEMILL_FUZZ_SEED").unwrap_or_else(clock_seed);
    let end = Instant::now() + Duration::from_secs(variable("HUEMILL_FUZZ_SECONDS").unwrap_or(seconds));
    println!("HUEMILL_FUZZ_SEED={start}");
    let (mut random, mut runs) = (Random(start | 1), 0_u64);
    for seed in seeds {
        check(seed);
    }
    while runs == 0 || Instant::now() < end {
        let input = Input(mutate(seeds, &mut random));
        check(&input.0);
        runs += 1;
    }
    println!("{runs} inputs");
}

fn clock_seed() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |time| time.as_nanos() as u64)
}

/// An input that prints itself if its check panics.
struct Input(Vec<u8>);

impl Drop for Input {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the check fails on these bytes: {:02x?}", self.0);
        }
    }
}

/// Xorshift (Marsaglia, 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit.max(1)
    }
}

/// A seed with one to eight changes.
fn mutate(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    const EDGES: [u8; 8] = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff, b'/'];
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len());
        let length = random.below(bytes.len() - at).min(64);
        match random.below(7) {
            _ if bytes.is_empty() => bytes.push(random.below(256) as u8),
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = EDGES[random.below(EDGES.len())],
            2 => bytes[at] = random.below(256) as u8,
            3 => drop(bytes.drain(at..at + length)),
            4 => bytes.extend_from_within(at..at + length),
            5 => bytes.truncate(at),
            _ => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len());
                bytes.splice(at..at + length, other[from..].iter().take(64).copied());
            }
        }
    }
    bytes
}
