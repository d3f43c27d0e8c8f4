//! The authorization as files write it: one flat object whose members depend on its type.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{OAuth1, OAuth1Signature, Scheme};
use crate::domain::connector::field::is_false;
use crate::domain::connector::template::Template;

#[derive(Clone, Copy, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Type {
    None,
    Basic,
    Bearer,
    Header,
    Query,
    Body,
    #[serde(rename = "oauth1")]
    OAuth1,
    Signature,
}

#[derive(JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Authorization {
    r#type: Type,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    username: Option<Template>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<Template>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<Template>,
    #[serde(default, skip_serializing_if = "is_false")]
    bare: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    header: BTreeMap<String, Template>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    query: BTreeMap<String, Template>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consumer_key: Option<Template>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consumer_secret: Option<Template>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token_secret: Option<Template>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature_method: Option<OAuth1Signature>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    realm: Option<Template>,
}

impl Authorization {
    fn of(r#type: Type) -> Self {
        Self {
            r#type,
            username: None,
            password: None,
            token: None,
            bare: false,
            header: BTreeMap::new(),
            query: BTreeMap::new(),
            body: None,
            consumer_key: None,
            consumer_secret: None,
            token_secret: None,
            signature_method: None,
            realm: None,
        }
    }

    /// A member that another type than this one uses.
    fn misplaced(&self) -> Option<&'static str> {
        let is = |types: &[Type]| types.iter().any(|t| *t as u8 == self.r#type as u8);
        [
            ("username", self.username.is_some(), is(&[Type::Basic])),
            ("password", self.password.is_some(), is(&[Type::Basic])),
            ("token", self.token.is_some(), is(&[Type::Bearer, Type::OAuth1])),
            ("bare", self.bare, is(&[Type::Bearer])),
            ("body", self.body.is_some(), is(&[Type::Body])),
            ("consumer_key", self.consumer_key.is_some(), is(&[Type::OAuth1])),
            ("consumer_secret", self.consumer_secret.is_some(), is(&[Type::OAuth1])),
            ("token_secret", self.token_secret.is_some(), is(&[Type::OAuth1])),
            ("signature_method", self.signature_method.is_some(), is(&[Type::OAuth1])),
            ("realm", self.realm.is_some(), is(&[Type::OAuth1])),
        ]
        .into_iter()
        .find_map(|(name, given, fits)| (given && !fits).then_some(name))
    }
}

impl TryFrom<Authorization> for super::Authorization {
    type Error = String;

    fn try_from(flat: Authorization) -> Result<Self, String> {
        if let Some(name) = flat.misplaced() {
            return Err(format!("`{name}` does not belong to an authorization of this type"));
        }
        let need = |name: &str, given: Option<Template>| {
            given.ok_or_else(|| format!("an authorization of this type needs `{name}`"))
        };
        let scheme = match flat.r#type {
            Type::None => Scheme::None,
            Type::Basic => Scheme::Basic {
                username: need("username", flat.username)?,
                password: need("password", flat.password)?,
            },
            Type::Bearer => Scheme::Bearer { token: need("token", flat.token)?, bare: flat.bare },
            Type::Header if flat.header.is_empty() => {
                return Err("an authorization of this type needs `header`".to_owned());
            }
            Type::Header => Scheme::Header,
            Type::Query if flat.query.is_empty() => {
                return Err("an authorization of this type needs `query`".to_owned());
            }
            Type::Query => Scheme::Query,
            Type::Body => Scheme::Body(
                flat.body.ok_or_else(|| "an authorization of this type needs `body`".to_owned())?,
            ),
            Type::OAuth1 => Scheme::OAuth1(OAuth1 {
                consumer_key: need("consumer_key", flat.consumer_key)?,
                consumer_secret: need("consumer_secret", flat.consumer_secret)?,
                token: need("token", flat.token)?,
                token_secret: need("token_secret", flat.token_secret)?,
                signature_method: flat.signature_method.unwrap_or_default(),
                realm: flat.realm,
            }),
            Type::Signature => Scheme::Signature,
        };
        Ok(Self { scheme, header: flat.header, query: flat.query })
    }
}

impl From<super::Authorization> for Authorization {
    fn from(full: super::Authorization) -> Self {
        let mut flat = match full.scheme {
            Scheme::None => Self::of(Type::None),
            Scheme::Basic { username, password } => {
                Self { username: Some(username), password: Some(password), ..Self::of(Type::Basic) }
            }
            Scheme::Bearer { token, bare } => {
                Self { token: Some(token), bare, ..Self::of(Type::Bearer) }
            }
            Scheme::Header => Self::of(Type::Header),
            Scheme::Query => Self::of(Type::Query),
            Scheme::Body(body) => Self { body: Some(body), ..Self::of(Type::Body) },
            Scheme::OAuth1(oauth1) => Self {
                consumer_key: Some(oauth1.consumer_key),
                consumer_secret: Some(oauth1.consumer_secret),
                token: Some(oauth1.token),
                token_secret: Some(oauth1.token_secret),
                signature_method: Some(oauth1.signature_method),
                realm: oauth1.realm,
                ..Self::of(Type::OAuth1)
            },
            Scheme::Signature => Self::of(Type::Signature),
        };
        flat.header = full.header;
        flat.query = full.query;
        flat
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::connector::signing::{Authorization, Scheme};

    fn read(value: serde_json::Value) -> Result<Authorization, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn a_type_has_its_own_members_and_no_others() {
        let bearer = read(serde_json::json!({"type": "bearer", "token": "${t}"})).unwrap();
        assert!(matches!(bearer.scheme, Scheme::Bearer { bare: false, .. }));
        for bad in [
            serde_json::json!({"type": "bearer"}),
            serde_json::json!({"type": "bearer", "token": "x", "realm": "y"}),
            serde_json::json!({"type": "basic", "username": "x"}),
            serde_json::json!({"type": "header"}),
            serde_json::json!({"type": "bearer", "token": "x", "tokn": "y"}),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }
}
