//! The layouts of archives that are being downloaded. Clients that download one archive share its layout, however many
//! they are; it is dropped with the last of them. Nothing here fails.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use huemill_store::job::JobId;
use huemill_store::results::ResultsZip;

/// What the bytes of an archive depend on: the job, its version, and whether the manifest has the job's id.
pub(super) type ArchiveKey = (JobId, i64, bool);

/// The layouts in use.
#[derive(Debug, Default)]
pub(crate) struct SharedArchives(Mutex<HashMap<ArchiveKey, Weak<ResultsZip>>>);

impl SharedArchives {
    /// The layout, if anyone downloads the archive.
    pub(super) fn find(&self, key: &ArchiveKey) -> Option<Arc<ResultsZip>> {
        self.lock().get(key)?.upgrade()
    }

    /// Shares a layout. If another request was faster, its layout is returned.
    pub(super) fn share(&self, key: ArchiveKey, archive: ResultsZip) -> Arc<ResultsZip> {
        let mut archives = self.lock();
        if let Some(shared) = archives.get(&key).and_then(Weak::upgrade) {
            return shared;
        }
        let archive = Arc::new(archive);
        archives.retain(|_, archive| archive.strong_count() > 0);
        archives.insert(key, Arc::downgrade(&archive));
        archive
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ArchiveKey, Weak<ResultsZip>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use huemill_store::results::{DosTime, Member};

    use super::*;

    #[test]
    fn a_layout_is_shared_while_it_is_in_use() {
        let archives = SharedArchives::default();
        let layout = || {
            let member = Member::of_bytes("a", b"bytes".to_vec().into());
            ResultsZip::new(vec![member], DosTime::from_unix(1_700_000_000))
        };
        let key = |seconds| (JobId::generate(Duration::from_secs(seconds), &mut rand::rng()), 1, false);
        let first = key(1);
        let shared = archives.share(first.clone(), layout());
        assert!(Arc::ptr_eq(&shared, &archives.share(first.clone(), layout())));
        assert!(Arc::ptr_eq(&shared, &archives.find(&first).unwrap()));
        drop(shared);
        assert!(archives.find(&first).is_none());
        let _other = archives.share(key(2), layout());
        assert_eq!(archives.lock().len(), 1, "what nobody uses is forgotten");
    }
}
