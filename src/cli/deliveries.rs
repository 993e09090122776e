//! `huemill deliveries`: the webhooks of a service, listed and sent anew. For the operator.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand, value_parser};
use huemill_store::job::JobId;
use huemill_store::outbox::{self, DeliveryState};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::{Ask, ClientError};
use super::jobs::query;
use super::jobs::table::{columns, span};
use super::operator::{self, OperatorArgs, OperatorError};
use super::print;
use super::process::printable;

/// What to do with deliveries.
#[derive(Debug, Args)]
pub(super) struct DeliveriesArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List deliveries, newest first.
    List(ListArgs),
    /// Send one anew at once, whatever became of it.
    Redeliver(OneArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only those that stand so: pending, delivered, dead
    #[arg(long, value_name = "STATUS", value_parser = state)]
    status: Option<DeliveryState>,
    /// Only that of this job
    #[arg(long, value_name = "ID", value_parser = job)]
    job: Option<JobId>,
    /// So many at most, 1 to 1000000
    #[arg(long, value_name = "N", default_value_t = 50, allow_negative_numbers = true,
          value_parser = value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    #[command(flatten)]
    operator: OperatorArgs,
}

#[derive(Debug, Args)]
struct OneArgs {
    /// The delivery's id
    #[arg(value_name = "ID", value_parser = id)]
    id: String,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// A delivery as the service tells it.
#[derive(Debug, Deserialize)]
struct Delivery {
    id: String,
    status: String,
    host: String,
    created_at: i64,
    next_attempt_at: Option<i64>,
    attempts: Vec<Attempt>,
}

#[derive(Debug, Deserialize)]
struct Attempt {
    status_code: Option<u16>,
    reason: Option<String>,
}

fn state(word: &str) -> Result<DeliveryState, &'static str> {
    DeliveryState::parse(word).ok_or("it is none of pending, delivered, dead")
}

fn job(text: &str) -> Result<JobId, &'static str> {
    JobId::parse(text).ok_or("it is no job's id")
}

fn id(text: &str) -> Result<String, &'static str> {
    outbox::job_of(text).map(|_| text.to_owned()).ok_or("it is no delivery's id")
}

/// Does it, and says in the exit code whether it was done.
pub(super) fn run(args: &DeliveriesArgs, file: Option<&Path>) -> ExitCode {
    operator::run(async {
        match &args.what {
            What::List(args) => list(args, file).await,
            What::Redeliver(args) => redeliver(args, file).await,
        }
    })
}

async fn list(args: &ListArgs, file: Option<&Path>) -> Result<(), OperatorError> {
    let operator = &args.operator;
    let (client, token) = operator.connect(file).await?;
    let words = [
        ("status", args.status.map(DeliveryState::as_str)),
        ("job_id", args.job.as_ref().map(JobId::as_str)),
    ];
    let mut rows: Vec<Delivery> = Vec::new();
    let take = |row: &RawValue| {
        if operator.json {
            print(row.get());
        } else {
            let row = serde_json::from_str(row.get());
            rows.push(row.map_err(|error| ClientError::Strange(error.to_string()))?);
        }
        Ok(())
    };
    client.rows(&query("/webhooks/deliveries", &words), &token, args.limit, take).await?;
    if !operator.json {
        print(table(&rows, crate::clock::unix_now()).trim_end());
    }
    Ok(())
}

async fn redeliver(args: &OneArgs, file: Option<&Path>) -> Result<(), OperatorError> {
    let operator = &args.operator;
    let (client, token) = operator.connect(file).await?;
    let path = format!("/webhooks/deliveries/{}/redeliver", args.id);
    let answer = client.get_ok(&Ask::post(&path, None).operator(&token)).await?;
    let row: Delivery = answer.json()?;
    if operator.json {
        print(String::from_utf8_lossy(&answer.body).trim_end());
    } else {
        print(&format!("{}  {}", printable(&row.id), printable(&row.status)));
    }
    Ok(())
}

/// Deliveries for people at this time (Unix seconds), a line each.
fn table(deliveries: &[Delivery], now: i64) -> String {
    let mut rows =
        vec![["DELIVERY", "STATUS", "TRIES", "LAST", "NEXT", "CREATED", "HOST"].map(str::to_owned)];
    rows.extend(deliveries.iter().map(|row| {
        let [id, status, host] = [&row.id, &row.status, &row.host].map(|word| printable(word).into_owned());
        let next = row.next_attempt_at.map_or_else(|| "-".into(), |at| format!("in {}", span(at - now)));
        let created = format!("{} ago", span(now - row.created_at));
        [id, status, row.attempts.len().to_string(), last(row), next, created, host]
    }));
    columns(&rows)
}

/// What came of the last try.
fn last(row: &Delivery) -> String {
    let Some(last) = row.attempts.last() else { return "-".into() };
    let words = [last.status_code.map(|code| code.to_string()), last.reason.clone()];
    let words: Vec<_> = words.into_iter().flatten().collect();
    printable(&words.join(" ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_a_line_a_delivery_under_its_heads() {
        let rows: Vec<Delivery> = serde_json::from_str(
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
