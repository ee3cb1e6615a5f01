//! Walks through the object that a configuration exports.

use std::collections::HashMap;

use oxc_ast::ast::{Expression, ObjectExpression, ObjectPropertyKind};
use oxc_span::GetSpan;
use vitrine_model::profile::ProfileKind;

use super::{Config, Setting};
use crate::validate::evaluate::{Evaluator, Member, Value, join};

/// What has been read, and what it is read from.
pub(super) struct Reader<'p, 'a> {
    pub(super) origins: HashMap<String, String>,
    pub(super) evaluator: Evaluator<'p, 'a>,
    pub(super) config: Config,
}

impl<'p, 'a> Reader<'p, 'a> {
    pub(super) fn read(&mut self, object: &'p ObjectExpression<'a>, kind: ProfileKind) {
        self.config.base = self.text(object, "base");
        self.config.root = self.folder(object, "root");
        self.config.public_dir = self.folder(object, "publicDir");
        if kind == ProfileKind::Astro {
            self.config.src_dir = self.folder(object, "srcDir");
            self.plugins(object, "integrations");
            match self.evaluator.object_member(object, "vite") {
                Ok(Some(vite)) => self.read_vite(vite),
                Ok(None) => {}
                Err(()) => {
                    self.open("the `vite` part of the configuration cannot be read without running it")
                }
            }
        } else {
            self.read_vite(object);
        }
    }

    fn read_vite(&mut self, object: &'p ObjectExpression<'a>) {
        self.plugins(object, "plugins");
        match self.evaluator.object_member(object, "resolve") {
            Ok(Some(resolve)) => self.resolve(resolve),
            Ok(None) => {}
            Err(()) => self.open("`resolve` cannot be read without running the configuration"),
        }
        match self.evaluator.object_member(object, "build") {
            Ok(Some(build)) => self.build(build),
            Ok(None) => {}
            Err(()) => self.config.inputs = Setting::Unknown(object.span.start as usize),
        }
    }

    pub(super) fn open(&mut self, reason: &'static str) {
        self.config.opening.get_or_insert(reason);
    }

    fn text(&self, object: &'p ObjectExpression<'a>, name: &str) -> Setting<String> {
        match self.evaluator.member(object, name) {
            Member::Absent => Setting::Unset,
            Member::Hidden => Setting::Unknown(object.span.start as usize),
            Member::Is(expression) => match self.evaluator.value(expression) {
                Some(Value::Text(text)) => Setting::Known(text, expression.span().start as usize),
                _ => Setting::Unknown(expression.span().start as usize),
            },
        }
    }

    /// A folder of the project; `false` means none.
    fn folder(&self, object: &'p ObjectExpression<'a>, name: &str) -> Setting<String> {
        let expression = match self.evaluator.member(object, name) {
            Member::Absent => return Setting::Unset,
            Member::Hidden => return Setting::Unknown(object.span.start as usize),
            Member::Is(expression) => expression,
        };
        let at = expression.span().start as usize;
        if matches!(expression, Expression::BooleanLiteral(literal) if !literal.value) {
            return Setting::Known(String::new(), at);
        }
        let folder = match self.evaluator.value(expression) {
            Some(Value::Text(text)) => join("", &text),
            Some(Value::Place(place)) => Some(place),
            None => None,
        };
        match folder {
            Some(folder) => Setting::Known(folder.trim_end_matches('/').to_owned(), at),
            None => Setting::Unknown(at),
        }
    }

    fn build(&mut self, object: &'p ObjectExpression<'a>) {
        if !matches!(self.evaluator.member(object, "lib"), Member::Absent) {
            self.config.inputs = Setting::Unknown(object.span.start as usize);
        }
        for name in ["rollupOptions", "rolldownOptions"] {
            match self.evaluator.object_member(object, name) {
                Ok(Some(options)) => self.input(options),
                Ok(None) => {}
                Err(()) => self.config.inputs = Setting::Unknown(object.span.start as usize),
            }
        }
    }

    fn input(&mut self, options: &'p ObjectExpression<'a>) {
        let expression = match self.evaluator.member(options, "input") {
            Member::Absent => return,
            Member::Hidden => return self.config.inputs = Setting::Unknown(options.span.start as usize),
            Member::Is(expression) => expression,
        };
        let at = expression.span().start as usize;
        let values: Option<Vec<Value>> = match expression.get_inner_expression() {
            Expression::ArrayExpression(_) => self.values(expression),
            Expression::ObjectExpression(object) => object
                .properties
                .iter()
                .map(|property| match property {
                    ObjectPropertyKind::ObjectProperty(one) => self.evaluator.value(&one.value),
                    ObjectPropertyKind::SpreadProperty(_) => None,
                })
                .collect(),
            other => self.evaluator.value(other).map(|value| vec![value]),
        };
        self.config.inputs = values.map_or(Setting::Unknown(at), |values| Setting::Known(values, at));
    }
}
