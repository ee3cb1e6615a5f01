//! Secrets: sealed where they lie, opened by the right keys as what they are, and never lost by changing keys.

use std::path::Path;
use std::sync::{Arc, Mutex};

use sea_orm::{ConnectionTrait as _, Database};
use vitrine_model::AppId;
use vitrine_model::secret::{
    EnvName, Environment, MAX_PER_ENVIRONMENT, MAX_VALUE_BYTES, SecretTarget, SecretValue, SecretView,
};
use vitrine_store::{
    MasterKeyError, MasterKeySource, MasterKeys, NewSecret, NotKept, Rewrapped, Scope, StoreError, Vault,
    VaultError,
};

use crate::support::Fixture;

const VALUE: &str = "correct-horse-battery-staple";

/// Master keys in the test's hands.
struct Hands(Mutex<String>);

impl Hands {
    fn holding(text: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(text.to_owned())))
    }

    fn take(&self, text: &str) {
        *self.0.lock().unwrap() = text.to_owned();
    }
}

#[async_trait::async_trait]
impl MasterKeySource for Hands {
    async fn load(&self) -> Result<MasterKeys, MasterKeyError> {
        let place = self.place();
        MasterKeys::parse(&self.0.lock().unwrap()).map_err(|reason| MasterKeyError::Invalid { place, reason })
    }

    fn place(&self) -> String {
        "the test's hands".to_owned()
    }
}

/// The nth master key.
fn master(n: u8) -> String {
    data_encoding::HEXLOWER.encode(&[n; 32])
}

fn vault(fixture: &Fixture, hands: &Arc<Hands>) -> Vault {
    Vault::new(fixture.store.clone(), hands.clone())
}

fn name(text: &str) -> EnvName {
    EnvName::of_secret(text).unwrap()
}

async fn put(
    vault: &Vault,
    scope: &Scope,
    app: &AppId,
    at: &str,
    value: &str,
) -> Result<SecretView, VaultError> {
    let (name, value) = (name(at), SecretValue::new(value.to_owned()));
    let targets = &[SecretTarget::Build];
    let secret = NewSecret { environment: Environment::Production, name: &name, value: &value, targets };
    vault.put(scope, app, secret).await
}

async fn open(vault: &Vault, scope: &Scope, app: &AppId) -> Result<Vec<(String, String)>, VaultError> {
    let secrets = vault.open(scope, app, Environment::Production).await?;
    Ok(secrets.into_iter().map(|one| (one.name.to_string(), one.value.reveal().to_owned())).collect())
}

async fn meddle(fixture: &Fixture, sql: &str) {
    let db = Database::connect(format!("sqlite:{}", fixture.database().display())).await.unwrap();
    assert!(db.execute_unprepared(sql).await.unwrap().rows_affected() > 0, "{sql}");
    db.close().await.unwrap();
}

fn files_with(dir: &Path, needle: &[u8]) -> usize {
    let mut folders = vec![dir.to_path_buf()];
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let content = std::fs::read(path).unwrap();
                    found += usize::from(content.windows(needle.len()).any(|window| window == needle));
                }
            }
        }
    }
    found
}

#[tokio::test]
async fn a_secret_is_kept_sealed_and_opens_with_its_key() {
    let fixture = Fixture::new().await;
    let app = fixture.app("App", &[]).await.id;
    let hands = Hands::holding(&master(1));
    let vault = vault(&fixture, &hands);
    let first = put(&vault, &fixture.scope, &app, "API_KEY", VALUE).await.unwrap();
    let again = put(&vault, &fixture.scope, &app, "API_KEY", VALUE).await.unwrap();
    let other = put(&vault, &fixture.scope, &app, "OTHER", "another value").await.unwrap();
    assert_eq!((first.version, again.version), (1, 2));
    assert_eq!(first.fingerprint, again.fingerprint);
    assert_ne!(first.fingerprint, other.fingerprint);
    let both = [("API_KEY".to_owned(), VALUE.to_owned()), ("OTHER".to_owned(), "another value".to_owned())];
    assert_eq!(open(&vault, &fixture.scope, &app).await.unwrap(), both);
    let restarted = Vault::new(fixture.reopened().await, hands);
    assert_eq!(open(&restarted, &fixture.scope, &app).await.unwrap(), both);
    assert_eq!(files_with(fixture.dir.path(), VALUE.as_bytes()), 0);
    assert!(files_with(fixture.dir.path(), b"API_KEY") > 0, "the search finds what is there");
    vault.delete(&fixture.scope, &app, Environment::Production, &name("OTHER")).await.unwrap();
    let gone = vault.delete(&fixture.scope, &app, Environment::Production, &name("OTHER")).await;
    assert!(matches!(gone, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn rows_that_change_places_do_not_open() {
    let fixture = Fixture::new().await;
    let (one, two) = (fixture.app("One", &[]).await.id, fixture.app("Two", &[]).await.id);
    let vault = vault(&fixture, &Hands::holding(&master(1)));
    for app in [&one, &two] {
        put(&vault, &fixture.scope, app, "A", "value of a").await.unwrap();
        put(&vault, &fixture.scope, app, "B", "value of b").await.unwrap();
    }
    let copy = |to: &str, from: &str| {
        format!("UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE {from}) WHERE {to}")
    };
    let (a, b) = (format!("app_id = '{one}' AND name = 'A'"), format!("app_id = '{one}' AND name = 'B'"));
    let elsewhere = format!("app_id = '{two}' AND name = 'A'");
    for meddling in [
        copy(&a, &b),
        copy(&a, &elsewhere),
        format!("UPDATE secrets SET version = 7 WHERE {a}"),
        format!("UPDATE secrets SET environment = 'preview' WHERE {a}"),
        format!("UPDATE secrets SET sealed = zeroblob(80) WHERE {a}"),
    ] {
        meddle(&fixture, &meddling).await;
        let mut opened = open(&vault, &fixture.scope, &one).await;
        if meddling.contains("preview") {
            opened = vault.open(&fixture.scope, &one, Environment::Preview).await.map(|_| Vec::new());
            meddle(&fixture, "DELETE FROM secrets WHERE environment = 'preview'").await;
        }
        let error = opened.err().unwrap_or_else(|| panic!("opened after: {meddling}"));
        assert!(matches!(&error, VaultError::Damaged { what } if what == "`A`"), "{error}");
        put(&vault, &fixture.scope, &one, "A", "value of a").await.unwrap();
        assert!(open(&vault, &fixture.scope, &one).await.is_ok());
    }
}

#[tokio::test]
async fn a_tenant_opens_nothing_of_another_even_with_its_rows() {
    let fixture = Fixture::new().await;
    let app = fixture.app("Mine", &[]).await.id;
    let vault = vault(&fixture, &Hands::holding(&master(1)));
    put(&vault, &fixture.scope, &app, "A", VALUE).await.unwrap();
    let other = fixture.other_tenant().await;
    let not_found =
        |error: VaultError| matches!(error, VaultError::NotKept(NotKept::Store(StoreError::NotFound)));
    assert!(not_found(open(&vault, &other, &app).await.unwrap_err()));
    assert!(not_found(put(&vault, &other, &app, "A", "x").await.err().unwrap()));
    assert!(vault.list(&other, &app, Environment::Production).await.is_err());
    // Even when the app itself is given to them, with the key.
    meddle(&fixture, &format!("UPDATE apps SET tenant_id = '{}'", other.tenant)).await;
    meddle(&fixture, &format!("UPDATE data_keys SET tenant_id = '{}'", other.tenant)).await;
    let fresh = Vault::new(fixture.reopened().await, Hands::holding(&master(1)));
    assert!(matches!(open(&fresh, &other, &app).await, Err(VaultError::Damaged { .. })));
}

#[tokio::test]
async fn a_wrong_or_missing_master_key_is_said_and_loses_nothing() {
    let fixture = Fixture::new().await;
    let app = fixture.app("App", &[]).await.id;
    let hands = Hands::holding(&master(1));
    put(&vault(&fixture, &hands), &fixture.scope, &app, "A", VALUE).await.unwrap();
    let fresh = vault(&fixture, &hands);
    hands.take(&master(2));
    let error = open(&fresh, &fixture.scope, &app).await.unwrap_err();
    assert!(matches!(error, VaultError::UnknownMasterKey { .. }), "{error}");
    assert!(matches!(fresh.check().await, Err(VaultError::UnknownMasterKey { .. })));
    assert!(put(&fresh, &fixture.scope, &app, "B", "x").await.is_err());
    hands.take("");
    assert!(matches!(open(&fresh, &fixture.scope, &app).await, Err(VaultError::MasterKey(_))));
    assert_eq!(fresh.list(&fixture.scope, &app, Environment::Production).await.unwrap().len(), 1);
    hands.take(&master(1));
    assert_eq!(open(&fresh, &fixture.scope, &app).await.unwrap()[0].1, VALUE);
}

#[tokio::test]
async fn a_rotation_that_stops_half_way_loses_nothing_and_goes_on() {
    let fixture = Fixture::new().await;
    let (other, hands) = (fixture.other_tenant().await, Hands::holding(&master(1)));
    let vault = vault(&fixture, &hands);
    let mine = fixture.app("Mine", &[]).await.id;
    let new = crate::support::new_app("Theirs", crate::support::tree(&[]));
    let theirs = fixture.store.create_app(&other, new).await.unwrap().id;
    put(&vault, &fixture.scope, &mine, "A", VALUE).await.unwrap();
    put(&vault, &other, &theirs, "A", VALUE).await.unwrap();
    let all_open = async |vault: &Vault| {
        assert_eq!(open(vault, &fixture.scope, &mine).await.unwrap()[0].1, VALUE);
        assert_eq!(open(vault, &other, &theirs).await.unwrap()[0].1, VALUE);
    };
    hands.take(&format!("{} {}", master(2), master(1)));
    assert_eq!(vault.check().await.unwrap().outdated(), 2);
    assert_eq!(vault.rewrap(1).await.unwrap(), Rewrapped { done: 1, left: 1 });
    // Killed here: the next process has nothing in memory.
    let restarted = Vault::new(fixture.reopened().await, hands.clone());
    all_open(&restarted).await;
    let report = restarted.check().await.unwrap();
    assert_eq!((report.outdated(), report.in_use.len()), (1, 2));
    assert_eq!(restarted.rewrap(100).await.unwrap(), Rewrapped { done: 1, left: 0 });
    assert_eq!(restarted.rewrap(100).await.unwrap(), Rewrapped { done: 0, left: 0 });
    hands.take(&master(2));
    all_open(&Vault::new(fixture.reopened().await, hands)).await;
}

#[tokio::test]
async fn an_environment_takes_so_many_and_so_much() {
    let fixture = Fixture::new().await;
    let app = fixture.app("App", &[]).await.id;
    let vault = vault(&fixture, &Hands::holding(&master(1)));
    for n in 0..MAX_PER_ENVIRONMENT {
        put(&vault, &fixture.scope, &app, &format!("S{n}"), "x").await.unwrap();
    }
    let error = put(&vault, &fixture.scope, &app, "ONE_MORE", "x").await.err().unwrap();
    assert!(matches!(error, VaultError::NotKept(NotKept::TooMany)), "{error}");
    put(&vault, &fixture.scope, &app, "S0", "a new value takes no room of its own").await.unwrap();
    let large = "x".repeat(MAX_VALUE_BYTES);
    let error = async {
        for n in 0..MAX_PER_ENVIRONMENT {
            put(&vault, &fixture.scope, &app, &format!("S{n}"), &large).await?;
        }
        Ok::<_, VaultError>(())
    };
    assert!(matches!(error.await, Err(VaultError::NotKept(NotKept::TooLarge))));
}

#[tokio::test]
async fn variables_are_kept_as_they_are_and_go_with_their_app() {
    let fixture = Fixture::new().await;
    let app = fixture.app("App", &[]).await.id;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let name = EnvName::of_variable("VITE_TITLE").unwrap();
    let environment = Environment::Production;
    for value in ["first", "second"] {
        let variable = (&name, value.to_owned(), &[SecretTarget::Build][..]);
        store.put_variable(scope, &app, environment, variable).await.unwrap();
    }
    let kept = store.variables(scope, &app, environment).await.unwrap();
    assert_eq!((kept.len(), kept[0].value.as_str(), kept[0].version), (1, "second", 2));
    assert_eq!(store.variables(scope, &app, Environment::Preview).await.unwrap(), []);
    assert!(store.variables(&fixture.other_tenant().await, &app, environment).await.is_err());
    store.delete_variable(scope, &app, environment, &name).await.unwrap();
    assert!(matches!(
        store.delete_variable(scope, &app, environment, &name).await,
        Err(StoreError::NotFound)
    ));
    let vault = vault(&fixture, &Hands::holding(&master(1)));
    put(&vault, scope, &app, "A", VALUE).await.unwrap();
    store.set_egress(scope, &app, &["api.example.com:443".parse().unwrap()]).await.unwrap();
    assert_eq!(store.egress(scope, &app).await.unwrap()[0].to_string(), "api.example.com:443");
    store.delete_app(scope, &app).await.unwrap();
    let db = Database::connect(format!("sqlite:{}", fixture.database().display())).await.unwrap();
    for table in ["secrets", "app_egress"] {
        let row = db.query_one_raw(sea_orm::Statement::from_string(
            sea_orm::DbBackend::Sqlite,
            format!("SELECT COUNT(*) AS n FROM {table}"),
        ));
        assert_eq!(row.await.unwrap().unwrap().try_get::<i64>("", "n").unwrap(), 0, "{table}");
    }
}
