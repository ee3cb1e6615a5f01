//! Whether a build's output is a whole site: a page to begin with, and every file that pages and style sheets name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use vitrine_model::ProjectPath;

use super::address::{Base, Target};
use super::error::BuildError;
use super::page::{self, Page};
use super::style;
use crate::Files;

/// The page a site begins with.
const ENTRY: &str = "index.html";

/// References that are listed at most of each kind: a site with more has one fault, not a thousand.
const MAX_MISSING: usize = 200;

/// References of one file that are looked at: what has more was made to use up memory.
pub(super) const MAX_REFERENCES: usize = 100_000;

/// What a page or style sheet names a file for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReferenceKind {
    /// A script.
    Script,
    /// A module that is to be loaded early.
    ModulePreload,
    /// A style sheet.
    StyleSheet,
    /// The site's icon or manifest.
    Icon,
    /// A picture, a font, a sound or a film.
    Media,
}

impl ReferenceKind {
    /// True when a page does not work without it.
    pub const fn is_vital(self) -> bool {
        matches!(self, Self::Script | Self::ModulePreload | Self::StyleSheet)
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::ModulePreload => "module",
            Self::StyleSheet => "style sheet",
            Self::Icon => "icon",
            Self::Media => "file",
        }
    }
}

/// A reference as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) kind: ReferenceKind,
    pub(super) address: String,
}

/// A file that is named and not there. Its `Display` is a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingReference {
    /// The file that names it.
    pub from: ProjectPath,
    /// What for.
    pub kind: ReferenceKind,
    /// The address, as it stands there.
    pub address: String,
}

impl fmt::Display for MissingReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address: String = self.address.chars().take(200).collect();
        let noun = self.kind.noun();
        write!(
            f,
            "`{}` asks for the {noun} `{}`, which the build did not leave",
            self.from,
            address.escape_debug()
        )
    }
}

/// What was found out about an output that is a whole site.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inspection {
    /// Its pages.
    pub pages: BTreeMap<ProjectPath, Page>,
    /// Missing files that it can do without, worth a warning.
    pub warnings: Vec<MissingReference>,
}

/// Looks through every page and style sheet. `output` is where the files were, for the error's sentence.
pub fn inspect(files: &Files, output: &str) -> Result<Inspection, BuildError> {
    if !files.contains_key(ENTRY) {
        let elsewhere = files.keys().find(|path| path.file_name() == ENTRY);
        let elsewhere = elsewhere.and_then(|path| path.ancestors().last()).map(|folder| match output {
            "" => folder.to_owned(),
            output => format!("{output}/{folder}"),
        });
        return Err(BuildError::NoPage { output: output.to_owned(), elsewhere });
    }
    let mut found = Found { files, vital: BTreeSet::new(), others: BTreeSet::new() };
    let mut pages = BTreeMap::new();
    for (path, content) in files {
        match path.extension().map(str::to_ascii_lowercase).as_deref() {
            Some("html" | "htm") => {
                let scan = page::scan(content);
                let base = scan.base.as_deref().map_or(Base::Page, Base::given);
                found.check(path, &base, scan.references);
                pages.insert(path.clone(), scan.page);
            }
            Some("css") => {
                found.check(path, &Base::Page, style::references(&String::from_utf8_lossy(content)))
            }
            _ => {}
        }
    }
    match found.vital.is_empty() {
        true => Ok(Inspection { pages, warnings: found.others.into_iter().collect() }),
        false => Err(BuildError::Missing { missing: found.vital.into_iter().collect() }),
    }
}

struct Found<'a> {
    files: &'a Files,
    vital: BTreeSet<MissingReference>,
    others: BTreeSet<MissingReference>,
}

impl Found<'_> {
    fn check(&mut self, from: &ProjectPath, base: &Base, references: Vec<Reference>) {
        for Reference { kind, address } in references {
            let is_there = match base.resolve(from, &address) {
                Target::Elsewhere => true,
                Target::Here(path) => self.has(&path),
            };
            let list = if kind.is_vital() { &mut self.vital } else { &mut self.others };
            if !is_there && list.len() < MAX_MISSING {
                list.insert(MissingReference { from: from.clone(), kind, address });
            }
        }
    }

    fn has(&self, path: &str) -> bool {
        let place =
            if path.is_empty() || path.ends_with('/') { format!("{path}{ENTRY}") } else { path.to_owned() };
        ProjectPath::parse(&place).is_ok_and(|path| self.files.contains_key(&path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(entries: &[(&str, &str)]) -> Files {
        entries.iter().map(|(path, text)| (path.parse().unwrap(), text.as_bytes().to_vec().into())).collect()
    }

    fn missing(entries: &[(&str, &str)]) -> Vec<String> {
        match inspect(&files(entries), "dist") {
            Err(BuildError::Missing { missing }) => missing.into_iter().map(|one| one.address).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_whole_site_passes_and_its_pages_are_known() {
        let page = r#"<!doctype html><link rel="stylesheet" href="./assets/a.css?v=1"><link rel=icon href=/favicon.svg>
            <script type=module src="/assets/a.js"></script><script src="https://cdn.example/x.js"></script>
            <img src="data:image/png;base64,AA" srcset="p%20q.png 1x, //other/b.png 2x"><a href="/nowhere"></a>"#;
        let site = files(&[
            ("index.html", page),
            ("deep/er/index.html", "<script src=\"../../assets/a.js#x\"></script>"),
            ("assets/a.css", "@import './b.css'; a { background: url(../p%20q.png) }"),
            ("assets/b.css", ""),
            ("assets/a.js", ""),
            ("favicon.svg", ""),
            ("p q.png", ""),
        ]);
        let inspection = inspect(&site, "dist").unwrap();
        assert!(inspection.warnings.is_empty(), "{:?}", inspection.warnings);
        assert_eq!(inspection.pages.len(), 2);
    }

    #[test]
    fn what_a_page_cannot_do_without_is_a_fault() {
        let vital = [
            "<script src='/gone.js'></script>",
            "<link rel='preload stylesheet' href='gone.css'>",
            "<link rel=modulepreload href=gone.js>",
            "<style>@import 'gone.css'</style>",
        ];
        for page in vital {
            assert_eq!(missing(&[("index.html", page)]).len(), 1, "{page}");
        }
        assert_eq!(missing(&[("index.html", ""), ("a/b.css", "@import url('x.css') screen")]), ["x.css"]);
        // A site built for another address than its own.
        assert_eq!(
            missing(&[("index.html", "<script src=/repo/a.js></script>"), ("a.js", "")]),
            ["/repo/a.js"]
        );
    }

    #[test]
    fn what_it_can_do_without_is_a_warning() {
        let page = "<link rel=icon href=gone.ico><img src=gone.png><video poster=gone.jpg></video>
            <style>a{background:url(gone.svg)}</style><p style='background:url(\"gone.gif\")'>";
        let inspection = inspect(&files(&[("index.html", page)]), "").unwrap();
        assert_eq!(inspection.warnings.len(), 5);
        assert!(inspection.warnings[0].to_string().starts_with("`index.html` asks for the icon `gone.ico`"));
    }

    #[test]
    fn a_page_of_nothing_but_references_is_read_as_far_as_makes_sense() {
        let page: String = (0..MAX_REFERENCES + 10).map(|n| format!("<img src={n}>")).collect();
        let scan = page::scan(page.as_bytes());
        assert_eq!(scan.references.len(), MAX_REFERENCES);
        let inspection = inspect(&files(&[("index.html", &page)]), "").unwrap();
        assert_eq!(inspection.warnings.len(), MAX_MISSING);
    }

    #[test]
    fn no_page_is_said_with_where_one_is() {
        let elsewhere = |entries: &[(&str, &str)]| match inspect(&files(entries), "dist") {
            Err(BuildError::NoPage { elsewhere, .. }) => elsewhere,
            other => panic!("{other:?}"),
        };
        assert_eq!(elsewhere(&[]), None);
        assert_eq!(elsewhere(&[("a.js", "")]), None);
        assert_eq!(elsewhere(&[("client/index.html", "")]), Some("dist/client".to_owned()));
    }
}
