//! `GET /jobs/{id}/results`: the settled pictures among some of a job's, whether it has ended or not. Pictures settle about
//! in the order in which they were sent, so a client that follows a job asks from the first one that it lacks.
//!
//! A window is small enough to be written as a whole, and its cards are links: no blob is read. A job that is deleted
//! meanwhile is a 404.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::fault::Fault;
use huemill_store::job::{Item, Job};

use super::job_picture::{self, SettledPicture};
use super::links::Links;
use crate::http::context;
use crate::http::list_query::ListQuery;
use crate::http::problem::Problem;
use crate::http::state::Jobs;

/// Default and maximum number of pictures in a window.
const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 100;

/// The settled pictures in a window of a job's.
pub(super) async fn pictures(
    request: HttpRequest,
    path: Path<String>,
    jobs: Data<Jobs>,
) -> Result<HttpResponse, Problem> {
    // Read before its pictures: in the window of a job that has ended, all are as they stay.
    let job = jobs.find(&path, context::of(&request).identity()).await?;
    let window = PictureWindow::parse(request.query_string())?;
    let repository = &jobs.repository;
    let items = repository.store.items(&job.id, window.from, window.limit).await?;
    if items.len() < window.len(job.total) {
        return Err(job_picture::why_gone(repository, &job.id).await.into());
    }
    Ok(HttpResponse::Ok().content_type("application/json").body(window.json(&job, items, &jobs.links)))
}

/// Some consecutive pictures of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PictureWindow {
    from: u32,
    limit: u32,
}

impl PictureWindow {
    fn parse(query: &str) -> Result<Self, Fault> {
        let query = ListQuery::parse(query)?;
        let from = query.value(
            "from",
            |text| text.parse().ok(),
            || "`from` must be the index of a picture: a whole number from 0.".into(),
        )?;
        let limit = query.value(
            "limit",
            |text| text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)),
            || format!("`limit` must be a whole number from 1 to {MAX_LIMIT}."),
        )?;
        Ok(Self { from: from.unwrap_or(0), limit: limit.unwrap_or(DEFAULT_LIMIT) })
    }

    /// The number of its pictures in a job of `total` pictures.
    fn len(self, total: u32) -> usize {
        total.saturating_sub(self.from).min(self.limit) as usize
    }

    /// Where the next window begins, if there is one.
    fn next(self, total: u32) -> Option<u32> {
        self.from.checked_add(self.limit).filter(|next| *next < total)
    }

    fn json(self, job: &Job, items: Vec<Item>, links: &Links) -> Vec<u8> {
        let mut json = format!("{{\"job_id\":\"{}\",\"status\":\"{}\"", job.id.as_str(), job.state.as_str());
        json.push_str(",\"results\":[");
        let (mut json, mut failed, mut is_first) = (json.into_bytes(), Vec::new(), true);
        for picture in items.into_iter().filter_map(SettledPicture::of) {
            let (item, result) = match picture {
                SettledPicture::Done(item, result) => (item, result),
                SettledPicture::Failed(picture) => {
                    failed.push(picture);
                    continue;
                }
            };
            if !std::mem::take(&mut is_first) {
                json.push(b',');
            }
            job_picture::write_opening(&mut json, &item, &result.members);
            let card = result.card.map(|_| job_picture::card_link(job, item.number, links));
            json.extend_from_slice(card.as_deref().unwrap_or(b"null"));
            json.push(b'}');
        }
        json.extend_from_slice(b"],\"failed\":");
        json.extend_from_slice(&serde_json::to_vec(&failed).unwrap_or_else(|_| b"[]".to_vec()));
        let next = self.next(job.total).map_or_else(|| "null".to_owned(), |next| next.to_string());
        json.extend_from_slice(format!(",\"total\":{},\"next\":{next}}}", job.total).as_bytes());
        json
    }
}

#[cfg(test)]
mod tests {
    use huemill_actors::fault::Code;
    use huemill_store::job::{Card, ItemError, ItemResult, ItemState, JobState};
    use serde_json::{Value, json};

    use super::super::summary::sample_job;
    use super::*;

    fn item(number: u32, state: ItemState) -> Item {
        Item {
            number,
            name: format!("{number}.png"),
            state,
            attempt: 1,
            url: None,
            result: None,
            error: None,
        }
    }

    fn done(number: u32, card: Option<Card>) -> Item {
        let result = Some(ItemResult { members: r#"{"average":"red"}"#.into(), card });
        Item { result, ..item(number, ItemState::Done) }
    }

    #[test]
    fn a_window_begins_anywhere_and_has_up_to_a_hundred_pictures() {
        let parse = |query| PictureWindow::parse(query).map(|window| (window.from, window.limit));
        assert_eq!(parse("").unwrap(), (0, 50));
        assert_eq!(parse("from=7&limit=100&other=x").unwrap(), (7, 100));
        for query in
            ["from=-1", "from=x", "from=", "from=4294967296", "limit=0", "limit=101", "limit=1&limit=1"]
        {
            assert_eq!(parse(query).unwrap_err().code, Code::InvalidInput, "{query}");
        }
    }

    #[test]
    fn a_window_at_the_end_is_shorter_and_has_none_after_it() {
        let window = |from, limit| PictureWindow { from, limit };
        assert_eq!((window(0, 3).len(4), window(0, 3).next(4)), (3, Some(3)));
        assert_eq!((window(3, 3).len(4), window(3, 3).next(4)), (1, None));
        assert_eq!((window(0, 4).len(4), window(0, 4).next(4)), (4, None));
        assert_eq!((window(u32::MAX, 100).len(4), window(u32::MAX, 100).next(4)), (0, None));
    }

    #[test]
    fn a_window_has_the_pictures_that_are_settled() {
        let card = Card { key: "k".into(), media_type: "image/png".into(), length: 1, crc32: 0 };
        let error = Some(ItemError { code: "PROCESSING_ERROR".into(), message: "damaged".into() });
        let broken = Item { error, url: Some("http://h/\"".into()), ..item(2, ItemState::Failed) };
        let items = vec![
            done(0, None),
            item(1, ItemState::Claimed),
            broken,
            done(3, Some(card)),
            item(4, ItemState::Queued),
            item(5, ItemState::Canceled),
        ];
        let window = PictureWindow { from: 0, limit: 3 };
        let job = sample_job(JobState::Processing);
        let body = window.json(&job, items, &Links::new("k".into()));
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&body["job_id"], &body["status"]), (&json!(job.id.as_str()), &json!("processing")));
        assert_eq!((&body["total"], &body["next"]), (&json!(4), &json!(3)));
        assert_eq!(
            body["results"][0],
            json!({"index": 0, "filename": "0.png", "average": "red", "social_image": null})
        );
        let link = body["results"][1]["social_image"].as_str().unwrap();
        assert!(link.starts_with("https://huemill.example/links/") && link.ends_with("/cards/3"), "{link}");
        assert_eq!(
            body["failed"],
            json!([{"index": 2, "filename": "2.png", "url": "http://h/\"", "error_code": "PROCESSING_ERROR",
                    "user_message": "damaged"}])
        );
        assert_eq!(body["results"].as_array().unwrap().len(), 2);
    }
}
