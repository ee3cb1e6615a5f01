//! Artifacts of apps: recorded once their objects are verified, found again by what they were made of.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, TryInsertResult,
};
use vitrine_model::artifact::Artifact;
use vitrine_model::{AppId, ArtifactId, Manifest, RevisionId, Sha256, Timestamp};

use crate::apps::{find_app, lock_app};
use crate::assets::use_objects;
use crate::codec::{corrupt, hash, hash_column, json, of_json, pack, parsed, signed, unpack, unsigned};
use crate::entity_publishing::{artifact_inputs, artifacts};
use crate::error::StoreError;
use crate::scope::Scope;
use crate::store::Store;
use crate::tenant_usage::add_storage;

/// An artifact to be recorded.
#[derive(Debug, Clone)]
pub struct NewArtifact {
    /// What it is; of the app it is recorded for.
    pub artifact: Artifact,
    /// Its files. Its hash is the one the artifact is named by.
    pub manifest: Manifest,
    /// The object that says how it was made.
    pub provenance: Sha256,
    /// The object that lists what it is made of.
    pub sbom: Sha256,
}

/// The objects that come with an artifact and are not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArtifactDocuments {
    /// The object that says how it was made.
    pub provenance: Sha256,
    /// The object that lists what it is made of.
    pub sbom: Sha256,
}

impl Store {
    /// Records an artifact. Equal output is one artifact: recorded again, with these or other inputs, it stays as it was
    /// first but for what is derived from its files, and is found by either inputs.
    ///
    /// # Errors
    /// [`StoreError::MissingObjects`] when not all it names has been verified; [`StoreError::HashMismatch`] when the
    /// manifest is not the one of the artifact's id, or the artifact is of another app.
    pub async fn record_artifact(
        &self,
        scope: &Scope,
        app: &AppId,
        new: NewArtifact,
    ) -> Result<(), StoreError> {
        let NewArtifact { artifact, manifest, provenance, sbom } = new;
        let named = manifest.hash();
        if artifact.app_id != *app
            || artifact.manifest_sha256 != named
            || artifact.id != ArtifactId::of(&named)
        {
            return Err(StoreError::HashMismatch);
        }
        let objects = manifest.objects().map(|(hash, _)| hash).chain([provenance, sbom]).collect();
        let row = artifacts::Model {
            app_id: app.to_string(),
            id: artifact.id.to_string(),
            revision_id: artifact.revision_id.to_string(),
            publish_id: artifact.publish_id.to_string(),
            manifest_sha256: hash_column(&named),
            input_sha256: hash_column(&artifact.input_sha256),
            inputs: json(&artifact.inputs)?,
            manifest: manifest_column(&manifest)?,
            provenance: hash_column(&provenance),
            sbom: hash_column(&sbom),
            file_count: signed(artifact.file_count),
            size_bytes: signed(artifact.size_bytes),
            build_millis: signed(artifact.build_millis),
            created_at: artifact.created_at.as_millis(),
        };
        let tx = self.begin().await?;
        lock_app(&tx, scope, app).await?;
        use_objects(&tx, objects, self.now()).await?;
        write_inputs(&tx, &row).await?;
        let there =
            OnConflict::columns([artifacts::Column::AppId, artifacts::Column::Id]).do_nothing().to_owned();
        let insert = artifacts::Entity::insert(row.clone().into_active_model()).on_conflict(there);
        match insert.try_insert().exec_without_returning(&tx).await? {
            // What was allowed to be built is kept, also when it is a little more than there was room for.
            TryInsertResult::Inserted(1..) => {
                add_storage(&tx, scope.tenant.as_str(), signed(artifact.size_bytes)).await?;
            }
            _ => renew_derived(&tx, row).await?,
        }
        Ok(tx.commit().await?)
    }

    /// An artifact of the app, with its files.
    pub async fn artifact(
        &self,
        scope: &Scope,
        app: &AppId,
        artifact: &ArtifactId,
    ) -> Result<(Artifact, Manifest), StoreError> {
        find_app(self.0.db.reader(), scope, app).await?;
        let row = find_artifact(self.0.db.reader(), app.as_str(), artifact).await?;
        let manifest = manifest_of(&row.manifest, &row.manifest_sha256)?;
        Ok((artifact_of(row)?, manifest))
    }

    /// What the app's builds with these inputs gave; `None` when there were none.
    pub async fn artifact_by_inputs(
        &self,
        scope: &Scope,
        app: &AppId,
        inputs: &Sha256,
    ) -> Result<Option<(Artifact, Manifest)>, StoreError> {
        let db = self.0.db.reader();
        find_app(db, scope, app).await?;
        let key = (app.to_string(), hash_column(inputs));
        let Some(found) = artifact_inputs::Entity::find_by_id(key).one(db).await? else { return Ok(None) };
        let row = find_artifact(db, app.as_str(), &parsed(&found.artifact_id)?).await?;
        let manifest = manifest_of(&row.manifest, &row.manifest_sha256)?;
        Ok(Some((artifact_of(row)?, manifest)))
    }

    /// What was built of a revision of the app last; `None` when nothing was.
    pub async fn artifact_of_revision(
        &self,
        scope: &Scope,
        app: &AppId,
        revision: &RevisionId,
    ) -> Result<Option<ArtifactId>, StoreError> {
        use crate::entity_publishing::publishes::{Column, Entity};
        find_app(self.0.db.reader(), scope, app).await?;
        // By the publishes: an artifact names the first of the revisions that gave it, and there may be several.
        let built = Entity::find()
            .filter(Column::AppId.eq(app.as_str()))
            .filter(Column::RevisionId.eq(revision.as_str()))
            .filter(Column::ArtifactId.is_not_null())
            .order_by_desc(Column::BuildSeq);
        let found = built.one(self.0.db.reader()).await?;
        found.and_then(|row| row.artifact_id).map(|artifact| parsed(&artifact)).transpose()
    }

    /// The objects that tell an artifact's story.
    pub async fn artifact_documents(
        &self,
        scope: &Scope,
        app: &AppId,
        artifact: &ArtifactId,
    ) -> Result<ArtifactDocuments, StoreError> {
        find_app(self.0.db.reader(), scope, app).await?;
        let row = find_artifact(self.0.db.reader(), app.as_str(), artifact).await?;
        Ok(ArtifactDocuments { provenance: hash(&row.provenance)?, sbom: hash(&row.sbom)? })
    }
}

/// Files and their hashes are an artifact's name. What was derived from them, compressed forms and the hashes of a page's
/// scripts, is what this release makes of them.
async fn renew_derived<C: ConnectionTrait>(tx: &C, row: artifacts::Model) -> Result<(), StoreError> {
    artifacts::Entity::update_many()
        .col_expr(artifacts::Column::Manifest, Expr::value(row.manifest))
        .filter(artifacts::Column::AppId.eq(row.app_id))
        .filter(artifacts::Column::Id.eq(row.id))
        .exec(tx)
        .await?;
    Ok(())
}

/// The newest build with these inputs is the one that counts.
async fn write_inputs<C: ConnectionTrait>(tx: &C, row: &artifacts::Model) -> Result<(), StoreError> {
    let inputs = artifact_inputs::Model {
        app_id: row.app_id.clone(),
        input_sha256: row.input_sha256.clone(),
        artifact_id: row.id.clone(),
    };
    let newest = OnConflict::columns([artifact_inputs::Column::AppId, artifact_inputs::Column::InputSha256])
        .update_column(artifact_inputs::Column::ArtifactId)
        .to_owned();
    artifact_inputs::Entity::insert(inputs.into_active_model())
        .on_conflict(newest)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// The row of an artifact of this app, whoever's the app is.
pub(crate) async fn find_artifact<C: ConnectionTrait>(
    db: &C,
    app: &str,
    artifact: &ArtifactId,
) -> Result<artifacts::Model, StoreError> {
    let query = artifacts::Entity::find()
        .filter(artifacts::Column::AppId.eq(app))
        .filter(artifacts::Column::Id.eq(artifact.as_str()));
    query.one(db).await?.ok_or(StoreError::NotFound)
}

/// A manifest for its column.
pub(crate) fn manifest_column(manifest: &Manifest) -> Result<Vec<u8>, StoreError> {
    Ok(pack(json(manifest)?.as_bytes()))
}

/// A manifest from its column, checked against the hash beside it.
pub(crate) fn manifest_of(column: &[u8], expected: &[u8]) -> Result<Manifest, StoreError> {
    let text = String::from_utf8(unpack(column)?).map_err(|_| corrupt("a manifest"))?;
    let manifest: Manifest = of_json(&text)?;
    match manifest.hash() == hash(expected)? {
        true => Ok(manifest),
        false => Err(StoreError::Corrupt("a manifest has other files than its name says".to_owned())),
    }
}

fn artifact_of(row: artifacts::Model) -> Result<Artifact, StoreError> {
    Ok(Artifact {
        id: parsed(&row.id)?,
        app_id: parsed(&row.app_id)?,
        revision_id: parsed(&row.revision_id)?,
        publish_id: parsed(&row.publish_id)?,
        manifest_sha256: hash(&row.manifest_sha256)?,
        input_sha256: hash(&row.input_sha256)?,
        inputs: of_json(&row.inputs)?,
        file_count: unsigned(row.file_count)?,
        size_bytes: unsigned(row.size_bytes)?,
        build_millis: unsigned(row.build_millis)?,
        created_at: Timestamp::from_millis(row.created_at),
    })
}
