//! Downloads the ZIP of a job's results and unpacks it into a folder.
//!
//! The ZIP goes to an unnamed file first. Each entry is written completely or not at all, and never outside of the
//! folder, whatever the archive contains. Only cards and the manifest are written: a service must not replace other files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use huemill_observability::json_log::is_unprintable;
use huemill_store::archive::{self, ArchiveError, ArchiveLimits, Directory, Entry, EntryError};
use huemill_store::{Spool, SpoolRoom, SpoolSettings};

use crate::cli::atomic_file;
use crate::cli::client::{ApiRequest, Client, ClientError};
use crate::cli::picture_folder;

/// The maximum size of an entry, and of the whole archive, packed and unpacked.
const MAX_ENTRY_BYTES: u64 = 256 << 20;
const MAX_ARCHIVE_BYTES: u64 = 64 << 30;

/// The file that lists the contents of the archive.
const MANIFEST: &str = "manifest.json";

/// The extensions of cards.
const CARD_EXTENSIONS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];

/// Why results cannot be saved.
#[derive(Debug, thiserror::Error)]
pub(super) enum SaveError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot read the archive: {0}")]
    Archive(#[from] ArchiveError),
    #[error("cannot read {name} in the archive: {source}")]
    Entry { name: String, source: EntryError },
    #[error("the archive contains {0:?}, which is neither the name of a card nor {MANIFEST}")]
    Name(String),
    #[error("the files in the archive have more than {} MiB", .limit >> 20)]
    TooLarge { limit: u64 },
}

/// The folder for a job's results if none is given. It is marked, so that a later command takes no card for a picture.
pub(super) fn default_folder(job: &str) -> Result<PathBuf, SaveError> {
    let folder = Path::new("huemill-results");
    let failed = |source| SaveError::Write { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    picture_folder::mark_results(folder).map_err(failed)?;
    Ok(folder.join(job))
}

/// Saves all results. Returns the number of cards.
pub(super) async fn save_results(client: &Client, job: &str, out: &Path) -> Result<usize, SaveError> {
    let failed = |source| SaveError::Write { path: out.to_owned(), source };
    fs::create_dir_all(out).map_err(failed)?;
    let room = SpoolRoom::open(SpoolSettings {
        dir: out.to_owned(),
        memory_each: 1 << 20,
        memory_total: 1 << 20,
        disk_total: MAX_ARCHIVE_BYTES,
    })
    .map_err(failed)?;
    let path = format!("/jobs/{job}/results.zip");
    let request = ApiRequest::get(&path).patient();
    let mut left = client.tries(&request);
    let spool = loop {
        left -= 1;
        match download(client, &request, &room, out).await {
            Err(SaveError::Client(ClientError::Unreachable { .. })) if left > 0 => {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            other => break other?,
        }
    };
    unpack(&spool, out, MAX_ARCHIVE_BYTES)
}

async fn download(
    client: &Client,
    request: &ApiRequest<'_>,
    room: &SpoolRoom,
    out: &Path,
) -> Result<Spool, SaveError> {
    let failed = |source| SaveError::Write { path: out.to_owned(), source };
    let mut response = client.open(request).await?;
    if response.status() != 200 {
        // Send the request again with retries, which gives the error message of the service.
        client.send_checked(request).await?;
        return Err(ClientError::InvalidResponse("the second response differs from the first".into()).into());
    }
    let mut writer = room.writer();
    while let Some(chunk) = client.next_chunk(&mut response).await? {
        writer.write(chunk).await.map_err(failed)?;
    }
    writer.finish().await.map_err(failed)
}

/// Writes all files of the archive, or none if one of them must not be written. They have `limit` bytes at most.
fn unpack(spool: &Spool, out: &Path, limit: u64) -> Result<usize, SaveError> {
    let limits = ArchiveLimits { max_entry_bytes: MAX_ENTRY_BYTES, ..ArchiveLimits::default() };
    let directory = Directory::read(spool, &limits)?;
    directory.entries().iter().try_for_each(check_name)?;
    // No entry unpacks to more bytes than it declares.
    let total = directory.entries().iter().fold(0_u64, |total, entry| total.saturating_add(entry.size));
    if total > limit {
        return Err(SaveError::TooLarge { limit });
    }
    let mut cards = 0;
    for entry in directory.entries() {
        let path = out.join(&entry.name);
        let bytes = archive::extract(spool, entry, MAX_ENTRY_BYTES)
            .map_err(|source| SaveError::Entry { name: entry.name.clone(), source })?;
        atomic_file::write(&path, &bytes).map_err(|source| SaveError::Write { path, source })?;
        cards += usize::from(entry.name != MANIFEST);
    }
    Ok(cards)
}

/// Refuses what is neither the manifest nor named like a card, as the service names them.
fn check_name(entry: &Entry) -> Result<(), SaveError> {
    let name = entry.name.as_str();
    let is_card = name.rsplit_once('.').is_some_and(|(_, extension)| CARD_EXTENSIONS.contains(&extension));
    // A hidden file may be one that programs read without being asked to, and `-rf.png` an option of theirs.
    let is_plain = !name.starts_with(['.', '-'])
        && !name.contains(|letter| matches!(letter, '/' | '\\') || is_unprintable(letter));
    if name == MANIFEST || is_card && is_plain { Ok(()) } else { Err(SaveError::Name(name.to_owned())) }
}

#[cfg(test)]
mod tests {
    use huemill_store::results::{DosTime, Member, ResultsZip};

    use super::*;

    fn entry(name: &str) -> Entry {
        Entry {
            name: name.into(),
            offset: 0,
            compressed_size: 0,
            size: 0,
            method: archive::Method::Stored,
            crc32: 0,
            verdict: archive::EntryKind::Readable,
            renamed: false,
        }
    }

    #[test]
    fn only_the_manifest_and_what_is_named_like_a_card_are_saved() {
        for name in [MANIFEST, "a b.png", "日本 (2).jpg", "a.b.jpeg", "_rf.webp"] {
            check_name(&entry(name)).unwrap();
        }
        let paths = ["", ".", "..", "a/b.png", "/a.png", "../a.png", "./a.png", "a.png/", "a\\b.png"];
        let other_files = ["Makefile", "package.json", "png", "a.html", "a.png.sh"];
        let special =
            [".bashrc", ".png", ".a.png", "-rf.png", "a\u{1b}[2J.png", "a\n.png", "a\u{202e}gnp.png"];
        for name in paths.iter().chain(&other_files).chain(&special) {
            assert!(matches!(check_name(&entry(name)), Err(SaveError::Name(_))), "{name:?}");
        }
    }

    async fn spool(members: &[(&str, &'static [u8])], dir: &Path) -> Spool {
        use futures_util::TryStreamExt;
        let members = members.iter().map(|(name, bytes)| Member::of_bytes(*name, (*bytes).into())).collect();
        let zip = ResultsZip::new(members, DosTime::from_unix(1_700_000_000));
        let blobs = huemill_store::blobs::Blobs::folder(&dir.join("blobs")).unwrap();
        let pieces: Vec<_> = zip.stream(&blobs, 0..zip.len()).try_collect().await.unwrap();
        let room = SpoolRoom::open(SpoolSettings { dir: dir.to_owned(), ..Default::default() }).unwrap();
        Spool::from_bytes(&room, pieces.concat()).unwrap()
    }

    #[tokio::test]
    async fn existing_files_are_replaced_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (out, outside) = (folder.path().join("out"), folder.path().join("outside"));
        fs::create_dir(&out).unwrap();
        fs::write(&outside, "mine").unwrap();
        std::os::unix::fs::symlink(&outside, out.join("a.png")).unwrap();
        fs::write(out.join("b.png"), "old").unwrap();
        let zip = spool(&[(MANIFEST, b"{}"), ("a.png", b"A"), ("b.png", b"B")], folder.path()).await;
        assert_eq!(unpack(&zip, &out, 4).unwrap(), 2);
        let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
        assert_eq!((read("a.png"), read("b.png"), read(MANIFEST)), ("A".into(), "B".into(), "{}".into()));
        assert_eq!(fs::read_to_string(outside).unwrap(), "mine");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 3, "no other files may remain");
    }

    #[tokio::test]
    async fn an_archive_is_refused_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        fs::create_dir(&out).unwrap();
        let zip = spool(&[(MANIFEST, b"{}"), ("a.png", b"A"), ("Makefile", b"B")], folder.path()).await;
        assert!(matches!(unpack(&zip, &out, 4), Err(SaveError::Name(name)) if name == "Makefile"));
        let zip = spool(&[(MANIFEST, b"{}"), ("a.png", b"A"), ("b.png", b"B")], folder.path()).await;
        assert!(matches!(unpack(&zip, &out, 3), Err(SaveError::TooLarge { limit: 3 })));
        assert_eq!(fs::read_dir(out).unwrap().count(), 0);
    }
}
