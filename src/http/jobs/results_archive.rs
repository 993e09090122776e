//! Lays out a job's results as one ZIP: one file for each success in the job's order, and `manifest.json`, which describes
//! the files and lists the failures. The same job gives the same bytes, so that a download can be resumed.

use std::sync::Arc;

use huemill_actors::fault::{Code, Fault};
use huemill_actors::repository::Repository;
use huemill_store::archive::is_extension;
use huemill_store::job::{Item, Job};
use huemill_store::results::{self, Body, DosTime, Member, ResultsZip};
use serde::Serialize;
use serde_json::value::RawValue;

use super::results::PictureReader;
use crate::http::picture_json::FailedPicture;
use crate::http::state::Jobs;

const MANIFEST: &str = "manifest.json";

#[derive(Serialize)]
struct Manifest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<&'a str>,
    #[serde(rename = "type")]
    kind: &'static str,
    status: &'static str,
    created_at: i64,
    finished_at: Option<i64>,
    results: Vec<ManifestRow>,
    failed: &'a [FailedPicture],
}

#[derive(Serialize)]
struct ManifestRow {
    /// The name of its card in the archive, if it has one.
    file: Option<String>,
    index: u32,
    filename: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(flatten)]
    members: std::collections::BTreeMap<String, Box<RawValue>>,
}

/// The archive of an ended job. Its manifest has the job's id only if `with_id`.
pub(super) async fn of(jobs: &Jobs, job: &Job, with_id: bool) -> Result<Arc<ResultsZip>, Fault> {
    let key = (job.id.clone(), job.version, with_id);
    match jobs.archives.find(&key) {
        Some(archive) => Ok(archive),
        None => Ok(jobs.archives.share(key, lay_out(&jobs.repository, job, with_id).await?)),
    }
}

async fn lay_out(repository: &Repository, job: &Job, with_id: bool) -> Result<ResultsZip, Fault> {
    let mut pictures = PictureReader::new(repository.clone(), job.clone());
    // The manifest comes first, so that no picture can take its name.
    let mut members = vec![Member::of_bytes(MANIFEST, Vec::new().into())];
    let mut rows = Vec::new();
    while let Some((item, result)) = pictures.next().await? {
        // Where the card is among the members.
        let place = result.card.is_some().then_some(members.len());
        members.extend(result.card.map(|card| Member {
            name: card_name(&item.name, &card.media_type),
            length: card.length,
            crc32: card.crc32,
            body: Body::Blob(card.key),
        }));
        rows.push((item, serde_json::from_str(&result.members).unwrap_or_default(), place));
    }
    let time = DosTime::from_unix(job.finished_at.unwrap_or(job.created_at));
    let names = ResultsZip::new(members.clone(), time).names().to_vec();
    let row = |(item, members, place): (Item, _, Option<usize>)| ManifestRow {
        file: place.and_then(|place| names.get(place)).cloned(),
        index: item.number,
        filename: item.name,
        url: item.url,
        members,
    };
    let manifest = Manifest {
        job_id: with_id.then_some(job.id.as_str()),
        kind: job.kind.as_str(),
        status: job.state.as_str(),
        created_at: job.created_at,
        finished_at: job.finished_at,
        results: rows.into_iter().map(row).collect(),
        failed: &pictures.failed,
    };
    let mut json = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| Fault::new(Code::InternalError).with_cause(error))?;
    json.push(b'\n');
    members[0] = Member::of_bytes(MANIFEST, json.into());
    Ok(ResultsZip::new(members, time))
}

/// A card's file name, in the archive and when it is downloaded alone: its picture's name without folders, with the card's
/// own extension, and safe on any system. The archive numbers names that collide.
pub(super) fn card_name(picture: &str, media_type: &str) -> String {
    let extension = match media_type {
        "image/jpeg" => "jpg",
        "image/webp" => "webp",
        _ => "png",
    };
    let file = picture.rsplit('/').next().unwrap_or(picture);
    let stem = stem(file);
    let is_blank = stem.chars().all(|letter| letter == '.' || letter.is_whitespace());
    results::harmless(&format!("{}.{extension}", if is_blank { "card" } else { stem }))
}

/// A name without its extension.
pub(super) fn stem(name: &str) -> &str {
    name.rsplit_once('.').filter(|(_, end)| is_extension(end)).map_or(name, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_named_after_its_picture() {
        for (picture, media_type, name) in [
            ("trip/one.jpg", "image/png", "one.png"),
            ("two", "image/jpeg", "two.jpg"),
            ("a.b.c", "image/webp", "a.b.webp"),
            ("127.0.0.1", "image/png", "127.0.0.1.png"),
            ("127.0.0.1 (2)", "image/png", "127.0.0.1 (2).png"),
            (".png", "image/png", "card.png"),
            ("folder/", "image/png", "card.png"),
            ("  .jpg", "image/png", "card.png"),
            ("a/\u{a0}", "image/png", "card.png"),
            ("...jpg", "image/png", "card.png"),
            (" b .jpg", "image/png", "b .png"),
            ("CON.png", "image/png", "_CON.png"),
            ("aux.tar.gz", "image/webp", "_aux.tar.webp"),
            ("-rf.png", "image/jpeg", "_rf.jpg"),
            (".hidden.png", "image/png", "_hidden.png"),
            ("a\u{202e}b.png", "image/png", "a_b.png"),
        ] {
            assert_eq!(card_name(picture, media_type), name, "{picture}");
        }
    }
}
