//! Writes the seed corpus of the fuzz target `decode`.

#[path = "../checks/decode_seeds.rs"]
mod seeds;
#[path = "../../imaging/tests/support/mod.rs"]
mod support;

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/decode");
    std::fs::create_dir_all(&folder)?;
    for (index, bytes) in seeds::seeds().into_iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{index:03}")), bytes)?;
    }
    Ok(())
}
