//! `huemill processes`: lists the processes that share a service's store. Requires the operator token.

use std::path::Path;
use std::process::ExitCode;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::{ApiRequest, parse_row};
use super::operator::{OperatorArgs, OperatorError};
use super::terminal::{block_on, format_duration, format_table, print_json, print_line, printable};
use crate::signing::unix_now;

#[derive(Deserialize)]
struct ProcessList {
    processes: Vec<Box<RawValue>>,
}

/// A process, as the service returns it.
#[derive(Debug, Deserialize)]
struct ProcessRow {
    host: String,
    version: String,
    role: String,
    slots: u32,
    started_at: i64,
    beat_at: i64,
    alive: bool,
    duties: Vec<String>,
    pictures: u32,
}

pub(super) fn run(operator: &OperatorArgs, file: Option<&Path>) -> ExitCode {
    block_on(list(operator, file))
}

async fn list(operator: &OperatorArgs, file: Option<&Path>) -> Result<(), OperatorError> {
    let (client, token) = operator.connect(file).await?;
    let response = client.send_checked(&ApiRequest::get("/processes").operator(&token)).await?;
    let ProcessList { processes } = response.json()?;
    if operator.json {
        for row in &processes {
            print_json(row.get());
        }
        return Ok(());
    }
    let rows = processes.iter().map(|row| parse_row(row)).collect::<Result<Vec<ProcessRow>, _>>()?;
    print_line(table(&rows, unix_now()).trim_end());
    Ok(())
}

/// A table of the processes. `now` is in Unix seconds.
fn table(processes: &[ProcessRow], now: i64) -> String {
    let header = ["HOST", "VERSION", "ROLE", "STATE", "SLOTS", "PICTURES", "DUTIES", "STARTED", "HEARTBEAT"];
    let mut rows = vec![header.map(str::to_owned)];
    rows.extend(processes.iter().map(|row| {
        let duties = if row.duties.is_empty() { "-".to_owned() } else { row.duties.join(" ") };
        let words = [&row.host, &row.version, &row.role, &duties].map(|word| printable(word).into_owned());
        let [host, version, role, duties] = words;
        let state = if row.alive { "alive" } else { "gone" }.to_owned();
        let ago = |at: i64| format!("{} ago", format_duration(now - at));
        let (slots, pictures) = (row.slots.to_string(), row.pictures.to_string());
        [host, version, role, state, slots, pictures, duties, ago(row.started_at), ago(row.beat_at)]
    }));
    format_table(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_is_one_line_and_cannot_control_the_terminal() {
        let rows: Vec<ProcessRow> = serde_json::from_str(
            r#"[{"id": "2", "host": "b:7", "version": "1.1.0", "role": "worker", "slots": 4, "started_at": 40,
                 "beat_at": 95, "alive": true, "duties": ["sweep"], "pictures": 3},
                {"id": "1", "host": "a\u001b[2J:9", "version": "1.0.0", "role": "all", "slots": 2, "started_at": 0,
                 "beat_at": 10, "alive": false, "duties": [], "pictures": 0}]"#,
        )
        .unwrap();
        let expected = [
            "HOST          VERSION  ROLE    STATE  SLOTS  PICTURES  DUTIES  STARTED    HEARTBEAT",
            "b:7           1.1.0    worker  alive  4      3         sweep   1 min ago  5 s ago",
            "a\\u{1b}[2J:9  1.0.0    all     gone   2      0         -       1 min ago  1 min ago",
        ];
        assert_eq!(table(&rows, 100).lines().collect::<Vec<_>>(), expected);
    }
}
