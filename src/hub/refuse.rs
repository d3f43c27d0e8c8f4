//! Words for the rules' refusals and for failures of providers; the only place where they are made.

use std::net::IpAddr;

use serde_json::json;

use crate::domain::caller::Permission;
use crate::domain::connector::exposure::{self, Exposure};
use crate::domain::ids::{AccountId, AuthConfigId};
use crate::domain::names::ConnectorKey;
use crate::domain::oauth::refusal;
use crate::domain::provider_failure::{Class, ProviderFailure};
use crate::domain::refusal::{Problem, Refusal, Touch};
use crate::domain::time::Timestamp;
use crate::domain::words::counted;
use crate::error::{Code, HubError, codes};

/// How a network is allowed that is not public, or that is called without encryption; where the
/// host is an address, that alone.
pub(super) fn allow(host: Option<&str>) -> String {
    let address = host.filter(|host| host.parse::<IpAddr>().is_ok());
    let network = address.unwrap_or("CIDR");
    format!(
        "hubctl config set allow_targets {network} # of a server, hubctl serve --allow-target {network}"
    )
}

/// What a provider's failure is told as: `provider.refused`, `provider.misconfigured`,
/// `provider.unreachable`, `provider.unknown_host`, `provider.rate_limited`, `provider.blocked` or
/// `provider.bad_answer`.
pub(super) fn provider_error(failure: ProviderFailure) -> HubError {
    let text = failure.told();
    let ProviderFailure { class, status, code: provider_code, retry_at, host, .. } = failure;
    let code = match class {
        Class::Refused => &codes::PROVIDER_REFUSED,
        Class::Configuration => &codes::PROVIDER_MISCONFIGURED,
        Class::Transient if refusal::is_limit(status, provider_code.as_deref()) => {
            &codes::PROVIDER_RATE_LIMITED
        }
        Class::Transient
            if status.is_none()
                && provider_code.as_deref() == Some(codes::PROVIDER_HOST_UNKNOWN.name) =>
        {
            &codes::PROVIDER_HOST_UNKNOWN
        }
        Class::Transient => &codes::PROVIDER_UNREACHABLE,
        Class::Blocked | Class::Foreign => &codes::PROVIDER_BLOCKED,
        Class::BadAnswer => &codes::PROVIDER_BAD_ANSWER,
    };
    // No provider has said that.
    let provider_code = provider_code.filter(|_| code.name != codes::PROVIDER_HOST_UNKNOWN.name);
    let error = HubError::new(code, text).detail(json!({
        "provider_status": status,
        "provider_code": provider_code,
        "retry_at": retry_at,
    }));
    if class == Class::Blocked { error.hint(allow(host.as_deref())) } else { error }
}

impl From<Refusal> for HubError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::HasAccounts { accounts } => {
                let verb = if accounts == 1 { "uses" } else { "use" };
                let text =
                    format!("{} {verb} this auth config", counted(accounts, "linked account"));
                Self::new(&codes::AUTH_CONFIG_HAS_ACCOUNTS, text)
                    .detail(json!({ "accounts": accounts }))
            }
            Refusal::IsDefault { sibling } => {
                let text =
                    "it is the connector's default, and the connector has other auth configs";
                Self::new(&codes::AUTH_CONFIG_IS_DEFAULT, text)
                    .hint(format!("hubctl connectors make-default {sibling}"))
            }
            Refusal::NotSetUp { connector } => {
                let text = format!("connector `{connector}` is not set up in this project");
                Self::new(&codes::CONNECTOR_NOT_ENABLED, text)
                    .hint(format!("hubctl connectors enable {connector}"))
            }
            Refusal::Disabled { connector, auth_config } => {
                let text =
                    format!("connector `{connector}` is disabled (auth config {auth_config})");
                Self::new(&codes::CONNECTOR_NOT_ENABLED, text)
                    .hint(format!("hubctl connectors enable {auth_config}"))
            }
            Refusal::WrongConnector { named, actual } => {
                let text = format!("the auth config belongs to `{actual}`, not to `{named}`");
                Self::new(&codes::AUTH_CONFIG_MISMATCH, text)
                    .hint(format!("hubctl connectors list --search {named}"))
            }
            Refusal::OtherMethod { account, own, named, auth_config } => {
                let text = format!(
                    "the account has credentials for `{own}`, and auth config {auth_config} needs \
                     some for `{named}`: it has to be linked again there"
                );
                Self::new(&codes::ACCOUNT_STATE, text).hint(link_again(&account, &auth_config))
            }
            Refusal::Elsewhere { account, origin, auth_config } => {
                let text = format!(
                    "the account's credentials are for another host than {origin}, to which calls \
                     of auth config {auth_config} go: it has to be linked again there"
                );
                Self::new(&codes::ACCOUNT_STATE, text).hint(link_again(&account, &auth_config))
            }
            Refusal::Exposes { connector, exposure } => exposes(&connector, &exposure),
            Refusal::Invalid(problems) => invalid(&codes::BAD_VALUE, &problems),
            Refusal::SessionInvalid(problems) => invalid(&codes::SESSION_INVALID, &problems),
            Refusal::KeyInvalid(Problem { field, message }) => {
                Self::new(&codes::API_KEY_INVALID, format!("{field}: {message}"))
                    .detail(json!({ "field": field, "message": message }))
            }
            Refusal::WebhookInvalid(Problem { field, message }) => {
                Self::new(&codes::WEBHOOK_INVALID, format!("{field}: {message}"))
                    .detail(json!({ "field": field, "message": message }))
            }
            Refusal::NoNextSecret => {
                let text = "the webhook has no next secret that could become the active one";
                Self::new(&codes::WEBHOOK_STATE, text).hint("hubctl webhooks rotate-secret ID")
            }
            Refusal::NextSecretWaits { webhook, since } => {
                let text = format!(
                    "two secrets of the webhook are live: the next one has waited since {since} to \
                     become the active one, and another one would take its place"
                );
                let rotate = format!("hubctl webhooks rotate-secret {webhook}");
                Self::new(&codes::WEBHOOK_STATE, text)
                    .hint(format!("{rotate} --activate # or, if it was lost, {rotate} --yes"))
            }
            Refusal::FormerSecretSigns { webhook, since } => {
                let text = format!(
                    "two secrets of the webhook are live: the former one has signed beside the \
                     active one since {since}, until the change is finished"
                );
                Self::new(&codes::WEBHOOK_STATE, text)
                    .hint(format!("hubctl webhooks rotate-secret {webhook} --finish"))
            }
            Refusal::WebhookDisabled => {
                Self::new(&codes::WEBHOOK_STATE, "the webhook is disabled: nothing is sent to it")
                    .hint("hubctl webhooks enable ID")
            }
            Refusal::ScopesExceeded { lacking } => {
                let text = format!("a key can't have scopes that its maker lacks: {lacking}");
                Self::new(&codes::FORBIDDEN, text)
            }
            Refusal::OutlivesMaker { end, left_s } => outlives(end, left_s),
            Refusal::Archived => Self::new(&codes::ACCOUNT_STATE, "the account is archived")
                .hint("hubctl accounts list --status archived"),
            Refusal::TooMany { affected, touch, limit } => {
                let accounts = counted(affected, "linked account");
                let becomes = becomes(touch);
                let text = format!("{accounts} would {becomes}, the limit given is {limit}");
                Self::new(&codes::TOO_MANY_AFFECTED, text)
                    .detail(json!({ "affected_accounts": affected, "limit": limit }))
            }
        }
    }
}

/// What accounts would do, or what would be done to them.
const fn becomes(touch: Touch) -> &'static str {
    match touch {
        Touch::Deactivate => "become inactive",
        Touch::Activate => "become active",
        Touch::Update => "be changed",
        Touch::Relink => "be linked again",
        Touch::Suspend => "be suspended",
        Touch::Resume => "be resumed",
        Touch::Test => "be tested",
        Touch::Refresh => "get new tokens",
        Touch::Redefine => "use another definition",
        Touch::Delete => "be deleted",
    }
}

/// What somebody is told who lacks a right. No key makes one that may do more than itself.
pub(super) fn lacks(permission: Permission, text: String) -> HubError {
    let scope = permission.as_str();
    HubError::new(&codes::FORBIDDEN, text).detail(json!({ "scope": scope })).hint(format!(
        "ask an administrator for a key: hubctl keys create NAME --scope {scope} # with the other \
         scopes that it needs"
    ))
}

/// What the holder of a key that ends is told who wants one that works longer.
fn outlives(end: Timestamp, left_s: i64) -> HubError {
    let text = format!("a key can't work longer than its maker, which ends at {end}");
    let error = HubError::new(&codes::FORBIDDEN, text)
        .detail(json!({ "field": "expires_in", "latest": end }));
    match left_s {
        0 => error,
        _ => error.hint(format!("hubctl keys create NAME --expires-in {left_s} # or less")),
    }
}

/// What somebody is told who may not let a definition have stored secrets.
fn exposes(connector: &ConnectorKey, exposure: &Exposure) -> HubError {
    let (deeds, scope) = (exposure.deeds(connector).join(" and "), exposure::RIGHT.as_str());
    lacks(
        exposure::RIGHT,
        format!("the definition {deeds}: this needs the scope `{scope}` as well"),
    )
}

/// How an account is linked anew through an auth config.
fn link_again(account: &AccountId, auth_config: &AuthConfigId) -> String {
    format!("hubctl link create --account {account} --auth-config {auth_config}")
}

fn invalid(code: &'static Code, problems: &[Problem]) -> HubError {
    let text: Vec<String> =
        problems.iter().map(|problem| format!("{}: {}", problem.field, problem.message)).collect();
    let error = HubError::new(code, text.join("; "));
    problems.iter().fold(error, |error, problem| {
        error.detail(json!({ "field": problem.field, "message": problem.message }))
    })
}

#[cfg(test)]
mod tests {
    use super::{Class, ProviderFailure, codes, provider_error};

    #[test]
    fn what_allows_an_address_can_be_pasted() {
        let blocked = |host: &str| {
            let failure = ProviderFailure::new(Class::Blocked, "it is not called").of_host(host);
            provider_error(failure).hint_text().unwrap().to_owned()
        };
        let hint = "hubctl config set allow_targets 127.0.0.2 # of a server, hubctl serve \
                    --allow-target 127.0.0.2";
        assert_eq!(blocked("127.0.0.2"), hint);
        // Whose address is another one tomorrow.
        assert!(blocked("provider.example").contains(" allow_targets CIDR #"));
    }

    #[test]
    fn a_name_that_nobody_has_is_told_apart_from_a_provider_that_is_away() {
        let failure = ProviderFailure::new(Class::Transient, "no machine is known");
        let name = Some(codes::PROVIDER_HOST_UNKNOWN.name.to_owned());
        let code = |failure| provider_error(failure).code().name;
        assert_eq!(code(failure.clone()), "provider.unreachable");
        let unknown = failure.with_code(name);
        assert_eq!(code(unknown.clone()), "provider.unknown_host");
        // A provider that answers is known.
        assert_eq!(code(unknown.with_status(503)), "provider.unreachable");
    }

    #[test]
    fn too_many_calls_are_told_by_the_status_or_by_the_providers_code() {
        let code = |status, code: &str| {
            let failure = ProviderFailure::new(Class::Transient, code).with_status(status);
            provider_error(failure.with_code(Some(code.to_owned()))).code().name
        };
        assert_eq!(code(429, "invalid_grant"), "provider.rate_limited");
        assert_eq!(code(200, "ratelimited"), "provider.rate_limited");
        assert_eq!(code(403, "userRateLimitExceeded"), "provider.rate_limited");
        assert_eq!(code(503, "temporarily_unavailable"), "provider.unreachable");
    }
}
