//! Decides who may send a request: anybody, the holder of an access key with the right scope, or the operator. The
//! middleware asks once a request, before it is counted or routed; handlers read the answer from the context.
//!
//! In open mode only the operators' routes want a credential, and all others ignore it, since clients behind proxies may
//! send anything in `Authorization`. In keys mode every route wants one but those for [`Audience::Everyone`].

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use huemill_actors::access::{KeyRing, Token};
use huemill_actors::fault::{Code, Fault};
use huemill_store::Caller;
use huemill_store::access_key::{AccessKey, KeyLimits, Scope};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::connection::Surface;
use super::route::{self, Audience, Route};
use crate::settings::AccessMode;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

const WANTED: &str =
    "This service requires an API key. Send it as \"Authorization: Bearer hm_…\" or as X-API-Key.";

/// Who sends a request.
#[derive(Debug, Clone, Default)]
pub(crate) enum Identity {
    /// Any client, where no key is required.
    Open,
    /// A client without a key, where one is required: only a signed link allows anything.
    #[default]
    Unidentified,
    /// The holder of this key.
    Key(Arc<AccessKey>),
    /// The operator.
    Operator,
}

/// The SHA-256 of the operator's token, which works like an access key with all scopes. Only this is kept.
#[derive(Debug)]
pub(crate) struct OperatorToken([u8; 32]);

impl OperatorToken {
    /// The configured or generated token.
    pub(crate) fn new(token: &SecretString) -> Self {
        Self(Sha256::digest(token.expose_secret()).into())
    }

    /// Whether a request bears the token.
    pub(crate) fn is(&self, credential: &[u8]) -> bool {
        // Digests have one length, so the time of the comparison does not even reveal the token's length.
        Sha256::digest(credential).as_slice().ct_eq(&self.0).into()
    }
}

/// Checks credentials.
pub(crate) struct Access {
    mode: AccessMode,
    keys: KeyRing,
    operator: OperatorToken,
}

impl Access {
    pub(crate) fn new(mode: AccessMode, keys: KeyRing, operator: OperatorToken) -> Self {
        Self { mode, keys, operator }
    }

    /// Who a route is for with this method. The operators' own listener is for those who can reach it, as far as monitoring
    /// goes; what has moved there is a 404 for everybody on the public one.
    pub(crate) fn audience(&self, route: &Route, method: &Method, surface: Surface) -> Audience {
        let audience = match *method {
            Method::GET | Method::HEAD => route.read,
            Method::POST | Method::DELETE => route.write,
            _ => Audience::Everyone,
        };
        let has_moved = match audience {
            Audience::Operators | Audience::Users(Scope::Operator) => true,
            Audience::Owners(_) => self.mode == AccessMode::Open,
            _ => false,
        };
        let is_open = match surface {
            Surface::Public => has_moved,
            Surface::Operations => *route == route::METRICS,
            Surface::Everything => false,
        };
        if is_open { Audience::Everyone } else { audience }
    }

    /// Whether keys are in force.
    pub(crate) fn has_keys(&self) -> bool {
        self.mode == AccessMode::Keys
    }

    /// Who sends a request with these headers and this query to a route for this audience.
    ///
    /// # Errors
    /// `UNAUTHORIZED` if a credential is missing or not valid, `FORBIDDEN` if its scopes do not allow this.
    pub(crate) async fn identify(
        &self,
        audience: Audience,
        headers: &HeaderMap,
        query: &str,
    ) -> Result<Identity, Fault> {
        let scope = match (audience, self.mode) {
            (Audience::Everyone | Audience::Users(_) | Audience::Linked(_), AccessMode::Open) => {
                return Ok(Identity::Open);
            }
            (Audience::Everyone, AccessMode::Keys) => return Ok(Identity::Unidentified),
            (Audience::Owners(_), AccessMode::Open) | (Audience::Operators, _) => Scope::Operator,
            (Audience::Users(scope) | Audience::Linked(scope) | Audience::Owners(scope), _) => scope,
        };
        let Some(credential) = credential(headers) else {
            if matches!(audience, Audience::Linked(_)) && query.contains("signature=") {
                return Ok(Identity::Unidentified);
            }
            return Err(missing(scope));
        };
        let identity = self.holder(credential, scope).await?;
        match &identity {
            Identity::Key(key) if !key.scopes.allow(scope) => Err(lacking(scope)),
            _ => Ok(identity),
        }
    }

    async fn holder(&self, credential: &[u8], scope: Scope) -> Result<Identity, Fault> {
        // Most credentials are keys. The operator's token may look like one, too.
        match std::str::from_utf8(credential).ok().and_then(Token::parse) {
            Some(token) => match self.keys.find(&token).await {
                Err(_) if self.operator.is(credential) => Ok(Identity::Operator),
                found => found.map(Identity::Key),
            },
            None if self.operator.is(credential) => Ok(Identity::Operator),
            None if scope == Scope::Operator => {
                Err(Fault::new(Code::Unauthorized).with_cause("wrong bearer token"))
            }
            None => Err(Fault::new(Code::Unauthorized)
                .with_message("This API key is not valid. Check that you sent all of it.")
                .with_cause("no key has this form")),
        }
    }
}

impl Identity {
    /// Who its work belongs to, if a key says so.
    pub(crate) fn caller(&self) -> Option<Caller> {
        if let Self::Key(key) = self { Some(key.caller()) } else { None }
    }

    /// The key.
    pub(crate) fn key(&self) -> Option<&AccessKey> {
        if let Self::Key(key) = self { Some(key) } else { None }
    }

    /// The limits of its key.
    pub(crate) fn limits(&self) -> &KeyLimits {
        self.key().map_or(&KeyLimits::NONE, |key| &key.limits)
    }

    /// Whether it may see what belongs to this caller, if it knows the id.
    pub(crate) fn may_see(&self, owner: Caller) -> bool {
        match self {
            Self::Open | Self::Operator => true,
            Self::Unidentified => false,
            Self::Key(key) => key.scopes.allow(Scope::Operator) || key.caller() == owner,
        }
    }

    /// The only caller whose things it may list on a listener, or `None` if it may list all. Where operators have a
    /// listener of their own, no credential opens their views on the public one: a key lists what is its own there, and
    /// the operator's token, to which nothing belongs, finds nothing.
    ///
    /// # Errors
    /// `UNAUTHORIZED` without a key, which may list nothing, and `NOT_FOUND` for a view that has moved.
    pub(crate) fn only(&self, surface: Surface) -> Result<Option<Caller>, Fault> {
        match self {
            Self::Operator if surface == Surface::Public => Err(Code::NotFound.into()),
            Self::Open | Self::Operator => Ok(None),
            Self::Key(key) if key.scopes.allow(Scope::Operator) && surface != Surface::Public => Ok(None),
            Self::Key(key) => Ok(Some(key.caller())),
            Self::Unidentified => Err(missing(Scope::Operator)),
        }
    }

    /// Checks that it is not a client without a key whose link turned out to be invalid.
    ///
    /// # Errors
    /// `UNAUTHORIZED`.
    pub(crate) fn require_known(&self) -> Result<(), Fault> {
        if matches!(self, Self::Unidentified) { Err(missing(Scope::JobsRead)) } else { Ok(()) }
    }

    /// Checks that it may do what needs this scope besides that of the route.
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), Fault> {
        match self {
            Self::Key(key) if !key.scopes.allow(scope) => Err(lacking(scope)),
            Self::Unidentified => Err(missing(scope)),
            _ => Ok(()),
        }
    }
}

/// The bearer token (RFC 6750), or the key in `X-API-Key`.
fn credential(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
    bearer.or_else(|| headers.get(API_KEY).map(|value| value.as_bytes().trim_ascii()))
}

/// The token after `Bearer`. The scheme is case-insensitive (RFC 9110, 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

fn missing(scope: Scope) -> Fault {
    let fault = Fault::new(Code::Unauthorized).with_cause("no credential");
    if scope == Scope::Operator { fault } else { fault.with_detail(WANTED) }
}

fn lacking(scope: Scope) -> Fault {
    let scope = scope.as_str();
    Fault::new(Code::Forbidden)
        .with_message(format!("This API key lacks the scope \"{scope}\". Use a key that has it."))
        .with_cause(format!("the key lacks the scope {scope}"))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(name.clone(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn a_credential_is_a_bearer_token_or_an_api_key() {
        for (pairs, expected) in [
            (vec![(AUTHORIZATION, "Bearer a")], Some("a")),
            (vec![(AUTHORIZATION, "bearer  a ")], Some("a")),
            (vec![(API_KEY, " a")], Some("a")),
            (vec![(AUTHORIZATION, "Bearer a"), (API_KEY, "b")], Some("a")),
            (vec![(AUTHORIZATION, "Basic x"), (API_KEY, "b")], Some("b")),
            (vec![(AUTHORIZATION, "Basic x")], None),
            (vec![(AUTHORIZATION, "Bearer")], None),
            (vec![], None),
        ] {
            let headers = headers(&pairs);
            assert_eq!(credential(&headers), expected.map(str::as_bytes), "{pairs:?}");
        }
    }

    #[test]
    fn only_a_key_is_kept_from_what_is_not_its_own() {
        let somebody = Caller::parse("key:000000000001");
        assert!(Identity::Open.may_see(somebody) && Identity::Operator.may_see(somebody));
        assert!(!Identity::Unidentified.may_see(somebody));
        for surface in [Surface::Everything, Surface::Operations] {
            let all = [Identity::Open, Identity::Operator].map(|identity| identity.only(surface).unwrap());
            assert_eq!(all, [None, None]);
        }
        for (identity, code) in
            [(Identity::Unidentified, Code::Unauthorized), (Identity::Operator, Code::NotFound)]
        {
            assert_eq!(identity.only(Surface::Public).unwrap_err().code, code, "{identity:?}");
        }
    }

    #[test]
    fn only_the_token_passes() {
        let token = OperatorToken::new(&"the operator's token".into());
        assert!(token.is(b"the operator's token"));
        for other in ["", "the operator's toke", "the operator's tokens", "The operator's token", "ä"] {
            assert!(!token.is(other.as_bytes()), "{other}");
        }
    }
}
