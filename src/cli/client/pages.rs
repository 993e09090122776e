//! The operator's lists, a page after the other.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Ask, Client, ClientError};

/// Rows of a page at most.
const PAGE: u32 = 200;

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow, alias = "jobs", alias = "deliveries")]
    rows: Vec<&'a RawValue>,
    next_cursor: Option<String>,
}

impl Client {
    /// Up to `limit` rows of the list at this path, which has a query, as the operator; each is handed on as it comes.
    pub(in crate::cli) async fn rows(
        &self,
        path: &str,
        token: &str,
        limit: u32,
        mut take: impl FnMut(&RawValue) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        let (mut left, mut cursor) = (limit, String::new());
        while left > 0 {
            let path = format!("{path}&limit={}{cursor}", left.min(PAGE));
            let ask = Ask::get(&path).operator(token);
            let answer = self.get_ok(&ask).await?;
            let page: Page<'_> = serde_json::from_slice(&answer.body)
                .map_err(|error| ClientError::Strange(error.to_string()))?;
            page.rows.iter().try_for_each(|row| take(row))?;
            left = left.saturating_sub(page.rows.len() as u32);
            match page.next_cursor.filter(|_| !page.rows.is_empty()) {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        Ok(())
    }
}
