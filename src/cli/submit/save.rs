//! Saves a job's results: the ZIP comes into an unnamed file, and its entries into the folder, each whole or not at
//! all, and none outside of it, whatever the archive says.

use std::fs;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use huemill_store::archive::{self, ArchiveError, ArchiveLimits, Directory, Entry, EntryError};
use huemill_store::{Spool, SpoolRoom, SpoolSettings};

use crate::cli::client::{Ask, Client, ClientError};

/// Most bytes of one entry, and of the whole archive.
const LARGEST_ENTRY: u64 = 256 << 20;
const LARGEST: u64 = 64 << 30;

/// What the service calls the list of what is in the archive.
const MANIFEST: &str = "manifest.json";

/// Why results are not saved.
#[derive(Debug, thiserror::Error)]
pub(super) enum SaveError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the archive cannot be read: {0}")]
    Archive(#[from] ArchiveError),
    #[error("the archive's {name} cannot be read: {source}")]
    Entry { name: String, source: EntryError },
    #[error("the archive holds {0}, which is no plain file name")]
    Name(String),
}

/// Saves all there is and tells how many cards that were.
pub(super) async fn results(client: &Client, job: &str, out: &Path) -> Result<usize, SaveError> {
    let failed = |source| SaveError::Write { path: out.to_owned(), source };
    fs::create_dir_all(out).map_err(failed)?;
    let room = SpoolRoom::open(SpoolSettings {
        dir: out.to_owned(),
        memory_each: 1 << 20,
        memory_total: 1 << 20,
        disk_total: LARGEST,
    })
    .map_err(failed)?;
    let path = format!("/jobs/{job}/results.zip");
    let mut left = client.tries();
    let spool = loop {
        left -= 1;
        match download(client, &path, &room, out).await {
            Err(SaveError::Client(ClientError::Away { .. })) if left > 0 => {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            other => break other?,
        }
    };
    unpack(&spool, out)
}

async fn download(client: &Client, path: &str, room: &SpoolRoom, out: &Path) -> Result<Spool, SaveError> {
    let failed = |source| SaveError::Write { path: out.to_owned(), source };
    let ask = Ask::get(path);
    let mut response = client.open(&ask).await?;
    if response.status() != 200 {
        // Asked for again as a whole: the refusal's words, with patience where it passes.
        client.get_ok(&ask).await?;
        return Err(ClientError::Strange("the service changed its mind".into()).into());
    }
    let mut writer = room.writer();
    while let Some(piece) = client.next_piece(&mut response).await? {
        writer.write(piece).await.map_err(failed)?;
    }
    writer.finish().await.map_err(failed)
}

fn unpack(spool: &Spool, out: &Path) -> Result<usize, SaveError> {
    let limits = ArchiveLimits { max_entry_bytes: LARGEST_ENTRY, ..ArchiveLimits::default() };
    let directory = Directory::read(spool, &limits)?;
    let mut cards = 0;
    for entry in directory.entries() {
        let path = out.join(plain(entry)?);
        let bytes = archive::extract(spool, entry, LARGEST_ENTRY)
            .map_err(|source| SaveError::Entry { name: entry.name.clone(), source })?;
        write(out, &path, &bytes).map_err(|source| SaveError::Write { path, source })?;
        cards += usize::from(entry.name != MANIFEST);
    }
    Ok(cards)
}

/// The entry's name, if it is that of a file directly in the folder.
fn plain(entry: &Entry) -> Result<&str, SaveError> {
    let mut parts = Path::new(&entry.name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(part)), None) if part == entry.name.as_str() => Ok(&entry.name),
        _ => Err(SaveError::Name(entry.name.clone())),
    }
}

/// Under another name first: what is there before, a link too, is replaced and never written through.
fn write(out: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new().permissions(readable()).tempfile_in(out)?;
    file.write_all(bytes)?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// As any file that a program makes: the process's mask takes away the rest.
fn readable() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
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
    fn only_plain_names_are_saved() {
        assert_eq!(plain(&entry("a b.png")).unwrap(), "a b.png");
        for name in ["", ".", "..", "a/b.png", "/a.png", "../a.png", "./a.png", "a.png/"] {
            assert!(matches!(plain(&entry(name)), Err(SaveError::Name(_))), "{name}");
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
    async fn what_is_there_is_replaced_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (out, outside) = (folder.path().join("out"), folder.path().join("outside"));
        fs::create_dir(&out).unwrap();
        fs::write(&outside, "mine").unwrap();
        std::os::unix::fs::symlink(&outside, out.join("a.png")).unwrap();
        fs::write(out.join("b.png"), "old").unwrap();
        let zip = spool(&[(MANIFEST, b"{}"), ("a.png", b"A"), ("b.png", b"B")], folder.path()).await;
        assert_eq!(unpack(&zip, &out).unwrap(), 2);
        let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
        assert_eq!((read("a.png"), read("b.png"), read(MANIFEST)), ("A".into(), "B".into(), "{}".into()));
        assert_eq!(fs::read_to_string(outside).unwrap(), "mine");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 3, "nothing else is left");
    }
}
