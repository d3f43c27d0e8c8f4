//! StackOne's expressions: those that only name a value everywhere, and those that compare and
//! choose in conditions and presets. Others are told, never guessed.

use std::collections::BTreeSet;

use crate::domain::connector::expression::Expression;
use crate::domain::connector::template::is_name;
use crate::domain::words::escaped;

/// From an expression text to a template of ours.
///
/// # Errors
/// With the reason when it computes something or reads from elsewhere than the credentials.
pub(super) fn template(text: &str) -> Result<String, String> {
    let trimmed = text.trim();
    if let Some(inner) = within(trimmed, "{{", "}}") {
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

/// What stands between these two, where the text begins and ends with them.
fn within<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    text.strip_prefix(start)?.strip_suffix(end)
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
            let shown = escaped(path, 80);
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
    // With another placeholder inside, the outer one is no wrapper.
    let whole = within(trimmed, "${", "}").filter(|inner| !inner.contains("${"));
    let inner = within(trimmed, "{{", "}}").or(whole).unwrap_or(trimmed);
    let read: Expression = inner.parse().map_err(|why| format!("{why}"))?;
    if let Some(name) = read.names().into_iter().find(|name| !names.contains(*name)) {
        return Err(format!("reads `{name}`, which hubctl can't know there"));
    }
    Ok(read)
}

/// A preset, as far as it can be worked out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Preset {
    /// A text, with values in it or without.
    Template(String),
    /// What takes more than that.
    Computed(Expression),
}

/// A preset that reads nothing but these names.
///
/// # Errors
/// As [`expression`], and where something is worked out within a longer text.
pub(super) fn preset(text: &str, names: &BTreeSet<String>) -> Result<Preset, String> {
    let trimmed = text.trim();
    let is_path = trimmed.starts_with('$') && !trimmed.starts_with("${");
    if is_path || within(trimmed, "{{", "}}").is_some() {
        return Ok(simplest(expression(trimmed, names)?));
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (inner, after) = after.split_once('}').ok_or("has a `${` without an end")?;
        match simplest(expression(inner, names)?) {
            Preset::Template(name) => out.extend([before, &name]),
            whole if out.is_empty() && before.trim().is_empty() && after.trim().is_empty() => {
                return Ok(whole);
            }
            Preset::Computed(_) => {
                return Err("works something out within a longer text".to_owned());
            }
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(Preset::Template(out))
}

/// What only names a value is a template.
fn simplest(read: Expression) -> Preset {
    let written = read.to_string();
    let name = within(&written, "${", "}");
    if name.is_some_and(is_name) { Preset::Template(written) } else { Preset::Computed(read) }
}

/// The name of the credential, where the text is nothing else.
pub(super) fn only_credential(text: &str) -> Option<String> {
    let template = template(text).ok()?;
    let name = within(&template, "${", "}")?;
    is_name(name).then(|| name.to_owned())
}

/// From an expression over a token answer to a dotted path.
pub(super) fn answer_path(text: &str) -> Result<String, String> {
    let trimmed = text.trim();
    let inner = within(trimmed, "{{", "}}").or_else(|| within(trimmed, "${", "}"));
    let path = inner.unwrap_or(trimmed).trim();
    let path = path.strip_prefix("$.").unwrap_or(path);
    let path = path.strip_prefix("response.").unwrap_or(path);
    let dotted = path.replace('[', ".").replace(']', "");
    let fine = dotted.split('.').all(is_name) && !dotted.is_empty() && dotted.len() <= 256;
    fine.then_some(dotted).ok_or_else(|| {
        let shown = escaped(trimmed, 80);
        format!("uses the expression `{shown}`, which hubctl can't evaluate")
    })
}

#[cfg(test)]
mod tests {
    use super::{Preset, answer_path, expression, only_credential, preset, template};

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
    fn hb_7_a_preset_is_a_template_or_is_worked_out() {
        let names = ["region", "host"].map(str::to_owned).into();
        for (text, wanted) in [
            ("plain", "plain"),
            ("x {{region}} y", "x {{region}} y"),
            (
                "https://${credentials.host}.x.example/${region}",
                "https://${host}.x.example/${region}",
            ),
            ("$.credentials.host", "${host}"),
            ("{{credentials.host}}", "${host}"),
        ] {
            assert_eq!(preset(text, &names), Ok(Preset::Template(wanted.to_owned())), "{text}");
        }
        for text in ["{{host ?? 'x'}}", "${host ?? 'x'}", "{{region == 'eu' ? 'a' : host}}"] {
            assert!(matches!(preset(text, &names), Ok(Preset::Computed(_))), "{text}");
        }
        for text in ["a ${host ?? 'x'}", "${tenant}", "{{now()}}", "${host", "$.inputs.id"] {
            assert!(preset(text, &names).is_err(), "{text}");
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
