//! How clients authenticate: access keys, the operator's token, and signed requests. What an operation needs is in the
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
        .security_scheme(KEY, bearer("An access key (`hm_…`), where the settings require one."))
        .security_scheme(
            KEY_HEADER,
            header("X-API-Key", "The same key, for clients that cannot send `Authorization`."),
        )
        .security_scheme(OPERATOR, bearer("The operator token, which is a key with all scopes."))
        .security_scheme(SIGNATURE, header("X-Signature", signature))
}

/// What an operation for this audience needs, in each way that some settings want.
pub(super) fn requirements(audience: Audience, is_signed: bool) -> Vec<SecurityRequirement> {
    let key =
        |scope: Scope| [KEY, KEY_HEADER].map(|scheme| SecurityRequirement::new(scheme, [scope.as_str()]));
    let operator = || SecurityRequirement::new(OPERATOR, [] as [&str; 0]);
    let ways = match audience {
        Audience::Everyone => vec![SecurityRequirement::default()],
        Audience::Users(Scope::Operator) => {
            [&[SecurityRequirement::default(), operator()], &key(Scope::Operator)[..]].concat()
        }
        Audience::Users(scope) | Audience::Linked(scope) => {
            [&[SecurityRequirement::default()], &key(scope)[..]].concat()
        }
        Audience::Owners(scope) => [&[operator()], &key(scope)[..]].concat(),
        Audience::Operators => [&[operator()], &key(Scope::Operator)[..]].concat(),
    };
    let signed = |way: &SecurityRequirement| way.clone().add(SIGNATURE, [] as [&str; 0]);
    let signed: Vec<_> = ways.iter().filter(|_| is_signed).map(signed).collect();
    [ways, signed].concat()
}
