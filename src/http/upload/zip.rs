//! Lists the pictures of a received ZIP on a thread that may block. If local headers and the directory disagree about
//! names, the directory's names are used and the disagreement is logged.

use actix_web::HttpRequest;
use huemill_actors::fault::{Code, Fault};
use huemill_actors::pictures::{self, AlbumLimits};
use huemill_observability::log;
use huemill_store::Spool;
use huemill_store::archive::Entry;

use crate::http::{context, route};

/// The entries that are pictures, in the archive's order: one at least.
///
/// # Errors
/// The fault for the client if the archive is refused.
pub(crate) async fn list_pictures(
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
            endpoint = route::for_path(request.path()).map(|route| route.path),
            entries = renamed,
        );
    }
    Ok(entries)
}
