//! Documents from lockfiles as npm and pnpm write them, held against the published schema's rules.

use super::*;
use proptest::prelude::*;
use vitrine_model::Manifest;

fn made(name: &str, content: &str) -> Result<Value, SbomError> {
    let (path, artifact) = (name.parse().unwrap(), Manifest::default().id());
    let bytes = sbom(Some((&path, content.as_bytes())), Subject { name: "My app", artifact: &artifact })?;
    Ok(serde_json::from_slice(&bytes).unwrap())
}

fn find<'a>(document: &'a Value, purl: &str) -> &'a Value {
    let found = document["components"].as_array().unwrap().iter().find(|component| component["purl"] == purl);
    found.unwrap_or_else(|| panic!("{purl} is not in {document:#}"))
}

fn needs(document: &Value, reference: &str) -> Vec<String> {
    let all = document["dependencies"].as_array().unwrap();
    let one = all.iter().find(|dependency| dependency["ref"] == reference).unwrap();
    one["dependsOn"].as_array().unwrap().iter().map(|needed| needed.as_str().unwrap().to_owned()).collect()
}

/// The rules of `bom-1.6.schema.json` for the parts that are used, word for word where they are patterns and lists.
fn check(document: &Value) {
    let schema = json!({
        "type": "object",
        "required": ["bomFormat", "specVersion"],
        "additionalProperties": false,
        "properties": {
            "$schema": { "enum": ["http://cyclonedx.org/schema/bom-1.6.schema.json"] },
            "bomFormat": { "enum": ["CycloneDX"] },
            "specVersion": { "type": "string" },
            "serialNumber": { "pattern": "^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$" },
            "version": { "type": "integer", "minimum": 1 },
            "metadata": { "type": "object" },
            "components": { "type": "array", "uniqueItems": true, "items": { "$ref": "#/$defs/component" } },
            "dependencies": { "type": "array", "uniqueItems": true, "items": {
                "type": "object", "required": ["ref"], "additionalProperties": false,
                "properties": { "ref": { "type": "string", "minLength": 1 },
                    "dependsOn": { "type": "array", "uniqueItems": true, "items": { "type": "string", "minLength": 1 } } }
            } }
        },
        "$defs": { "component": {
            "type": "object", "required": ["type", "name"], "additionalProperties": false,
            "properties": {
                "type": { "enum": ["application", "framework", "library"] },
                "bom-ref": { "type": "string", "minLength": 1 }, "group": { "type": "string" },
                "name": { "type": "string" }, "version": { "type": "string", "maxLength": 1024 },
                "purl": { "type": "string" }, "scope": { "enum": ["required", "optional", "excluded"] },
                "hashes": { "type": "array", "items": { "required": ["alg", "content"], "properties": {
                    "alg": { "enum": ["SHA-1", "SHA-256", "SHA-384", "SHA-512"] },
                    "content": { "pattern": "^([a-fA-F0-9]{32}|[a-fA-F0-9]{40}|[a-fA-F0-9]{64}|[a-fA-F0-9]{96}|[a-fA-F0-9]{128})$" } } } },
                "licenses": { "type": "array", "maxItems": 1 }
            } } }
    });
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<_> = validator.iter_errors(document).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}");
}

const NPM: &str = r#"{"lockfileVersion":3,"packages":{
    "":{"dependencies":{"a":"^1","al":"npm:real@1"},"devDependencies":{"tool":"^1"}},
    "node_modules/a":{"version":"1.0.0","license":"MIT","integrity":"sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==","dependencies":{"@s/b":"^2"}},
    "node_modules/a/node_modules/@s/b":{"version":"2.0.0","license":"(MIT OR Apache-2.0)"},
    "node_modules/@s/b":{"version":"1.0.0+x","license":"SEE LICENSE IN LICENSE"},
    "node_modules/al":{"name":"real","version":"1.0.0","license":{"type":"MIT"}},
    "node_modules/tool":{"version":"1.0.0","dev":true,"dependencies":{"@s/b":"^1","gone":"1"}},
    "node_modules/part":{"resolved":"packages/part","link":true},
    "packages/part":{"version":"0.0.0","dependencies":{"@s/b":"^1"}}
}}"#;

#[test]
fn an_npm_lockfile_gives_packages_hashes_licences_and_edges() {
    let document = made("package-lock.json", NPM).unwrap();
    check(&document);
    let a = find(&document, "pkg:npm/a@1.0.0");
    assert_eq!((&a["licenses"][0]["expression"], &a["scope"]), (&json!("MIT"), &json!("required")));
    // The SHA-512 of nothing.
    assert!(a["hashes"][0]["content"].as_str().unwrap().starts_with("cf83e1357eefb8bdf1542850d66d8007"));
    let scoped = find(&document, "pkg:npm/%40s/b@1.0.0%2Bx");
    assert_eq!((&scoped["group"], &scoped["name"]), (&json!("@s"), &json!("b")));
    assert_eq!(scoped["licenses"][0]["license"]["name"], "SEE LICENSE IN LICENSE");
    assert_eq!(find(&document, "pkg:npm/tool@1.0.0")["scope"], "excluded");
    assert_eq!(needs(&document, "pkg:npm/a@1.0.0"), ["pkg:npm/%40s/b@2.0.0"], "the nearest one");
    assert_eq!(needs(&document, "pkg:npm/tool@1.0.0"), ["pkg:npm/%40s/b@1.0.0%2Bx"]);
    let root = document["metadata"]["component"]["bom-ref"].as_str().unwrap();
    let expected =
        ["pkg:npm/%40s/b@1.0.0%2Bx", "pkg:npm/a@1.0.0", "pkg:npm/real@1.0.0", "pkg:npm/tool@1.0.0"];
    assert_eq!(needs(&document, root), expected);
}

const PNPM_9: &str = "lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      a: {specifier: ^1, version: 1.0.0(peer@1.0.0)}
    devDependencies:
      tool: {specifier: ^1, version: 1.0.0}
      near: {specifier: 'link:x', version: 'link:x'}
packages:
  a@1.0.0:
    resolution: {integrity: sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==}
    engines: {node: '>=18'}
    peerDependencies:
      peer: '*'
  '@s/b@2.0.0':
    resolution: {integrity: sha512-x}
  peer@1.0.0:
    resolution: {}
  tool@1.0.0:
    resolution: {}
snapshots:
  a@1.0.0(peer@1.0.0):
    dependencies:
      alias: '@s/b@2.0.0'
      peer: 1.0.0
  '@s/b@2.0.0': {}
  peer@1.0.0: {}
  tool@1.0.0:
    dependencies:
      '@s/b': 2.0.0
";

#[test]
fn a_pnpm_lockfile_gives_the_same_kind_of_document() {
    let document = made("pnpm-lock.yaml", PNPM_9).unwrap();
    check(&document);
    assert_eq!(needs(&document, "pkg:npm/a@1.0.0"), ["pkg:npm/%40s/b@2.0.0", "pkg:npm/peer@1.0.0"]);
    assert_eq!(find(&document, "pkg:npm/%40s/b@2.0.0")["scope"], "required");
    assert_eq!(find(&document, "pkg:npm/tool@1.0.0")["scope"], "excluded");
    let in_front = format!("---\nlockfileVersion: '9.0'\npackages: {{}}\n---\n{PNPM_9}");
    assert_eq!(made("pnpm-lock.yaml", &in_front).unwrap(), document);
}

#[test]
fn format_6_has_slashes_and_edges_among_the_packages() {
    let lock = "lockfileVersion: '6.0'
dependencies:
  a: {specifier: ^1, version: 1.0.0}
packages:
  /a@1.0.0:
    resolution: {integrity: sha512-x}
    dependencies:
      '@s/b': 2.0.0
    dev: false
  /@s/b@2.0.0:
    resolution: {integrity: sha512-x}
";
    let document = made("pnpm-lock.yaml", lock).unwrap();
    check(&document);
    assert_eq!(needs(&document, "pkg:npm/a@1.0.0"), ["pkg:npm/%40s/b@2.0.0"]);
}

#[test]
fn equal_builds_have_equal_documents_and_others_another_number() {
    let first = made("package-lock.json", NPM).unwrap();
    assert_eq!(made("package-lock.json", NPM).unwrap(), first);
    let other = made("package-lock.json", &NPM.replace("1.0.0+x", "1.0.1")).unwrap();
    assert_ne!(other["serialNumber"], first["serialNumber"]);
    let artifact = Manifest::default().id();
    let alone = sbom(None, Subject { name: "x", artifact: &artifact }).unwrap();
    check(&serde_json::from_slice(&alone).unwrap());
}

#[test]
fn lockfiles_of_templates_are_read_whole() {
    let lock = include_str!("../../../../../templates/foundation/project/package-lock.json");
    let document = made("package-lock.json", lock).unwrap();
    check(&document);
    let components = document["components"].as_array().unwrap();
    assert!(components.len() > 50);
    assert!(components.iter().all(|component| component["hashes"][0]["alg"] == "SHA-512"));
}

#[test]
fn what_is_no_lockfile_is_said_so() {
    assert!(matches!(made("package-lock.json", "{"), Err(SbomError::Unreadable { .. })));
    assert!(matches!(made("package-lock.json", "{}"), Err(SbomError::UnknownFormat(_))));
    assert!(matches!(made("pnpm-lock.yaml", "packages: ["), Err(SbomError::Unreadable { .. })));
    assert!(matches!(made("yarn.lock", ""), Err(SbomError::UnknownFormat(_))));
}

proptest! {
    #[test]
    fn any_keys_are_read_without_a_panic(key in "\\PC{0,12}|[@/(:a1.]{0,8}", version in "\\PC{0,12}|[@/(:a1.]{0,8}") {
        let lock = json!({ "packages": { key.clone(): { "version": version.clone() }, format!("node_modules/{key}"): { "version": version.clone() } } });
        let _ = made("package-lock.json", &lock.to_string());
        let lock = json!({ "packages": { key.clone(): {} }, "snapshots": { key: { "dependencies": { "a": version } } } });
        let _ = made("pnpm-lock.yaml", &lock.to_string());
    }
}
