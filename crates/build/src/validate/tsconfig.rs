//! `paths` and `baseUrl` of `tsconfig.json` and its relatives: names that a project made up for its own folders.

use oxc_allocator::Allocator;
use oxc_ast::ast::{Expression, ObjectExpression, ObjectPropertyKind, PropertyKey};
use oxc_parser::Parser;
use oxc_span::SourceType;

use super::evaluate::join;
use crate::Files;

/// One pattern and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathMapping {
    /// The folder whose files it applies to, with a slash at the end; the root is empty.
    pub(super) scope: String,
    /// The text before the `*`, and after it if there is one.
    pub(super) pattern: (String, Option<String>),
    /// Project paths, with a `*` where the pattern has one.
    pub(super) targets: Vec<String>,
}

/// The mappings of every `tsconfig*.json` and `jsconfig*.json`; `baseUrl` is the pattern `*`.
pub(super) fn read(files: &Files) -> Vec<PathMapping> {
    let is_config = |name: &str| {
        (name.starts_with("tsconfig") || name.starts_with("jsconfig")) && name.ends_with(".json")
    };
    let configs = files.iter().filter(|(path, _)| is_config(path.file_name()));
    configs.flat_map(|(path, content)| read_one(path.as_str(), content).unwrap_or_default()).collect()
}

/// JSON with comments is an expression of JavaScript.
fn read_one(path: &str, content: &[u8]) -> Option<Vec<PathMapping>> {
    if super::stack::refusal(content).is_some() {
        return None;
    }
    let text = std::str::from_utf8(content).ok()?.trim_start_matches('\u{feff}');
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, text, SourceType::mjs()).parse_expression().ok()?;
    let Expression::ObjectExpression(root) = parsed.get_inner_expression() else {
        return None;
    };
    let options = object(root, "compilerOptions")?;
    let scope = path.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
    let base_url = member(options, "baseUrl").and_then(text_of);
    let base = join(&scope, base_url.unwrap_or("."))?;
    let mut mappings: Vec<PathMapping> = object(options, "paths")
        .map(|paths| {
            let entries = paths.properties.iter().filter_map(entry);
            entries.map(|(key, value)| mapping(&scope, &base, key, value)).collect()
        })
        .unwrap_or_default();
    if base_url.is_some() {
        let any = (String::new(), Some(String::new()));
        let target = join(&base, "*")?;
        mappings.push(PathMapping { scope, pattern: any, targets: vec![target] });
    }
    Some(mappings)
}

fn mapping(scope: &str, base: &str, key: &str, value: &Expression) -> PathMapping {
    let pattern = match key.split_once('*') {
        Some((before, after)) => (before.to_owned(), Some(after.to_owned())),
        None => (key.to_owned(), None),
    };
    let targets = match value {
        Expression::ArrayExpression(array) => {
            let texts = array.elements.iter().filter_map(|one| one.as_expression().and_then(text_of));
            texts.filter_map(|text| join(base, text)).collect()
        }
        _ => Vec::new(),
    };
    PathMapping { scope: scope.to_owned(), pattern, targets }
}

fn entry<'p, 'a>(property: &'p ObjectPropertyKind<'a>) -> Option<(&'p str, &'p Expression<'a>)> {
    match property {
        ObjectPropertyKind::ObjectProperty(one) => match &one.key {
            PropertyKey::StringLiteral(key) => Some((key.value.as_str(), &one.value)),
            _ => None,
        },
        ObjectPropertyKind::SpreadProperty(_) => None,
    }
}

fn member<'p, 'a>(object: &'p ObjectExpression<'a>, name: &str) -> Option<&'p Expression<'a>> {
    object.properties.iter().filter_map(entry).find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn object<'p, 'a>(parent: &'p ObjectExpression<'a>, name: &str) -> Option<&'p ObjectExpression<'a>> {
    match member(parent, name)? {
        Expression::ObjectExpression(object) => Some(object),
        _ => None,
    }
}

fn text_of<'p>(expression: &'p Expression) -> Option<&'p str> {
    match expression {
        Expression::StringLiteral(literal) => Some(literal.value.as_str()),
        _ => None,
    }
}

impl PathMapping {
    /// What the mapping makes of a specifier; `None` when it does not match.
    pub(super) fn apply(&self, specifier: &str) -> Option<Vec<String>> {
        let (before, after) = &self.pattern;
        let Some(after) = after else {
            return (specifier == before).then(|| self.targets.clone());
        };
        let middle = specifier.strip_prefix(before.as_str())?.strip_suffix(after.as_str())?;
        Some(self.targets.iter().filter_map(|target| join("", &target.replacen('*', middle, 1))).collect())
    }

    /// True for `baseUrl`, which merely adds a place to look.
    pub(super) fn is_catch_all(&self) -> bool {
        self.pattern.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_trailing_commas_are_read() {
        let text = r#"{ // c
            "compilerOptions": { /* d */ "baseUrl": ".", "paths": { "@/*": ["./src/*"], "~": ["./lib/index.ts",], } },
        }"#;
        let mappings = read_one("web/tsconfig.app.json", text.as_bytes()).unwrap();
        assert_eq!(mappings[0].apply("@/a/b"), Some(vec!["web/src/a/b".to_owned()]));
        assert_eq!(mappings[1].apply("~"), Some(vec!["web/lib/index.ts".to_owned()]));
        assert_eq!(mappings[0].apply("react"), None);
        assert!(mappings[2].is_catch_all());
        assert_eq!(read_one("tsconfig.json", b"{"), None);
    }
}
