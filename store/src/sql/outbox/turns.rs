//! Whose deliveries are due: the callers, each with its turn, and the hosts of one caller.
//!
//! The rows of one caller or host are skipped by jumps in an index, so the cost does not depend on how many wait, only on
//! the number of callers or hosts, which is limited.

use std::collections::HashSet;

use sqlx::{AnyConnection, AssertSqlSafe, Error, Row};

use crate::sql::operation::statement;

/// How many callers a claim looks at. If there are more, the next claim goes on with those.
pub(in crate::sql) const MAX_CALLERS: i64 = 256;

/// How many hosts of one caller a claim looks at.
const MAX_HOSTS: i64 = 256;

/// The callers whose turn comes next.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Those with due deliveries, the next one first.
    pub(super) due: Vec<String>,
    /// The last caller looked at, if there are more than [`MAX_CALLERS`].
    pub(super) cut_at: Option<String>,
}

/// The callers with pending deliveries that follow a caller, and when the first delivery of each is due.
pub(in crate::sql) fn callers_statement(includes_first: bool) -> String {
    let follows = if includes_first { ">=" } else { ">" };
    let next = |comparison: &str, than: &str| {
        format!(
            "(SELECT caller FROM deliveries WHERE state = 'pending' AND retry = $1 AND caller {comparison} {than} \
             ORDER BY caller LIMIT 1)"
        )
    };
    format!(
        "WITH RECURSIVE turns (caller, number) AS (SELECT {}, 1 UNION ALL SELECT {}, number + 1 FROM turns \
         WHERE caller IS NOT NULL AND number < $3) \
         SELECT caller, (SELECT next_at FROM deliveries WHERE state = 'pending' AND retry = $1 \
         AND (caller, next_at) >= (turns.caller, 0) ORDER BY caller, next_at LIMIT 1) AS next_at FROM turns WHERE caller IS NOT NULL",
        next(follows, "$2"),
        next(">", "turns.caller"),
    )
}

/// The hosts to which a caller has pending deliveries, and when the first one of each is due.
pub(in crate::sql) const HOSTS: &str = "WITH RECURSIVE hosts (host, number) AS (SELECT (SELECT host FROM deliveries \
     WHERE state = 'pending' AND retry = $1 AND caller = $2 ORDER BY host LIMIT 1), 1 \
     UNION ALL SELECT (SELECT host FROM deliveries WHERE state = 'pending' AND retry = $1 AND caller = $2 \
     AND host > hosts.host ORDER BY host LIMIT 1), number + 1 FROM hosts WHERE host IS NOT NULL AND number < $3) \
     SELECT host, (SELECT next_at FROM deliveries WHERE state = 'pending' AND retry = $1 AND caller = $2 \
     AND (host, next_at) >= (hosts.host, 0) ORDER BY host, next_at LIMIT 1) AS next_at FROM hosts WHERE host IS NOT NULL";

/// The callers with due deliveries in this lane, beginning with the one that follows `after`.
pub(super) async fn turns(
    connection: &mut AnyConnection,
    retry: i64,
    after: &str,
    now: i64,
) -> Result<Turns, Error> {
    let (mut turns, mut seen) = (Turns::default(), HashSet::new());
    // From there to the end, then from the start.
    for (start, includes_first) in [(after, false), ("", true)] {
        let left = MAX_CALLERS - seen.len() as i64;
        let text = AssertSqlSafe(callers_statement(includes_first));
        let rows = statement!(text, [retry, start.to_owned(), left]).fetch_all(&mut *connection).await?;
        let is_cut = rows.len() as i64 == left;
        for row in rows {
            let caller: String = row.try_get("caller")?;
            if !seen.insert(caller.clone()) {
                return Ok(turns);
            }
            turns.cut_at = is_cut.then(|| caller.clone());
            if row.try_get::<i64, _>("next_at")? <= now {
                turns.due.push(caller);
            }
        }
        if is_cut {
            return Ok(turns);
        }
    }
    Ok(turns)
}

/// The hosts to which a caller has due deliveries in this lane.
pub(super) async fn due_hosts(
    connection: &mut AnyConnection,
    retry: i64,
    caller: &str,
    now: i64,
) -> Result<Vec<String>, Error> {
    let rows = statement!(HOSTS, [retry, caller.to_owned(), MAX_HOSTS]).fetch_all(connection).await?;
    let mut hosts = Vec::new();
    for row in rows {
        if row.try_get::<i64, _>("next_at")? <= now {
            hosts.push(row.try_get("host")?);
        }
    }
    Ok(hosts)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use sqlx::Connection;

    use super::*;
    use crate::sql::{schema, sqlite};

    /// A database in which each of these callers has one pending delivery, due at the time of its number.
    async fn with_callers(folder: &std::path::Path, count: usize) -> AnyConnection {
        sqlx::any::install_default_drivers();
        let url = sqlite::url(&folder.join("turns.db")).unwrap();
        let mut connection = AnyConnection::connect(&url).await.unwrap();
        schema::migrate(&mut connection, &schema::MIGRATIONS).await.unwrap();
        let text = format!(
            "INSERT INTO deliveries (id, job_id, state, created_at, next_at, caller) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
             SELECT i, i, 'pending', 1, i, substr('0000' || i, -4) FROM n"
        );
        // Deliveries without jobs.
        sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut connection).await.unwrap();
        sqlx::query(AssertSqlSafe(text)).execute(&mut connection).await.unwrap();
        connection
    }

    #[tokio::test]
    async fn turns_go_round_from_one_caller_to_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = with_callers(folder.path(), 5).await;
        let after =
            async |connection: &mut AnyConnection, after| turns(connection, 0, after, 4).await.unwrap();
        let found = after(&mut connection, "0003").await;
        assert_eq!((found.due.join(" ").as_str(), found.cut_at), ("0004 0001 0002 0003", None));
        assert_eq!(after(&mut connection, "").await.due.join(" "), "0001 0002 0003 0004");
        assert_eq!(after(&mut connection, "9").await.due.join(" "), "0001 0002 0003 0004");
        assert!(turns(&mut connection, 1, "", 4).await.unwrap().due.is_empty());
    }

    #[tokio::test]
    async fn every_caller_gets_a_turn_however_many_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = with_callers(folder.path(), 600).await;
        let (mut after, mut seen) = (String::new(), HashSet::new());
        for _ in 0..3 {
            let found = turns(&mut connection, 0, &after, 600).await.unwrap();
            assert_eq!(found.due.len() as i64, MAX_CALLERS);
            after = found.cut_at.unwrap();
            seen.extend(found.due);
        }
        assert_eq!(seen.len(), 600);
    }
}
