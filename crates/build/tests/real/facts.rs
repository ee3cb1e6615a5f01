//! Publication times as the real registry tells them.

use vitrine_build::policy::{FactStore, PackageFacts, Policy, Published};
use vitrine_build::profile::detect;
use vitrine_build::{Files, RegistrySettings};
use vitrine_model::{ProjectPath, Timestamp};

#[tokio::test]
async fn the_registry_tells_when_a_direct_dependency_was_published() {
    let lock = r#"{"packages":{"":{"dependencies":{"clsx":"2.1.1","no-such-package-of-vitrine":"1.0.0"}},
        "node_modules/clsx":{"version":"2.1.1"},"node_modules/no-such-package-of-vitrine":{"version":"1.0.0"}}}"#;
    let package =
        r#"{"scripts":{"dev":"x"},"dependencies":{"clsx":"2.1.1","no-such-package-of-vitrine":"1.0.0"}}"#;
    let files: Files = [("package.json", package), ("package-lock.json", lock)]
        .into_iter()
        .map(|(path, text)| (ProjectPath::parse(path).unwrap(), text.into()))
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let registry = RegistrySettings::resolve("", "").await.unwrap();
    let store = FactStore::open(dir.path(), "npm", registry).unwrap();
    let profile = detect(&files, None).unwrap();
    let facts = store.gather(&files, &profile, &Policy::default(), Timestamp::from_millis(0)).await;
    // Released on 2024-04-23; a mirror tells when it first had the version, which is later.
    let released = Timestamp::from_millis(1_713_830_400_000);
    match facts.published_at("clsx", "2.1.1") {
        Published::Known(time) => assert!(time >= released, "{time}"),
        Published::Unknown => panic!("the registry did not tell"),
    }
    assert_eq!(facts.published_at("no-such-package-of-vitrine", "1.0.0"), Published::Unknown);
}
