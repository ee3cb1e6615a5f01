//! The files that a project of a kind cannot do without, and the settings that decide where its site works.

use vitrine_model::ProjectPath;
use vitrine_model::profile::ProfileKind;

use super::Project;
use super::config::{Config, Setting};
use super::evaluate::join;
use super::finding::{Finding, FindingCode, Findings, Weight};
use super::packages::is_package_name;
use super::resolve::Resolver;
use super::walk::{astro_folder, input};
use crate::package_json::{DEPENDENCY_TABLES, PackageJson};

/// What makes a page of an Astro project.
const PAGE_EXTENSIONS: [&str; 5] = ["astro", "md", "mdx", "html", "mdoc"];

/// Checks the files at the root; returns `package.json` when it can be read.
pub(super) fn check(
    project: &Project,
    config: &Config,
    resolver: &Resolver,
    findings: &mut Findings,
) -> Option<PackageJson> {
    let package = check_package_json(project, findings);
    match project.profile.profile.kind {
        ProfileKind::Vite => {
            check_vite(config, resolver, findings);
            check_tool("vite", package.as_ref(), config, resolver, findings);
        }
        ProfileKind::Astro => {
            check_pages(config, resolver, findings);
            check_tool("astro", package.as_ref(), config, resolver, findings);
        }
        ProfileKind::Static => check_static(project, resolver, findings),
        ProfileKind::Custom => {}
    }
    check_config(project, config, findings);
    if let Some(package) = &package {
        check_build_script(project, package, findings);
    }
    package
}

fn check_package_json(project: &Project, findings: &mut Findings) -> Option<PackageJson> {
    let Some((path, content)) = project.files.get_key_value("package.json") else {
        if project.profile.profile.kind != ProfileKind::Static {
            let message = "There is no package.json, which says what is to be installed: add one.";
            findings.fault(Finding::new(FindingCode::PackageJsonMissing, message));
        }
        return None;
    };
    let package = match PackageJson::parse(content) {
        Ok(package) => package,
        Err(error) => {
            let message = format!("package.json cannot be read: {}.", error.reason);
            let mut finding = Finding::new(FindingCode::PackageJsonInvalid, message).in_file(path);
            (finding.line, finding.column) = (Some(error.line), Some(error.column));
            findings.fault(finding);
            return None;
        }
    };
    let text = String::from_utf8_lossy(content);
    for table in DEPENDENCY_TABLES {
        check_table(&package, table, (path, &text), findings);
    }
    Some(package)
}

fn check_table(
    package: &PackageJson,
    table: &str,
    (path, text): (&ProjectPath, &str),
    findings: &mut Findings,
) {
    let Some(value) = package.field(table) else {
        return;
    };
    let mut refuse = |what: String, name: &str| {
        let finding = Finding::new(FindingCode::PackageJsonInvalid, what).in_file(path);
        findings.fault(finding.at(text, place_of(text, table, name)));
    };
    let Some(entries) = value.as_object() else {
        return refuse(format!("`{table}` in package.json must be an object of names and versions."), "");
    };
    for (name, spec) in entries {
        if !is_package_name(name) {
            refuse(
                format!("`{name}` in `{table}` is not the name of a package: correct or remove it."),
                name,
            );
        } else if !spec.is_string() {
            refuse(format!("The version of `{name}` in `{table}` must be a text such as \"^1.2.3\"."), name);
        }
    }
}

/// Where an entry of a table stands in `package.json`.
pub(crate) fn place_of(text: &str, table: &str, name: &str) -> usize {
    let start = text.find(&format!("\"{table}\"")).unwrap_or_default();
    let entry = format!("\"{name}\"");
    text[start..].find(&entry).map_or(start, |at| start + at)
}

fn check_vite(config: &Config, resolver: &Resolver, findings: &mut Findings) {
    let weight = if config.opening.is_some() { Weight::Warning } else { Weight::Fault };
    if config.has_framework || matches!(config.root, Setting::Unknown(_)) {
        return;
    }
    match &config.inputs {
        Setting::Unset => {
            let page = join(&resolver.root, "index.html").unwrap_or_default();
            if resolver.file(&page).is_none() {
                let message =
                    format!("There is no `{page}`, where Vite begins: add one that loads the app's script.");
                findings.add(weight, Finding::new(FindingCode::IndexHtmlMissing, message));
            }
        }
        Setting::Known(values, _) => {
            for value in values.iter().filter(|value| input(value, resolver).is_none()) {
                let (super::evaluate::Value::Text(name) | super::evaluate::Value::Place(name)) = value;
                let message = format!(
                    "The configuration names the entry `{name}`, which does not exist: add or correct it."
                );
                findings.add(weight, Finding::new(FindingCode::EntryMissing, message));
            }
        }
        Setting::Unknown(_) => {}
    }
}

fn check_tool(
    tool: &str,
    package: Option<&PackageJson>,
    config: &Config,
    resolver: &Resolver,
    findings: &mut Findings,
) {
    let is_there =
        package.is_none_or(|package| package.depends_on(tool)) || resolver.packages.hoisted.contains(tool);
    if !is_there && !config.has_framework {
        let message = format!(
            "`{tool}` builds this project but is not listed in package.json: add it to `devDependencies`."
        );
        findings.fault(Finding::new(FindingCode::UndeclaredPackage, message).about(tool));
    }
}

fn check_pages(config: &Config, resolver: &Resolver, findings: &mut Findings) {
    let pages = format!("{}pages/", astro_folder(config));
    let is_page = |path: &ProjectPath| {
        path.as_str().starts_with(&pages)
            && path.extension().is_some_and(|extension| PAGE_EXTENSIONS.contains(&extension))
    };
    // Starlight makes pages of documents.
    let injects = resolver.packages.lists("", "@astrojs/starlight");
    if injects || matches!(config.src_dir, Setting::Unknown(_)) || resolver.files().any(is_page) {
        return;
    }
    let weight = if config.opening.is_some() { Weight::Warning } else { Weight::Fault };
    let message = format!("There is no page in `{pages}`: add `{pages}index.astro`.");
    findings.add(weight, Finding::new(FindingCode::PageMissing, message));
}

fn check_static(project: &Project, resolver: &Resolver, findings: &mut Findings) {
    let folder = project.profile.profile.output.as_deref().unwrap_or_default();
    let page = join(folder, "index.html").unwrap_or_default();
    if resolver.file(&page).is_none() {
        let message = format!("There is no `{page}`, the site's first page: add one.");
        findings.fault(Finding::new(FindingCode::IndexHtmlMissing, message));
    }
}

/// Where the site is served, the root of its own host, these lead to its files. Relative ones lead there below a path of
/// a content delivery network as well.
fn is_served(base: &str) -> bool {
    matches!(base, "" | "." | "./" | "/")
}

fn base_message(base: &str) -> String {
    format!(
        "`base` is `{base}`, so the built pages look for their files there, but the site is served at the root of its own address: remove `base`, or set it to \"./\", which works below every path."
    )
}

fn check_config(project: &Project, config: &Config, findings: &mut Findings) {
    let Some((path, content)) = config.path.as_ref().and_then(|path| project.files.get_key_value(path))
    else {
        return;
    };
    let text = String::from_utf8_lossy(content);
    let unreadable = |what: &str| {
        let message = format!("{what} cannot be read without running it, so it was not checked.");
        Finding::new(FindingCode::ConfigUnreadable, message).in_file(path)
    };
    if config.is_unreadable {
        return findings.warn(unreadable(&format!("`{path}`")));
    }
    match &config.base {
        Setting::Known(base, at) if !is_served(base) => {
            findings.fault(
                Finding::new(FindingCode::BaseNotServed, base_message(base)).in_file(path).at(&text, *at),
            );
        }
        Setting::Unknown(at) => findings.warn(unreadable("`base`").at(&text, *at)),
        Setting::Known(..) | Setting::Unset => {}
    }
    for (name, setting) in
        [("root", &config.root), ("publicDir", &config.public_dir), ("srcDir", &config.src_dir)]
    {
        if let Setting::Unknown(at) = setting {
            findings.warn(unreadable(&format!("`{name}`")).at(&text, *at));
        }
    }
    if let Setting::Unknown(at) = &config.inputs {
        findings.warn(unreadable("What the build begins with").at(&text, *at));
    }
    if let Some(why) = config.opening.filter(|_| !config.has_framework) {
        let message = format!("Some imports cannot be checked, because {why}.");
        findings.warn(Finding::new(FindingCode::ConfigUnreadable, message).in_file(path));
    }
}

/// `vite build --base=/x/` says the same as the configuration.
fn check_build_script(project: &Project, package: &PackageJson, findings: &mut Findings) {
    let own = project.profile.profile.build.as_ref().map(|argv| argv.join(" "));
    let Some(script) = own.as_deref().or_else(|| package.script("build")) else {
        return;
    };
    let mut words = script.split_whitespace();
    while let Some(word) = words.next() {
        let base = match word.strip_prefix("--base") {
            Some("") => words.next(),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        if let Some(base) = base.map(|base| base.trim_matches(['"', '\''])).filter(|base| !is_served(base)) {
            let finding = Finding::new(FindingCode::BaseNotServed, base_message(base));
            match project.files.get_key_value("package.json") {
                Some((path, content)) if own.is_none() => {
                    let text = String::from_utf8_lossy(content);
                    findings.fault(finding.in_file(path).at(&text, place_of(&text, "scripts", "build")));
                }
                _ => findings.fault(finding),
            }
        }
    }
}
