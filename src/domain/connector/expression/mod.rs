//! Small expressions over values: on what a field or a light call depends, and what follows from
//! other values.
//!
//! One is read once, within bounds, and then always has an outcome: a name without a value is
//! nothing. Which names may stand in it is a rule of `validate`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::credentials::Values;

mod parse;

pub use parse::BadExpression;

/// An expression such as `${region} == 'eu' && !present(${host})`.
///
/// It has names, texts in quotes, numbers, `true`, `false`, `null`, `==`, `!=`, `!`, `&&`, `||`,
/// `??`, `a ? b : c`, brackets, `present(a)` and `missing(a)`. All values are texts, and are
/// compared as such; nothing, `false` and the empty text do not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression(Node);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Name(String),
    Text(String),
    Flag(bool),
    Nothing,
    Not(Box<Self>),
    Present(Box<Self>),
    Missing(Box<Self>),
    Both(Box<Self>, Operator, Box<Self>),
    Choice(Box<Self>, Box<Self>, Box<Self>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Else,
    Or,
    And,
    Equal,
    Unequal,
}

impl Operator {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Else => "??",
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "==",
            Self::Unequal => "!=",
        }
    }
}

/// What an expression comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome<'a> {
    Nothing,
    Flag(bool),
    Text(&'a str),
}

impl<'a> Outcome<'a> {
    const fn holds(self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Flag(flag) => flag,
            Self::Text(text) => !text.is_empty(),
        }
    }

    const fn text(self) -> Option<&'a str> {
        match self {
            Self::Nothing => None,
            Self::Flag(true) => Some("true"),
            Self::Flag(false) => Some("false"),
            Self::Text(text) => Some(text),
        }
    }
}

impl Expression {
    /// Whether it holds with these values.
    #[must_use]
    pub fn holds(&self, known: &Values) -> bool {
        self.0.outcome(known).holds()
    }

    /// The text that it comes to; none where that is nothing or empty.
    #[must_use]
    pub fn value(&self, known: &Values) -> Option<String> {
        self.0.outcome(known).text().filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// The names that it uses.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        self.0.add_names(&mut names);
        names
    }
}

impl Node {
    fn outcome<'a>(&'a self, known: &'a Values) -> Outcome<'a> {
        match self {
            Self::Name(name) => known.get(name).map_or(Outcome::Nothing, Outcome::Text),
            Self::Text(text) => Outcome::Text(text),
            Self::Flag(flag) => Outcome::Flag(*flag),
            Self::Nothing => Outcome::Nothing,
            Self::Not(node) => Outcome::Flag(!node.outcome(known).holds()),
            Self::Present(node) => Outcome::Flag(node.outcome(known) != Outcome::Nothing),
            Self::Missing(node) => Outcome::Flag(node.outcome(known) == Outcome::Nothing),
            Self::Choice(test, yes, no) => {
                let chosen = if test.outcome(known).holds() { yes } else { no };
                chosen.outcome(known)
            }
            Self::Both(left, operator, right) => {
                let left = left.outcome(known);
                let keeps_left = match operator {
                    Operator::Else => left != Outcome::Nothing,
                    Operator::Or => left.holds(),
                    Operator::And => !left.holds(),
                    Operator::Equal | Operator::Unequal => {
                        let is_same = left.text() == right.outcome(known).text();
                        return Outcome::Flag(is_same == (*operator == Operator::Equal));
                    }
                };
                if keeps_left { left } else { right.outcome(known) }
            }
        }
    }

    fn add_names<'a>(&'a self, names: &mut BTreeSet<&'a str>) {
        match self {
            Self::Name(name) => {
                names.insert(name);
            }
            Self::Text(_) | Self::Flag(_) | Self::Nothing => {}
            Self::Not(node) | Self::Present(node) | Self::Missing(node) => node.add_names(names),
            Self::Both(left, _, right) => {
                left.add_names(names);
                right.add_names(names);
            }
            Self::Choice(test, yes, no) => {
                for node in [test, yes, no] {
                    node.add_names(names);
                }
            }
        }
    }

    /// As an operand: what is made of several stands in brackets.
    fn write_inner(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Both(..) | Self::Choice(..) => write!(f, "({self})"),
            _ => write!(f, "{self}"),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "${{{name}}}"),
            Self::Text(text) => {
                write!(f, "'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
            }
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Nothing => f.write_str("null"),
            Self::Not(node) => {
                f.write_str("!")?;
                node.write_inner(f)
            }
            Self::Present(node) => write!(f, "present({node})"),
            Self::Missing(node) => write!(f, "missing({node})"),
            Self::Both(left, operator, right) => {
                left.write_inner(f)?;
                write!(f, " {} ", operator.as_str())?;
                right.write_inner(f)
            }
            Self::Choice(test, yes, no) => {
                test.write_inner(f)?;
                f.write_str(" ? ")?;
                yes.write_inner(f)?;
                f.write_str(" : ")?;
                no.write_inner(f)
            }
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

impl FromStr for Expression {
    type Err = BadExpression;

    fn from_str(text: &str) -> Result<Self, BadExpression> {
        parse::parse(text).map(Self)
    }
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Expression {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Expression".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "An expression such as `${region} == 'eu'`.",
        })
    }
}

#[cfg(test)]
mod tests;
