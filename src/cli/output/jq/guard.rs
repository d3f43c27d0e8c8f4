//! Puts a check of the stack in front of everything in an expression that can call itself.
//!
//! The check is bound to a variable that nothing reads (`check as $x | body`): the body keeps its
//! input, its paths and its place as a tail call.
//!
//! Products become calls of a filter that looks at them first: one of a text and a number could
//! ask for more memory at once than there is.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::ops::Math;
use jaq_core::path::Part;

/// The filter that checks; no expression can spell it.
pub(super) const GUARD: &str = "guard stack";
const NOBODY: &str = "$guard stack";
/// The filter that multiplies its two arguments.
pub(super) const TIMES: &str = "guard times";
const LEFT: &str = "$guard left";
const RIGHT: &str = "$guard right";

/// The definition that holds the whole expression.
pub(super) fn main<'s>(name: &'s str, body: Term<&'s str>) -> Def<&'s str> {
    Def { name, args: Vec::new(), body }
}

/// Guards a definition and all within it.
pub(super) fn definition(def: &mut Def<&str>) {
    term(&mut def.body);
    guard(&mut def.body);
}

/// Bodies and arguments that call nothing can't recurse.
fn guard(body: &mut Term<&str>) {
    if !calls(body) {
        return;
    }
    let old = std::mem::take(body);
    let check = Term::Call(GUARD, Vec::new());
    let pipe = BinaryOp::Pipe(Some(Pattern::Var(NOBODY)));
    *body = Term::BinOp(Box::new(check), pipe, Box::new(old));
}

fn calls(term: &Term<&str>) -> bool {
    match term {
        Term::Id | Term::Num(_) | Term::Var(_) | Term::Break(_) | Term::Arr(None) => false,
        Term::Path(head, path) => {
            calls(head)
                || path.0.iter().any(|(part, _)| match part {
                    Part::Index(at) => calls(at),
                    Part::Range(from, to) => [from, to].into_iter().flatten().any(calls),
                })
        }
        Term::Str(None, parts) => {
            parts.iter().any(|part| matches!(part, StrPart::Term(term) if calls(term)))
        }
        Term::BinOp(left, BinaryOp::Cmp(_) | BinaryOp::Math(_), right) => {
            calls(left) || calls(right)
        }
        _ => true,
    }
}

/// Guards definitions and arguments within a term.
pub(super) fn term(of: &mut Term<&str>) {
    match of {
        Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) => {}
        Term::Str(_, parts) => {
            for part in parts {
                if let StrPart::Term(inner) = part {
                    term(inner);
                }
            }
        }
        Term::Arr(inner) => {
            if let Some(inner) = inner {
                term(inner);
            }
        }
        Term::Obj(entries) => {
            for (key, value) in entries {
                term(key);
                if let Some(value) = value {
                    term(value);
                }
            }
        }
        Term::Neg(inner) | Term::Label(_, inner) => term(inner),
        Term::BinOp(left, op, right) => {
            term(left);
            if let BinaryOp::Pipe(Some(bound)) = op {
                pattern(bound);
            }
            term(right);
            let times = |left| Term::Call(TIMES, vec![left, Term::Var(RIGHT)]);
            let bind = |name| BinaryOp::Pipe(Some(Pattern::Var(name)));
            match op {
                // `l as $l | r as $r | times($l; $r)`: the order in which products come stays.
                BinaryOp::Math(Math::Mul) => {
                    let [l, r] = [left, right].map(|side| Box::new(std::mem::take(&mut **side)));
                    let rest = Term::BinOp(r, bind(RIGHT), Box::new(times(Term::Var(LEFT))));
                    *of = Term::BinOp(l, bind(LEFT), Box::new(rest));
                }
                // `r as $r | l |= times(.; $r)`, which is what `l *= r` means.
                BinaryOp::UpdateMath(Math::Mul) => {
                    let [l, r] = [left, right].map(|side| Box::new(std::mem::take(&mut **side)));
                    let update = Term::BinOp(l, BinaryOp::Update, Box::new(times(Term::Id)));
                    *of = Term::BinOp(r, bind(RIGHT), Box::new(update));
                }
                _ => {}
            }
        }
        Term::Fold(_, over, bound, rest) => {
            term(over);
            pattern(bound);
            rest.iter_mut().for_each(term);
        }
        Term::TryCatch(tried, caught) => {
            term(tried);
            if let Some(caught) = caught {
                term(caught);
            }
        }
        Term::IfThenElse(branches, otherwise) => {
            for (condition, then) in branches {
                term(condition);
                term(then);
            }
            if let Some(otherwise) = otherwise {
                term(otherwise);
            }
        }
        Term::Def(defs, body) => {
            defs.iter_mut().for_each(definition);
            term(body);
        }
        Term::Call(_, arguments) => {
            for argument in arguments {
                term(argument);
                guard(argument);
            }
        }
        Term::Path(head, path) => {
            term(head);
            for (part, _) in &mut path.0 {
                match part {
                    Part::Index(at) => term(at),
                    Part::Range(from, to) => {
                        [from, to].into_iter().flatten().for_each(term);
                    }
                }
            }
        }
    }
}

fn pattern(of: &mut Pattern<&str>) {
    match of {
        Pattern::Var(_) => {}
        Pattern::Arr(items) => items.iter_mut().for_each(pattern),
        Pattern::Obj(entries) => {
            for (key, value) in entries {
                term(key);
                pattern(value);
            }
        }
    }
}
