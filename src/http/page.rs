//! The web page at `/`, the API reference at `/docs`, and their modules, styles and texts below `/assets`. All files are in
//! the binary. The address of an asset contains the digest of all of them, so that browsers may keep it for ever and never
//! take one of another version from their cache. A file that is not in the binary is a 404.

mod files;

use std::future::ready;
use std::io::Write;
use std::sync::OnceLock;

use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{Bytes, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use flate2::Compression;
use flate2::write::GzEncoder;
use huemill_actors::delivery::hex;
use huemill_actors::fault::Code;
use sha2::{Digest, Sha256};

use super::accept;
use super::connection::Surface;
use super::etag::ETag;
use super::problem::Problem;
use super::resource::get;
use super::route;

/// What the pages may do: load what this service has, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// An asset with the digest of this version never changes.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Browsers ask each time whether a page has changed.
const REVALIDATE: &str = "no-cache";

/// Hexadecimal digits of the digest in addresses.
const DIGEST_DIGITS: usize = 16;

/// Registers the pages and their files. The page shows the views that its listener has the routes for.
pub(crate) fn routes(config: &mut ServiceConfig, surface: Surface, answers_users: bool) {
    let views = match surface {
        _ if !answers_users => "operations",
        Surface::Everything => "studio batches operations",
        Surface::Public => "studio batches",
        Surface::Operations => "operations",
    };
    let [page, docs] = [files::PAGE, files::DOCS].map(|template| Bytes::from(fill(template, views)));
    config
        .service(get(route::PAGE, move |request: HttpRequest| ready(send_page(&request, page.clone()))))
        .service(get(route::DOCS, move |request: HttpRequest| ready(send_page(&request, docs.clone()))))
        .service(get(route::ASSET, asset))
        .service(get(route::ASSET_IN_FOLDER, asset_in_folder));
}

/// A page's text, which is the same until the service changes.
fn fill(template: &str, views: &str) -> String {
    let [preloads, view_preloads] = preloads(views);
    template
        .replace("{preloads}", &preloads)
        .replace("{view_preloads}", &view_preloads)
        .replace("{assets}", &format!("assets/{}", digest()))
        .replace("{version}", env!("CARGO_PKG_VERSION"))
        .replace("{views}", views)
}

fn send_page(request: &HttpRequest, text: Bytes) -> HttpResponse {
    let tag = ETag::new(&hex(&Sha256::digest(&text))[..DIGEST_DIGITS]);
    let mut response = if tag.matches(request) {
        tag.not_modified()
    } else {
        HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header((header::ETAG, tag.header_value()))
            .body(text)
    };
    // A browser that has the page takes these headers from the answer that says so.
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATE));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// Links to the modules of the frame and, apart from them, to those of the first view, so that a browser loads them at once
/// and not in the order in which they import each other.
fn preloads(views: &str) -> [String; 2] {
    let first_view = views.split(' ').next().unwrap_or_default();
    let mut frame = Vec::new();
    add_imports("app.js", &mut frame);
    let mut all = frame.clone();
    add_imports(&format!("{first_view}/{first_view}.js"), &mut all);
    let view = all.split_off(frame.len());
    let link = |name: String| format!("    <link rel=\"modulepreload\" href=\"{{assets}}/{name}\">");
    [frame, view].map(|names| names.into_iter().map(link).collect::<Vec<_>>().join("\n"))
}

/// Adds a module and all that it imports, itself or by others, unless they are there already.
fn add_imports(name: &str, into: &mut Vec<String>) {
    let Some((_, bytes)) = files::ALL.iter().find(|(known, _)| *known == name) else { return };
    if into.iter().any(|known| known == name) {
        return;
    }
    into.push(name.to_owned());
    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
    let text = String::from_utf8_lossy(bytes);
    for import in text.split(" from \"").skip(1).filter_map(|rest| rest.split('"').next()) {
        match import.strip_prefix("./") {
            Some(file) if folder.is_empty() => add_imports(file, into),
            Some(file) => add_imports(&format!("{folder}/{file}"), into),
            None => add_imports(import.trim_start_matches("../"), into),
        }
    }
}

async fn asset(request: HttpRequest, path: Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (digest, file) = path.into_inner();
    send(&request, &digest, &file)
}

async fn asset_in_folder(
    request: HttpRequest,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, Problem> {
    let (digest, folder, file) = path.into_inner();
    send(&request, &digest, &format!("{folder}/{file}"))
}

/// Sends an asset. While a fleet is updated, a page may get its files from processes of two versions: those of another
/// version are sent too, because a page whose parts differ a little works better than none, but no one may keep them.
fn send(request: &HttpRequest, version: &str, name: &str) -> Result<HttpResponse, Problem> {
    let Some(at) = files::ALL.iter().position(|(known, _)| *known == name) else {
        return Err(Problem::from(Code::NotFound));
    };
    let caching = if version == digest() { IMMUTABLE } else { "no-store" };
    let mut response = HttpResponse::Ok();
    response
        .content_type(content_type(name))
        .insert_header((header::CACHE_CONTROL, caching))
        .insert_header((header::VARY, "Accept-Encoding"));
    let body = if accept::gzip(request.headers()) {
        response.insert_header((header::CONTENT_ENCODING, "gzip"));
        compressed(at)
    } else {
        Bytes::from_static(files::ALL[at].1)
    };
    Ok(response.body(body))
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// The digest of all files, by name and content.
fn digest() -> &'static str {
    static DIGEST: OnceLock<String> = OnceLock::new();
    DIGEST.get_or_init(|| {
        let mut sum = Sha256::new();
        for (name, bytes) in files::ALL {
            sum.update(name.len().to_be_bytes());
            sum.update(name);
            sum.update(bytes.len().to_be_bytes());
            sum.update(bytes);
        }
        let mut digits = hex(&sum.finalize());
        digits.truncate(DIGEST_DIGITS);
        digits
    })
}

/// A file compressed as far as gzip can, which is done once.
fn compressed(at: usize) -> Bytes {
    static COMPRESSED: [OnceLock<Bytes>; files::ALL.len()] = [const { OnceLock::new() }; files::ALL.len()];
    let compress = || {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let bytes = files::ALL[at].1;
        let done = encoder.write_all(bytes).and_then(|()| encoder.finish());
        // Writing to memory cannot fail.
        Bytes::from(done.unwrap_or_default())
    };
    COMPRESSED[at].get_or_init(compress).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_the_modules_of_its_frame_and_of_its_first_view() {
        for (views, view, other) in
            [("studio batches", "studio", "operations"), ("operations", "operations", "studio")]
        {
            let [frame, modules] = preloads(views);
            assert!(frame.contains("/app.js\"") && frame.contains("/lib/texts.js\""), "{frame}");
            assert!(!frame.contains("/lib/copy.js\"") && modules.contains("/lib/copy.js\""), "{modules}");
            assert!(modules.contains(&format!("/{view}/{view}.js\"")), "{modules}");
            assert!(!modules.contains(&format!("/{other}/")) && !modules.contains("/types.js"), "{modules}");
        }
    }
}
