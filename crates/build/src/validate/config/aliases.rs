//! What `resolve` of a configuration says: names that stand for folders, and extensions that may be left out.

use oxc_ast::ast::{ArrayExpression, Expression, ObjectExpression, ObjectPropertyKind};

use super::Alias;
use super::reader::Reader;
use crate::validate::evaluate::{Member, Value};

impl<'p, 'a> Reader<'p, 'a> {
    pub(super) fn resolve(&mut self, object: &'p ObjectExpression<'a>) {
        self.extensions(object);
        let expression = match self.evaluator.member(object, "alias") {
            Member::Absent => return,
            Member::Hidden => return self.open("aliases cannot be read without running the configuration"),
            Member::Is(expression) => expression,
        };
        if let Expression::ArrayExpression(array) = expression.get_inner_expression() {
            return self.alias_list(array);
        }
        match self.evaluator.as_object(expression) {
            Some(aliases) => self.alias_object(aliases),
            None => self.open("aliases cannot be read without running the configuration"),
        }
    }

    fn extensions(&mut self, object: &'p ObjectExpression<'a>) {
        let listed = match self.evaluator.member(object, "extensions") {
            Member::Absent => return,
            Member::Is(expression) => self.values(expression),
            Member::Hidden => None,
        };
        match listed {
            Some(values) => {
                self.config.extensions.extend(values.into_iter().filter_map(|value| match value {
                    Value::Text(text) => Some(text),
                    Value::Place(_) => None,
                }))
            }
            None => self.open("`resolve.extensions` cannot be read without running the configuration"),
        }
    }

    /// The values of an array; `None` when one of them is unknown.
    pub(super) fn values(&self, expression: &'p Expression<'a>) -> Option<Vec<Value>> {
        let Expression::ArrayExpression(array) = expression.get_inner_expression() else {
            return None;
        };
        let values = array.elements.iter().map(|one| self.evaluator.value(one.as_expression()?));
        values.collect()
    }

    fn alias_object(&mut self, object: &'p ObjectExpression<'a>) {
        for property in &object.properties {
            let named = match property {
                ObjectPropertyKind::ObjectProperty(one) => one.key.static_name().map(|key| (key, &one.value)),
                ObjectPropertyKind::SpreadProperty(_) => None,
            };
            match named {
                Some((find, value)) => {
                    let target = self.evaluator.value(value);
                    self.config.aliases.push(Alias { find: find.into_owned(), target, is_prefix: false });
                }
                None => self.open("aliases cannot be read without running the configuration"),
            }
        }
    }

    fn alias_list(&mut self, array: &'p ArrayExpression<'a>) {
        for element in &array.elements {
            let object = element.as_expression().and_then(|element| self.evaluator.as_object(element));
            let alias = object.and_then(|object| self.alias_entry(object));
            match alias {
                Some(alias) => self.config.aliases.push(alias),
                None => self.open("aliases cannot be read without running the configuration"),
            }
        }
    }

    fn alias_entry(&self, object: &'p ObjectExpression<'a>) -> Option<Alias> {
        let Member::Is(find) = self.evaluator.member(object, "find") else {
            return None;
        };
        if let Expression::RegExpLiteral(pattern) = find.get_inner_expression() {
            let find = literal_beginning(pattern.regex.pattern.text.as_str())?;
            return Some(Alias { find, target: None, is_prefix: true });
        }
        let Some(Value::Text(find)) = self.evaluator.value(find) else {
            return None;
        };
        let target = match self.evaluator.member(object, "replacement") {
            Member::Is(expression) => self.evaluator.value(expression),
            Member::Absent | Member::Hidden => None,
        };
        Some(Alias { find, target, is_prefix: false })
    }
}

/// The literal text that everything a pattern matches begins with.
fn literal_beginning(pattern: &str) -> Option<String> {
    let mut text = String::new();
    let mut characters = pattern.strip_prefix('^')?.chars().peekable();
    while let Some(c) = characters.next() {
        let literal = match c {
            '\\' => characters.next_if(|next| !next.is_ascii_alphanumeric()),
            '/' | '@' | '~' | '-' | '_' | '#' => Some(c),
            c if c.is_ascii_alphanumeric() => Some(c),
            _ => None,
        };
        // The last character may be optional.
        match literal.filter(|_| !matches!(characters.peek(), Some('?' | '*' | '{' | '|'))) {
            Some(literal) => text.push(literal),
            None => break,
        }
    }
    (!text.is_empty()).then_some(text)
}
