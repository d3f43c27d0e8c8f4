//! What older generations of the vendor's SDK need otherwise than the contract says.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Serialize;
use serde_json::Value;

use crate::error::HubError;
use crate::server::AppState;
use crate::server::respond::Failure;

/// How the vendor's TypeScript SDK names itself, followed by its version.
const TYPESCRIPT_SDK: &str = "speakeasy-sdk/typescript ";
/// Its first version that takes an organisation's id as text (contract section 3.4).
const TEXT_SINCE: (u32, u32) = (4, 34);
/// The organisation of every project of a hub of one's own, as a number.
const ORGANIZATION: u32 = 1;

/// Which generation of the wire the client reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    /// The contract's.
    Present,
    /// One whose organisations have numbers.
    Numbered,
}

/// A connect session as some generation reads it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Session<'a, T> {
    Present(&'a T),
    Numbered(Value),
}

impl Generation {
    fn of(user_agent: &str) -> Self {
        let version = user_agent.strip_prefix(TYPESCRIPT_SDK);
        let version = version.and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        let mut parts = version.split('.').map(str::parse::<u32>);
        match (parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor))) if (major, minor) < TEXT_SINCE => Self::Numbered,
            _ => Self::Present,
        }
    }

    /// A connect session as this generation reads it.
    pub(super) fn session<T: Serialize>(self, session: &T) -> Result<Session<'_, T>, HubError> {
        if self == Self::Present {
            return Ok(Session::Present(session));
        }
        let mut value = serde_json::to_value(session)
            .map_err(HubError::internal("an answer can't be written"))?;
        value["organization_id"] = ORGANIZATION.into();
        Ok(Session::Numbered(value))
    }
}

impl FromRequestParts<AppState> for Generation {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Failure> {
        let agent = parts.headers.get(http::header::USER_AGENT);
        Ok(Self::of(agent.and_then(|agent| agent.to_str().ok()).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::Generation;

    #[test]
    fn only_old_versions_of_the_sdk_get_numbers() {
        let of = |version: &str| Generation::of(&format!("speakeasy-sdk/typescript {version} 2.7"));
        assert_eq!(of("4.28.0"), Generation::Numbered);
        assert_eq!(of("3.99.1"), Generation::Numbered);
        assert_eq!(of("4.34.1"), Generation::Present);
        assert_eq!(of("x"), Generation::Present);
        assert_eq!(Generation::of("curl/8"), Generation::Present);
        let session = serde_json::json!({ "organization_id": "local" });
        let read = |generation: Generation| {
            serde_json::to_value(generation.session(&session).unwrap()).unwrap()
        };
        let numbered = read(Generation::Numbered);
        assert_eq!(numbered["organization_id"], 1);
        assert_eq!(read(Generation::Present), session);
    }
}
