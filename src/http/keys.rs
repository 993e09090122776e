//! The operator's routes for access keys: create, list, rotate and revoke. A key and its webhook secret are shown once, in
//! the answer that creates them.

use std::time::Duration;

use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt;
use huemill_actors::access::Token;
use huemill_actors::delivery::KeySecrets;
use huemill_actors::fault::{Code, Fault};
use huemill_store::KeyId;
use huemill_store::access_key::{AccessKey, KeyFilter, KeyLimits, NewAccessKey, Scope};
use huemill_store::steady_clock::SteadyClock;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::list_query::{ListQuery, cut_page};
use super::problem::{Problem, broken_body, invalid};
use super::resource::{self, get, post};
use super::route;
use super::state::Keys;

/// Maximum size of a request's body.
const MAX_BODY: usize = 16 * 1024;

/// Maximum length of a name, in characters.
const MAX_NAME: usize = 100;

/// How long a key that is replaced works on, unless the request says otherwise: a day.
const OVERLAP: u64 = 86_400;

/// The longest overlap: a year.
const MAX_OVERLAP: u64 = 365 * 86_400;

/// Registers the routes.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(get(route::KEYS, list).route(web::post().to(create)))
        .service(resource::resource(route::KEY).route(web::delete().to(revoke)))
        .service(post(route::KEY_ROTATE, rotate));
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKeyBody {
    name: String,
    scopes: Vec<String>,
    #[serde(default)]
    limits: KeyLimits,
    expires_at: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RotateBody {
    overlap_s: Option<u64>,
}

/// A key as lists show it.
#[derive(Serialize)]
struct KeyView<'a> {
    id: &'a str,
    name: &'a str,
    scopes: Vec<&'static str>,
    limits: &'a KeyLimits,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
}

/// A key as the answer that creates it shows it.
#[derive(Serialize)]
struct NewKeyView<'a> {
    #[serde(flatten)]
    key: KeyView<'a>,
    #[serde(rename = "key")]
    token: &'a str,
    webhook_secret: &'a str,
}

#[derive(Serialize)]
struct KeyPage<'a> {
    keys: Vec<KeyView<'a>>,
    next_cursor: Option<String>,
}

impl<'a> From<&'a AccessKey> for KeyView<'a> {
    fn from(key: &'a AccessKey) -> Self {
        Self {
            id: key.id.as_str(),
            name: &key.name,
            scopes: key.scopes.iter().map(Scope::as_str).collect(),
            limits: &key.limits,
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
        }
    }
}

/// Creates a key.
async fn create(payload: Payload, keys: Data<Keys>) -> Result<HttpResponse, Problem> {
    let body: NewKeyBody = json(payload)
        .await?
        .ok_or_else(|| invalid("Send JSON such as {\"name\": \"my app\", \"scopes\": [\"process\"]}."))?;
    let token = Token::generate(&mut rand::rng());
    let key = NewAccessKey {
        id: token.id,
        name: checked_name(&body.name)?,
        digest: token.digest(),
        scopes: checked_scopes(&body.scopes)?.into_iter().collect(),
        limits: body.limits,
        expires_at: body.expires_at.map(checked_expiry).transpose()?,
    };
    let key = keys.ring.create(key).await?;
    Ok(created(&key, &token, &keys.secrets))
}

/// A page of the keys that were not revoked, newest first.
async fn list(request: HttpRequest, keys: Data<Keys>) -> Result<HttpResponse, Problem> {
    let query = ListQuery::parse(request.query_string())?;
    let limit = query.limit()?;
    // One more row shows whether there is another page.
    let filter = KeyFilter { after: query.cursor(KeyId::parse)?, limit: limit + 1 };
    let mut rows = keys.ring.list(&filter).await?;
    let next_cursor = cut_page(&mut rows, limit, |key| key.id.as_str());
    Ok(HttpResponse::Ok().json(KeyPage { keys: rows.iter().map(KeyView::from).collect(), next_cursor }))
}

/// Revokes a key.
async fn revoke(path: web::Path<String>, keys: Data<Keys>) -> Result<HttpResponse, Problem> {
    let id = KeyId::parse(&path).ok_or(Code::KeyNotFound)?;
    if keys.ring.revoke(id).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Code::KeyNotFound.into())
    }
}

/// Replaces a key by a second one of the same name.
async fn rotate(
    path: web::Path<String>,
    payload: Payload,
    keys: Data<Keys>,
) -> Result<HttpResponse, Problem> {
    let body: RotateBody = json(payload).await?.unwrap_or_default();
    let overlap = body.overlap_s.unwrap_or(OVERLAP);
    if overlap > MAX_OVERLAP {
        return Err(invalid(format!("`overlap_s` must be at most {MAX_OVERLAP}.")).into());
    }
    let id = KeyId::parse(&path).ok_or(Code::KeyNotFound)?;
    let token = Token::generate(&mut rand::rng());
    let rotated = keys.ring.rotate(id, &token, Duration::from_secs(overlap)).await?;
    let key = rotated.ok_or(Code::KeyNotFound)?;
    Ok(created(&key, &token, &keys.secrets))
}

fn created(key: &AccessKey, token: &Token, secrets: &KeySecrets) -> HttpResponse {
    let (token, webhook_secret): (SecretString, SecretString) = (token.to_text(), secrets.of(key.owner));
    let (token, webhook_secret) = (token.expose_secret(), webhook_secret.expose_secret());
    HttpResponse::Created().json(NewKeyView { key: key.into(), token, webhook_secret })
}

/// The body as JSON, or `None` if there is none.
async fn json<T: DeserializeOwned>(mut payload: Payload) -> Result<Option<T>, Fault> {
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        body.extend_from_slice(&chunk.map_err(broken_body)?);
        if body.len() > MAX_BODY {
            return Err(Fault::new(Code::PayloadTooLarge).with_detail("The body is too long for a key."));
        }
    }
    if body.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(&body)
        .map(Some)
        .map_err(|error| invalid(format!("The body cannot be used: {error}.")))
}

fn checked_name(name: &str) -> Result<String, Fault> {
    let name = name.trim();
    let is_usable = (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if is_usable {
        Ok(name.to_owned())
    } else {
        Err(invalid(format!("`name` must have 1 to {MAX_NAME} printable characters.")))
    }
}

fn checked_scopes(words: &[String]) -> Result<Vec<Scope>, Fault> {
    let all = || Scope::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ");
    if words.is_empty() {
        return Err(invalid(format!("`scopes` must name at least one of {}.", all())));
    }
    let scope = |word: &String| {
        Scope::parse(word).ok_or_else(|| invalid(format!("`scopes` must be some of {}.", all())))
    };
    words.iter().map(scope).collect()
}

fn checked_expiry(time: i64) -> Result<i64, Fault> {
    // Milliseconds of it must fit as well.
    if (SteadyClock::of_process().seconds() + 1..i64::MAX / 1_000).contains(&time) {
        Ok(time)
    } else {
        Err(invalid("`expires_at` must be a time in the future, in Unix seconds."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_scopes_and_times_are_checked() {
        assert_eq!(checked_name(" Ünser Key ").unwrap(), "Ünser Key");
        for name in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert!(checked_name(name).is_err(), "{name:?}");
        }
        assert!(checked_scopes(&["process".into(), "jobs:read".into()]).is_ok());
        assert!(checked_scopes(&[]).is_err() && checked_scopes(&["root".into()]).is_err());
        assert!(checked_expiry(i64::MAX).is_err() && checked_expiry(0).is_err());
        assert!(checked_expiry(SteadyClock::of_process().seconds() + 60).is_ok());
    }
}
