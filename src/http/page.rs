//! Pages of the operator's lists: what a query may ask for, and where the next page begins.

use huemill_actors::fault::{Code, Fault};

use super::negotiate;

/// Rows of a page where nothing is said, and at most.
const DEFAULT: u32 = 50;
const MOST: u32 = 200;

/// A query, each name of it once.
#[derive(Debug)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query. Names that nobody knows are nobody's concern.
    pub(crate) fn read(query: &str) -> Result<Self, Fault> {
        let pairs = negotiate::pairs(query)?;
        for (at, (name, _)) in pairs.iter().enumerate() {
            if pairs[..at].iter().any(|(known, _)| known == name) {
                return Err(invalid(format!("The query names {name} twice: send it once.")));
            }
        }
        Ok(Self(pairs))
    }

    /// Refuses names other than these: where a name that is misspelt must not be overlooked.
    pub(crate) fn only(self, names: &[&str]) -> Result<Self, Fault> {
        match self.0.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            Some((name, _)) => Err(invalid(format!(
                "{name:?} is not a query parameter of this endpoint. Use: {}.",
                names.join(", ")
            ))),
            None => Ok(self),
        }
    }

    /// A value by `parse`, which says `told` where it is none.
    pub(crate) fn value<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        told: impl FnOnce() -> String,
    ) -> Result<Option<T>, Fault> {
        let value = self.0.iter().find(|(known, _)| known == name);
        value.map(|(_, value)| parse(value).ok_or_else(|| invalid(told()))).transpose()
    }

    /// One of the words that `all` are spelled with.
    pub(crate) fn word<T: Copy>(
        &self,
        name: &str,
        all: &[T],
        word: impl Fn(T) -> &'static str,
    ) -> Result<Option<T>, Fault> {
        let words = || all.iter().map(|one| word(*one)).collect::<Vec<_>>().join(", ");
        let parse = |value: &str| all.iter().copied().find(|one| word(*one) == value);
        self.value(name, parse, || format!("{name} must be one of {}.", words()))
    }

    /// How many rows the page has.
    pub(crate) fn limit(&self) -> Result<u32, Fault> {
        let parse = |value: &str| value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
        let limit = self.value("limit", parse, || "limit must be a whole number from 1 to 200.".into())?;
        Ok(limit.unwrap_or(DEFAULT))
    }

    /// The id that ended the page before, as `parse` reads it.
    pub(crate) fn cursor<T>(&self, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Fault> {
        let behind = |cursor: &str| {
            let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(cursor).ok()?;
            parse(std::str::from_utf8(&bytes).ok()?)
        };
        self.value("cursor", behind, || {
            "cursor must be the next_cursor of an earlier page, as it was.".into()
        })
    }
}

/// Cuts rows to `limit`, of which one more was asked for: where the next page begins, if there is one. The cursor is
/// one word that says nothing.
pub(crate) fn cut<T>(rows: &mut Vec<T>, limit: u32, id: impl Fn(&T) -> &str) -> Option<String> {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    rows.last().filter(|_| more).map(|row| base64_simd::URL_SAFE_NO_PAD.encode_to_string(id(row)))
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
    Fault::new(Code::InvalidInput).with_message(message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_row_of_a_full_page_is_where_the_next_one_begins() {
        let mut rows = vec!["c", "b", "a"];
        let cursor = cut(&mut rows, 2, |row| row).unwrap();
        assert_eq!(rows, ["c", "b"]);
        let query = Query::read(&format!("cursor={cursor}")).unwrap();
        assert_eq!(query.cursor(|id| Some(id.to_owned())).unwrap().as_deref(), Some("b"));
        assert_eq!(cut(&mut rows, 2, |row| row), None);
        assert_eq!(cut(&mut Vec::<&str>::new(), 2, |row| row), None);
    }

    #[test]
    fn a_limit_is_a_number_from_one_to_two_hundred() {
        let limit = |query| Query::read(query).and_then(|query| query.limit()).map_err(|fault| fault.code);
        assert_eq!((limit(""), limit("limit=1"), limit("limit=200")), (Ok(50), Ok(1), Ok(200)));
        for query in ["limit=0", "limit=201", "limit=-1", "limit=x", "limit=", "limit=5&limit=5"] {
            assert_eq!(limit(query), Err(Code::InvalidInput), "{query}");
        }
    }

    proptest! {
        #[test]
        fn no_query_panics(query in "[ -~]{0,80}") {
            if let Ok(query) = Query::read(&query) {
                let _ = (query.limit(), query.cursor(|id| Some(id.len())));
            }
        }
    }
}
