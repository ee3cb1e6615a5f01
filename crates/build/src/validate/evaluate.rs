//! Configurations as far as they can be read without running them: literals, objects, and the usual ways to name a folder.

use oxc_ast::ast::{
    Argument, ArrowFunctionBody, BinaryOperator, BindingPattern, CallExpression, Declaration,
    ExportDefaultDeclarationKind, Expression, NewExpression, ObjectExpression, ObjectPropertyKind, Program,
    Statement, TemplateLiteral,
};

use super::script::is_meta;

/// Names that are followed from constant to constant at most.
const MAX_STEPS: u8 = 16;

/// The value of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A string.
    Text(String),
    /// A file or folder of the project, relative to its root; empty for the root.
    Place(String),
}

/// A parsed configuration and where it lies.
pub(super) struct Evaluator<'p, 'a> {
    pub(super) program: &'p Program<'a>,
    /// The configuration's path in the project.
    pub(super) file: &'p str,
}

/// A member of an object.
pub(super) enum Member<'p, 'a> {
    /// Not there.
    Absent,
    /// There.
    Is(&'p Expression<'a>),
    /// Something unreadable may set it.
    Hidden,
}

impl<'p, 'a> Evaluator<'p, 'a> {
    /// The object that the module exports, through `defineConfig` and functions without decisions.
    pub(super) fn exported_object(&self) -> Option<&'p ObjectExpression<'a>> {
        self.program.body.iter().find_map(|statement| match statement {
            Statement::ExportDefaultDeclaration(export) => match &export.declaration {
                ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
                    self.returned(&function.body.as_ref()?.statements, MAX_STEPS)
                }
                other => self.object(other.as_expression()?, MAX_STEPS),
            },
            Statement::ExpressionStatement(statement) => match &statement.expression {
                Expression::AssignmentExpression(assignment) if is_module_exports(assignment) => {
                    self.object(&assignment.right, MAX_STEPS)
                }
                _ => None,
            },
            _ => None,
        })
    }

    fn object(&self, expression: &'p Expression<'a>, steps: u8) -> Option<&'p ObjectExpression<'a>> {
        let steps = steps.checked_sub(1)?;
        match expression.get_inner_expression() {
            Expression::ObjectExpression(object) => Some(object),
            Expression::Identifier(name) => self.object(self.constant(name.name.as_str())?, steps),
            Expression::ArrowFunctionExpression(arrow) => match &arrow.body {
                ArrowFunctionBody::FunctionBody(body) => self.returned(&body.statements, steps),
                other => self.object(other.as_expression()?, steps),
            },
            Expression::FunctionExpression(function) => {
                self.returned(&function.body.as_ref()?.statements, steps)
            }
            Expression::CallExpression(call) => {
                let is_define =
                    matches!(&call.callee, Expression::Identifier(name) if name.name == "defineConfig");
                let first = call.arguments.first().filter(|_| is_define)?;
                self.object(first.as_expression()?, steps)
            }
            _ => None,
        }
    }

    /// The object a body returns when it returns in one place only.
    fn returned(&self, body: &'p [Statement<'a>], steps: u8) -> Option<&'p ObjectExpression<'a>> {
        let decides = |statement: &Statement| {
            matches!(
                statement,
                Statement::IfStatement(_) | Statement::SwitchStatement(_) | Statement::TryStatement(_)
            )
        };
        match body.split_last()? {
            (Statement::ReturnStatement(last), before) if !before.iter().any(decides) => {
                self.object(last.argument.as_ref()?, steps)
            }
            _ => None,
        }
    }

    /// What a top-level `const name = …` is bound to.
    fn constant(&self, name: &str) -> Option<&'p Expression<'a>> {
        let declarations = self.program.body.iter().filter_map(|statement| match statement {
            Statement::VariableDeclaration(declaration) => Some(declaration),
            Statement::ExportDeclaration(export) => match &export.declaration {
                Declaration::VariableDeclaration(declaration) => Some(declaration),
                _ => None,
            },
            _ => None,
        });
        declarations.filter(|declaration| declaration.kind.is_const()).find_map(|declaration| {
            declaration.declarations.iter().find_map(|one| match &one.id {
                BindingPattern::BindingIdentifier(id) if id.name == name => one.init.as_ref(),
                _ => None,
            })
        })
    }

    /// A member by name.
    pub(super) fn member(&self, object: &'p ObjectExpression<'a>, name: &str) -> Member<'p, 'a> {
        let mut hidden = false;
        for property in object.properties.iter().rev() {
            match property {
                ObjectPropertyKind::ObjectProperty(one) => match one.key.static_name() {
                    Some(key) if key == name => return Member::Is(&one.value),
                    Some(_) => {}
                    None => hidden = true,
                },
                ObjectPropertyKind::SpreadProperty(_) => hidden = true,
            }
        }
        if hidden { Member::Hidden } else { Member::Absent }
    }

    /// A member that is an object, followed through constants.
    pub(super) fn object_member(
        &self,
        object: &'p ObjectExpression<'a>,
        name: &str,
    ) -> Result<Option<&'p ObjectExpression<'a>>, ()> {
        match self.member(object, name) {
            Member::Absent => Ok(None),
            Member::Is(expression) => self.as_object(expression).map(Some).ok_or(()),
            Member::Hidden => Err(()),
        }
    }

    /// The object an expression is.
    pub(super) fn as_object(&self, expression: &'p Expression<'a>) -> Option<&'p ObjectExpression<'a>> {
        match expression.get_inner_expression() {
            Expression::ObjectExpression(object) => Some(object),
            Expression::Identifier(name) => match self.constant(name.name.as_str())?.get_inner_expression() {
                Expression::ObjectExpression(object) => Some(object),
                _ => None,
            },
            _ => None,
        }
    }

    /// The value of an expression; `None` when only running it would tell.
    pub(super) fn value(&self, expression: &'p Expression<'a>) -> Option<Value> {
        self.evaluate(expression, MAX_STEPS)
    }

    fn evaluate(&self, expression: &'p Expression<'a>, steps: u8) -> Option<Value> {
        let steps = steps.checked_sub(1)?;
        let expression = expression.get_inner_expression();
        if is_meta(expression, "url") || is_meta(expression, "filename") {
            return Some(Value::Place(self.file.to_owned()));
        }
        if is_meta(expression, "dirname") {
            return Some(Value::Place(self.folder()));
        }
        match expression {
            Expression::StringLiteral(literal) => Some(Value::Text(literal.value.as_str().to_owned())),
            Expression::TemplateLiteral(template) => self.template(template, steps),
            Expression::Identifier(name)
                if name.name == "__dirname" && self.constant("__dirname").is_none() =>
            {
                Some(Value::Place(self.folder()))
            }
            Expression::Identifier(name) => self.evaluate(self.constant(name.name.as_str())?, steps),
            Expression::BinaryExpression(binary) if binary.operator == BinaryOperator::Addition => {
                Some(concat(self.evaluate(&binary.left, steps)?, &self.evaluate(&binary.right, steps)?))
            }
            // `new URL(…).pathname`
            Expression::StaticMemberExpression(member)
                if matches!(member.property.name.as_str(), "pathname" | "href") =>
            {
                self.evaluate(&member.object, steps)
            }
            Expression::NewExpression(new) => self.url(new, steps),
            Expression::CallExpression(call) => self.call(call, steps),
            _ => None,
        }
    }

    fn folder(&self) -> String {
        self.file.rsplit_once('/').map(|(folder, _)| folder.to_owned()).unwrap_or_default()
    }

    fn template(&self, template: &'p TemplateLiteral<'a>, steps: u8) -> Option<Value> {
        let mut quasis = template.quasis.iter().map(|quasi| quasi.value.raw.as_str().to_owned());
        let mut value = Value::Text(quasis.next()?);
        for (expression, text) in template.expressions.iter().zip(quasis) {
            value = concat(value, &self.evaluate(expression, steps)?);
            value = concat(value, &Value::Text(text));
        }
        Some(value)
    }

    fn url(&self, new: &'p NewExpression<'a>, steps: u8) -> Option<Value> {
        let is_url = matches!(&new.callee, Expression::Identifier(name) if name.name == "URL");
        let mut arguments = new.arguments.iter().filter(|_| is_url).filter_map(Argument::as_expression);
        let (path, base) =
            (self.evaluate(arguments.next()?, steps)?, self.evaluate(arguments.next()?, steps)?);
        match (path, base) {
            (Value::Text(path), Value::Place(file)) => {
                let folder = file.rsplit_once('/').map(|(folder, _)| folder).unwrap_or_default();
                join(folder, &path).map(Value::Place)
            }
            _ => None,
        }
    }

    fn call(&self, call: &'p CallExpression<'a>, steps: u8) -> Option<Value> {
        let name = match &call.callee {
            Expression::Identifier(name) => name.name.as_str(),
            Expression::StaticMemberExpression(member) => member.property.name.as_str(),
            _ => return None,
        };
        let mut arguments = call.arguments.iter().filter_map(Argument::as_expression);
        match name {
            "cwd" => Some(Value::Place(String::new())),
            "fileURLToPath" | "normalizePath" => self.evaluate(arguments.next()?, steps),
            "dirname" => match self.evaluate(arguments.next()?, steps)? {
                Value::Place(path) => Some(Value::Place(
                    path.rsplit_once('/').map(|(folder, _)| folder.to_owned()).unwrap_or_default(),
                )),
                Value::Text(_) => None,
            },
            "resolve" | "join" => {
                // Both start at the working directory, which is the project's root.
                let mut place = String::new();
                for argument in arguments {
                    place = match self.evaluate(argument, steps)? {
                        Value::Place(path) => path,
                        Value::Text(text) => join(&place, text.trim_start_matches('/'))?,
                    };
                }
                Some(Value::Place(place))
            }
            _ => None,
        }
    }
}

fn is_module_exports(assignment: &oxc_ast::ast::AssignmentExpression) -> bool {
    let Some(target) = assignment.left.as_member_expression() else {
        return false;
    };
    let is_module = matches!(target.object(), Expression::Identifier(name) if name.name == "module");
    is_module && target.static_property_name() == Some("exports")
}

fn concat(left: Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => Value::Text(left + right),
        (Value::Place(left), Value::Text(right)) => {
            let slash = if right.ends_with('/') && right.trim_matches('/').is_empty() { "/" } else { "" };
            let place = join(&left, right.trim_start_matches('/')).unwrap_or(left);
            Value::Place(place + slash)
        }
        // An empty text before an absolute path.
        (_, Value::Place(right)) => Value::Place(right.clone()),
    }
}

/// A relative path from a folder, without dots; `None` when it leads out of the project. A slash at the end stays.
pub(super) fn join(folder: &str, path: &str) -> Option<String> {
    let mut segments: Vec<&str> = folder.split('/').filter(|segment| !segment.is_empty()).collect();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            other => segments.push(other),
        }
    }
    let end = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    Some(segments.join("/") + end)
}
