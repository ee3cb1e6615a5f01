//! Where an artifact comes from: an in-toto statement (v1) with SLSA provenance (v1), for whoever wants to know what was
//! built from what, and by whom.

use serde_json::{Value, json};
use vitrine_model::{BuildInputs, Manifest, Sha256, Timestamp};

/// What `buildType` points at: the page that says what the parameters mean.
const BUILD_TYPE: &str = "https://github.com/vitrine-dev/vitrine/blob/main/docs/builds.md#procedure";

/// What a statement is about.
#[derive(Debug, Clone, Copy)]
pub struct Provenance<'a> {
    /// Which server built, as a URI its operator chose, for example its public address.
    pub builder: &'a str,
    /// What was made.
    pub manifest: &'a Manifest,
    /// What it was made of.
    pub inputs: &'a BuildInputs,
    /// Where the tree comes from: a revision's id, or `template:` and a name.
    pub source: &'a str,
    /// What had it built: a publish's id, or what did so ahead of all publishes.
    pub invocation: &'a str,
    /// When the build began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// The hash of the CycloneDX document, when there is one.
    pub sbom: Option<Sha256>,
}

/// The statement, in canonical JSON. Its first subject is the manifest's listing (see [`Manifest::hash`]), the others are
/// the artifact's files.
pub fn statement(provenance: &Provenance<'_>) -> Vec<u8> {
    canonical(json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects(provenance.manifest),
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": definition(provenance.inputs, provenance.source),
            "runDetails": run_details(provenance),
        },
    }))
}

/// JSON that is the same for equal values (RFC 8785 for values without fractions): members sorted, no blanks.
pub(super) fn canonical(mut value: Value) -> Vec<u8> {
    value.sort_all_objects();
    value.to_string().into_bytes()
}

fn digest(hash: &Sha256) -> Value {
    json!({ "sha256": hash.to_hex() })
}

fn subjects(manifest: &Manifest) -> Vec<Value> {
    let whole = json!({ "name": manifest.id().as_str(), "digest": digest(&manifest.hash()) });
    let files = manifest.files.iter();
    let files = files.map(|(path, file)| json!({ "name": path.as_str(), "digest": digest(&file.sha256) }));
    std::iter::once(whole).chain(files).collect()
}

fn definition(inputs: &BuildInputs, source: &str) -> Value {
    let mut resolved = vec![json!({ "name": "tree", "digest": digest(&inputs.tree) })];
    resolved.extend(inputs.layer.iter().map(|layer| json!({ "name": "layer", "digest": digest(layer) })));
    resolved.extend(
        inputs.node.iter().map(|node| json!({ "name": "node", "uri": format!("pkg:generic/node@{node}") })),
    );
    resolved.extend(
        inputs
            .package_manager
            .iter()
            .map(|tool| json!({ "name": "package manager", "uri": format!("pkg:npm/{tool}") })),
    );
    json!({
        "buildType": BUILD_TYPE,
        "externalParameters": {
            "source": source,
            "profile": inputs.profile,
            "command": inputs.command,
            "output": inputs.output,
            "mode": inputs.mode,
            // Digests of the values, those of secrets made with a key: that they were the same can be seen, what they are not.
            "environment": inputs.environment,
        },
        "internalParameters": {
            "platform": inputs.platform,
            "procedure": inputs.procedure,
            "inputs": inputs.hash().to_hex(),
        },
        "resolvedDependencies": resolved,
    })
}

fn run_details(provenance: &Provenance<'_>) -> Value {
    let byproducts: Vec<Value> = provenance
        .sbom
        .iter()
        .map(|sbom| json!({ "name": "sbom.cdx.json", "digest": digest(sbom) }))
        .collect();
    json!({
        "builder": {
            "id": provenance.builder,
            "version": { "vitrine": env!("CARGO_PKG_VERSION") },
        },
        "metadata": {
            "invocationId": provenance.invocation,
            "startedOn": provenance.started_at.to_string(),
            "finishedOn": provenance.finished_at.to_string(),
        },
        "byproducts": byproducts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use vitrine_model::artifact::ArtifactFile;
    use vitrine_model::profile::ProfileKind;
    use vitrine_model::publish::BuildMode;

    fn made() -> Value {
        let file = ArtifactFile {
            sha256: Sha256::of(b"page"),
            size: 4,
            content_type: "text/html; charset=utf-8".to_owned(),
            variants: BTreeMap::new(),
            script_hashes: Vec::new(),
            has_config_slot: false,
        };
        let manifest = Manifest { files: BTreeMap::from([("index.html".parse().unwrap(), file)]) };
        let inputs = BuildInputs {
            tree: Sha256::of(b"tree"),
            profile: ProfileKind::Vite,
            command: vec!["node_modules/.bin/vite".to_owned(), "build".to_owned()],
            output: "dist".to_owned(),
            mode: BuildMode::Production,
            node: Some("24.21.0".to_owned()),
            package_manager: Some("npm@11.6.2".to_owned()),
            layer: Some(Sha256::of(b"layer")),
            platform: "linux-x64".to_owned(),
            environment: BTreeMap::from([("KEY".to_owned(), Sha256::of(b"secret"))]),
            searched_for: None,
            procedure: 1,
        };
        let statement = statement(&Provenance {
            builder: "https://apps.example.com",
            manifest: &manifest,
            inputs: &inputs,
            source: "rev_01hf7yat00000000000000000a",
            invocation: "pub_01hf7yat00000000000000000a",
            started_at: Timestamp::from_millis(1_700_000_000_000),
            finished_at: Timestamp::from_millis(1_700_000_001_500),
            sbom: Some(Sha256::of(b"sbom")),
        });
        let parsed: Value = serde_json::from_slice(&statement).unwrap();
        assert_eq!(canonical(parsed.clone()), statement);
        parsed
    }

    #[test]
    fn the_statement_has_the_published_shape() {
        let schema = json!({
            "type": "object",
            "required": ["_type", "subject", "predicateType", "predicate"],
            "properties": {
                "_type": { "const": "https://in-toto.io/Statement/v1" },
                "subject": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/resource" } },
                "predicateType": { "const": "https://slsa.dev/provenance/v1" },
                "predicate": {
                    "required": ["buildDefinition", "runDetails"], "additionalProperties": false,
                    "properties": {
                        "buildDefinition": {
                            "required": ["buildType", "externalParameters"], "additionalProperties": false,
                            "properties": {
                                "buildType": { "type": "string", "format": "uri" },
                                "externalParameters": { "type": "object" }, "internalParameters": { "type": "object" },
                                "resolvedDependencies": { "type": "array", "items": { "$ref": "#/$defs/resource" } } }
                        },
                        "runDetails": {
                            "required": ["builder"], "additionalProperties": false,
                            "properties": {
                                "builder": { "required": ["id"], "properties": { "version": { "additionalProperties": { "type": "string" } } } },
                                "metadata": { "properties": { "startedOn": { "pattern": "^[0-9-]{10}T[0-9:.]+Z$" } } },
                                "byproducts": { "type": "array", "items": { "$ref": "#/$defs/resource" } } }
                        } } } },
            "$defs": { "resource": { "type": "object", "anyOf": [{ "required": ["digest"] }, { "required": ["uri"] }],
                "properties": { "digest": { "additionalProperties": { "pattern": "^[0-9a-f]{64}$" } } } } }
        });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let made = made();
        let faults: Vec<_> = validator.iter_errors(&made).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn it_names_what_was_made_and_of_what_and_no_secret() {
        let made = made();
        assert_eq!(made["subject"][1]["name"], "index.html");
        assert_eq!(made["subject"][1]["digest"]["sha256"], Sha256::of(b"page").to_hex());
        let resolved = made["predicate"]["buildDefinition"]["resolvedDependencies"].as_array().unwrap();
        assert_eq!(resolved.len(), 4);
        assert_eq!(made["predicate"]["runDetails"]["metadata"]["finishedOn"], "2023-11-14T22:13:21.500Z");
        assert!(!made.to_string().contains("secret"));
    }
}
