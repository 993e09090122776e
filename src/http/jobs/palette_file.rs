//! The palette of a job's picture as a file for other programs: `/jobs/{id}/results/{n}/palette.css` and others. It is
//! written from the stored colours for each request, which takes less time than reading a file would. A file that does not
//! exist is a `NOT_FOUND`.

use actix_web::http::header::{CONTENT_DISPOSITION, ETAG};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::delivery::hex;
use huemill_actors::fault::{Code, Fault};
use huemill_imaging::{Export, swatch};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::download::{JobAccess, parse_number, result_of};
use super::download_file::named;
use super::results_archive::stem;
use crate::http::etag::{ETag, check_preconditions};
use crate::http::problem::Problem;
use crate::http::state::Jobs;

/// What the name of the file begins with. The rest is that of an [`Export`].
const PREFIX: &str = "palette.";

/// The colours among the stored members of a picture.
#[derive(Deserialize)]
struct StoredColors {
    colors: Vec<StoredColor>,
}

#[derive(Deserialize)]
struct StoredColor {
    rgb: [u8; 3],
    share: f64,
    derived: bool,
}

/// The palette of one picture.
pub(super) async fn palette(
    request: HttpRequest,
    path: Path<(String, String, String)>,
    jobs: Data<Jobs>,
) -> Result<HttpResponse, Problem> {
    let (id, number, file) = path.into_inner();
    let access = JobAccess::by_path(&request, &id, &jobs).await?;
    let export =
        file.strip_prefix(PREFIX).and_then(|name| name.parse::<Export>().ok()).ok_or_else(no_palette)?;
    let number = parse_number(&number).filter(|number| *number < access.job.total).ok_or_else(no_palette)?;
    let (name, result) = result_of(&access.job, number, &jobs).await?.ok_or_else(no_palette)?;
    let palette = read(&result.members)?;
    let bytes = export.write(&palette);
    // The same colours always give the same bytes, but another version of the service may write them differently.
    let etag = ETag::new(hex(&Sha256::digest(&bytes)[..16]));
    let modified = access.job.finished_at.unwrap_or(access.job.created_at);
    check_preconditions(&request, std::slice::from_ref(&etag), Some(modified))?;
    if etag.matches(&request) {
        return Ok(etag.not_modified());
    }
    let file_name = format!("{}.{PREFIX}{}", stem(&name), export.extension());
    Ok(HttpResponse::Ok()
        .content_type(export.media_type())
        .insert_header((ETAG, etag.header_value()))
        .insert_header((CONTENT_DISPOSITION, named("attachment", &file_name)))
        .body(bytes))
}

fn read(members: &str) -> Result<Vec<huemill_imaging::Swatch>, Fault> {
    let stored: StoredColors =
        serde_json::from_str(members).map_err(|error| Fault::new(Code::InternalError).with_cause(error))?;
    let colors: Vec<_> = stored.colors.iter().map(|color| (color.rgb, color.share, color.derived)).collect();
    Ok(swatch::describe_all(&colors))
}

fn no_palette() -> Fault {
    Fault::new(Code::NotFound).with_message("There is no such palette.").with_detail(
        "The job has no such palette. The files of a picture are palette.css, .scss, .json, .tokens.json, .tailwind.css, \
         .ase, .gpl and .svg.",
    )
}
