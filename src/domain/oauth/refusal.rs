//! What refusals mean: one table over the spellings of the standard and of the vendors (OA-14).

use serde_json::Value;

use crate::domain::provider_failure::{Class, ProviderFailure};
use crate::domain::provider_reason;

/// Codes by what they mean; compared in lower case.
#[rustfmt::skip]
const CODES: &[(Class, &[&str])] = &[
    // The grant is dead: a person has to log in again.
    (Class::Refused, &[
        "invalid_grant", "access_denied", "interaction_required", "consent_required",
        "login_required", "invalid_token", "token_expired", "expired_token", "token_revoked",
        // GitHub
        "bad_verification_code", "bad_refresh_token",
        // Slack
        "invalid_code", "code_already_used", "code_expired", "invalid_refresh_token",
        "account_inactive", "invalid_auth", "not_authed", "refresh_token_expired",
        // Salesforce
        "inactive_user", "inactive_org",
        // HubSpot
        "bad_auth_code", "missing_refresh_token",
        "invalid_credentials", "invalid_user_credentials", "invalid_username_or_password",
        "invalid_login", "unauthorized", "unauthenticated",
    ]),
    // The hub's application or the form of the call is refused: the administrator's to repair.
    (Class::Configuration, &[
        "invalid_client", "unauthorized_client", "invalid_scope", "unsupported_grant_type",
        "unsupported_response_type", "invalid_request", "invalid_target", "invalid_redirect_uri",
        "redirect_uri_mismatch", "invalid_resource",
        // GitHub
        "incorrect_client_credentials", "application_suspended",
        // Google
        "deleted_client", "disabled_client", "org_internal", "admin_policy_enforced",
        // Salesforce
        "invalid_client_id", "invalid_client_credentials", "invalid_app_access",
        // Slack
        "bad_client_secret", "bad_redirect_uri", "oauth_authorization_url_mismatch",
        "invalid_team_for_non_distributed_app",
        // Zoho
        "invalid_client_secret",
        // HubSpot
        "bad_client_id",
    ]),
    (Class::Transient, LIMITS),
    (Class::Transient, &[
        "temporarily_unavailable", "server_error", "internal_failure", "internal_error",
        "service_unavailable", "fatal_error", "unknown_error",
        // Google
        "backenderror",
    ]),
];

/// The codes that say that there were too many calls.
#[rustfmt::skip]
const LIMITS: &[&str] = &[
    "slow_down", "rate_limited", "ratelimited", "rate_limit_exceeded", "too_many_requests",
    "request_limit_exceeded",
    // Google
    "ratelimitexceeded", "userratelimitexceeded", "quotaexceeded", "dailylimitexceeded",
];

/// Words by which a refusal without a known code tells itself, and what they mean.
const WORDS: &[(Class, &[&str])] = &[
    (Class::Transient, &["rate limit", "too many requests", "try again later"]),
    (
        Class::Configuration,
        &["client_id", "client id", "client secret", "client_secret", "redirect"],
    ),
];

/// What the provider's code says, or its words where the code is not known.
fn told(code: Option<&str>, words: Option<&str>) -> Option<Class> {
    let by_code = || {
        let code = code?.to_lowercase();
        CODES.iter().find(|(_, codes)| codes.contains(&&*code)).map(|(class, _)| *class)
    };
    let by_words = || {
        let words = words?.to_lowercase();
        let has = |parts: &&[&str]| parts.iter().any(|part| words.contains(part));
        WORDS.iter().find(|(_, parts)| has(parts)).map(|(class, _)| *class)
    };
    by_code().or_else(by_words)
}

/// Whether a refusal of any call says of itself that it may pass, such as one for too many calls:
/// then it is none of the credentials (OA-14).
#[must_use]
pub fn may_pass(code: Option<&str>, words: Option<&str>) -> bool {
    told(code, words) == Some(Class::Transient)
}

/// Whether a refusal is one for too many calls, whatever its status: some vendors say so beside 200.
#[must_use]
pub fn is_limit(status: Option<u16>, code: Option<&str>) -> bool {
    let told = |code: &str| LIMITS.contains(&&*code.to_lowercase());
    status == Some(429) || code.is_some_and(told)
}

/// What a refusal of a token end point means. `users_own` says that the end user filled in the
/// client's id: then its refusal is a matter of the account. A refusal without code and words may be
/// a page of whatever stands before the end point, such as a wall or a notice of maintenance: it
/// says nothing about the grant unless its status is one that the standard has for that.
#[must_use]
pub fn class(status: u16, code: Option<&str>, words: Option<&str>, users_own: bool) -> Class {
    if status >= 500 || matches!(status, 408 | 425 | 429) {
        return Class::Transient;
    }
    let says_why = code.is_some() || words.is_some();
    let found = told(code, words).unwrap_or(match status {
        404 | 405 | 406 | 410 | 411 | 415 | 301..=399 => Class::Configuration,
        200..=299 | 400 | 401 => Class::Refused,
        _ if says_why => Class::Refused,
        _ => Class::Transient,
    });
    match found {
        Class::Configuration if users_own && says_why => Class::Refused,
        other => other,
    }
}

/// The failure that a token end point's answer tells; `None` for an answer without an error.
#[must_use]
pub fn read(status: u16, answer: &Value, users_own: bool) -> Option<ProviderFailure> {
    let says_error = answer.get("error").is_some_and(|error| match error {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        _ => true,
    });
    let says_no = answer.get("ok") == Some(&Value::Bool(false))
        || answer.get("success") == Some(&Value::Bool(false));
    if (200..300).contains(&status) && !says_error && !says_no {
        return None;
    }
    let (code, words) = (provider_reason::code(answer), provider_reason::reason(answer));
    let class = class(status, code.as_deref(), words.as_deref(), users_own);
    let message = match (&code, words) {
        (Some(code), Some(words)) if *code != words => format!("{words} ({code})"),
        (Some(code), _) => code.clone(),
        (None, Some(words)) => words,
        (None, None) => format!("the provider answered with status {status}"),
    };
    Some(ProviderFailure::new(class, message).with_status(status).with_code(code))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{CODES, Class, class, may_pass, read};

    #[test]
    fn oa_14_refusals_of_vendors_are_told_apart() {
        let cases: [(u16, Value, Class); 22] = [
            (400, json!({"error": "invalid_grant"}), Class::Refused),
            (400, json!({"error": "INVALID_GRANT"}), Class::Refused),
            (401, json!({"error": "invalid_client"}), Class::Configuration),
            (400, json!({"error": "unauthorized_client"}), Class::Configuration),
            (400, json!({"error": "invalid_scope"}), Class::Configuration),
            (400, json!({"error": "invalid_request"}), Class::Configuration),
            (200, json!({"error": "bad_verification_code"}), Class::Refused),
            (200, json!({"error": "incorrect_client_credentials"}), Class::Configuration),
            (200, json!({"ok": false, "error": "invalid_refresh_token"}), Class::Refused),
            (200, json!({"ok": false, "error": "ratelimited"}), Class::Transient),
            (200, json!({"ok": false, "error": "bad_client_secret"}), Class::Configuration),
            (400, json!({"error": "inactive_user"}), Class::Refused),
            (400, json!({"error": "invalid_client_id"}), Class::Configuration),
            (400, json!({"status": "BAD_REFRESH_TOKEN", "message": "gone"}), Class::Refused),
            (
                400,
                json!({"error": "interaction_required", "error_codes": [50_076]}),
                Class::Refused,
            ),
            (400, json!({"error": "temporarily_unavailable"}), Class::Transient),
            (429, json!({"error": "invalid_grant"}), Class::Transient),
            (503, json!({"error": "invalid_client"}), Class::Transient),
            (403, json!({"message": "Rate limit reached"}), Class::Transient),
            (400, json!({"message": "The client_id is unknown"}), Class::Configuration),
            (401, json!({"message": "no"}), Class::Refused),
            (404, json!({}), Class::Configuration),
        ];
        for (status, answer, expected) in cases {
            assert_eq!(read(status, &answer, false).unwrap().class, expected, "{answer}");
        }
    }

    #[test]
    fn oa_14_only_words_or_the_status_of_the_standard_end_a_grant() {
        for users_own in [false, true] {
            let bare = |status| class(status, None, None, users_own);
            for status in [402, 403, 407, 409, 412, 413, 418, 421, 423, 451, 499] {
                assert_eq!(bare(status), Class::Transient, "{status}");
            }
            for status in [302, 404, 405, 410] {
                assert_eq!(bare(status), Class::Configuration, "{status}");
            }
            assert_eq!((bare(400), bare(401)), (Class::Refused, Class::Refused));
        }
        assert_eq!(class(403, Some("suspended"), None, false), Class::Refused);
        assert_eq!(class(403, None, Some("your seat was taken away"), false), Class::Refused);
        assert_eq!(read(200, &json!({"success": false}), false).unwrap().class, Class::Refused);
    }

    #[test]
    fn oa_14_what_may_pass_says_so_by_its_code_or_else_by_its_words() {
        for (code, words, passes) in [
            (Some("internal_error"), None, true),
            (Some("RATELIMITED"), Some("slower, please"), true),
            (Some("userRateLimitExceeded"), None, true),
            (None, Some("API rate limit exceeded for user ID 1."), true),
            (Some("403"), Some("You have exceeded a secondary rate limit"), true),
            (Some("invalid_auth"), Some("try again later"), false),
            (Some("invalid_client"), None, false),
            (None, Some("your seat was taken away"), false),
            (None, None, false),
        ] {
            assert_eq!(may_pass(code, words), passes, "{code:?} {words:?}");
        }
    }

    #[test]
    fn a_client_of_the_end_users_own_is_a_matter_of_the_account() {
        assert_eq!(class(401, Some("invalid_client"), None, true), Class::Refused);
        assert_eq!(class(503, Some("invalid_client"), None, true), Class::Transient);
        assert_eq!(class(404, None, Some("no such tenant"), true), Class::Refused);
    }

    #[test]
    fn an_answer_without_an_error_is_none() {
        for fine in [json!({"access_token": "x"}), json!({"error": null}), json!({"error": ""})] {
            assert_eq!(read(200, &fine, false), None, "{fine}");
        }
    }

    #[test]
    fn words_and_code_are_both_told() {
        let answer = json!({"error": "invalid_grant", "error_description": "Token is expired"});
        let failure = read(400, &answer, false).unwrap();
        assert_eq!(failure.message, "Token is expired (invalid_grant)");
        assert_eq!(failure.code.as_deref(), Some("invalid_grant"));
        assert_eq!(
            read(500, &json!({}), false).unwrap().message,
            "the provider answered with status 500"
        );
    }

    #[test]
    fn every_code_stands_once_and_in_lower_case() {
        let all: Vec<&str> = CODES.iter().flat_map(|(_, codes)| codes.iter().copied()).collect();
        for code in &all {
            assert_eq!(all.iter().filter(|other| other == &code).count(), 1, "{code}");
            assert_eq!(code.to_lowercase(), **code);
        }
    }
}
