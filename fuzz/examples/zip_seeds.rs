//! Writes the seed corpus of the fuzz target `zip`.

#[path = "../../store/tests/support/archives.rs"]
mod archives;
#[path = "../checks/zip_seeds.rs"]
mod seeds;

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/zip");
    std::fs::create_dir_all(&folder)?;
    for (index, bytes) in seeds::seeds().into_iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{index:03}")), bytes)?;
    }
    Ok(())
}
