//! The cases that are measured: generated pictures of common sizes and formats, and files that the user names. Also
//! measures the peak memory of a process that makes the card of one case. It starts this program again for each picture,
//! because the kernel's high-water mark never falls.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use huemill_imaging::{CardFormat, Engine, Limits, Options, Probe, Raster, Unmonitored, probe};

use super::pictures;

/// Environment variable with the paths of further pictures, separated as in `PATH`.
const FILES: &str = "HUEMILL_BENCH_FILES";

/// One picture, with everything that the pipeline needs.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) probe: Probe,
    pub(crate) options: Options,
    /// The card that the pipeline makes from it.
    pub(crate) card: Raster,
}

impl Case {
    fn new(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        let probe = probe(&bytes, &Limits::default()).expect("a picture within the limits");
        let options = Options::default();
        assert_eq!(options.card, CardFormat::Png, "the floor and the pipeline must encode the same format");
        let mut engine = Engine::new().expect("an engine");
        let outcome = engine.process(&bytes, &probe, &options, &super::cpu::CpuTime).expect("a good picture");
        let card = image::load_from_memory(&outcome.card.expect("a card").bytes)
            .expect("the card is a picture")
            .to_rgb8();
        let card = Raster::new(card.width(), card.height(), card.into_raw()).expect("a card has pixels");
        Self { name: name.into(), bytes, probe, options, card }
    }
}

/// Returns all cases, or with `quick` only the small ones, for a check in seconds that the benchmark still runs.
pub(crate) fn all(quick: bool) -> Vec<Case> {
    let mut cases = vec![
        Case::new("JPEG 0.27 MP", pictures::jpeg(640, 427, 1)),
        Case::new("WebP 0.8 MP", pictures::webp(&pictures::photo(1024, 768, 2))),
    ];
    if !quick {
        cases.extend([
            Case::new("JPEG 2 MP", pictures::jpeg(1920, 1080, 3)),
            Case::new("JPEG 2 MP, progressive", pictures::progressive_jpeg(1920, 1080, 3)),
            Case::new("PNG 3 MP", pictures::png(&pictures::photo(2048, 1536, 4))),
            Case::new("JPEG 6 MP", pictures::jpeg(3000, 2000, 5)),
            Case::new("JPEG 6 MP, turned", pictures::oriented_jpeg(&pictures::photo(3000, 2000, 5), 6)),
            Case::new("JPEG 12 MP", pictures::jpeg(4000, 3000, 6)),
            Case::new("JPEG 24 MP", pictures::jpeg(6000, 4000, 7)),
        ]);
    }
    cases.extend(files().into_iter().map(|path| {
        let name = path.file_name().map_or_else(|| path.display().to_string(), |n| n.display().to_string());
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Case::new(name, bytes)
    }));
    cases
}

fn files() -> Vec<PathBuf> {
    std::env::var_os(FILES).map(|paths| std::env::split_paths(&paths).collect()).unwrap_or_default()
}

/// Environment variable of the child: number of bytes on its standard input.
const LENGTH: &str = "HUEMILL_BENCH_PEAK";

/// Measures the peak resident memory, in MiB, of a process that reads the picture and makes its card.
pub(crate) fn peak_memory(case: &Case) -> f64 {
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
pub(crate) fn peak_of_child() -> Option<String> {
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
