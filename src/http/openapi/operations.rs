//! The table of operations: one row for each route and method, apart from HEAD and OPTIONS, which every route answers in
//! the same way. Pages are not among them. A test holds it to the table of routes, both ways.

mod files;
mod jobs;
mod monitoring;
mod operators;
mod pictures;

use utoipa::openapi::{PathItem, Paths, PathsBuilder};

use super::operation::Row;

/// All rows, in the order of the document.
fn rows() -> Vec<Row> {
    [pictures::rows(), jobs::rows(), files::rows(), operators::rows(), monitoring::rows()]
        .into_iter()
        .flatten()
        .collect()
}

/// The paths of the document.
pub(super) fn paths() -> Paths {
    let add = |paths: PathsBuilder, row: Row| {
        let (path, method) = (row.route.path, row.http_method());
        paths.path(path, PathItem::new(method, row.describe()))
    };
    rows().into_iter().fold(PathsBuilder::new(), add).build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use actix_web::http::Method;

    use super::*;
    use crate::http::{route, route_codes};

    #[test]
    fn every_route_has_an_operation_for_each_method_and_every_operation_has_a_route() {
        // Generated clients have no use for pages.
        let of_clients = route::ALL.iter().filter(|route| !route::PAGES.contains(route));
        let of_routes = of_clients.flat_map(|route| {
            let methods = route.allow.split(", ").filter(|method| !["HEAD", "OPTIONS"].contains(method));
            methods.map(|method| (route.path, method.to_owned()))
        });
        let rows = rows();
        let described: Vec<_> =
            rows.iter().map(|row| (row.route.path, row.method.as_str().to_owned())).collect();
        let once: BTreeSet<_> = described.iter().cloned().collect();
        assert_eq!(once.len(), described.len(), "an operation is there twice");
        assert_eq!(once, of_routes.collect());
    }

    #[test]
    fn an_operation_has_a_name_of_its_own_that_no_language_reserves() {
        let rows = rows();
        let names: BTreeSet<_> = rows.iter().map(|row| row.id).collect();
        assert_eq!(names.len(), rows.len());
        for name in names {
            let is_camel_case = name.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && name.starts_with(|first: char| first.is_ascii_lowercase())
                && name.contains(|letter: char| letter.is_ascii_uppercase());
            // No language reserves two words that are written as one.
            assert!(is_camel_case, "{name}");
        }
    }

    #[test]
    fn every_path_parameter_is_described_and_no_other() {
        for row in rows() {
            let segments = row.route.path.split('/').filter_map(|segment| segment.strip_prefix('{'));
            let expected: Vec<_> = segments.map(|name| name.trim_end_matches('}')).collect();
            let is_in_path = |parameter: &&utoipa::openapi::path::Parameter| {
                parameter.parameter_in == utoipa::openapi::path::ParameterIn::Path
            };
            let found: Vec<_> =
                row.parameters.iter().filter(is_in_path).map(|parameter| &*parameter.name).collect();
            assert_eq!(found, expected, "{}", row.id);
        }
    }

    #[test]
    fn the_statuses_that_the_metrics_expect_are_described() {
        for row in rows() {
            let described = row.answers.iter().map(|(status, _)| *status);
            let of_errors = row.codes().into_iter().map(|code| crate::http::problem::status(code).as_u16());
            let described: BTreeSet<u16> = described.chain(of_errors).collect();
            let known = route_codes::successes(&row.route, &row.method);
            assert!(known.iter().all(|status| described.contains(status)), "{}: {known:?}", row.id);
        }
        assert!(rows().iter().any(|row| row.method == Method::DELETE));
    }
}
