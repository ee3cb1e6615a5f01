//! What an artifact was built with, as a CycloneDX 1.6 document (ECMA-424): the packages that the lockfile pins, with their
//! hashes, licences and who needs whom.
//!
//! The document is a function of the lockfile and the artifact: no time, no random number. Equal builds have equal ones.

mod npm;
mod pnpm;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use vitrine_model::{ArtifactId, ProjectPath, Sha256};

use super::provenance::canonical;

/// What the document is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What the app is called.
    pub name: &'a str,
    /// The artifact.
    pub artifact: &'a ArtifactId,
}

/// Why there is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SbomError {
    /// The lockfile cannot be read; where and why, as its parser says.
    #[error("`{lockfile}` cannot be read: {reason}")]
    Unreadable {
        /// The lockfile.
        lockfile: ProjectPath,
        /// What is wrong with it.
        reason: String,
    },
    /// A format that is not npm's version 2 or 3 nor pnpm's.
    #[error("`{0}` has a format that is not read")]
    UnknownFormat(ProjectPath),
}

/// The document, in canonical JSON. Without a lockfile it names the application alone.
pub fn sbom(lockfile: Option<(&ProjectPath, &[u8])>, subject: Subject<'_>) -> Result<Vec<u8>, SbomError> {
    let resolved = match lockfile {
        None => Resolved::default(),
        Some((path, content)) => match path.extension() {
            Some("json") => npm::read(path, content)?,
            Some("yaml") => pnpm::read(path, content)?,
            _ => return Err(SbomError::UnknownFormat(path.clone())),
        },
    };
    Ok(document(&resolved, subject))
}

/// What a lockfile resolves to.
#[derive(Debug, Default, PartialEq)]
struct Resolved {
    packages: BTreeMap<Id, Package>,
    /// What the application itself depends on.
    roots: BTreeSet<Id>,
}

/// A package at a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Id {
    name: String,
    version: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Package {
    /// As lockfiles write it: `sha512-…`, several separated by blanks.
    integrity: Option<String>,
    license: Option<String>,
    need: Need,
    dependencies: BTreeSet<Id>,
}

/// How much the site depends on a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Need {
    #[default]
    Required,
    Optional,
    /// A tool: it took part in the build and is not in the site.
    Tool,
}

impl Id {
    fn new(name: &str, version: &str) -> Self {
        Self { name: name.to_owned(), version: version.to_owned() }
    }

    /// The package URL (purl-spec, type `npm`).
    fn purl(&self) -> String {
        let name: Vec<String> = self.name.split('/').map(encode).collect();
        format!("pkg:npm/{}@{}", name.join("/"), encode(&self.version))
    }
}

/// Percent-encodes all that a package URL does not take as it is.
fn encode(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let encoded = text.bytes().map(|byte| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    encoded.collect()
}

fn document(resolved: &Resolved, subject: Subject<'_>) -> Vec<u8> {
    let root = subject.artifact.as_str();
    let components: Vec<Value> =
        resolved.packages.iter().map(|(id, package)| component(id, package)).collect();
    let refs = |ids: &BTreeSet<Id>| -> Vec<String> {
        ids.iter().filter(|id| resolved.packages.contains_key(*id)).map(Id::purl).collect()
    };
    let mut dependencies = vec![json!({ "ref": root, "dependsOn": refs(&resolved.roots) })];
    dependencies.extend(
        resolved
            .packages
            .iter()
            .map(|(id, package)| json!({ "ref": id.purl(), "dependsOn": refs(&package.dependencies) })),
    );
    let vitrine = json!({ "type": "application", "name": "vitrine", "version": env!("CARGO_PKG_VERSION") });
    let mut document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": { "components": [vitrine] },
            "component": { "type": "application", "bom-ref": root, "name": subject.name },
        },
        "components": components,
        "dependencies": dependencies,
    });
    let serial = serial_number(&Sha256::of(&canonical(document.clone())));
    document["serialNumber"] = serial.into();
    canonical(document)
}

fn component(id: &Id, package: &Package) -> Value {
    let purl = id.purl();
    let mut component = json!({
        "type": "library",
        "bom-ref": purl,
        "name": id.name.rsplit('/').next().unwrap_or(&id.name),
        "version": id.version,
        "purl": purl,
        "scope": match package.need {
            Need::Required => "required",
            Need::Optional => "optional",
            Need::Tool => "excluded",
        },
    });
    if let Some((group, _)) = id.name.split_once('/') {
        component["group"] = group.into();
    }
    let hashes: Vec<Value> = package.integrity.as_deref().map(hashes).unwrap_or_default();
    if !hashes.is_empty() {
        component["hashes"] = hashes.into();
    }
    if let Some(license) = &package.license {
        component["licenses"] = json!([licence(license)]);
    }
    component
}

/// Subresource integrity (`sha512-<base64>`) as CycloneDX writes hashes; what is malformed is left out.
fn hashes(integrity: &str) -> Vec<Value> {
    let one = |text: &str| {
        let (algorithm, encoded) = text.split_once('-')?;
        let (name, bytes) = match algorithm {
            "sha1" => ("SHA-1", 20),
            "sha256" => ("SHA-256", 32),
            "sha384" => ("SHA-384", 48),
            "sha512" => ("SHA-512", 64),
            _ => return None,
        };
        let digest =
            STANDARD.decode(encoded.split('?').next()?).ok().filter(|digest| digest.len() == bytes)?;
        Some(json!({ "alg": name, "content": data_encoding::HEXLOWER.encode(&digest) }))
    };
    integrity.split_ascii_whitespace().filter_map(one).collect()
}

/// An SPDX expression where it can be one, which a single id is, too; else its own words.
fn licence(text: &str) -> Value {
    let is_expression = text
        .split(|c: char| c.is_ascii_whitespace() || matches!(c, '(' | ')'))
        .all(|word| word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '+' | ':')));
    match is_expression && !text.contains("SEE LICENSE") && !text.contains("UNLICENSED") {
        true => json!({ "expression": text }),
        false => json!({ "license": { "name": text } }),
    }
}

/// A UUID of the kind whose bits one chooses (RFC 9562, version 8), made of a hash.
fn serial_number(hash: &Sha256) -> String {
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = data_encoding::HEXLOWER.encode(&bytes);
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests;
