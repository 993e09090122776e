//! `huemill deliveries`: lists and redelivers a service's webhooks. Requires the operator token.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand, value_parser};
use huemill_store::job::JobId;
use huemill_store::outbox::{self, DeliveryState};
use serde::Deserialize;

use super::client::{ApiRequest, path_with_query};
use super::jobs::job_id;
use super::operator::{OperatorArgs, OperatorError};
use super::terminal::{block_on, format_duration, format_table, printable};

/// The arguments of `huemill deliveries`.
#[derive(Debug, Args)]
pub(super) struct DeliveriesArgs {
    #[command(subcommand)]
    command: DeliveriesCommand,
}

#[derive(Debug, Subcommand)]
enum DeliveriesCommand {
    /// List deliveries, newest first
    List(ListArgs),
    /// Send a delivery again now, whatever its status
    Redeliver(RedeliverArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Filter by status: pending, delivered or dead
    #[arg(long, value_name = "STATUS", value_parser = delivery_state)]
    status: Option<DeliveryState>,
    /// Filter by job
    #[arg(long, value_name = "ID", value_parser = job_id)]
    job: Option<JobId>,
    /// Maximum number of rows (1–1000000)
    #[arg(long, value_name = "N", default_value_t = 50, allow_negative_numbers = true,
          value_parser = value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    #[command(flatten)]
    operator: OperatorArgs,
}

#[derive(Debug, Args)]
struct RedeliverArgs {
    /// Id of the delivery
    #[arg(value_name = "ID", value_parser = delivery_id)]
    id: String,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// A delivery, as the service returns it.
#[derive(Debug, Deserialize)]
struct DeliveryRow {
    id: String,
    status: String,
    host: String,
    created_at: i64,
    next_attempt_at: Option<i64>,
    attempts: Vec<AttemptRow>,
}

#[derive(Debug, Deserialize)]
struct AttemptRow {
    status_code: Option<u16>,
    reason: Option<String>,
}

fn delivery_state(word: &str) -> Result<DeliveryState, &'static str> {
    DeliveryState::parse(word).ok_or("expected pending, delivered or dead")
}

fn delivery_id(text: &str) -> Result<String, &'static str> {
    outbox::job_of(text).map(|_| text.to_owned()).ok_or("not the id of a delivery")
}

pub(super) fn run(args: &DeliveriesArgs, file: Option<&Path>) -> ExitCode {
    block_on(async {
        match &args.command {
            DeliveriesCommand::List(args) => list(args, file).await,
            DeliveriesCommand::Redeliver(args) => redeliver(args, file).await,
        }
    })
}

async fn list(args: &ListArgs, file: Option<&Path>) -> Result<(), OperatorError> {
    let (status, job) = (args.status.map(DeliveryState::as_str), args.job.as_ref().map(JobId::as_str));
    let path = path_with_query("/webhooks/deliveries", &[("status", status), ("job_id", job)]);
    args.operator.list(file, &path, args.limit, table).await
}

async fn redeliver(args: &RedeliverArgs, file: Option<&Path>) -> Result<(), OperatorError> {
    let path = format!("/webhooks/deliveries/{}/redeliver", args.id);
    let line = |row: DeliveryRow| format!("{}  {}", printable(&row.id), printable(&row.status));
    args.operator.send(file, ApiRequest::post(&path, None), line).await
}

/// A table of the deliveries. `now` is in Unix seconds.
fn table(deliveries: &[DeliveryRow], now: i64) -> String {
    let mut rows =
        vec![["DELIVERY", "STATUS", "TRIES", "LAST", "NEXT", "CREATED", "HOST"].map(str::to_owned)];
    rows.extend(deliveries.iter().map(|row| {
        let [id, status, host] = [&row.id, &row.status, &row.host].map(|word| printable(word).into_owned());
        let next =
            row.next_attempt_at.map_or_else(|| "-".into(), |at| format!("in {}", format_duration(at - now)));
        let created = format!("{} ago", format_duration(now - row.created_at));
        [id, status, row.attempts.len().to_string(), last_attempt(row), next, created, host]
    }));
    format_table(&rows)
}

/// The result of the last attempt.
fn last_attempt(row: &DeliveryRow) -> String {
    let Some(last) = row.attempts.last() else { return "-".into() };
    let words = [last.status_code.map(|code| code.to_string()), last.reason.clone()];
    let words: Vec<_> = words.into_iter().flatten().collect();
    printable(&words.join(" ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_header_and_one_line_for_each_delivery() {
        let rows: Vec<DeliveryRow> = serde_json::from_str(
            r#"[{"id": "dlv_1", "status": "pending", "host": "https://a.example", "created_at": 40,
                 "next_attempt_at": 130, "attempts": [{"status_code": 500, "reason": "status"}, {"reason": "timeout"}]},
                {"id": "dlv_2", "status": "delivered", "host": "https://b.example", "created_at": 90,
                 "next_attempt_at": null, "attempts": [{"status_code": 204, "reason": null}]},
                {"id": "dlv_3", "status": "pending", "host": "x\u001b[2J", "created_at": 100,
                 "next_attempt_at": 100, "attempts": []}]"#,
        )
        .unwrap();
        let expected = [
            "DELIVERY  STATUS     TRIES  LAST     NEXT     CREATED    HOST",
            "dlv_1     pending    2      timeout  in 30 s  1 min ago  https://a.example",
            "dlv_2     delivered  1      204      -        10 s ago   https://b.example",
            "dlv_3     pending    0      -        in 0 s   0 s ago    x\\u{1b}[2J",
        ];
        assert_eq!(table(&rows, 100).lines().collect::<Vec<_>>(), expected);
    }
}
