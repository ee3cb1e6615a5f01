//! The rows of publishing and hosting, as the database has them; conventions as in [`crate::entity`].

#![expect(unreachable_pub, reason = "the derives make public items, whatever the module is")]

/// Publishes. What waits has `queued_at`, what runs has `lease_until`, what is not over has `due_at` (its deadline); the
/// partial indexes stand on these. The log's columns are described in [`crate::publish_logs`].
pub(crate) mod publishes {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "publishes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub app_id: String,
        pub tenant_id: String,
        pub user_id: String,
        pub status: String,
        pub build_seq: i64,
        pub release_epoch: i64,
        pub revision_id: String,
        pub mode: String,
        pub target: String,
        pub steps: String,
        pub attempt: i64,
        pub attempts_max: i64,
        pub reused: bool,
        pub artifact_id: Option<String>,
        pub release_id: Option<String>,
        pub error: Option<String>,
        pub cancel_requested: bool,
        pub fence: i64,
        pub worker: Option<String>,
        pub queued_at: Option<i64>,
        pub lease_until: Option<i64>,
        pub due_at: Option<i64>,
        pub created_at: i64,
        pub started_at: Option<i64>,
        pub finished_at: Option<i64>,
        pub log_lines: i64,
        pub log_head_lines: i64,
        pub log_head_bytes: i64,
        pub log_tail_from: Option<i64>,
        pub log_tail_bytes: i64,
        pub environment: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Lines of publishes' logs; `seq` counts from 1 in each publish.
pub(crate) mod publish_logs {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "publish_logs")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub publish_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub seq: i64,
        pub at: i64,
        pub step: String,
        pub is_stderr: bool,
        pub line: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Artifacts of apps, with their manifests.
pub(crate) mod artifacts {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "artifacts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub app_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub revision_id: String,
        pub publish_id: String,
        pub manifest_sha256: Vec<u8>,
        pub input_sha256: Vec<u8>,
        pub inputs: String,
        pub manifest: Vec<u8>,
        pub provenance: Vec<u8>,
        pub sbom: Vec<u8>,
        pub file_count: i64,
        pub size_bytes: i64,
        pub build_millis: i64,
        pub created_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Which inputs give which artifact: several may give the same.
pub(crate) mod artifact_inputs {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "artifact_inputs")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub app_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub input_sha256: Vec<u8>,
        pub artifact_id: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What untouched templates build to, for all apps.
pub(crate) mod template_artifacts {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "template_artifacts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub template_hash: Vec<u8>,
        pub input_sha256: Vec<u8>,
        pub inputs: String,
        pub manifest_sha256: Vec<u8>,
        pub manifest: Vec<u8>,
        pub provenance: Vec<u8>,
        pub sbom: Vec<u8>,
        pub build_millis: i64,
        pub created_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Releases; `number` counts from 1 in each app. `replaced_at` is when the next one took over; absent for the current one
/// and for those that were withdrawn by unpublishing.
pub(crate) mod releases {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "releases")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub app_id: String,
        pub number: i64,
        pub artifact_id: String,
        pub revision_id: String,
        pub cause: String,
        pub publish_id: Option<String>,
        pub created_at: i64,
        pub replaced_at: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Objects of artifacts; the states are described in [`crate::assets`].
pub(crate) mod assets {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "assets")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub sha256: Vec<u8>,
        pub size: i64,
        pub state: String,
        pub used_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What visitors used of an app, by day since 1970 (UTC).
pub(crate) mod usage_days {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "usage_days")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub app_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub day: i64,
        pub requests: i64,
        pub bytes: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A tenant's own rules about packages.
pub(crate) mod package_policies {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "package_policies")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: String,
        pub document: String,
        pub updated_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
