//! Writes the small archives of the tests' tables where `cargo fuzz run zip` looks for its first inputs.

#[path = "../../store/tests/support/archives.rs"]
mod archives;

use std::path::Path;

use archives::{Member, hostile, zip_with};

/// Longer inputs slow the search down.
const LONGEST: usize = 4096;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/zip");
    std::fs::create_dir_all(&folder)?;
    let picture = b"\x89PNG\r\n\x1a\n and more of it, and more of it";
    let members = [Member::stored("a.png", picture), Member::deflated("b/c.jpg", picture)];
    let zip64 = members.clone().map(|member| Member { zip64: true, ..member });
    let good = [members, zip64].map(|members| zip_with(&members, b"comment"));
    let rows = hostile::table(picture).into_iter().map(|row| row.bytes);
    for (index, bytes) in good.into_iter().chain(rows).enumerate() {
        if bytes.len() <= LONGEST {
            std::fs::write(folder.join(format!("seed-{index:03}")), bytes)?;
        }
    }
    Ok(())
}
