//! Reading an expression, within bounds of length and of what it may be made of.

use super::{Node, Operator};
use crate::domain::connector::template::is_name;
use crate::domain::credentials::ACCESS_TOKEN;
use crate::domain::words::escaped;

/// The longest expression in bytes.
const LONGEST: usize = 1_024;
/// The most operators and calls; together with the next, this bounds how deep one can be.
const MOST_STEPS: usize = 64;
/// The most brackets within each other: as many as one is written with.
const DEEPEST: usize = 64;

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadExpression(String);

/// From what binds least.
const LEVELS: [&[Operator]; 4] =
    [&[Operator::Else], &[Operator::Or], &[Operator::And], &[Operator::Equal, Operator::Unequal]];

pub(super) fn parse(text: &str) -> Result<Node, BadExpression> {
    let too_long = || BadExpression(format!("is an expression longer than {LONGEST} bytes"));
    if text.len() > LONGEST {
        return Err(too_long());
    }
    let mut parser = Parser { rest: text, steps: 0, depth: 0 };
    let node = parser.choice()?;
    if !parser.rest.trim().is_empty() {
        return Err(parser.unknown());
    }
    // What is kept is what is written, and must be read again.
    if node.to_string().len() > LONGEST { Err(too_long()) } else { Ok(node) }
}

struct Parser<'a> {
    rest: &'a str,
    steps: usize,
    depth: usize,
}

impl Parser<'_> {
    /// The error about what comes next.
    fn unknown(&self) -> BadExpression {
        let rest = escaped(self.rest.trim(), 40);
        BadExpression(match rest.as_str() {
            "" => "is an expression that ends too early".to_owned(),
            rest => format!("is an expression of which `{rest}` is not understood"),
        })
    }

    fn take(&mut self, sign: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn need(&mut self, sign: &str) -> Result<(), BadExpression> {
        if self.take(sign) { Ok(()) } else { Err(self.unknown()) }
    }

    fn step(&mut self) -> Result<(), BadExpression> {
        self.steps += 1;
        if self.steps <= MOST_STEPS {
            return Ok(());
        }
        Err(BadExpression(format!("is an expression of more than {MOST_STEPS} operators")))
    }

    fn choice(&mut self) -> Result<Node, BadExpression> {
        let test = self.chain(&LEVELS)?;
        if !self.take("?") {
            return Ok(test);
        }
        self.step()?;
        let yes = self.choice()?;
        self.need(":")?;
        let no = self.choice()?;
        Ok(Node::Choice(Box::new(test), Box::new(yes), Box::new(no)))
    }

    /// Operands of the first level between its operators.
    fn chain(&mut self, levels: &[&[Operator]]) -> Result<Node, BadExpression> {
        let [operators, tighter @ ..] = levels else { return self.single() };
        let mut left = self.chain(tighter)?;
        while let Some(operator) =
            operators.iter().copied().find(|operator| self.take(operator.as_str()))
        {
            self.step()?;
            let right = self.chain(tighter)?;
            left = Node::Both(Box::new(left), operator, Box::new(right));
        }
        Ok(left)
    }

    fn single(&mut self) -> Result<Node, BadExpression> {
        if self.take("!") {
            self.step()?;
            return Ok(Node::Not(Box::new(self.single()?)));
        }
        if self.take("(") {
            return self.inner();
        }
        for quote in ['\'', '"'] {
            if self.take(quote.encode_utf8(&mut [0; 4])) {
                return self.text(quote);
            }
        }
        if self.take("${") {
            let (path, rest) = self.rest.split_once('}').ok_or_else(|| self.unknown())?;
            self.rest = rest;
            return name(path.trim());
        }
        self.word()
    }

    /// What stands before the closing bracket.
    fn inner(&mut self) -> Result<Node, BadExpression> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(BadExpression(format!("is an expression of more than {DEEPEST} brackets")));
        }
        let inner = self.choice()?;
        self.need(")")?;
        self.depth -= 1;
        Ok(inner)
    }

    /// A text up to its closing quote.
    fn text(&mut self, quote: char) -> Result<Node, BadExpression> {
        let (mut text, mut chars) = (String::new(), self.rest.char_indices());
        while let Some((at, c)) = chars.next() {
            if c == quote {
                self.rest = self.rest.get(at + c.len_utf8()..).unwrap_or_default();
                // It would read as a placeholder where the expression is looked at as a text.
                return match text.contains("${") {
                    true => Err(BadExpression("is an expression with `${` in a text".to_owned())),
                    false => Ok(Node::Text(text)),
                };
            }
            let c = if c == '\\' { chars.next().map(|(_, c)| c) } else { Some(c) };
            text.extend(c);
        }
        Err(BadExpression("is an expression with a text that does not end".to_owned()))
    }

    /// A name, a number, a word with a meaning, or a call.
    fn word(&mut self) -> Result<Node, BadExpression> {
        let rest = self.rest.trim_start();
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '$');
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            return Err(self.unknown());
        }
        self.rest = after;
        match word {
            "true" => return Ok(Node::Flag(true)),
            "false" => return Ok(Node::Flag(false)),
            "null" | "undefined" => return Ok(Node::Nothing),
            _ => {}
        }
        if !self.take("(") {
            let is_number = word.chars().all(|c| c.is_ascii_digit() || c == '.');
            return if is_number { Ok(Node::Text(word.to_owned())) } else { name(word) };
        }
        let made: fn(Box<Node>) -> Node = match word {
            "present" => Node::Present,
            "missing" => Node::Missing,
            _ => {
                let shown: String = word.chars().take(64).collect();
                return Err(BadExpression(format!("calls `{shown}`, which hubctl can't do")));
            }
        };
        self.step()?;
        Ok(made(Box::new(self.inner()?)))
    }
}

/// A value by its name, or by the path that StackOne's files have for it.
fn name(path: &str) -> Result<Node, BadExpression> {
    let plain = path.strip_prefix("$.").unwrap_or(path);
    let name = match plain.strip_prefix("credentials.") {
        // What the vendor calls so is the token that the hub itself keeps.
        Some("accessToken") => ACCESS_TOKEN,
        Some(name) => name,
        None => plain,
    };
    if is_name(name) {
        return Ok(Node::Name(name.to_owned()));
    }
    let shown = escaped(path, 80);
    Err(BadExpression(format!("reads `{shown}`, which is no value of the form")))
}
