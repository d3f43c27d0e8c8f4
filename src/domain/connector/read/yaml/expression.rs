//! StackOne's expressions: those that only name a value everywhere, and those that compare and
//! choose in conditions. Others are told, never guessed.

use std::collections::BTreeSet;

use crate::domain::connector::expression::Expression;
use crate::domain::connector::template::is_name;

/// From an expression text to a template of ours.
///
/// # Errors
/// With the reason when it computes something or reads from elsewhere than the credentials.
pub(super) fn template(text: &str) -> Result<String, String> {
    let trimmed = text.trim();
    if let Some(inner) = trimmed.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) {
        return credential(inner);
    }
    if trimmed.starts_with('$') && !trimmed.starts_with("${") {
        return credential(trimmed);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let (inner, after) = after.split_once('}').ok_or("has a `${` without an end")?;
        out.push_str(&credential(inner)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// The placeholder for a path such as `$.credentials.apiKey`.
fn credential(path: &str) -> Result<String, String> {
    let path = path.trim();
    let plain = path.strip_prefix("$.").unwrap_or(path);
    match plain.strip_prefix("credentials.").filter(|name| is_name(name)) {
        // What the vendor calls so is the token that the hub itself keeps.
        Some("accessToken") => Ok("${access_token}".to_owned()),
        Some(name) => Ok(format!("${{{name}}}")),
        None => {
            let shown: String = path.chars().take(80).flat_map(char::escape_debug).collect();
            Err(format!("uses the expression `{shown}`, which hubctl can't evaluate"))
        }
    }
}

/// An expression that reads nothing but these names.
///
/// # Errors
/// With the reason when it reads something else, or does what hubctl can't do.
pub(super) fn expression(text: &str, names: &BTreeSet<String>) -> Result<Expression, String> {
    let trimmed = text.trim();
    let wrapped = |start, end| trimmed.strip_prefix(start)?.strip_suffix(end);
    // With another placeholder inside, the outer one is no wrapper.
    let whole = wrapped("${", "}").filter(|inner: &&str| !inner.contains("${"));
    let inner = wrapped("{{", "}}").or(whole).unwrap_or(trimmed);
    let read: Expression = inner.parse().map_err(|why| format!("{why}"))?;
    if let Some(name) = read.names().into_iter().find(|name| !names.contains(*name)) {
        return Err(format!("reads `{name}`, which hubctl can't know there"));
    }
    Ok(read)
}

/// The name of the credential, where the text is nothing else.
pub(super) fn only_credential(text: &str) -> Option<String> {
    let template = template(text).ok()?;
    let name = template.strip_prefix("${")?.strip_suffix('}')?;
    is_name(name).then(|| name.to_owned())
}

/// From an expression over a token answer to a dotted path.
pub(super) fn answer_path(text: &str) -> Result<String, String> {
    let trimmed = text.trim();
    let inner = trimmed.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    let inner =
        inner.or_else(|| trimmed.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')));
    let path = inner.unwrap_or(trimmed).trim();
    let path = path.strip_prefix("$.").unwrap_or(path);
    let path = path.strip_prefix("response.").unwrap_or(path);
    let dotted = path.replace('[', ".").replace(']', "");
    let fine = dotted.split('.').all(is_name) && !dotted.is_empty() && dotted.len() <= 256;
    fine.then_some(dotted).ok_or_else(|| {
        let shown: String = trimmed.chars().take(80).flat_map(char::escape_debug).collect();
        format!("uses the expression `{shown}`, which hubctl can't evaluate")
    })
}

#[cfg(test)]
mod tests {
    use super::{answer_path, expression, only_credential, template};

    #[test]
    fn what_only_names_a_credential_becomes_a_placeholder() {
        for (text, wanted) in [
            ("$.credentials.apiKey", "${apiKey}"),
            (" $.credentials.apiKey ", "${apiKey}"),
            ("https://${credentials.sub}.acme.example", "https://${sub}.acme.example"),
            ("Token ${$.credentials.apiKey}", "Token ${apiKey}"),
            ("{{credentials.apiKey}}", "${apiKey}"),
            ("{{ $.credentials.accessToken }}", "${access_token}"),
            ("plain", "plain"),
            ("x {{credentials.n}} y", "x {{credentials.n}} y"),
        ] {
            assert_eq!(template(text).as_deref(), Ok(wanted), "{text}");
        }
        assert_eq!(only_credential("$.credentials.apiKey").as_deref(), Some("apiKey"));
        assert_eq!(only_credential("a${credentials.apiKey}"), None);
    }

    #[test]
    fn what_computes_or_reads_elsewhere_is_refused_with_its_text() {
        for text in [
            "{{credentials.n + 1}}",
            "{{present(credentials.x) ? 1 : 2}}",
            "$.inputs.id",
            "$notpath",
            "$",
            "${apiHostUri}/callback",
            "${credentials.n + 1}",
            "${credentials.a.b}",
            "${credentials.a",
            "$.credentials.list[*]",
        ] {
            assert!(template(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hb_7_what_compares_and_chooses_is_read_over_known_names() {
        let names = ["region", "host"].map(str::to_owned).into();
        for (text, wanted) in [
            ("{{credentials.region == 'eu'}}", "${region} == 'eu'"),
            ("${credentials.region}", "${region}"),
            ("$.credentials.region", "${region}"),
            ("{{ region ?? \"x\" }}", "${region} ?? 'x'"),
            ("${credentials.region ?? 'x'}", "${region} ?? 'x'"),
            ("${region} == ${host}", "${region} == ${host}"),
        ] {
            let read = expression(text, &names).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(read.to_string(), wanted, "{text}");
        }
        for text in ["{{credentials.other}}", "{{inputs.id}}", "{{region > 3}}", "a ${region}"] {
            assert!(expression(text, &names).is_err(), "{text}");
        }
    }

    #[test]
    fn a_place_in_a_token_answer_is_a_dotted_path() {
        assert_eq!(answer_path("$.instance_url").as_deref(), Ok("instance_url"));
        assert_eq!(answer_path("$.response.a[0].b").as_deref(), Ok("a.0.b"));
        assert!(answer_path("{{a ?? b}}").is_err());
        assert!(answer_path("").is_err());
    }
}
