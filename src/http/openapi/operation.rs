//! One operation of the document: what a row of the tables says, and what the service's own tables add to it, which are
//! the table of routes (who may call it) and that of error codes (how it can fail).

use actix_web::http::Method;
use huemill_actors::fault::Code;
use utoipa::openapi::HttpMethod;
use utoipa::openapi::ResponseBuilder;
use utoipa::openapi::path::{OperationBuilder, Parameter};
use utoipa::openapi::request_body::RequestBody;

use super::{parameters, responses, security};
use crate::http::route::{Audience, Route};
use crate::http::route_codes::{self, Checks};

/// Every check that settings can turn on: the document is that of all settings.
const ALL_CHECKS: Checks = Checks { keys: true, signatures: true };

/// A row of the tables.
pub(super) struct Row {
    pub route: Route,
    pub method: Method,
    /// A name that is a reserved word in no language.
    pub id: &'static str,
    pub tag: &'static str,
    pub summary: &'static str,
    pub description: &'static str,
    /// The parameters, apart from those of every operation.
    pub parameters: Vec<Parameter>,
    pub body: Option<RequestBody>,
    /// The good answers by status, and those that are no problem document.
    pub answers: Vec<(u16, ResponseBuilder)>,
}

impl Row {
    /// The method as the document writes it.
    pub(super) fn http_method(&self) -> HttpMethod {
        match self.method {
            Method::POST => HttpMethod::Post,
            Method::DELETE => HttpMethod::Delete,
            _ => HttpMethod::Get,
        }
    }

    fn audience(&self) -> Audience {
        if self.method == Method::GET { self.route.read } else { self.route.write }
    }

    /// The codes of the errors that it can answer with.
    pub(super) fn codes(&self) -> Vec<Code> {
        let mut codes = route_codes::of_method(&self.route, &self.method, ALL_CHECKS);
        codes.extend(route_codes::rare(&self.route, &self.method, ALL_CHECKS));
        let moves = matches!(
            self.audience(),
            Audience::Operators
                | Audience::Owners(_)
                | Audience::Users(huemill_store::access_key::Scope::Operator)
        );
        // On a listener that does not have it, or in a process that answers no users.
        if (moves || self.route.users) && !codes.contains(&Code::NotFound) {
            codes.push(Code::NotFound);
        }
        codes.sort_unstable_by_key(|code| code.as_str());
        codes.dedup();
        codes
    }

    /// The operation.
    pub(super) fn describe(self) -> OperationBuilder {
        let is_signed = route_codes::is_signed(&self.route, &self.method);
        let signed = is_signed.then(parameters::timestamp);
        let all = self.parameters.iter().cloned().chain(signed).chain([parameters::everywhere()]);
        let errors = responses::errors(&self.codes());
        let scope = security::scope_text(self.audience());
        let description: Vec<_> = std::iter::once(self.description.to_owned()).chain(scope).collect();
        let operation = OperationBuilder::new()
            .operation_id(Some(self.id))
            .tag(self.tag)
            .summary(Some(self.summary))
            .description(Some(description.join("\n\n")))
            .parameters(Some(all))
            .securities(Some(security::requirements(self.audience(), is_signed)))
            .request_body(self.body);
        let operation = errors
            .into_iter()
            .fold(operation, |operation, (status, error)| operation.response(status.to_string(), error));
        let answers = self.answers.into_iter();
        answers.fold(operation, |operation, (status, answer)| operation.response(status.to_string(), answer))
    }
}
