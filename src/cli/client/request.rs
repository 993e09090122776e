//! One request to the service, and the parts of URLs that requests need.

use awc::http::Method;

use super::form::Form;

/// A request to the service.
#[derive(Debug)]
pub(in crate::cli) struct ApiRequest<'a> {
    pub(super) method: Method,
    /// The path with its query.
    pub(super) path: &'a str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) form: Option<&'a Form>,
}

impl<'a> ApiRequest<'a> {
    pub(in crate::cli) fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, headers: Vec::new(), form: None }
    }

    pub(in crate::cli) fn post(path: &'a str, form: Option<&'a Form>) -> Self {
        Self { method: Method::POST, path, headers: Vec::new(), form }
    }

    /// Authenticates as the operator.
    pub(in crate::cli) fn operator(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub(in crate::cli) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Adds the parameters that have a value to the path as its query.
pub(in crate::cli) fn path_with_query(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| value.map(|value| format!("{name}={value}")));
    format!("{path}?{}", given.collect::<Vec<_>>().join("&"))
}

/// Removes user and query from a URL, because passwords and tokens may be there.
pub(in crate::cli) fn masked(url: &str) -> String {
    let url = url.split_once('?').map_or(url, |(before, _)| before);
    let Some((before, host)) = url.rsplit_once('@') else { return url.to_owned() };
    let scheme = before.split_once("//").map_or("", |(scheme, _)| scheme);
    if scheme.is_empty() { format!("…@{host}") } else { format!("{scheme}//…@{host}") }
}
