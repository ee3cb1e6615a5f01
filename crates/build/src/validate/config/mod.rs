//! What `vite.config` and `astro.config` say that decides whether imports resolve and where the site works.

use std::collections::HashMap;

use oxc_allocator::Allocator;
use oxc_ast::ast::{ImportDeclarationSpecifier, Program, Statement};
use oxc_parser::Parser;
use vitrine_model::ProjectPath;
use vitrine_model::profile::ProfileKind;

use super::evaluate::{Evaluator, Value};
use super::script::Dialect;
use crate::Files;

mod aliases;
mod plugins;
mod reader;

use reader::Reader;

/// A setting, and where it stands in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Setting<T> {
    #[default]
    Unset,
    Known(T, usize),
    /// Only running the configuration would tell.
    Unknown(usize),
}

/// What an alias's name leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alias {
    /// The specifier, or the first segments of it.
    pub(super) find: String,
    /// What takes its place; absent when that is not known.
    pub(super) target: Option<Value>,
    /// True when `find` is the beginning of a pattern, not whole segments.
    pub(super) is_prefix: bool,
}

/// The configuration, as far as it can be read.
#[derive(Debug, Default)]
pub(super) struct Config {
    /// The file; absent when there is none.
    pub(super) path: Option<ProjectPath>,
    pub(super) base: Setting<String>,
    /// Vite's `root`, relative to the project.
    pub(super) root: Setting<String>,
    /// The folder of files that are copied as they are; empty when there is none.
    pub(super) public_dir: Setting<String>,
    /// Astro's source folder.
    pub(super) src_dir: Setting<String>,
    /// The entries of the build, where they are not `index.html`.
    pub(super) inputs: Setting<Vec<Value>>,
    pub(super) aliases: Vec<Alias>,
    /// Extensions that imports may leave out, where the configuration lists them.
    pub(super) extensions: Vec<String>,
    /// True when a framework's plugin decides what the entries are.
    pub(super) has_framework: bool,
    /// Why imports may lead somewhere that cannot be seen, if they may.
    pub(super) opening: Option<&'static str>,
    /// True when there is a file that could not be read at all.
    pub(super) is_unreadable: bool,
}

/// Extensions in the order in which Vite and Astro look for them.
const EXTENSIONS: [&str; 6] = ["js", "mjs", "ts", "cjs", "mts", "cts"];

/// Reads the configuration of a project of this kind.
pub(super) fn read(files: &Files, kind: ProfileKind) -> Config {
    let stem = match kind {
        ProfileKind::Vite => "vite.config",
        ProfileKind::Astro => "astro.config",
        ProfileKind::Static | ProfileKind::Custom => return Config::default(),
    };
    let found =
        EXTENSIONS.iter().find_map(|extension| files.get_key_value(format!("{stem}.{extension}").as_str()));
    let Some((path, content)) = found else {
        return Config::default();
    };
    let unreadable = || Config {
        path: Some(path.clone()),
        opening: Some("the configuration cannot be read without running it"),
        is_unreadable: true,
        ..Config::default()
    };
    let dialect = path.extension().and_then(Dialect::of);
    let (Ok(text), Some(dialect)) = (std::str::from_utf8(content), dialect) else {
        return unreadable();
    };
    if super::stack::refusal(content).is_some() {
        return unreadable();
    }
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, text, dialect.source_type).parse();
    let evaluator = Evaluator { program: &parsed.program, file: path.as_str() };
    let Some(object) = evaluator.exported_object() else {
        return unreadable();
    };
    let mut reader = Reader { origins: origins(&parsed.program), evaluator, config: Config::default() };
    reader.read(object, kind);
    Config { path: Some(path.clone()), ..reader.config }
}

/// From which package each imported name comes.
fn origins(program: &Program) -> HashMap<String, String> {
    let imports = program.body.iter().filter_map(|statement| match statement {
        Statement::ImportDeclaration(import) => Some(import),
        _ => None,
    });
    let names = imports.flat_map(|import| {
        let source = import.source.value.as_str();
        import.specifiers.iter().flatten().map(move |one: &ImportDeclarationSpecifier| {
            (one.local().name.as_str().to_owned(), source.to_owned())
        })
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vite(text: &str) -> Config {
        let path = ProjectPath::parse("vite.config.ts").unwrap();
        read(&[(path, text.as_bytes().to_vec().into())].into(), ProfileKind::Vite)
    }

    fn base(text: &str) -> Option<String> {
        match vite(text).base {
            Setting::Known(text, _) => Some(text),
            _ => None,
        }
    }

    #[test]
    fn every_usual_way_to_export_a_configuration_is_read() {
        for text in [
            "export default { base: '/a/' }",
            "import { defineConfig } from 'vite'; export default defineConfig({ base: '/a/' })",
            "export default defineConfig(() => ({ base: '/a/' }))",
            "export default defineConfig(async ({ mode }) => { const env = f(mode); return { base: `/a/` } })",
            "const base = '/a/'; const config: UserConfig = { base }; export default config",
            "export default ({ base: '/a/' } satisfies UserConfig)",
            "module.exports = defineConfig({ base: '/a' + '/' })",
            "export default function () { return { base: '/a/' } }",
        ] {
            assert_eq!(base(text).as_deref(), Some("/a/"), "{text}");
        }
    }

    #[test]
    fn what_only_running_would_tell_is_unknown_and_never_guessed() {
        for text in [
            "export default { base: process.env.BASE }",
            "export default { base: mode === 'x' ? '/a/' : '/' }",
            "export default { ...shared }",
        ] {
            assert!(matches!(vite(text).base, Setting::Unknown(_)), "{text}");
        }
        for text in [
            "export default make()",
            "export default defineConfig(({ command }) => { if (command) { return { base: '/a/' } } return {} })",
            "no(",
        ] {
            assert!(vite(text).is_unreadable, "{text}");
        }
    }

    #[test]
    fn aliases_are_read_in_every_usual_spelling() {
        let place = |text: &str| Some(Value::Place(text.to_owned()));
        for target in [
            "path.resolve(__dirname, './src')",
            "path.resolve(__dirname, 'src')",
            "resolve(import.meta.dirname, 'src')",
            "fileURLToPath(new URL('./src', import.meta.url))",
            "new URL('./src', import.meta.url).pathname",
            "path.join(process.cwd(), 'src')",
            "`${__dirname}/src`",
            "path.resolve('src')",
        ] {
            let config = vite(&format!("export default {{ resolve: {{ alias: {{ '@': {target} }} }} }}"));
            assert_eq!(config.aliases[0].target, place("src"), "{target}");
            assert_eq!(config.opening, None);
        }
        let list = vite(
            "export default { resolve: { alias: [{ find: '@', replacement: '/src' }, { find: /^~\\/(.*)$/, replacement: x }] } }",
        );
        assert_eq!(list.aliases[0].target, Some(Value::Text("/src".to_owned())));
        assert_eq!((list.aliases[1].find.as_str(), list.aliases[1].is_prefix), ("~/", true));
        assert!(vite("export default { resolve: { alias: make() } }").opening.is_some());
    }

    #[test]
    fn plugins_that_may_add_modules_open_the_world() {
        let with = |plugins: &str| {
            vite(&format!(
                "import react from '@vitejs/plugin-react'; import x from 'x'; import {{ sveltekit }} from '@sveltejs/kit/vite';\
                 export default {{ plugins: {plugins} }}"
            ))
        };
        for closed in ["[react()]", "[react(), mode && react()].filter(Boolean)", "[[react()], false]"] {
            assert_eq!(with(closed).opening, None, "{closed}");
        }
        for open in ["[x()]", "[{ name: 'mine' }]", "make()", "[react(), ...more]"] {
            assert!(with(open).opening.is_some(), "{open}");
        }
        assert!(with("[sveltekit()]").has_framework);
    }
}
