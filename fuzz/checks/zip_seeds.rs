//! Seeds for fuzzing the ZIP reader: small valid archives, and the hostile ones of the tests.

use crate::archives::{Member, hostile, zip_with};

/// Maximum size of a seed in bytes. Larger inputs slow the fuzzer down.
const MAX_SEED_BYTES: usize = 4096;

/// All seeds, the same each time.
pub fn seeds() -> Vec<Vec<u8>> {
    let picture = b"\x89PNG\r\n\x1a\n and more of it, and more of it";
    let members = [Member::stored("a.png", picture), Member::deflated("b/c.jpg", picture)];
    let zip64 = members.clone().map(|member| Member { zip64: true, ..member });
    let valid = [members, zip64].map(|members| zip_with(&members, b"comment"));
    let rows = hostile::table(picture).into_iter().map(|row| row.bytes);
    valid.into_iter().chain(rows).filter(|bytes| bytes.len() <= MAX_SEED_BYTES).collect()
}
