//! `huemill keys`: creates, lists, rotates and revokes a service's API keys. Requires the operator token.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand, value_parser};
use huemill_store::KeyId;
use huemill_store::access_key::{KeyLimits, Scope};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::client::{ApiRequest, Form, path_with_query};
use super::operator::{OperatorArgs, OperatorError};
use super::terminal::{block_on, format_duration, format_table, printable};
use crate::signing::unix_now;

/// The arguments of `huemill keys`.
#[derive(Debug, Args)]
pub(super) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Create a key, and print it and its webhook secret; nothing shows them again
    Create(CreateArgs),
    /// List keys, newest first
    List(ListArgs),
    /// Replace a key by a new one of the same name, and print that; the old one works on for a while
    Rotate(RotateArgs),
    /// Revoke a key at once
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
struct CreateArgs {
    /// Name of the key, for people
    #[arg(value_name = "NAME")]
    name: String,
    /// What the key allows: process, jobs:read, jobs:write, priority, webhooks or operator, separated by commas
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', value_parser = scope,
          default_value = "process,jobs:read,jobs:write")]
    scopes: Vec<Scope>,
    /// Limits of its own as JSON, such as `{"requests_per_minute": 600}` [default: those of the settings]
    #[arg(long, value_name = "JSON", value_parser = limits)]
    limits: Option<KeyLimits>,
    /// Days until it expires [default: never]
    #[arg(long, value_name = "DAYS", value_parser = value_parser!(u32).range(1..=36_500))]
    days: Option<u32>,
    #[command(flatten)]
    operator: OperatorArgs,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Maximum number of rows (1–1000000)
    #[arg(long, value_name = "N", default_value_t = 50, allow_negative_numbers = true,
          value_parser = value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    #[command(flatten)]
    operator: OperatorArgs,
}

#[derive(Debug, Args)]
struct RotateArgs {
    /// Id of the key
    #[arg(value_name = "ID", value_parser = key_id)]
    id: KeyId,
    /// How long the old key works on, in hours
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = value_parser!(u64).range(0..=8_760))]
    overlap: u64,
    #[command(flatten)]
    operator: OperatorArgs,
}

#[derive(Debug, Args)]
struct RevokeArgs {
    /// Id of the key
    #[arg(value_name = "ID", value_parser = key_id)]
    id: KeyId,
    #[command(flatten)]
    operator: OperatorArgs,
}

#[derive(Serialize)]
struct CreateBody<'a> {
    name: &'a str,
    scopes: Vec<&'static str>,
    limits: KeyLimits,
    expires_at: Option<i64>,
}

#[derive(Serialize)]
struct RotateBody {
    overlap_s: u64,
}

/// A key, as lists show it.
#[derive(Debug, Deserialize)]
struct KeyRow {
    id: String,
    name: String,
    scopes: Vec<String>,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
}

/// A key that was just created.
#[derive(Debug, Deserialize)]
struct NewKey {
    id: String,
    key: SecretString,
    webhook_secret: SecretString,
}

fn scope(word: &str) -> Result<Scope, &'static str> {
    Scope::parse(word).ok_or("expected process, jobs:read, jobs:write, priority, webhooks or operator")
}

fn limits(text: &str) -> Result<KeyLimits, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn key_id(text: &str) -> Result<KeyId, &'static str> {
    KeyId::parse(text).ok_or("not the id of a key")
}

pub(super) fn run(args: &KeysArgs, file: Option<&Path>) -> ExitCode {
    block_on(async {
        match &args.command {
            KeysCommand::Create(args) => create(args, file).await,
            KeysCommand::List(args) => {
                args.operator.list(file, &path_with_query("/keys", &[]), args.limit, table).await
            }
            KeysCommand::Rotate(args) => rotate(args, file).await,
            KeysCommand::Revoke(args) => revoke(args, file).await,
        }
    })
}

async fn create(args: &CreateArgs, file: Option<&Path>) -> Result<(), OperatorError> {
    let body = CreateBody {
        name: &args.name,
        scopes: args.scopes.iter().map(|scope| scope.as_str()).collect(),
        limits: args.limits.unwrap_or_default(),
        expires_at: args.days.map(|days| unix_now() + i64::from(days) * 86_400),
    };
    args.operator.send(file, ApiRequest::post("/keys", Some(&Form::json(&body))), shown).await
}

async fn rotate(args: &RotateArgs, file: Option<&Path>) -> Result<(), OperatorError> {
    let (path, body) = (format!("/keys/{}/rotate", args.id), RotateBody { overlap_s: args.overlap * 3_600 });
    args.operator.send(file, ApiRequest::post(&path, Some(&Form::json(&body))), shown).await
}

async fn revoke(args: &RevokeArgs, file: Option<&Path>) -> Result<(), OperatorError> {
    args.operator.send_only(file, ApiRequest::delete(&format!("/keys/{}", args.id))).await
}

/// The lines that show a new key. This is the only time.
fn shown(NewKey { id, key, webhook_secret }: NewKey) -> String {
    let [key, secret] = [key, webhook_secret].map(|secret| printable(secret.expose_secret()).into_owned());
    format!("id              {}\nkey             {key}\nwebhook secret  {secret}", printable(&id))
}

/// A table of the keys. `now` is in Unix seconds.
fn table(keys: &[KeyRow], now: i64) -> String {
    let mut rows = vec![["KEY", "NAME", "CREATED", "USED", "EXPIRES", "SCOPES"].map(str::to_owned)];
    rows.extend(keys.iter().map(|key| {
        let ago = |time: i64| format!("{} ago", format_duration(now - time));
        let expires = key.expires_at.map_or_else(
            || "-".into(),
            |time| if time > now { format!("in {}", format_duration(time - now)) } else { "expired".into() },
        );
        let [id, name] = [&key.id, &key.name].map(|word| printable(word).into_owned());
        let scopes = printable(&key.scopes.join(",")).into_owned();
        [id, name, ago(key.created_at), key.last_used_at.map_or_else(|| "-".into(), ago), expires, scopes]
    }));
    format_table(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_header_and_one_line_for_each_key() {
        let rows: Vec<KeyRow> = serde_json::from_str(
            r#"[{"id": "000000000001", "name": "shop", "scopes": ["process", "jobs:read"], "created_at": 40,
                 "expires_at": 160, "last_used_at": 90},
                {"id": "000000000002", "name": "x\u001b[2J", "scopes": ["operator"], "created_at": 90,
                 "expires_at": null, "last_used_at": null},
                {"id": "000000000003", "name": "old", "scopes": ["process"], "created_at": 0, "expires_at": 99,
                 "last_used_at": null}]"#,
        )
        .unwrap();
        let expected = [
            "KEY           NAME        CREATED    USED      EXPIRES   SCOPES",
            "000000000001  shop        1 min ago  10 s ago  in 1 min  process,jobs:read",
            "000000000002  x\\u{1b}[2J  10 s ago   -         -         operator",
            "000000000003  old         1 min ago  -         expired   process",
        ];
        assert_eq!(table(&rows, 100).lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn scopes_and_limits_are_checked_before_anything_is_sent() {
        assert_eq!(scope("jobs:write"), Ok(Scope::JobsWrite));
        assert!(scope("jobs").is_err());
        assert!(limits(r#"{"open_jobs": 5}"#).is_ok() && limits(r#"{"jobs": 5}"#).is_err());
    }
}
