//! Validates the projects in the given folders and prints what was found: `cargo run --example validate -- [-q] DIR…`.

#![allow(clippy::print_stdout, reason = "a program for a terminal")]

use std::path::Path;
use std::time::Instant;

use vitrine_build::policy::{GatheredFacts, Policy};
use vitrine_build::validate::{Project, validate};
use vitrine_build::{Files, profile};
use vitrine_model::{FileEntry, FileMode, ProjectPath, Sha256, Timestamp, Tree};

fn main() -> anyhow::Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_quiet = arguments.first().is_some_and(|first| first == "-q");
    for dir in arguments.drain(usize::from(is_quiet)..) {
        let mut files = Files::new();
        read(Path::new(&dir), "", &mut files)?;
        let entry = |content: &[u8]| FileEntry {
            sha256: Sha256::of(b""),
            size: content.len() as u64,
            mode: FileMode::Regular,
        };
        let tree: Tree = files.iter().map(|(path, content)| (path.clone(), entry(content))).collect();
        let detected = match profile::detect(&files, None) {
            Ok(detected) => detected,
            Err(error) => {
                println!("{dir}: {error}");
                continue;
            }
        };
        let facts = GatheredFacts::nothing(Timestamp::from_millis(0));
        let project = Project { files: &files, tree: &tree, profile: &detected };
        let start = Instant::now();
        let report = validate(&project, &Policy::Open { min_age_secs: 0 }, &facts);
        let (millis, kind) = (start.elapsed().as_millis(), detected.profile.kind);
        let (faults, warnings) = (report.faults.len(), report.warnings.len());
        println!("{dir}: {kind:?}, {} files, {faults} faults, {warnings} warnings, {millis} ms", files.len());
        let shown = [("fault", report.faults), ("warning", report.warnings)];
        for (weight, findings) in shown.into_iter().take(if is_quiet { 1 } else { 2 }) {
            for finding in findings {
                let code = serde_json::to_string(&finding.code)?;
                let path = finding.path.as_ref().map(ProjectPath::as_str).unwrap_or_default();
                let (line, column) = (finding.line.unwrap_or(0), finding.column.unwrap_or(0));
                println!("  {weight} {code} {path}:{line}:{column} {}", finding.message);
            }
        }
    }
    Ok(())
}

/// Every file that a project path can name.
fn read(dir: &Path, prefix: &str, files: &mut Files) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(path) = ProjectPath::parse(&format!("{prefix}{name}")) else {
            continue;
        };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            read(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() {
            files.insert(path, std::fs::read(entry.path())?.into());
        }
    }
    Ok(())
}
