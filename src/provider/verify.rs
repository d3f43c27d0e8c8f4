//! The light call: whether credentials work (OA-17, OA-18).

use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE};
use serde_json::Value;

use super::body::set_body;
use super::request::{Answer, Request};
use super::sign::{Gaps, identity};
use super::{Provider, Target, failures};
use crate::domain::connector::address::below;
use crate::domain::connector::filling::Filling;
use crate::domain::connector::request::{ExpectJson, HttpMethod};
use crate::domain::connector::{Template, Verify};
use crate::domain::oauth::answer::{is_html, is_page};
use crate::domain::provider_failure::{Class, ProviderFailure};
use crate::domain::provider_reason::at;
use crate::domain::time::Timestamp;

impl Provider {
    pub(super) async fn verify_by(
        &self,
        verify: &Verify,
        target: Target<'_>,
        now: Timestamp,
    ) -> Result<(), ProviderFailure> {
        let filling = self.filling(target, now)?;
        let request = self.light_call(verify, &filling, target, now)?;
        let identity = identity(&filling)?;
        let accepted = request.headers.get(ACCEPT).and_then(|value| value.to_str().ok());
        let wants_text = accepted.is_some_and(|kinds| kinds.contains("text/"));
        let answer = self.call(request, identity.as_ref()).await?;
        judge(verify, target, &answer, wants_text).map_err(|failure| match verify.optional {
            // Nothing has gone wrong then.
            true => failure,
            false => failures::judged(failure, &answer.headers, now),
        })
    }

    /// The light call, signed.
    pub(super) fn light_call(
        &self,
        verify: &Verify,
        filling: &Filling<'_>,
        target: Target<'_>,
        now: Timestamp,
    ) -> Result<Request, ProviderFailure> {
        let bad = |bad| failures::address(target.method, bad);
        let path = verify.path.as_str();
        let url = if path.starts_with('/') {
            // Filled as part of an address, so that its values are encoded like those of one.
            let whole = Template::new(format!("https://path.invalid{path}"));
            let filled = filling.address(&whole).map_err(bad)?;
            let query = filled.query().map(|query| format!("?{query}")).unwrap_or_default();
            below(&self.root(target)?, &format!("{}{query}", filled.path())).map_err(bad)?
        } else {
            filling.address(&verify.path).map_err(bad)?
        };
        let mut request = Request::new(http_method(verify.method), url);
        let headers = filling.members(&verify.headers);
        let headers = headers.map_err(|missing| failures::missing(target.method, &missing))?;
        for (name, value) in headers {
            request.set(&name, &value)?;
        }
        if let Some(members) = &verify.body {
            set_body(filling, &mut request, members, verify.content_type)?;
        }
        self.sign_with(filling, target, &mut request, Gaps::Fail, now)?;
        Ok(request)
    }
}

pub(super) const fn http_method(method: HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Post => Method::POST,
    }
}

/// What the answer says; `wants_text` tells that the definition asks for a text, which a page is.
fn judge(
    verify: &Verify,
    target: Target<'_>,
    answer: &Answer,
    wants_text: bool,
) -> Result<(), ProviderFailure> {
    let fine = match verify.expect_status {
        Some(status) => status == answer.status,
        None => (200..300).contains(&answer.status),
    };
    if !fine {
        let base = target.connector.base_url_for(target.method);
        let place = format!("{base} {}", verify.path);
        let own = failures::has_own_address(target.method, &place);
        return Err(failures::answer(answer.status, &answer.body, own));
    }
    let bad = |what: &str| {
        let text = format!("the provider answered with {what}: check the address of the account");
        ProviderFailure::new(Class::BadAnswer, text).with_status(answer.status)
    };
    let Some(expected) = &verify.expect_json else {
        // Whoever leads to a login says nothing of the credentials, whatever the status.
        let kind = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        return match !wants_text && is_page(kind, &answer.body) {
            true => Err(bad("a page")),
            false => Ok(()),
        };
    };
    let Ok(json) = serde_json::from_slice::<Value>(&answer.body) else {
        let what = if is_html(&answer.body) { "a page" } else { "something that is not JSON" };
        return Err(bad(what));
    };
    if holds(expected, &json) {
        return Ok(());
    }
    Err(failures::denial(answer.status, &json))
}

fn holds(expected: &ExpectJson, answer: &Value) -> bool {
    let found = at(answer, &expected.path);
    expected.equals.as_ref().is_none_or(|value| found == Some(value))
        && expected.exists.is_none_or(|wanted| found.is_some() == wanted)
        && expected.not_null.is_none_or(|wanted| found.is_some_and(|v| !v.is_null()) == wanted)
        // A path alone asks for something to be there.
        && (expected.equals.is_some()
            || expected.exists.is_some()
            || expected.not_null.is_some()
            || found.is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ExpectJson, holds};

    fn fits(expected: Value, answer: &Value) -> bool {
        holds(&serde_json::from_value::<ExpectJson>(expected).unwrap(), answer)
    }

    #[test]
    fn oa_17_what_an_answer_must_hold() {
        let answer = json!({"ok": true, "n": null, "list": [{"id": 5}]});
        assert!(fits(json!({"path": "ok", "equals": true}), &answer));
        assert!(!fits(json!({"path": "ok", "equals": false}), &answer));
        assert!(fits(json!({"path": "list.0.id", "exists": true}), &answer));
        assert!(fits(json!({"path": "missing", "exists": false}), &answer));
        assert!(!fits(json!({"path": "missing", "exists": true}), &answer));
        assert!(!fits(json!({"path": "n", "exists": true, "not_null": true}), &answer));
        assert!(fits(json!({"path": "n"}), &answer));
        assert!(!fits(json!({"path": "missing"}), &answer));
    }
}
