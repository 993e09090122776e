//! Reads ZIP archives (PKWARE APPNOTE 6.3.10) from spooled bytes, entry by entry and under limits.
//!
//! The archives come from untrusted clients, and two readers of one ZIP may see different contents. This reader accepts
//! only archives with one interpretation. [`Directory::read`] reads the central directory at the end of the bytes, behind
//! which there is nothing but padding, and only where the end record says it is. Counts and sizes are limited before anything is read. Entries must not
//! share bytes, and no path may leave the archive. Local headers only say where the data starts.
//!
//! Reading the directory extracts nothing. Each [`Entry`] is plain data that says where its bytes are. [`extract`]
//! inflates one entry up to a limit, counts the bytes, and checks size and CRC. An archive inside an archive is treated
//! like any other file.
//!
//! All of it blocks, so call it outside of async threads. The cost grows with the size of the directory (apart from the
//! sort in the check for overlaps). The limits bound the memory.

mod directory;
mod encoding;
mod end_record;
mod entry;
mod extract;
mod name;
mod unpack;

pub use directory::{ArchiveLimits, Directory};
pub use end_record::ArchiveError;
pub use entry::{Entry, EntryError, EntryKind, Method};
pub use extract::{extract, peek};
pub(crate) use name::{UniqueNames, is_invisible, shorten};
pub use name::{Wanted, distinct, is_extension};
pub(crate) use unpack::{CUT_OFF, ENDS_EARLY, Inflate, SizeCheck};
