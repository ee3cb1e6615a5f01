//! What the database makes of the queries that must stay flat: each is found by an index, none sorts or scans a table.

use std::sync::Arc;

use sea_orm::{ConnectionTrait as _, DbBackend, EntityTrait, QueryTrait as _, Select, Statement};
use tempfile::TempDir;
use vitrine_model::source::fixed::{CountingEntropy, FixedClock};
use vitrine_model::{AppId, Manifest, PublishId, Sha256, Timestamp};

use crate::hosting::SlugName;
use crate::scope::Scope;
use crate::store::Store;
use crate::{
    DatabaseConfig, ObjectsConfig, StoreConfig, apps, asset_collection, blob_collection, blob_sweep, cursor,
    hosting, preview_links, publish_queue, publishes, quotas, releases, sessions, tree_collection,
};

async fn store(dir: &TempDir) -> Store {
    let config = StoreConfig {
        database: DatabaseConfig::Sqlite { path: dir.path().join("vitrine.db") },
        objects: ObjectsConfig::Local { dir: dir.path().join("objects") },
    };
    Store::open(config, Arc::new(FixedClock::at_millis(1)), Arc::new(CountingEntropy::default()))
        .await
        .unwrap()
}

async fn plan<E: EntityTrait>(store: &Store, query: Select<E>) -> String {
    let query = query.build(DbBackend::Sqlite);
    let values = query.values.unwrap();
    let explain = Statement::from_sql_and_values(
        DbBackend::Sqlite,
        format!("EXPLAIN QUERY PLAN {}", query.sql),
        values.0,
    );
    let rows = store.0.db.reader().query_all_raw(explain).await.unwrap();
    let steps: Vec<String> = rows.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
    steps.join("; ")
}

#[tokio::test]
async fn lists_lookups_and_sweeps_use_their_indexes() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    let scope: Scope = store.default_scope().await.unwrap();
    let app = AppId::mint(&FixedClock::at_millis(1), &CountingEntropy::default());
    let position = cursor::encode(1, app.as_str());
    let plans = [
        (plan(&store, apps::listed(&scope, 50, None).unwrap()).await, "apps_by_update (tenant_id=?)"),
        (
            plan(&store, apps::listed(&scope, 50, Some(&position)).unwrap()).await,
            "apps_by_update (tenant_id=? AND updated_at<?)",
        ),
        (plan(&store, sessions::due(Timestamp::from_millis(1), 10)).await, "sessions_due"),
        (plan(&store, sessions::needing_sandbox()).await, "sessions_due"),
        (
            plan(&store, sessions::live(sessions::of_caller(&scope, &app))).await,
            "sessions_by_app (app_id=? AND user_id=?)",
        ),
    ];
    for (plan, index) in plans {
        assert!(plan.contains(index), "{plan}");
        assert!(!plan.contains("TEMP B-TREE") && !plan.contains(';'), "{plan}");
    }
    // Grouped afterwards, of what is open alone.
    assert!(plan(&store, sessions::by_status()).await.contains("sessions_due"));
}

#[tokio::test]
async fn links_and_quotas_use_their_indexes() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    let scope: Scope = store.default_scope().await.unwrap();
    let app = AppId::mint(&FixedClock::at_millis(1), &CountingEntropy::default());
    let plans = [
        (plan(&store, preview_links::of_app(&app)).await, "preview_links_by_app (app_id=?)"),
        (
            plan(&store, preview_links::by_secret(&Sha256::of(b"s"))).await,
            "preview_links_by_secret (secret_hash=?)",
        ),
        (plan(&store, quotas::apps_of(&scope.tenant)).await, "COVERING INDEX apps_by_update (tenant_id=?)"),
        (plan(&store, quotas::sessions_of(&scope.tenant)).await, "sessions_open_of_tenant (tenant_id=?)"),
    ];
    for (plan, index) in plans {
        assert!(plan.contains(index), "{plan}");
        assert!(!plan.contains("TEMP B-TREE") && !plan.contains(';'), "{plan}");
    }
}

#[tokio::test]
async fn publishing_and_hosting_use_their_indexes() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    let scope: Scope = store.default_scope().await.unwrap();
    let app = AppId::mint(&FixedClock::at_millis(1), &CountingEntropy::default());
    let publish = PublishId::mint(&FixedClock::at_millis(1), &CountingEntropy::default());
    let artifact = Manifest::default().id();
    let now = Timestamp::from_millis(1);
    let position = cursor::encode(1, "");
    let busy = [app.to_string()];
    let plans = [
        (
            plan(&store, publishes::listed(&app, 10, Some(&position)).unwrap()).await,
            "publishes_by_seq (app_id=? AND build_seq<?)",
        ),
        (plan(&store, publishes::one(&scope, &app, &publish)).await, "sqlite_autoindex_publishes_1 (id=?)"),
        (plan(&store, publishes::active(&app)).await, "publishes_active (app_id=?)"),
        (
            plan(&store, publishes::waiting(&app, "hosting")).await,
            "publishes_waiting (app_id=? AND target=?)",
        ),
        (plan(&store, publish_queue::lost(now)).await, "publishes_leases (lease_until"),
        (plan(&store, publish_queue::given_up(now)).await, "publishes_leases (lease_until"),
        (plan(&store, publish_queue::past_deadline(now)).await, "publishes_due (due_at"),
        // What runs and what waits is read whole, in an index that has nothing else.
        (plan(&store, publish_queue::running()).await, "publishes_leases"),
        (plan(&store, publish_queue::queues(&busy)).await, "COVERING INDEX publishes_queue"),
        (plan(&store, publish_queue::queue_of("ten", &busy)).await, "publishes_queue (tenant_id=?"),
        (
            plan(&store, releases::listed(&app, 10, Some(&position)).unwrap()).await,
            "releases_by_number (app_id=? AND number<?)",
        ),
        (plan(&store, hosting::replaced_since(app.as_str(), now)).await, "releases_replaced (app_id=? AND"),
        (
            plan(&store, asset_collection::unused_since("present", now)).await,
            "assets_by_use (state=? AND used_at<?)",
        ),
        (
            plan(&store, asset_collection::artifacts_after(&(String::new(), String::new()))).await,
            "sqlite_autoindex_artifacts_1 (app_id>?)",
        ),
    ];
    for (plan, index) in plans {
        assert!(plan.contains(index), "{plan}");
        assert!(!plan.contains("TEMP B-TREE") && !plan.contains(';'), "{plan}");
    }
    for slug in ["one".to_owned(), "s".repeat(hosting::PERMALINK_SLUG_CHARS)] {
        let plan = plan(&store, hosting::having_artifact(&artifact, SlugName::Cut(&slug))).await;
        assert!(
            plan.contains("apps_by_slug (slug") && !plan.contains("SCAN a") && !plan.contains("TEMP B-TREE"),
            "{plan}"
        );
    }
}

#[tokio::test]
async fn collecting_content_uses_its_indexes() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    let (start, now) = (Sha256::of(b"").as_bytes().to_vec(), Timestamp::from_millis(1));
    let named = blob_sweep::named_in_drafts(std::slice::from_ref(&start));
    let plans = [
        (plan(&store, tree_collection::page_after(&start)).await, "sqlite_autoindex_trees_1 (hash>?)"),
        (plan(&store, tree_collection::uncounted()).await, "trees_uncounted"),
        (plan(&store, blob_collection::page_after(&start)).await, "sqlite_autoindex_blobs_1 (sha256>?)"),
        (
            plan(&store, blob_sweep::due_since("unneeded", now)).await,
            "blob_transits_due (state=? AND since<?)",
        ),
        (plan(&store, named).await, "COVERING INDEX draft_deltas_by_content (sha256=?)"),
    ];
    for (plan, index) in plans {
        assert!(plan.contains(index), "{plan}");
        assert!(!plan.contains("TEMP B-TREE") && !plan.contains(';'), "{plan}");
    }
}

#[tokio::test]
async fn every_connection_is_durable_and_keeps_foreign_keys() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    for connection in [store.0.db.reader(), store.0.db.writer()] {
        let setting = async |name: &str| {
            let ask = Statement::from_string(DbBackend::Sqlite, format!("PRAGMA {name}"));
            connection.query_one_raw(ask).await.unwrap().unwrap()
        };
        for (name, expected) in [("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 10_000)] {
            let value: i64 = setting(name).await.try_get_by_index(0).unwrap();
            assert_eq!(value, expected, "{name}");
        }
        let mode: String = setting("journal_mode").await.try_get_by_index(0).unwrap();
        assert_eq!(mode, "wal");
    }
}
