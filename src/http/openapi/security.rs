//! How clients authenticate: API keys, the operator's token, and signed requests. What an operation needs is in the
//! table of routes. Most of it depends on the settings: in open mode, users need nothing, and requests are signed only
//! where the settings require it. So an operation lists each way that may be right.

use huemill_store::access_key::Scope;
use utoipa::openapi::SecurityRequirement;
use utoipa::openapi::schema::ComponentsBuilder;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::http::route::Audience;

const KEY: &str = "accessKey";
const KEY_HEADER: &str = "accessKeyHeader";
const OPERATOR: &str = "operatorToken";
const SIGNATURE: &str = "requestSignature";

/// Adds all schemes.
pub(super) fn add(components: ComponentsBuilder) -> ComponentsBuilder {
    let bearer = |description: &str| {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description));
        SecurityScheme::Http(scheme.build())
    };
    let header = |name: &str, description: &str| {
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, description)))
    };
    let signature = "Where the settings require signed requests: `sha256=` and the HMAC-SHA256 in hex, with the webhook \
                     secret, of the time in `X-Timestamp`, the method, the path without the query, and the SHA-256 of the \
                     body in hex, each on a line of its own. `X-Request-Id` is the nonce: neither it nor the signature is \
                     accepted twice.";
    components
        .security_scheme(KEY, bearer("An API key (`hm_…`), where the settings require one."))
        .security_scheme(
            KEY_HEADER,
            header("X-API-Key", "The same key, for clients that cannot send `Authorization`."),
        )
        .security_scheme(OPERATOR, bearer("The operator token, which is a key with all scopes."))
        .security_scheme(SIGNATURE, header("X-Signature", signature))
}

/// What an operation for this audience needs, in each way that some settings want.
pub(super) fn requirements(audience: Audience, is_signed: bool) -> Vec<SecurityRequirement> {
    let needs = |scheme: &str| SecurityRequirement::new(scheme, [] as [&str; 0]);
    let (nothing, operator) = (SecurityRequirement::default(), needs(OPERATOR));
    let keys = [needs(KEY), needs(KEY_HEADER)];
    let ways = match audience {
        Audience::Everyone => vec![nothing],
        Audience::Users(Scope::Operator) => [&[nothing, operator], &keys[..]].concat(),
        Audience::Users(_) | Audience::Linked(_) => [&[nothing], &keys[..]].concat(),
        Audience::Owners(_) | Audience::Operators => [&[operator], &keys[..]].concat(),
    };
    let signed = |way: &SecurityRequirement| way.clone().add(SIGNATURE, [] as [&str; 0]);
    let signed: Vec<_> = ways.iter().filter(|_| is_signed).map(signed).collect();
    [ways, signed].concat()
}

/// What a key must allow for an operation for this audience, in words.
pub(super) fn scope_text(audience: Audience) -> Option<String> {
    let scope = match audience {
        Audience::Everyone => return None,
        Audience::Users(scope) | Audience::Linked(scope) | Audience::Owners(scope) => scope,
        Audience::Operators => Scope::Operator,
    };
    Some(format!("Where API keys are in force, it needs one with the scope `{}`.", scope.as_str()))
}
