//! A login at a provider as the browser sees it: where it goes, what it brings back, and where it
//! may go then. No request is made here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use url::Url;
use url::form_urlencoded::Serializer;

use super::connector::request::TokenRequest;
use super::connector::template::{MissingValue, Part, Template};
use super::connector::{AuthMethod, Field};
use super::credentials::Values;
use super::origin::Origin;
use super::secret::Secret;

/// Longest return address that is looked at, in bytes.
const LONGEST_RETURN: usize = 2_000;
/// Longest text of a provider's that is kept, in characters.
const LONGEST_TEXT: usize = 300;

/// What a login carries besides the connector's facts.
#[derive(Debug, Clone, Copy)]
pub struct Carried<'a> {
    /// Where the provider sends the browser back to.
    pub redirect_uri: &'a str,
    /// What finds the login then.
    pub state: &'a Secret,
    /// The PKCE challenge, where the method has one (OA-12).
    pub challenge: Option<&'a str>,
}

/// An address can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// A value is missing.
    #[error(transparent)]
    Missing(#[from] MissingValue),
    /// The method has no address for it.
    #[error("the connector names no address for the login")]
    None,
    /// What comes out is no address.
    #[error("the address of the login is not one")]
    Malformed,
}

/// The S256 challenge of a PKCE verifier (RFC 7636).
#[must_use]
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// The provider's page where the end user logs in.
///
/// # Errors
/// [`BadAddress`], which is the administrator's to mend.
pub fn authorization_url(
    method: &AuthMethod,
    values: &Values,
    carried: Carried<'_>,
) -> Result<Url, BadAddress> {
    if let Some(TokenRequest::OAuth1(flow)) = &method.token_request {
        let mut members = vec![("oauth_token".to_owned(), need(values, "oauth_token")?)];
        for (name, template) in &flow.authorization_params {
            members.push((name.clone(), values.fill(template)?));
        }
        return with_query(&flow.authorization_url, values, members);
    }
    let template = method.authorization_url.as_ref().ok_or(BadAddress::None)?;
    let client = method.client_id_field().map_or("client_id", |field| field.key.as_str());
    let mut members = vec![
        ("response_type".to_owned(), "code".to_owned()),
        ("client_id".to_owned(), need(values, client)?),
        ("redirect_uri".to_owned(), carried.redirect_uri.to_owned()),
    ];
    let scopes = scopes(method, values);
    if !scopes.is_empty() {
        members.push(("scope".to_owned(), scopes));
    }
    if let Some(challenge) = carried.challenge {
        members.push(("code_challenge".to_owned(), challenge.to_owned()));
        members.push(("code_challenge_method".to_owned(), "S256".to_owned()));
    }
    for (name, template) in &method.authorization_params {
        let value = values.fill_or_empty(template);
        members.retain(|(known, _)| known != name);
        if !value.is_empty() {
            members.push((name.clone(), value));
        }
    }
    // Whatever a definition says, the state is the hub's own (OA-10).
    members.retain(|(name, _)| name != "state");
    members.push(("state".to_owned(), carried.state.expose().to_owned()));
    with_query(template, values, members)
}

/// The scopes to ask for: the administrator's, else the connector's.
#[must_use]
pub fn scopes(method: &AuthMethod, values: &Values) -> String {
    let own = method.scopes_field().and_then(|field| values.get(&field.key));
    own.map_or_else(|| method.default_scopes.join(method.scope_separator()), str::to_owned)
}

fn need(values: &Values, name: &str) -> Result<String, MissingValue> {
    values.get(name).map(str::to_owned).ok_or_else(|| MissingValue(name.to_owned()))
}

fn with_query(
    template: &Template,
    values: &Values,
    members: Vec<(String, String)>,
) -> Result<Url, BadAddress> {
    let mut url = address(template, values)?;
    let query = Serializer::new(String::new()).extend_pairs(members).finish();
    // A page that finds its way by what follows `#` reads its query there too.
    match url.fragment().filter(|fragment| fragment.starts_with(['/', '!'])) {
        Some(fragment) => {
            let sign = if fragment.contains('?') { '&' } else { '?' };
            let whole = format!("{fragment}{sign}{query}");
            url.set_fragment(Some(&whole));
        }
        None => {
            let whole = match url.query().filter(|known| !known.is_empty()) {
                Some(known) => format!("{known}&{query}"),
                None => query,
            };
            url.set_query(Some(&whole));
        }
    }
    Ok(url)
}

/// Fills a template of an address: what lands behind the host is encoded, and the host stays one.
///
/// # Errors
/// [`BadAddress`].
pub fn address(template: &Template, values: &Values) -> Result<Url, BadAddress> {
    let mut filled = String::new();
    for part in template.parts() {
        match part {
            Part::Text(text) | Part::Broken(text) => filled.push_str(text),
            Part::Value { name, member: None } => {
                let value = need(values, name)?;
                if filled.is_empty() {
                    filled.push_str(value.trim_end_matches('/'));
                } else if is_in_host(&filled) {
                    let fits = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
                    if !value.chars().all(fits) {
                        return Err(BadAddress::Malformed);
                    }
                    filled.push_str(&value);
                } else {
                    filled.extend(url::form_urlencoded::byte_serialize(value.as_bytes()));
                }
            }
            Part::Value { .. } => return Err(BadAddress::Malformed),
        }
    }
    let url = Url::parse(&filled).map_err(|_| BadAddress::Malformed)?;
    let plain = matches!(url.scheme(), "https" | "http")
        && url.username().is_empty()
        && url.password().is_none();
    if plain { Ok(url) } else { Err(BadAddress::Malformed) }
}

fn is_in_host(so_far: &str) -> bool {
    so_far.split_once("://").is_none_or(|(_, rest)| !rest.contains(['/', '?', '#']))
}

/// Where a login may return to: an address whose origin is registered (OA-11, threat 7).
#[must_use]
pub fn return_address(text: &str, origins: &[Origin]) -> Option<Url> {
    // The parser forgives these, and then the address is not what it looks like.
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
    if text.len() > LONGEST_RETURN || text.contains(odd) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let plain = matches!(url.scheme(), "https" | "http")
        && url.username().is_empty()
        && url.password().is_none()
        && url.host().is_some();
    (plain && origins.contains(&Origin::of(&url))).then_some(url)
}

/// What a provider's page sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A code to exchange; for OAuth 1.0a the verifier.
    Code(Secret),
    /// It failed there (OA-6).
    Failed {
        /// The provider's code.
        code: String,
        /// The provider's words.
        description: Option<String>,
    },
    /// The answer names another issuer (threat 6).
    WrongIssuer,
    /// Nothing that can be understood.
    Malformed,
}

/// The one value of this name; `None` where there is none, or more than one.
#[must_use]
pub fn single<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut found = query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let first = found.next().filter(|value| !value.is_empty());
    if found.next().is_some() { None } else { first }
}

/// Reads what came back; `request_token` is the one of OAuth 1.0a that the login began with.
#[must_use]
pub fn answer(
    method: &AuthMethod,
    query: &[(String, String)],
    request_token: Option<&str>,
) -> Answer {
    if query.iter().any(|(key, _)| key == "iss")
        && let Some(issuer) = &method.issuer
        && single(query, "iss") != Some(issuer.as_str())
    {
        return Answer::WrongIssuer;
    }
    if let Some(code) = query.iter().find(|(key, _)| key == "error").map(|(_, value)| value) {
        let words = query.iter().find(|(key, _)| key == "error_description");
        let description = words.map(|(_, value)| clean(value)).filter(|text| !text.is_empty());
        let code = clean(code).chars().take(80).collect::<String>();
        let code = if code.is_empty() { "error".to_owned() } else { code };
        return Answer::Failed { code, description };
    }
    let is_oauth1 = matches!(method.token_request, Some(TokenRequest::OAuth1(_)));
    let name = if is_oauth1 { "oauth_verifier" } else { "code" };
    if is_oauth1 && (request_token.is_none() || single(query, "oauth_token") != request_token) {
        return Answer::Malformed;
    }
    match single(query, name) {
        Some(code) => Answer::Code(Secret::new(code)),
        None if is_oauth1 && query.iter().any(|(key, _)| key == "denied") => {
            Answer::Failed { code: "access_denied".to_owned(), description: None }
        }
        None => Answer::Malformed,
    }
}

/// Words of a provider, as they may be kept and shown: one line, bounded, without control
/// characters.
#[must_use]
pub fn clean(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let spaced: String = spaced.take(4 * LONGEST_TEXT).collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST_TEXT).collect()
}

/// The fields of a form with their presets filled in (HB-7); one that can't be filled is left
/// empty. Only what an end user may see goes into a preset.
#[must_use]
pub fn presets(fields: &[Field], shown: &Values) -> Vec<Field> {
    let fill = |field: &Field| {
        let preset = field.default.as_ref().filter(|text| text.contains("${"));
        let Some(text) = preset else { return field.clone() };
        Field { default: shown.fill(&Template::new(text.as_str())).ok(), ..field.clone() }
    };
    fields.iter().map(fill).collect()
}

#[cfg(test)]
mod tests;
