//! One file of a project: what it imports and where it cannot be read, whatever language it is written in.

use vitrine_model::ProjectPath;

use super::markup::{self, Tag};
use super::script::{self, Dialect, Import, ImportKind, SyntaxError};
use super::style::{self, Flavour};

/// What a file says about itself.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) imports: Vec<Import>,
    pub(super) errors: Vec<SyntaxError>,
}

/// The languages that are read.
#[derive(Debug, Clone, Copy)]
enum Language {
    Script(Dialect),
    Style(Flavour),
    Html,
    /// Vue and Svelte: blocks at the beginning of a line.
    Component,
    Astro,
    Mdx,
}

fn language(path: &ProjectPath) -> Option<Language> {
    let extension = path.extension()?;
    // Declarations are for the type checker alone.
    if [".d.ts", ".d.mts", ".d.cts"].iter().any(|end| path.as_str().ends_with(end)) {
        return None;
    }
    if let Some(dialect) = Dialect::of(extension) {
        return Some(Language::Script(dialect));
    }
    if let Some(flavour) = Flavour::of(extension) {
        return Some(Language::Style(flavour));
    }
    match extension {
        "html" | "htm" => Some(Language::Html),
        "vue" | "svelte" => Some(Language::Component),
        "astro" => Some(Language::Astro),
        "mdx" => Some(Language::Mdx),
        _ => None,
    }
}

/// True for files that [`read`] has something to say about.
pub(super) fn is_source(path: &ProjectPath) -> bool {
    language(path).is_some()
}

/// Reads one file.
pub(super) fn read(path: &ProjectPath, text: &str) -> Source {
    // Offsets stay those of the file: a byte order mark is whitespace to the parser.
    let mut source = Source::default();
    match language(path) {
        Some(Language::Script(dialect)) => source.script(text, 0, dialect),
        Some(Language::Style(flavour)) => source.imports = style::read(text, 0, flavour),
        Some(Language::Html) => source.html(text),
        Some(Language::Component) => source.component(text),
        Some(Language::Astro) => source.astro(text),
        Some(Language::Mdx) => source.mdx(text),
        None => {}
    }
    source
}

impl Source {
    fn script(&mut self, text: &str, start: usize, dialect: Dialect) {
        let script = script::read(text, start, dialect);
        self.imports.extend(script.imports);
        self.errors.extend(script.errors);
    }

    fn html(&mut self, text: &str) {
        for tag in markup::tags(text, 0) {
            match tag.name.as_str() {
                "script" => self.html_script(&tag),
                "link" => self.html_link(&tag),
                "img" | "source" | "video" | "audio" => self.reference(&tag, "src", ImportKind::Asset),
                "style" => self.style_block(&tag),
                _ => {}
            }
        }
    }

    fn html_script(&mut self, tag: &Tag) {
        let is_module = tag.attribute("type") == Some("module");
        let is_ignored = tag.attribute("vite-ignore").is_some();
        let is_remote = tag.attribute("src").is_some_and(is_remote);
        let kind =
            if is_remote || (is_module && !is_ignored) { ImportKind::Entry } else { ImportKind::Asset };
        self.reference(tag, "src", kind);
        let inline = tag.content.filter(|_| is_module && tag.attribute("src").is_none());
        if let Some(((start, content), dialect)) = inline.zip(Dialect::of("mjs")) {
            self.script(content, start, dialect);
        }
    }

    fn html_link(&mut self, tag: &Tag) {
        let loads = ["stylesheet", "icon", "modulepreload", "manifest", "apple-touch-icon", "shortcut icon"];
        if tag.attribute("rel").is_some_and(|rel| loads.contains(&rel)) {
            let is_remote_style =
                tag.attribute("rel") == Some("stylesheet") && tag.attribute("href").is_some_and(is_remote);
            self.reference(tag, "href", if is_remote_style { ImportKind::Style } else { ImportKind::Asset });
        }
    }

    fn style_block(&mut self, tag: &Tag) {
        let flavour = Flavour::of(tag.attribute("lang").unwrap_or("css"));
        if let Some(((start, content), flavour)) = tag.content.zip(flavour) {
            self.imports.extend(style::read(content, start, flavour));
        }
    }

    fn reference(&mut self, tag: &Tag, name: &str, kind: ImportKind) {
        let value = tag.attribute(name).map(str::trim).unwrap_or_default();
        // Filled in by a template language or by Vite's `%NAME%`.
        let is_computed = value.contains(['{', '}', '%', '<', '$']);
        if !value.is_empty() && !value.starts_with('#') && !is_computed {
            let (specifier, offset) = (value.to_owned(), tag.offset_of(name));
            self.imports.push(Import { specifier, kind, offset });
        }
    }

    fn component(&mut self, text: &str) {
        for tag in markup::tags(text, 0).iter().filter(|tag| is_block(text, tag)) {
            match tag.name.as_str() {
                "script" => {
                    self.reference(tag, "src", ImportKind::Module);
                    let dialect = Dialect::of(tag.attribute("lang").unwrap_or("js"));
                    if let Some(((start, content), dialect)) = tag.content.zip(dialect) {
                        self.script(content, start, Dialect { has_template: true, ..module(dialect) });
                    }
                }
                "style" => {
                    self.reference(tag, "src", ImportKind::Style);
                    self.style_block(tag);
                }
                _ => {}
            }
        }
    }

    fn astro(&mut self, text: &str) {
        let Some(typescript) = Dialect::of("ts") else {
            return;
        };
        let mut body = 0;
        if let Some((start, end)) = frontmatter(text) {
            let dialect = Dialect { has_template: true, allows_return: true, ..typescript };
            self.script(&text[start..end], start, dialect);
            body = end + 3;
        }
        for tag in markup::tags(text, body) {
            match tag.name.as_str() {
                "script" if is_processed(&tag) => {
                    self.reference(&tag, "src", ImportKind::Module);
                    if let Some((start, content)) = tag.content {
                        self.script(content, start, typescript);
                    }
                }
                "style" if tag.attribute("is:inline").is_none() => self.style_block(&tag),
                _ => {}
            }
        }
    }

    /// The import statements alone: prose that looks like code must not be taken for an error.
    fn mdx(&mut self, text: &str) {
        let (mut start, mut is_code) = (0, false);
        for line in text.split_inclusive('\n') {
            is_code ^= line.trim_start().starts_with("```");
            if !is_code
                && line.starts_with("import ")
                && let Some(dialect) = Dialect::of("tsx")
            {
                let script = script::read(line, start, Dialect { has_template: true, ..dialect });
                self.imports.extend(script.imports.into_iter().filter(|_| script.errors.is_empty()));
            }
            start += line.len();
        }
    }
}

fn is_remote(address: &str) -> bool {
    ["https://", "http://", "//"].iter().any(|start| address.trim_start().starts_with(start))
}

fn module(dialect: Dialect) -> Dialect {
    Dialect { source_type: dialect.source_type.with_module(true), ..dialect }
}

/// A block of its own, not a tag inside a template or a text.
fn is_block(text: &str, tag: &Tag) -> bool {
    tag.offset == 0 || text[..tag.offset].ends_with('\n')
}

/// Astro bundles a script without attributes other than `src`.
fn is_processed(tag: &Tag) -> bool {
    tag.begins_line && tag.attributes.iter().all(|(name, ..)| name == "src")
}

/// Where the text between the fences of an Astro file begins and ends.
fn frontmatter(text: &str) -> Option<(usize, usize)> {
    let start = text.find("---")?;
    let before = text[..start].trim_start_matches('\u{feff}').trim();
    if !(before.is_empty() || before.starts_with("<!--")) {
        return None;
    }
    let end = text[start + 3..].find("\n---").map(|end| start + 3 + end + 1)?;
    Some((start + 3, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, text: &str) -> Source {
        read(&ProjectPath::parse(path).unwrap(), text)
    }

    fn imports(path: &str, text: &str) -> Vec<(String, ImportKind)> {
        let source = of(path, text);
        assert_eq!(source.errors, [], "{path}");
        source.imports.into_iter().map(|import| (import.specifier, import.kind)).collect()
    }

    #[test]
    fn every_way_to_import_is_found() {
        use ImportKind::*;
        let text = r#"import a from "a"; import "b"; import * as c from 'c'; export { d } from "d"; export * from "e";
            const f = import("f"), g = import(`g`), h = import(x), i = require("i");
            import.meta.glob("./j/*.ts"); import.meta.glob<T>(["./k", "./l"], { eager: true });
            new Worker(new URL("./m.ts", import.meta.url)); import type N from "n"; export type { O } from "o";
            import { type P } from "p"; let q: import("q").Q; import R from "r"; let s: R; import T2 = require("t");
            a(c);"#;
        let expected = [
            ("a", Module),
            ("b", Module),
            ("c", Module),
            ("d", Module),
            ("e", Module),
            ("f", Module),
            ("g", Module),
            ("i", Require),
            ("./j/*.ts", Glob),
            ("./k", Glob),
            ("./l", Glob),
            ("./m.ts", Asset),
            ("n", TypeOnly),
            ("o", TypeOnly),
            ("p", TypeOnly),
            ("q", TypeOnly),
            ("r", TypeOnly),
            ("t", Require),
        ];
        assert_eq!(imports("a.ts", text), expected.map(|(name, kind)| (name.to_owned(), kind)));
    }

    #[test]
    fn modern_syntax_is_no_error() {
        let typescript = "enum A { B = 1 } abstract class C<const T> { @dec() accessor x = 1; constructor(private y?: string) {} }\n\
            const d = { a: 1 } satisfies Record<string, number>; using e = f(); let g = <T,>(x: T): x is T => !!x;\n\
            namespace N { export const z = 1 } declare global { interface Window { q: 1 } } type K = `a${string}`;\n\
            export default class {} function over(a: string): void; function over(a: number): void; function over(a: any) {}\n\
            import data from './x.json' with { type: 'json' }; await data; label: for (;;) break label; a ??= b?.c!;";
        assert_eq!(of("a.ts", typescript).errors, []);
        let jsx = "const a = <><p className=\"x\">Don't 'quote' {/* c */} &nbsp; a &gt; b</p><a.b {...c} d:e='f' /></>;";
        for name in ["a.tsx", "a.jsx", "a.js"] {
            assert_eq!(of(name, jsx).errors, [], "{name}");
        }
        assert_eq!(of("a.cjs", "const a = require('a'); if (!a) return; module.exports = a").errors, []);
        assert_eq!(of("a.js", "var let_ = 010; with (a) { b }").errors, []);
    }

    #[test]
    fn an_error_is_where_it_is() {
        let source = of("a.vue", "<template></template>\n<script setup lang=\"ts\">\nconst a = ;\n</script>");
        let offset = "<template></template>\n<script setup lang=\"ts\">\nconst a = ".len();
        assert_eq!(source.errors.first().map(|error| error.offset), Some(offset));
    }

    #[test]
    fn components_are_read_block_by_block() {
        use ImportKind::*;
        let vue = "<script setup lang=\"ts\">\nimport A from './A.vue'\nconst p = defineProps<{ a: string }>()\n</script>\n\
            <template><A>it's</A><script>no(</script></template>\n<style scoped>\n@import './a.css';\n</style>";
        assert_eq!(imports("a.vue", vue), [("./A.vue".into(), Module), ("./a.css".into(), Style)]);
        let svelte = "<script module>\n  export const a = 1;\n</script>\n<script>\n  import B from './B.svelte';\n  $: c = a;\n</script>\n<B/>";
        assert_eq!(imports("a.svelte", svelte), [("./B.svelte".into(), Module)]);
        let astro = "---\nimport L from '../L.astro';\nif (!L) return Astro.redirect('/');\n---\n<L>it's</L>\n<script>\n  import './x.ts';\n</script>\n\
            <script is:inline>no(</script>\n<script type=\"application/ld+json\" set:html={JSON.stringify(x)} />";
        assert_eq!(imports("a.astro", astro), [("../L.astro".into(), Module), ("./x.ts".into(), Module)]);
        let html = "<script type=module src=/src/main.ts></script><link rel=icon href=/v.svg><a href=x></a><img src={{x}}>";
        assert_eq!(imports("index.html", html), [("/src/main.ts".into(), Entry), ("/v.svg".into(), Asset)]);
    }
}
