//! Which files a build reads: from its entries along the imports.

use std::collections::{BTreeMap, HashSet};

use vitrine_model::ProjectPath;
use vitrine_model::profile::ProfileKind;

use super::config::{Config, Setting};
use super::evaluate::{Value, join};
use super::glob::Glob;
use super::resolve::{Resolver, Target};
use super::script::ImportKind;
use super::source::Source;

/// What is read of every source file.
pub(super) type Sources<'p> = BTreeMap<&'p ProjectPath, Source>;

/// Patterns that are compared with all files; what further ones match counts as not read.
const MAX_GLOBS: usize = 200;

/// Files that the tools read at their start, whatever the pages import.
const TOOL_CONFIGS: [&str; 2] = ["postcss.config.", "astro.config."];

/// The files a build begins with; empty when they are not known.
pub(super) fn entries<'p>(
    kind: ProfileKind,
    config: &Config,
    resolver: &Resolver<'p>,
) -> Vec<&'p ProjectPath> {
    let mut entries = match kind {
        ProfileKind::Vite => vite_entries(config, resolver),
        ProfileKind::Astro => astro_entries(config, resolver),
        ProfileKind::Static | ProfileKind::Custom => return Vec::new(),
    };
    entries.extend(config.path.as_ref().and_then(|path| resolver.file(path.as_str())));
    let tools = resolver.files().filter(|path| {
        path.is_at_root() && TOOL_CONFIGS.iter().any(|config| path.as_str().starts_with(config))
    });
    entries.extend(tools);
    entries
}

fn vite_entries<'p>(config: &Config, resolver: &Resolver<'p>) -> Vec<&'p ProjectPath> {
    if config.has_framework || matches!(config.root, Setting::Unknown(_)) || config.is_unreadable {
        return Vec::new();
    }
    match &config.inputs {
        Setting::Unknown(_) => Vec::new(),
        Setting::Unset => {
            join(&resolver.root, "index.html").and_then(|path| resolver.file(&path)).into_iter().collect()
        }
        Setting::Known(values, _) => values.iter().filter_map(|value| input(value, resolver)).collect(),
    }
}

/// The file that an entry of the configuration names.
pub(super) fn input<'p>(value: &Value, resolver: &Resolver<'p>) -> Option<&'p ProjectPath> {
    match value {
        Value::Place(path) => resolver.file(path),
        Value::Text(text) => {
            let text = text.trim_start_matches('/');
            let places = [join(&resolver.root, text), join("", text)];
            places.into_iter().flatten().find_map(|path| resolver.file(&path))
        }
    }
}

/// The folder of an Astro project's sources, with a slash at the end.
pub(super) fn astro_folder(config: &Config) -> String {
    match &config.src_dir {
        Setting::Known(folder, _) => format!("{folder}/"),
        Setting::Unset | Setting::Unknown(_) => "src/".to_owned(),
    }
}

fn astro_entries<'p>(config: &Config, resolver: &Resolver<'p>) -> Vec<&'p ProjectPath> {
    let folder = astro_folder(config);
    let is_entry = |path: &str| {
        let Some(rest) = path.strip_prefix(&folder) else {
            return false;
        };
        let is_page = rest
            .strip_prefix("pages/")
            .is_some_and(|page| !page.split('/').any(|part| part.starts_with('_')));
        let tops =
            ["middleware.", "content.config.", "content/config.", "actions/index.", "middleware/index."];
        is_page || tops.iter().any(|top| rest.starts_with(top))
    };
    resolver.files().filter(|path| is_entry(path.as_str())).collect()
}

/// Every file that the entries lead to, themselves included.
pub(super) fn reachable<'p>(
    entries: Vec<&'p ProjectPath>,
    sources: &Sources<'p>,
    resolver: &Resolver<'p>,
) -> HashSet<&'p ProjectPath> {
    let mut seen: HashSet<&ProjectPath> = entries.iter().copied().collect();
    let mut queue = entries;
    let mut globs = 0;
    while let Some(path) = queue.pop() {
        let Some(source) = sources.get(path) else {
            continue;
        };
        for import in &source.imports {
            let next = match import.kind {
                ImportKind::TypeOnly | ImportKind::Require => Vec::new(),
                ImportKind::Glob if globs < MAX_GLOBS => {
                    globs += 1;
                    globbed(path, &import.specifier, sources, resolver)
                }
                ImportKind::Glob => Vec::new(),
                _ => match resolver.resolve(path, import) {
                    // A file that is copied is not read.
                    Target::File(file) if import.kind != ImportKind::Asset || is_bundled(file) => vec![file],
                    _ => Vec::new(),
                },
            };
            queue.extend(next.into_iter().filter(|file| seen.insert(file)));
        }
    }
    seen
}

fn is_bundled(path: &ProjectPath) -> bool {
    path.extension() == Some("css")
}

fn globbed<'p>(
    from: &ProjectPath,
    pattern: &str,
    sources: &Sources<'p>,
    resolver: &Resolver<'p>,
) -> Vec<&'p ProjectPath> {
    let folder = from.as_str().rsplit_once('/').map(|(folder, _)| folder).unwrap_or_default();
    let place = match pattern.strip_prefix('/') {
        Some(absolute) => join(&resolver.root, absolute),
        None => join(folder, pattern),
    };
    let Some(glob) = place.map(|place| Glob::new(&place)) else {
        return Vec::new();
    };
    sources.keys().copied().filter(|path| glob.matches(path.as_str())).collect()
}
