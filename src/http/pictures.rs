//! The pictures of a ZIP that was received, found where reading may take its time. One archive may tell two readers
//! different names; that it does is logged, since ours are the directory's.

use actix_web::HttpRequest;
use huemill_actors::fault::{Code, Fault};
use huemill_actors::pictures::{self, AlbumLimits};
use huemill_observability::log;
use huemill_store::Spool;
use huemill_store::archive::Entry;

use super::{context, route};

/// The entries that are pictures, in the archive's order: one at least.
///
/// # Errors
/// What the client is told of an archive that is refused.
pub(crate) async fn of_zip(
    request: &HttpRequest,
    spool: &Spool,
    limits: AlbumLimits,
) -> Result<Vec<Entry>, Fault> {
    let spool = spool.clone();
    let listed = tokio::task::spawn_blocking(move || pictures::list(&spool, &limits)).await;
    let entries = listed.map_err(|error| Fault::new(Code::InternalError).with_cause(error))??;
    let renamed = entries.iter().filter(|entry| entry.renamed).count();
    if renamed > 0 {
        log!(
            ZIP_AMBIGUOUS,
            request_id = context::of(request).id.as_str(),
            endpoint = route::of(request.path()).map(|route| route.path),
            entries = renamed,
        );
    }
    Ok(entries)
}
