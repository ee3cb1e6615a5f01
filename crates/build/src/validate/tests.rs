//! Whole projects in, findings out.

use bytes::Bytes;
use vitrine_model::{FileEntry, FileMode, Sha256, Timestamp};

use super::*;
use crate::policy::GatheredFacts;
use crate::profile::detect;

const PACKAGE: &str = r#"{
  "name": "app",
  "dependencies": { "react": "^19" },
  "devDependencies": { "vite": "^8" }
}"#;
const LOCK: &str = r#"{"lockfileVersion":3,"packages":{"":{"dependencies":{"react":"^19"},"devDependencies":{"vite":"^8"}},
    "node_modules/react":{"version":"19.0.0","integrity":"sha512-x"},
    "node_modules/vite":{"version":"8.0.0","integrity":"sha512-x"},
    "node_modules/scheduler":{"version":"1.0.0","integrity":"sha512-x"}}}"#;
const PAGE: &str = "<body><script type=\"module\" src=\"/src/main.tsx\"></script></body>";

/// A Vite project with these files beside the usual ones; an empty text removes one.
fn vite(changes: &[(&str, &str)]) -> Files {
    let usual = [
        ("package.json", PACKAGE),
        ("package-lock.json", LOCK),
        ("index.html", PAGE),
        ("src/main.tsx", "import React from 'react';\nconsole.log(React);\n"),
    ];
    let mut files = files(&usual);
    for (path, text) in changes {
        files.insert(ProjectPath::parse(path).unwrap(), Bytes::copy_from_slice(text.as_bytes()));
    }
    files.retain(|_, content| !content.is_empty());
    files
}

fn files(entries: &[(&str, &str)]) -> Files {
    let file = |(path, text): &(&str, &str)| {
        (ProjectPath::parse(path).unwrap(), Bytes::copy_from_slice(text.as_bytes()))
    };
    entries.iter().map(file).collect()
}

fn tree_of(files: &Files) -> Tree {
    let entry = |content: &Bytes| FileEntry {
        sha256: Sha256::of(content),
        size: content.len() as u64,
        mode: FileMode::Regular,
    };
    files.iter().map(|(path, content)| (path.clone(), entry(content))).collect()
}

fn report(files: &Files) -> Report {
    let (tree, profile) = (tree_of(files), detect(files, None).unwrap());
    let project = Project { files, tree: &tree, profile: &profile };
    validate(&project, &Policy::Open { min_age_secs: 0 }, &GatheredFacts::nothing(Timestamp::from_millis(0)))
}

fn place(finding: &Finding) -> (FindingCode, String) {
    let path = finding.path.as_ref().map(ToString::to_string).unwrap_or_default();
    let at = finding.line.zip(finding.column).map(|(line, column)| format!(":{line}:{column}"));
    (finding.code, format!("{path}{}", at.unwrap_or_default()))
}

fn faults(changes: &[(&str, &str)]) -> Vec<(FindingCode, String)> {
    report(&vite(changes)).faults.iter().map(place).collect()
}

fn warnings(changes: &[(&str, &str)]) -> Vec<(FindingCode, String)> {
    let report = report(&vite(changes));
    assert_eq!(report.faults, [], "{changes:?}");
    report.warnings.iter().map(place).collect()
}

fn main_with(text: &str) -> Vec<(FindingCode, String)> {
    faults(&[("src/main.tsx", text)])
}

#[test]
fn an_ordinary_project_has_no_findings() {
    assert_eq!(warnings(&[]), []);
    let all = [
        (
            "src/main.tsx",
            "import './a.css'; import logo from './logo.svg?url'; import { x } from './lib'; import App from './App.js';\n\
            import json from '@/data.json'; import fs from 'node:fs'; import 'virtual:x'; import y from 'react/jsx-runtime';\n\
            import pub from '/vite.svg'; use(logo, x, App, json, fs, y, pub);",
        ),
        ("src/a.css", "@import './b'; body { background: url(./logo.svg) } @import 'react/x.css';"),
        ("src/b.css", "p {}"),
        ("src/logo.svg", "<svg/>"),
        ("src/lib/index.ts", "export const x = import.meta.glob('./none/*.ts');"),
        ("src/App.tsx", "export default () => <p>Don't</p>;"),
        ("src/data.json", "{}"),
        ("public/vite.svg", "<svg/>"),
        (
            "vite.config.ts",
            "import { defineConfig } from 'vite'; export default defineConfig({ base: './', resolve: { alias: { '@': '/src' } } });",
        ),
    ];
    assert_eq!(warnings(&all), []);
}

#[test]
fn every_template_is_clean_and_passes_strict_mode() {
    let templates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates");
    let mut count = 0;
    for entry in std::fs::read_dir(templates).unwrap() {
        let dir = entry.unwrap().path().join("project");
        if !dir.is_dir() {
            continue;
        }
        let mut files = Files::new();
        read_dir(&dir, "", &mut files);
        let (tree, profile) = (tree_of(&files), detect(&files, None).unwrap());
        let project = Project { files: &files, tree: &tree, profile: &profile };
        let facts = GatheredFacts::nothing(Timestamp::from_millis(0));
        let report = validate(&project, &Policy::Strict { catalogue: None }, &facts);
        assert_eq!(report, Report::default(), "{}", dir.display());
        count += 1;
    }
    assert_eq!(count, 7);
}

fn read_dir(dir: &std::path::Path, prefix: &str, files: &mut Files) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let Ok(path) = ProjectPath::parse(&format!("{prefix}{}", entry.file_name().to_string_lossy())) else {
            continue;
        };
        if entry.file_type().unwrap().is_dir() {
            read_dir(&entry.path(), &format!("{path}/"), files);
        } else {
            files.insert(path, std::fs::read(entry.path()).unwrap().into());
        }
    }
}

#[test]
fn what_the_build_would_break_on_is_a_fault_with_its_place() {
    use FindingCode::*;
    let at = |place: &str| format!("src/main.tsx:{place}");
    assert_eq!(main_with("\nimport './none';"), [(UnresolvedImport, at("2:8"))]);
    assert_eq!(main_with("import x from 'zod'; x()"), [(UndeclaredPackage, at("1:15"))]);
    assert_eq!(main_with("await import('@/x')"), [(UnresolvedImport, at("1:14"))]);
    assert_eq!(main_with("import '../../x'"), [(ImportOutsideProject, at("1:8"))]);
    assert_eq!(main_with("import '/none.ts'"), [(UnresolvedImport, at("1:8"))]);
    assert_eq!(main_with("import 'https://esm.sh/react'"), [(NetworkImport, at("1:8"))]);
    assert_eq!(main_with("import '#none'"), [(UnresolvedImport, at("1:8"))]);
    assert_eq!(main_with("const a = <p>;\n"), [(SyntaxError, at("1:14"))]);
    let css = [("src/main.tsx", "import './a.css'"), ("src/a.css", "@import './none.css';")];
    assert_eq!(faults(&css), [(UnresolvedImport, "src/a.css:1:9".into())]);
}

#[test]
fn a_name_in_other_letters_is_told_apart_from_a_missing_file() {
    let report = report(&vite(&[("src/main.tsx", "import './app'"), ("src/App.tsx", "export {}")]));
    assert_eq!(report.faults[0].code, FindingCode::CaseMismatch);
    assert!(report.faults[0].message.contains("`src/App.tsx`"));
}

#[test]
fn a_file_that_nothing_imports_breaks_nothing() {
    let found = warnings(&[("src/stray.ts", "import './none'; import 'zod'"), ("src/half.ts", "const = 1")]);
    assert_eq!(found.len(), 3);
    let reached = faults(&[
        ("src/main.tsx", "import.meta.glob('./{stray,x}.ts')"),
        ("src/stray.ts", "import './none'"),
    ]);
    assert_eq!(reached.len(), 1);
}

#[test]
fn what_may_resolve_all_the_same_is_a_warning() {
    use FindingCode::*;
    let code =
        |changes: &[(&str, &str)]| warnings(changes).into_iter().map(|(code, _)| code).collect::<Vec<_>>();
    // Another package brings it; types only; not followed by the bundler.
    assert_eq!(code(&[("src/main.tsx", "import x from 'scheduler'; x()")]), [UndeclaredPackage]);
    assert_eq!(
        code(&[("src/main.tsx", "import type { A } from 'zod'; import { B } from 'yup'; let b: B;")]).len(),
        2
    );
    assert_eq!(code(&[("src/main.tsx", "require('./none')")]), [UnresolvedImport]);
    assert_eq!(code(&[("src/main.tsx", "new URL('./none.png', import.meta.url)")]), [AssetMissing]);
    let open = "import x from './x'; export default { plugins: [x()] }";
    let found = code(&[
        ("vite.config.ts", open),
        ("x.ts", "export default 1"),
        ("src/main.tsx", "import 'zod'; import './none'"),
    ]);
    for expected in [UnresolvedImport, UndeclaredPackage, ConfigUnreadable] {
        assert!(found.contains(&expected), "{found:?}");
    }
}

#[test]
fn names_that_the_project_made_up_are_known() {
    let tsconfig = r#"{ "compilerOptions": { "paths": { "@/*": ["./src/*"] } } }"#;
    let lib = ("src/lib.ts", "export {}");
    let main = ("src/main.tsx", "import '@/lib'");
    assert_eq!(warnings(&[("tsconfig.app.json", tsconfig), lib, main]), []);
    let missing = faults(&[("tsconfig.json", tsconfig), ("src/main.tsx", "import '@/none'")]);
    assert_eq!(missing[0].0, FindingCode::UnresolvedImport);
    let private = PACKAGE.replace("\"name\"", "\"imports\": { \"#lib/*\": \"./src/*\" }, \"name\"");
    assert_eq!(
        warnings(&[("package.json", &private), ("src/main.tsx", "import '#lib/x'; import 'app/y'")]),
        []
    );
}

#[test]
fn root_files_that_are_missing_or_wrong_are_faults() {
    use FindingCode::*;
    let codes =
        |changes: &[(&str, &str)]| faults(changes).into_iter().map(|(code, _)| code).collect::<Vec<_>>();
    assert_eq!(codes(&[("index.html", "")]), [IndexHtmlMissing]);
    assert_eq!(codes(&[("src/main.tsx", "")]), [EntryMissing]);
    assert_eq!(codes(&[("package-lock.json", "")]), [LockfileMissing]);
    assert_eq!(codes(&[("package-lock.json", "{")]), [LockfileUnreadable]);
    let numbers = PACKAGE.replace("\"^19\"", "19");
    assert_eq!(faults(&[("package.json", &numbers)])[0], (PackageJsonInvalid, "package.json:3:21".into()));
    let astro = files(&[("package.json", r#"{"dependencies":{"astro":"^7"}}"#)]);
    let found: Vec<_> = report(&astro).faults.iter().map(|finding| finding.code).collect();
    assert_eq!(found, [LockfileMissing, PageMissing]);
}

#[test]
fn a_base_below_which_nothing_is_served_is_a_fault() {
    let config = |base: &str| format!("export default {{ base: {base} }}");
    for served in ["'/'", "'./'", "''", "undefined ?? '/'"] {
        assert_eq!(faults(&[("vite.config.ts", &config(served))]), [], "{served}");
    }
    for lost in ["'/my-app/'", "'https://cdn.example/x/'"] {
        let found = faults(&[("vite.config.ts", &config(lost))]);
        assert_eq!(found, [(FindingCode::BaseNotServed, "vite.config.ts:1:24".into())], "{lost}");
    }
    let script =
        PACKAGE.replace("\"name\"", "\"scripts\": { \"build\": \"tsc && vite build --base=/x/\" }, \"name\"");
    assert_eq!(faults(&[("package.json", &script)])[0].0, FindingCode::BaseNotServed);
}

#[test]
fn hostile_nesting_does_not_end_the_server() {
    // Every way a grammar nests, brackets hidden in strings included. An overflowing stack would end the test program.
    let patterns = ["(", "!", "f(", "a=>", "a+", "a?a:", "if(a)", "f(\")\"+", "<a>", "new ", "type T=A<"];
    let text = |pattern: &str| pattern.repeat((stack::MAX_SOURCE_BYTES - 64) / pattern.len());
    for pattern in patterns {
        report(&vite(&[("src/main.tsx", &text(pattern))]));
    }
    for path in ["vite.config.ts", "tsconfig.json"] {
        report(&vite(&[(path, &text("f(\")\"+"))]));
    }
}

#[test]
fn countless_findings_cost_little() {
    let start = std::time::Instant::now();
    let text = "import './n';".repeat(stack::MAX_SOURCE_BYTES / 13);
    let report = report(&vite(&[("src/main.tsx", &text)]));
    assert_eq!(report.faults.len(), MAX_FINDINGS + 1);
    assert!(start.elapsed() < std::time::Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn what_is_too_large_or_no_text_is_skipped_and_said() {
    let large = format!("import './none'; //{}", "x".repeat(stack::MAX_SOURCE_BYTES));
    assert_eq!(warnings(&[("src/main.tsx", &large)])[0].0, FindingCode::NotChecked);
    let mut files = vite(&[]);
    files.insert(ProjectPath::parse("src/b.ts").unwrap(), Bytes::from_static(b"\xff"));
    assert_eq!(report(&files).warnings[0].code, FindingCode::NotChecked);
}

#[test]
fn every_code_is_documented_and_nothing_else_is() {
    let docs = include_str!("../../../../docs/validation.md");
    let documented: Vec<_> =
        docs.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let codes: Vec<String> = FindingCode::ALL
        .iter()
        .map(|code| serde_json::to_value(code).unwrap().as_str().unwrap().to_owned())
        .collect();
    assert_eq!(documented, codes);
}

#[test]
#[ignore = "a measurement: cargo test --release -p vitrine-build --lib -- --ignored --nocapture fifteen_hundred"]
fn fifteen_hundred_files_are_checked_in_300_milliseconds() {
    let mut files = vite(&[("src/main.tsx", "import './f0'")]);
    for n in 0..1_500 {
        let body = "export function C({ a }: { a: number }) { return <p onClick={() => use(a)}>{a + 1} isn't</p>; }\n".repeat(30);
        let text = format!(
            "import {{ use }} from 'react';\nimport './f{}';\n{}",
            (n + 1) % 1_500,
            body.replace("C(", &format!("C{n}("))
        );
        files.insert(ProjectPath::parse(&format!("src/f{n}.tsx")).unwrap(), text.into());
    }
    let start = std::time::Instant::now();
    let report = report(&files);
    let took = start.elapsed();
    assert_eq!(report.faults.iter().filter(|finding| finding.code != FindingCode::SyntaxError).count(), 0);
    assert!(took < std::time::Duration::from_millis(300), "{took:?}");
}
