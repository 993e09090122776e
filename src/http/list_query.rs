//! Parses the queries of the operators' lists: filters, page size, and the cursor where the next page begins.

use huemill_actors::fault::Fault;

use super::content_negotiation::query_pairs;
use super::problem::invalid;

/// Default and maximum number of rows in a page.
const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

/// A query in which each name occurs once.
#[derive(Debug)]
pub(crate) struct ListQuery(Vec<(String, String)>);

impl ListQuery {
    /// Parses a query. Unknown names are ignored.
    pub(crate) fn parse(query: &str) -> Result<Self, Fault> {
        let pairs = query_pairs(query)?;
        for (at, (name, _)) in pairs.iter().enumerate() {
            if pairs[..at].iter().any(|(known, _)| known == name) {
                return Err(invalid("A query parameter was given more than once."));
            }
        }
        Ok(Self(pairs))
    }

    /// Refuses names other than these, for endpoints where a misspelt name must not be ignored.
    pub(crate) fn only(self, names: &[&str]) -> Result<Self, Fault> {
        match self.0.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            Some((name, _)) => Err(invalid(format!(
                "{name:?} is not a query parameter of this endpoint. Use: {}.",
                names.join(", ")
            ))),
            None => Ok(self),
        }
    }

    /// A value, parsed by `parse`. If that fails, the client gets `message`.
    pub(crate) fn value<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        message: impl FnOnce() -> String,
    ) -> Result<Option<T>, Fault> {
        let value = self.0.iter().find(|(known, _)| known == name);
        value.map(|(_, value)| parse(value).ok_or_else(|| invalid(message()))).transpose()
    }

    /// A value that must be one of `all`, as `word` spells them.
    pub(crate) fn word<T: Copy>(
        &self,
        name: &str,
        all: &[T],
        word: impl Fn(T) -> &'static str,
    ) -> Result<Option<T>, Fault> {
        let words = || all.iter().map(|one| word(*one)).collect::<Vec<_>>().join(", ");
        let parse = |value: &str| all.iter().copied().find(|one| word(*one) == value);
        self.value(name, parse, || format!("`{name}` must be one of {}.", words()))
    }

    /// The number of rows in the page.
    pub(crate) fn limit(&self) -> Result<u32, Fault> {
        let parse = |value: &str| value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        let limit =
            self.value("limit", parse, || format!("`limit` must be a whole number from 1 to {MAX_LIMIT}."))?;
        Ok(limit.unwrap_or(DEFAULT_LIMIT))
    }

    /// The id that ended the previous page, parsed by `parse`.
    pub(crate) fn cursor<T>(&self, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Fault> {
        let decode = |cursor: &str| {
            let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(cursor).ok()?;
            parse(std::str::from_utf8(&bytes).ok()?)
        };
        self.value("cursor", decode, || {
            "`cursor` must be the next_cursor of an earlier page, unchanged.".into()
        })
    }
}

/// Cuts rows to `limit`, of which one more was read, and returns the cursor of the next page if there is one. The cursor
/// is opaque to clients.
pub(crate) fn cut_page<T>(rows: &mut Vec<T>, limit: u32, id: impl Fn(&T) -> &str) -> Option<String> {
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    rows.last().filter(|_| has_more).map(|row| base64_simd::URL_SAFE_NO_PAD.encode_to_string(id(row)))
}

#[cfg(test)]
mod tests {
    use huemill_actors::fault::Code;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_cursor_of_a_full_page_names_its_last_row() {
        let mut rows = vec!["c", "b", "a"];
        let cursor = cut_page(&mut rows, 2, |row| row).unwrap();
        assert_eq!(rows, ["c", "b"]);
        let query = ListQuery::parse(&format!("cursor={cursor}")).unwrap();
        assert_eq!(query.cursor(|id| Some(id.to_owned())).unwrap().as_deref(), Some("b"));
        assert_eq!(cut_page(&mut rows, 2, |row| row), None);
        assert_eq!(cut_page(&mut Vec::<&str>::new(), 2, |row| row), None);
    }

    #[test]
    fn the_limit_is_a_number_from_one_to_two_hundred() {
        let limit =
            |query| ListQuery::parse(query).and_then(|query| query.limit()).map_err(|fault| fault.code);
        assert_eq!((limit(""), limit("limit=1"), limit("limit=200")), (Ok(50), Ok(1), Ok(200)));
        for query in ["limit=0", "limit=201", "limit=-1", "limit=x", "limit=", "limit=5&limit=5"] {
            assert_eq!(limit(query), Err(Code::InvalidInput), "{query}");
        }
    }

    proptest! {
        #[test]
        fn no_query_causes_a_panic(query in "[ -~]{0,80}") {
            if let Ok(query) = ListQuery::parse(&query) {
                let _ = (query.limit(), query.cursor(|id| Some(id.len())));
            }
        }
    }
}
