//! Where an import leads, as Vite would find out, over the tree alone: `node_modules` is not looked at.

use std::collections::{HashMap, HashSet};

use vitrine_model::{ProjectPath, Tree};

use super::config::{Alias, Config, Setting};
use super::evaluate::{Value, join};
use super::packages::{Packages, is_builtin, package_of};
use super::script::{Import, ImportKind};
use super::tsconfig::PathMapping;

/// Where an import leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target<'p> {
    /// To a file of the project.
    File(&'p ProjectPath),
    /// Somewhere that is nobody's fault: a listed package, Node.js, a module that a plugin makes.
    Elsewhere,
    /// Nowhere.
    Wrong(Wrong),
}

/// Why an import leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// There is no such file.
    Missing,
    /// There is one that differs in case only.
    Case(ProjectPath),
    /// Above the project's root.
    Outside,
    /// A package that is not listed.
    Package(String),
    /// A name that looks like an alias that nobody defined; its first segment.
    Alias(String),
    /// On the network.
    Network,
}

/// Extensions that a script's import may leave out, in Vite's order.
const SCRIPT_EXTENSIONS: [&str; 7] = [".mjs", ".js", ".mts", ".ts", ".jsx", ".tsx", ".json"];

/// Extensions that a style sheet's import may leave out.
const STYLE_EXTENSIONS: [&str; 6] = [".css", ".scss", ".sass", ".less", ".styl", ".pcss"];

/// What TypeScript sources are imported as.
const COMPILED: [(&str, &[&str]); 4] =
    [(".js", &[".ts", ".tsx"]), (".jsx", &[".tsx", ".ts"]), (".mjs", &[".mts"]), (".cjs", &[".cts"])];

/// Everything that decides where imports lead.
pub(super) struct Resolver<'p> {
    paths: HashMap<&'p str, &'p ProjectPath>,
    folded: HashMap<String, &'p ProjectPath>,
    folders: HashSet<&'p str>,
    /// The folder that `/` means, without a slash at the end.
    pub(super) root: String,
    /// Folders whose files are served as they are.
    public: Vec<String>,
    aliases: Vec<Alias>,
    mappings: Vec<PathMapping>,
    pub(super) packages: Packages,
    /// Extensions that the configuration adds to those that may be left out.
    extensions: Vec<String>,
}

impl<'p> Resolver<'p> {
    pub(super) fn new(
        tree: &'p Tree,
        config: &Config,
        packages: Packages,
        mappings: Vec<PathMapping>,
    ) -> Self {
        let root = match &config.root {
            Setting::Known(root, _) => root.clone(),
            Setting::Unset | Setting::Unknown(_) => String::new(),
        };
        let public = match &config.public_dir {
            Setting::Known(folder, _) if folder.is_empty() => Vec::new(),
            // A bare name is relative to Vite's root, a path made by the configuration to the project.
            Setting::Known(folder, _) => vec![join(&root, folder).unwrap_or_default(), folder.clone()],
            Setting::Unset | Setting::Unknown(_) => vec![join(&root, "public").unwrap_or_default()],
        };
        let paths: HashMap<_, _> = tree.iter().map(|(path, _)| (path.as_str(), path)).collect();
        let folded = tree.iter().map(|(path, _)| (path.folded(), path)).collect();
        let folders = tree.iter().flat_map(|(path, _)| path.ancestors()).collect();
        Self {
            paths,
            folded,
            folders,
            root,
            public,
            aliases: config.aliases.clone(),
            mappings,
            packages,
            extensions: config.extensions.clone(),
        }
    }

    /// The file of exactly this path.
    pub(super) fn file(&self, path: &str) -> Option<&'p ProjectPath> {
        self.paths.get(path).copied()
    }

    /// True for files that are copied as they are; without a folder of their own, none are.
    pub(super) fn is_public(&self, path: &ProjectPath) -> bool {
        self.public.iter().any(|folder| {
            let rest = path.as_str().strip_prefix(folder.as_str());
            !folder.is_empty() && rest.is_some_and(|rest| rest.starts_with('/'))
        })
    }

    /// Every file.
    pub(super) fn files(&self) -> impl Iterator<Item = &'p ProjectPath> + '_ {
        self.paths.values().copied()
    }

    /// Where an import in `from` leads.
    pub(super) fn resolve(&self, from: &ProjectPath, import: &Import) -> Target<'p> {
        let specifier = import.specifier.trim();
        if specifier.starts_with("//") || has_scheme(specifier, "http") || has_scheme(specifier, "https") {
            let is_code = !matches!(import.kind, ImportKind::Asset | ImportKind::TypeOnly);
            return if is_code { Target::Wrong(Wrong::Network) } else { Target::Elsewhere };
        }
        // `virtual:`, `astro:`, `node:`, `data:`, `sass:` and everything else that is no file.
        let is_made = specifier.contains(['\0', ':']) || specifier.starts_with("/@");
        // An installed package by its path.
        let is_installed = specifier.split('/').any(|segment| segment == "node_modules");
        if is_made || is_installed || specifier.is_empty() {
            return Target::Elsewhere;
        }
        let is_private = specifier.starts_with('#');
        let end = specifier.find(|c| c == '?' || (c == '#' && !is_private)).unwrap_or(specifier.len());
        self.local(from, &specifier[..end], import.kind)
    }

    fn local(&self, from: &ProjectPath, specifier: &str, kind: ImportKind) -> Target<'p> {
        if let Some(target) = self.alias(from, specifier, kind) {
            return target;
        }
        let specifier = match kind {
            ImportKind::Style => specifier.strip_prefix('~').unwrap_or(specifier),
            _ => specifier,
        };
        let folder = from.as_str().rsplit_once('/').map(|(folder, _)| folder).unwrap_or_default();
        if is_relative(specifier) {
            let beside = self.at(join(folder, specifier), kind);
            // A page names files as the browser will find them: public files lie beside it then.
            let is_page = kind == ImportKind::Asset && from.extension() == Some("html");
            return match (&beside, specifier.strip_prefix("./")) {
                (Target::Wrong(_), Some(plain)) if is_page => self.absolute(plain, kind),
                _ => beside,
            };
        }
        if let Some(absolute) = specifier.strip_prefix('/') {
            return self.absolute(absolute, kind);
        }
        if prefers_relative(kind)
            && let Target::File(path) = self.at(join(folder, specifier), kind)
        {
            return Target::File(path);
        }
        if specifier.starts_with('#') {
            let known = self.packages.has_private(from.as_str(), specifier);
            let mapped = self.mapped(from, specifier, kind);
            return mapped.unwrap_or(if known { Target::Elsewhere } else { Target::Wrong(Wrong::Missing) });
        }
        if let Some(target) = self.mapped(from, specifier, kind) {
            return target;
        }
        match kind {
            // A file beside the page, not a package.
            ImportKind::Entry => self.at(join(folder, specifier), kind),
            _ => self.package(from, specifier, kind),
        }
    }

    fn package(&self, from: &ProjectPath, specifier: &str, kind: ImportKind) -> Target<'p> {
        let Some(package) = package_of(specifier) else {
            let first = specifier.split('/').next().unwrap_or(specifier);
            return Target::Wrong(Wrong::Alias(first.to_owned()));
        };
        let typed = kind == ImportKind::TypeOnly && self.packages.lists_types_of(from.as_str(), package);
        if is_builtin(package) || typed || self.packages.lists(from.as_str(), package) {
            return Target::Elsewhere;
        }
        match kind {
            ImportKind::Asset => Target::Wrong(Wrong::Missing),
            _ => Target::Wrong(Wrong::Package(package.to_owned())),
        }
    }

    fn alias(&self, from: &ProjectPath, specifier: &str, kind: ImportKind) -> Option<Target<'p>> {
        let (alias, rest) = self.aliases.iter().find_map(|alias| {
            let rest = specifier.strip_prefix(alias.find.as_str())?;
            let whole =
                alias.is_prefix || rest.is_empty() || rest.starts_with('/') || alias.find.ends_with('/');
            whole.then_some((alias, rest))
        })?;
        Some(match &alias.target {
            None => Target::Elsewhere,
            Some(Value::Place(place)) => self.at(join("", &format!("{place}{rest}")), kind),
            Some(Value::Text(text)) => {
                let replaced = format!("{text}{rest}");
                match replaced.strip_prefix('/') {
                    Some(absolute) => self.absolute(absolute, kind),
                    None if is_relative(&replaced) => self.at(join(&self.root, &replaced), kind),
                    None => self.package(from, &replaced, kind),
                }
            }
        })
    }

    /// By `paths`; a match that leads to no file is wrong only when no package can be meant.
    fn mapped(&self, from: &ProjectPath, specifier: &str, kind: ImportKind) -> Option<Target<'p>> {
        let mut wrong = None;
        for mapping in self.mappings.iter().filter(|one| from.as_str().starts_with(one.scope.as_str())) {
            for place in mapping.apply(specifier).unwrap_or_default() {
                match self.at(Some(place), kind) {
                    Target::Wrong(why) if !mapping.is_catch_all() => wrong = wrong.or(Some(why)),
                    Target::Wrong(_) => {}
                    found => return Some(found),
                }
            }
        }
        let may_be_package =
            package_of(specifier).is_some_and(|package| self.packages.lists(from.as_str(), package));
        wrong.filter(|_| !may_be_package).map(Target::Wrong)
    }

    fn absolute(&self, path: &str, kind: ImportKind) -> Target<'p> {
        let places = std::iter::once(&self.root).chain(&self.public);
        let mut wrong = Wrong::Missing;
        for place in places {
            match self.at(join(place, path), kind) {
                Target::Wrong(case @ Wrong::Case(_)) => wrong = case,
                Target::Wrong(_) => {}
                found => return found,
            }
        }
        Target::Wrong(wrong)
    }

    /// The file at a path of the project, completed as the kind of import allows.
    fn at(&self, path: Option<String>, kind: ImportKind) -> Target<'p> {
        let Some(path) = path else {
            return Target::Wrong(Wrong::Outside);
        };
        let is_folder = path.ends_with('/');
        let path = path.trim_end_matches('/');
        let mut candidates = candidates(path, kind);
        candidates.extend(self.extensions.iter().map(|extension| format!("{path}{extension}")));
        candidates.extend(self.extensions.iter().map(|extension| format!("{path}/index{extension}")));
        if let Some(found) = candidates.iter().find_map(|one| self.file(one)) {
            return Target::File(found);
        }
        let is_loose = matches!(kind, ImportKind::Asset | ImportKind::StyleTool | ImportKind::Require);
        let has_manifest = self.paths.contains_key(format!("{path}/package.json").as_str());
        if has_manifest || ((is_loose || is_folder) && (path.is_empty() || self.folders.contains(path))) {
            return Target::Elsewhere;
        }
        match candidates.iter().find_map(|one| self.folded.get(&one.to_lowercase())) {
            Some(actual) => Target::Wrong(Wrong::Case((*actual).clone())),
            None => Target::Wrong(Wrong::Missing),
        }
    }
}

fn is_relative(specifier: &str) -> bool {
    matches!(specifier, "." | "..") || specifier.starts_with("./") || specifier.starts_with("../")
}

fn prefers_relative(kind: ImportKind) -> bool {
    matches!(kind, ImportKind::Style | ImportKind::StyleTool | ImportKind::Asset | ImportKind::Entry)
}

fn has_scheme(specifier: &str, scheme: &str) -> bool {
    specifier.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        && specifier[scheme.len()..].starts_with("://")
}

fn candidates(path: &str, kind: ImportKind) -> Vec<String> {
    let mut all = vec![path.to_owned()];
    if matches!(kind, ImportKind::Style | ImportKind::StyleTool | ImportKind::Asset) {
        let (folder, name) =
            path.rsplit_once('/').map_or(("", path), |(_, name)| (&path[..path.len() - name.len()], name));
        let extensions = std::iter::once("").chain(STYLE_EXTENSIONS);
        all.extend(STYLE_EXTENSIONS.iter().map(|extension| format!("{path}{extension}")));
        all.extend(extensions.map(|extension| format!("{folder}_{name}{extension}")));
        all.extend(STYLE_EXTENSIONS.iter().map(|extension| format!("{path}/_index{extension}")));
        all.extend(STYLE_EXTENSIONS.iter().map(|extension| format!("{path}/index{extension}")));
    }
    if kind == ImportKind::Style {
        return all;
    }
    for (compiled, sources) in COMPILED {
        if let Some(stem) = path.strip_suffix(compiled) {
            all.extend(sources.iter().map(|source| format!("{stem}{source}")));
        }
    }
    if kind == ImportKind::TypeOnly {
        all.push(format!("{path}.d.ts"));
        all.extend(path.strip_suffix(".js").map(|stem| format!("{stem}.d.ts")));
        all.push(format!("{path}/index.d.ts"));
    }
    all.extend(SCRIPT_EXTENSIONS.iter().map(|extension| format!("{path}{extension}")));
    let slash = if path.is_empty() { "" } else { "/" };
    all.extend(SCRIPT_EXTENSIONS.iter().map(|extension| format!("{path}{slash}index{extension}")));
    all
}
