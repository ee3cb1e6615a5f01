//! Scripts: what a piece of JavaScript or TypeScript imports, and where the parser refuses it.

use std::collections::HashSet;

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    Argument, CallExpression, ExportAllDeclaration, ExportFromDeclaration, Expression, IdentifierReference,
    ImportDeclaration, ImportDeclarationSpecifier, ImportExpression, NewExpression, Program, StringLiteral,
    TSExternalModuleReference, TSImportType, TSInterfaceHeritage, TSTypeName, TSTypeQuery,
};
use oxc_ast_visit::{Visit, walk};
use oxc_parser::{ParseOptions, Parser};
use oxc_span::SourceType;

/// How one file asks for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ImportKind {
    /// `import`, `export … from`, `import()`: a build follows it.
    Module,
    /// Gone once the types are.
    TypeOnly,
    /// `require()`: followed by some builds, left alone by others.
    Require,
    /// A pattern of `import.meta.glob`; may match nothing.
    Glob,
    /// `new URL(…, import.meta.url)`, `url(…)`, `<img src>`: left as it is when nothing is there.
    Asset,
    /// `@import` of a style sheet.
    Style,
    /// `@plugin`, `@config`, `@reference`: what a style sheet's compiler loads.
    StyleTool,
    /// `<script type="module" src>`.
    Entry,
}

/// One import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) specifier: String,
    pub(super) kind: ImportKind,
    /// Where its text begins, in bytes from the start of the file.
    pub(super) offset: usize,
}

/// Where the parser refuses the file, and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) offset: usize,
    pub(super) message: String,
}

/// What a script says about itself.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) imports: Vec<Import>,
    pub(super) errors: Vec<SyntaxError>,
}

/// How a script is to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    pub(super) source_type: SourceType,
    /// True when what the script does not use may be used beside it, by a template.
    pub(super) has_template: bool,
    /// Astro's frontmatter is the body of a function.
    pub(super) allows_return: bool,
}

impl Dialect {
    /// By a file's extension or a block's `lang`; `None` for what is neither JavaScript nor TypeScript.
    pub(super) fn of(extension: &str) -> Option<Self> {
        let source_type = match extension {
            // Whether a `.js` file is a module or has JSX is known to the build alone: whatever parses is let through.
            "js" | "jsx" | "cjs" => SourceType::unambiguous().with_jsx(true),
            "mjs" => SourceType::mjs().with_jsx(true),
            "ts" | "mts" | "cts" => SourceType::ts(),
            "tsx" => SourceType::tsx(),
            _ => return None,
        };
        Some(Self { source_type, has_template: false, allows_return: extension == "cjs" })
    }
}

/// Reads a script that begins at `start` in its file. Recurses as deeply as the text nests: see `super::stack`.
pub(super) fn read(text: &str, start: usize, dialect: Dialect) -> Script {
    let allocator = Allocator::default();
    let options =
        ParseOptions { allow_return_outside_function: dialect.allows_return, ..ParseOptions::default() };
    let parsed = Parser::new(&allocator, text, dialect.source_type).with_options(options).parse();
    let errors: Vec<_> = parsed
        .diagnostics
        .errors()
        .map(|error| SyntaxError {
            offset: start + error.labels.first().map_or(0, |label| label.offset() as usize),
            message: error.message.to_string(),
        })
        .collect();
    let mut imports = imports_of(&parsed.program, dialect);
    imports.iter_mut().for_each(|import| import.offset += start);
    Script { imports, errors }
}

fn imports_of(program: &Program, dialect: Dialect) -> Vec<Import> {
    let mut finder = Finder { imports: Vec::new(), bindings: Vec::new(), used: HashSet::new() };
    finder.visit_program(program);
    let Finder { mut imports, bindings, used } = finder;
    // TypeScript drops an import that no value refers to.
    if dialect.source_type.is_typescript() && !dialect.has_template {
        for (index, names) in bindings {
            if !names.iter().any(|name| used.contains(name.as_str())) {
                imports[index].kind = ImportKind::TypeOnly;
            }
        }
    }
    imports
}

struct Finder {
    imports: Vec<Import>,
    /// The local names of the import at an index.
    bindings: Vec<(usize, Vec<String>)>,
    /// Every name that is used as a value.
    used: HashSet<String>,
}

impl Finder {
    fn add(&mut self, literal: &StringLiteral, kind: ImportKind) {
        let offset = literal.span.start as usize;
        self.imports.push(Import { specifier: literal.value.as_str().to_owned(), kind, offset });
    }

    fn add_argument(&mut self, argument: Option<&Argument>, kind: ImportKind) {
        match argument.and_then(Argument::as_expression) {
            Some(Expression::StringLiteral(literal)) => self.add(literal, kind),
            Some(Expression::TemplateLiteral(template)) if template.expressions.is_empty() => {
                let text = template.quasis.first().map(|quasi| quasi.value.raw.as_str());
                let (specifier, offset) = (text.unwrap_or_default().to_owned(), template.span.start as usize);
                self.imports.push(Import { specifier, kind, offset });
            }
            Some(Expression::ArrayExpression(array)) if kind == ImportKind::Glob => {
                for element in &array.elements {
                    if let Some(Expression::StringLiteral(literal)) = element.as_expression() {
                        self.add(literal, kind);
                    }
                }
            }
            _ => {}
        }
    }
}

impl<'a> Visit<'a> for Finder {
    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        let specifiers = it.specifiers.iter().flatten();
        let (mut names, mut all_types, mut any) = (Vec::new(), true, false);
        for specifier in specifiers {
            any = true;
            let is_type = matches!(specifier, ImportDeclarationSpecifier::ImportSpecifier(one) if one.import_kind.is_type());
            if !is_type {
                all_types = false;
                names.push(specifier.local().name.as_str().to_owned());
            }
        }
        let type_only = it.import_kind.is_type() || (any && all_types);
        let kind = if type_only { ImportKind::TypeOnly } else { ImportKind::Module };
        self.add(&it.source, kind);
        if !names.is_empty() && !type_only {
            self.bindings.push((self.imports.len() - 1, names));
        }
    }

    fn visit_export_from_declaration(&mut self, it: &ExportFromDeclaration<'a>) {
        let any = !it.specifiers.is_empty();
        let all_types = it.specifiers.iter().all(|one| one.export_kind.is_type());
        let type_only = it.export_kind.is_type() || (any && all_types);
        self.add(&it.source, if type_only { ImportKind::TypeOnly } else { ImportKind::Module });
    }

    fn visit_export_all_declaration(&mut self, it: &ExportAllDeclaration<'a>) {
        let kind = if it.export_kind.is_type() { ImportKind::TypeOnly } else { ImportKind::Module };
        self.add(&it.source, kind);
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        match &it.source {
            Expression::StringLiteral(literal) => self.add(literal, ImportKind::Module),
            Expression::TemplateLiteral(template) if template.expressions.is_empty() => {
                let text = template.quasis.first().map(|quasi| quasi.value.raw.as_str()).unwrap_or_default();
                let offset = template.span.start as usize;
                self.imports.push(Import { specifier: text.to_owned(), kind: ImportKind::Module, offset });
            }
            _ => {}
        }
        walk::walk_import_expression(self, it);
    }

    fn visit_ts_external_module_reference(&mut self, it: &TSExternalModuleReference<'a>) {
        self.add(&it.expression, ImportKind::Require);
    }

    fn visit_ts_import_type(&mut self, it: &TSImportType<'a>) {
        self.add(&it.source, ImportKind::TypeOnly);
        walk::walk_ts_import_type(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if is_identifier(&it.callee, "require") {
            self.add_argument(it.arguments.first(), ImportKind::Require);
        } else if is_meta_glob(&it.callee) {
            self.add_argument(it.arguments.first(), ImportKind::Glob);
        }
        walk::walk_call_expression(self, it);
    }

    fn visit_new_expression(&mut self, it: &NewExpression<'a>) {
        let base = it.arguments.get(1).and_then(Argument::as_expression);
        if is_identifier(&it.callee, "URL") && base.is_some_and(|base| is_meta(base, "url")) {
            self.add_argument(it.arguments.first(), ImportKind::Asset);
        }
        walk::walk_new_expression(self, it);
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        if !self.used.contains(it.name.as_str()) {
            self.used.insert(it.name.as_str().to_owned());
        }
    }

    // A name in a type is no use of the value.
    fn visit_ts_type_name(&mut self, _: &TSTypeName<'a>) {}
    fn visit_ts_interface_heritage(&mut self, _: &TSInterfaceHeritage<'a>) {}
    fn visit_ts_type_query(&mut self, it: &TSTypeQuery<'a>) {
        if let oxc_ast::ast::TSTypeQueryExprName::TSImportType(import) = &it.expr_name {
            self.visit_ts_import_type(import);
        }
    }
}

fn is_identifier(expression: &Expression, name: &str) -> bool {
    matches!(expression, Expression::Identifier(identifier) if identifier.name == name)
}

/// `import.meta.glob`, also with type arguments, and its deprecated relatives.
fn is_meta_glob(expression: &Expression) -> bool {
    is_meta(expression, "glob") || is_meta(expression, "globEager")
}

/// `import.meta.{name}`.
pub(super) fn is_meta(expression: &Expression, name: &str) -> bool {
    let Expression::StaticMemberExpression(member) = expression.get_inner_expression() else {
        return false;
    };
    member.property.name == name && is_import_meta(&member.object)
}

fn is_import_meta(expression: &Expression) -> bool {
    matches!(expression, Expression::ImportMeta(_))
}
