//! Asks for values of a connector's fields that were not given, where asking is possible.

use crate::domain::connector::form::worked_out;
use crate::domain::connector::{AuthMethod, Field, FieldKind};
use crate::domain::credentials;
use crate::domain::names::AuthMethodKey;
use crate::domain::secret::Secret;
use crate::error::{HubError, codes};

use super::super::context::Context;
use super::super::input::Values;

fn needed(field: &Field) -> HubError {
    HubError::new(&codes::INPUT_NEEDED, format!("`{}` is needed", field.key))
        .hint(format!("--set {}=VALUE", field.key))
}

/// Asks for each required field that has neither a value nor a default.
pub(super) fn ask(
    context: &Context,
    fields: &[Field],
    values: &mut Values,
) -> Result<(), HubError> {
    if !context.ask.allowed {
        return Ok(());
    }
    for field in fields.iter().filter(|field| field.is_needed()) {
        // An answer may be what a later field depends on.
        let known = worked_out(fields, &credentials::Values::from(values.given.clone()));
        if values.given.contains_key(&field.key) || !field.applies(&known) {
            continue;
        }
        let answer = if field.kind == FieldKind::Select {
            let labels: Vec<&str> =
                field.options.iter().map(|option| option.label.as_str()).collect();
            let chosen = context.ask.select(&field.label, &labels, || needed(field))?;
            Secret::new(field.options[chosen].value.as_str())
        } else if field.is_secret() {
            Secret::new(context.ask.password(&field.label, || needed(field))?)
        } else {
            let not_empty = |text: &str| match text.trim() {
                "" => Err("a value is needed".to_owned()),
                _ => Ok(()),
            };
            Secret::new(context.ask.text(&field.label, None, not_empty, || needed(field))?)
        };
        values.given.insert(field.key.clone(), answer);
    }
    Ok(())
}

/// Asks which method to use, where there is a choice.
pub(super) fn choose_method(
    context: &Context,
    methods: &[AuthMethod],
) -> Result<Option<AuthMethodKey>, HubError> {
    let usable: Vec<&AuthMethod> =
        methods.iter().filter(|method| method.unavailable.is_none()).collect();
    match usable.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only.key.clone())),
        several => {
            let labels: Vec<&str> = several.iter().map(|method| method.label.as_str()).collect();
            let needed = || {
                HubError::new(&codes::INPUT_NEEDED, "which authentication method?")
                    .hint("--auth METHOD")
            };
            let chosen = context.ask.select("Authentication method", &labels, needed)?;
            Ok(Some(several[chosen].key.clone()))
        }
    }
}

/// Warns of secrets that stood on the command line.
pub(super) fn warn_of_exposed(
    context: &Context,
    values: &Values,
    is_secret: impl Fn(&str) -> bool,
) {
    for key in values.literal.iter().filter(|key| is_secret(key)) {
        context.output.warn(format_args!(
            "`{key}` stood on the command line, where shell history and process lists keep it; \
             use --set {key}=@FILE or --set {key}=-"
        ));
    }
}
