//! Writes the seed corpus of the fuzz target `zip`: small valid archives, and the hostile ones of the tests.

#[path = "../../store/tests/support/archives.rs"]
mod archives;

use std::path::Path;

use archives::{Member, hostile, zip_with};

/// Maximum size of a seed in bytes. Larger inputs slow the fuzzer down.
const MAX_SEED_BYTES: usize = 4096;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/zip");
    std::fs::create_dir_all(&folder)?;
    let picture = b"\x89PNG\r\n\x1a\n and more of it, and more of it";
    let members = [Member::stored("a.png", picture), Member::deflated("b/c.jpg", picture)];
    let zip64 = members.clone().map(|member| Member { zip64: true, ..member });
    let valid = [members, zip64].map(|members| zip_with(&members, b"comment"));
    let rows = hostile::table(picture).into_iter().map(|row| row.bytes);
    for (index, bytes) in valid.into_iter().chain(rows).enumerate() {
        if bytes.len() <= MAX_SEED_BYTES {
            std::fs::write(folder.join(format!("seed-{index:03}")), bytes)?;
        }
    }
    Ok(())
}
