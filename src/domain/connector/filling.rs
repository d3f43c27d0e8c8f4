//! What a method's templates come out as: texts, addresses and bodies, with each value checked.

use serde_json::{Map, Value};
use url::Url;

use super::Connector;
use super::address::{self, BadAddress};
use super::field::Field;
use super::method::AuthMethod;
use super::template::{Part, Template, parts};
use crate::domain::credentials::Values;

/// A method, and the values that fill its templates.
#[derive(Debug, Clone)]
pub struct Filling<'a> {
    method: &'a AuthMethod,
    values: &'a Values,
    /// What the hub made for this call: a signed token, an assertion.
    made: Values,
    plain: bool,
}

/// A template can't be filled: something that is needed has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no value for `{0}`")]
pub struct Missing(pub String);

impl<'a> Filling<'a> {
    /// Fills from these values. `plain` lets addresses be `http`.
    #[must_use]
    pub fn new(method: &'a AuthMethod, values: &'a Values, plain: bool) -> Self {
        Self { method, values, made: Values::default(), plain }
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &'a AuthMethod {
        self.method
    }

    /// Adds a value that the hub made, such as `jwt`.
    pub fn make(&mut self, name: &str, value: crate::domain::secret::Secret) {
        self.made.insert(name, value);
    }

    /// A value, a made one first, and a field's default where nothing is given, filled in itself.
    fn value(&self, name: &str, member: Option<&str>) -> Option<String> {
        let whole = Template::new(match member {
            Some(member) => format!("${{{name}}}.{member}"),
            None => format!("${{{name}}}"),
        });
        let found = self.made.fill(&whole).or_else(|_| self.values.fill(&whole)).ok();
        found.filter(|text| !text.is_empty()).or_else(|| {
            let field = self.method.fields().find(|field| field.key == name)?;
            let is_preset = member.is_none() && field.applies(self.values);
            if is_preset { field.fitting_preset(self.values) } else { None }
        })
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.value(name, None)
    }

    /// Whether a name may stay without a value: only a field that need not be filled in.
    fn may_lack(&self, name: &str) -> bool {
        let may = |field: &Field| !field.required || !field.applies(self.values);
        self.method.fields().any(|field| field.key == name && may(field))
    }

    /// A field without a value that every call of the API needs, so that none can be made.
    #[must_use]
    pub fn lacking(&self, connector: &Connector) -> Option<&'a Field> {
        let method = self.method;
        let written = [
            serde_json::to_string(&method.authorization),
            serde_json::to_string(&method.signature),
            serde_json::to_string(&method.mtls),
        ];
        let mut written: String = written.into_iter().flatten().collect();
        let headers = connector.headers.values();
        for template in headers.chain([connector.base_url_for(method)]) {
            written.push_str(template.as_str());
        }
        let written = Template::new(written);
        let used: Vec<&str> = written.names().collect();
        method.fields().find(|field| {
            let key = field.key.as_str();
            used.contains(&key) && !self.may_lack(key) && self.get(key).is_none()
        })
    }

    /// A filled template; an optional field that is empty fills in nothing.
    ///
    /// # Errors
    /// When something that is needed has no value.
    pub fn text(&self, template: &Template) -> Result<String, Missing> {
        let mut lacking = None;
        let filled = template.fill(|name, member| {
            let value = self.value(name, member);
            if value.is_none() && !self.may_lack(name) {
                lacking.get_or_insert_with(|| name.to_owned());
            }
            Some(value.unwrap_or_default())
        });
        match (lacking, filled) {
            (None, Ok(filled)) => Ok(filled),
            (Some(name), _) => Err(Missing(name)),
            (None, Err(error)) => Err(Missing(error.0)),
        }
    }

    /// A filled template that is an address.
    ///
    /// # Errors
    /// As [`address::fill`].
    pub fn address(&self, template: &Template) -> Result<Url, BadAddress> {
        address::fill(template, self.plain, |name, member| self.value(name, member))
    }

    /// Members, without those that come out empty.
    ///
    /// # Errors
    /// When something that is needed has no value.
    pub fn members<'t>(
        &self,
        members: impl IntoIterator<Item = (&'t String, &'t Template)>,
    ) -> Result<Vec<(String, String)>, Missing> {
        let mut filled = Vec::new();
        for (name, template) in members {
            let value = self.text(template)?;
            if !value.is_empty() {
                filled.push((name.clone(), value));
            }
        }
        Ok(filled)
    }

    /// The members of a body or of claims, at any depth; a text whose placeholders come out empty is
    /// left out.
    ///
    /// # Errors
    /// When something that is needed has no value.
    pub fn object(&self, object: &Map<String, Value>) -> Result<Map<String, Value>, Missing> {
        let mut filled = Map::new();
        for (name, value) in object {
            if let Some(value) = self.json(value)? {
                filled.insert(name.clone(), value);
            }
        }
        Ok(filled)
    }

    fn json(&self, value: &Value) -> Result<Option<Value>, Missing> {
        Ok(Some(match value {
            Value::String(text) => {
                let filled = self.text(&Template::new(text.as_str()))?;
                let open = parts(text).iter().any(|part| matches!(part, Part::Value { .. }));
                if open && filled.is_empty() {
                    return Ok(None);
                }
                Value::String(filled)
            }
            Value::Array(items) => {
                let items: Result<Vec<_>, _> = items.iter().map(|item| self.json(item)).collect();
                Value::Array(items?.into_iter().flatten().collect())
            }
            Value::Object(object) => Value::Object(self.object(object)?),
            other => other.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{AuthMethod, Connector, Filling, Missing, Template, Values};
    use crate::domain::secret::Secret;

    fn method() -> AuthMethod {
        serde_json::from_value(json!({
            "key": "m", "type": "custom", "label": "M",
            "config_fields": [
                {"key": "must", "label": "Must", "type": "text", "required": true},
                {"key": "may", "label": "May", "type": "text"},
                {"key": "preset", "label": "Preset", "type": "text", "default": "p"},
                {"key": "made", "label": "Made", "type": "text", "default": "${may}-ws"}
            ],
            "authorization": {"type": "bearer", "token": "${must}"}
        }))
        .unwrap()
    }

    #[test]
    fn hb_7_a_preset_is_filled_in_itself_or_is_none() {
        let (method, mut values) = (method(), Values::default());
        assert_eq!(Filling::new(&method, &values, false).get("made"), None);
        values.insert("may", Secret::new("acme"));
        let filling = Filling::new(&method, &values, false);
        assert_eq!(filling.get("made").as_deref(), Some("acme-ws"));
    }

    #[test]
    fn what_every_call_needs_is_lacking_and_nothing_else() {
        let mut connector: Connector = serde_json::from_value(json!({
            "key": "acme", "name": "Acme", "categories": ["crm"],
            "base_url": "https://${made}.acme.example", "auth": []
        }))
        .unwrap();
        let (mut method, mut values) = (method(), Values::default());
        let lacks = |connector: &Connector, method: &AuthMethod, values: &Values| {
            let filling = Filling::new(method, values, false);
            filling.lacking(connector).map(|field| field.key.clone())
        };
        assert_eq!(lacks(&connector, &method, &values).as_deref(), Some("must"));
        values.insert("must", Secret::new("m"));
        assert_eq!(lacks(&connector, &method, &values), None, "the others may be empty");
        method.config_fields[1].required = true;
        assert_eq!(lacks(&connector, &method, &values), None, "no call has it");
        connector.headers.insert("X-May".to_owned(), Template::new("a ${may}"));
        assert_eq!(lacks(&connector, &method, &values).as_deref(), Some("may"));
    }

    #[test]
    fn an_empty_optional_value_is_left_out_and_a_needed_one_is_missed() {
        let (method, mut values) = (method(), Values::default());
        let text = |values: &Values, text: &str| {
            Filling::new(&method, values, false).text(&Template::new(text))
        };
        assert_eq!(text(&values, "a${must}"), Err(Missing("must".to_owned())));
        assert_eq!(text(&values, "${access_token}"), Err(Missing("access_token".to_owned())));
        assert_eq!(text(&values, "a${may}b${preset}").unwrap(), "abp");
        values.insert("must", Secret::new("m"));
        let filling = Filling::new(&method, &values, false);
        let body = json!({
            "a": "${must}", "b": "${may}", "c": "", "d": [1, "${may}", "x"],
            "e": {"f": "${must}${may}"}, "g": true
        });
        assert_eq!(
            filling.object(body.as_object().unwrap()).unwrap(),
            *json!({"a": "m", "c": "", "d": [1, "x"], "e": {"f": "m"}, "g": true})
                .as_object()
                .unwrap()
        );
    }
}
