//! Measures the peak memory of a process that makes one card. It starts this program again for each picture, because
//! the kernel's high-water mark never falls.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use huemill_imaging::{Engine, Limits, Options, Unmonitored, probe};

use super::cases::Case;

/// Environment variable of the child: number of bytes on its standard input.
const LENGTH: &str = "HUEMILL_BENCH_PEAK";

/// Measures the peak resident memory, in MiB, of a process that reads the picture and makes its card.
pub(crate) fn of(case: &Case) -> f64 {
    let this = std::env::current_exe().expect("the path of this program");
    let mut child = Command::new(this)
        .env(LENGTH, case.bytes.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program starts");
    child.stdin.take().expect("piped").write_all(&case.bytes).expect("the child reads");
    let output = child.wait_with_output().expect("the child ends");
    let kib: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("the child prints a number");
    kib / 1024.0
}

/// In the child, makes the card and returns the peak in KiB. In the parent, returns `None`.
pub(crate) fn child() -> Option<String> {
    let length: usize = std::env::var(LENGTH).ok()?.parse().expect("a number of bytes");
    let mut bytes = vec![0; length];
    std::io::stdin().read_exact(&mut bytes).expect("the parent writes");
    let picture = probe(&bytes, &Limits::default()).expect("a picture within the limits");
    let mut engine = Engine::new().expect("an engine");
    engine.process(&bytes, &picture, &Options::default(), &Unmonitored).expect("a good picture");
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a high-water mark");
    Some(peak.trim().trim_end_matches("kB").trim().to_owned())
}
