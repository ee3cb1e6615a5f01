//! What untouched templates build to: artifacts without an app, made ahead of time and recorded for the apps that need
//! them with [`Store::record_artifact`]. They belong to the server, so these calls have no scope.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _};
use vitrine_model::{BuildInputs, Manifest, Sha256};

use crate::artifacts::{manifest_column, manifest_of};
use crate::assets::use_objects;
use crate::codec::{hash, hash_column, json, of_json, signed, unsigned};
use crate::entity_publishing::template_artifacts::{self, Column};
use crate::error::StoreError;
use crate::store::Store;

/// A template's artifact.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateArtifact {
    /// The hash of the template.
    pub template_hash: Sha256,
    /// What it was made of and with.
    pub inputs: BuildInputs,
    /// Its files.
    pub manifest: Manifest,
    /// The object that says how it was made.
    pub provenance: Sha256,
    /// The object that lists what it is made of.
    pub sbom: Sha256,
    /// How long the build command ran.
    pub build_millis: u64,
}

impl Store {
    /// Keeps a template's artifact, in place of an earlier one of the same template. [`StoreError::MissingObjects`] when
    /// not all it names has been verified.
    pub async fn put_template_artifact(&self, new: &TemplateArtifact) -> Result<(), StoreError> {
        let row = template_artifacts::Model {
            template_hash: hash_column(&new.template_hash),
            input_sha256: hash_column(&new.inputs.hash()),
            inputs: json(&new.inputs)?,
            manifest_sha256: hash_column(&new.manifest.hash()),
            manifest: manifest_column(&new.manifest)?,
            provenance: hash_column(&new.provenance),
            sbom: hash_column(&new.sbom),
            build_millis: signed(new.build_millis),
            created_at: self.now().as_millis(),
        };
        let objects =
            new.manifest.objects().map(|(hash, _)| hash).chain([new.provenance, new.sbom]).collect();
        let replace = OnConflict::column(Column::TemplateHash)
            .update_columns([
                Column::InputSha256,
                Column::Inputs,
                Column::ManifestSha256,
                Column::Manifest,
                Column::Provenance,
                Column::Sbom,
                Column::BuildMillis,
                Column::CreatedAt,
            ])
            .to_owned();
        let tx = self.begin().await?;
        use_objects(&tx, objects, self.now()).await?;
        let insert = template_artifacts::Entity::insert(row.into_active_model()).on_conflict(replace);
        insert.exec_without_returning(&tx).await?;
        Ok(tx.commit().await?)
    }

    /// The artifact of a template; `None` when it was not built yet.
    pub async fn template_artifact(&self, template: &Sha256) -> Result<Option<TemplateArtifact>, StoreError> {
        let query = template_artifacts::Entity::find_by_id(hash_column(template));
        query.one(self.0.db.reader()).await?.map(template_artifact_of).transpose()
    }

    /// The artifact of any template that was built with these inputs.
    pub async fn shared_artifact_by_inputs(
        &self,
        inputs: &Sha256,
    ) -> Result<Option<TemplateArtifact>, StoreError> {
        let query = template_artifacts::Entity::find().filter(Column::InputSha256.eq(hash_column(inputs)));
        query.one(self.0.db.reader()).await?.map(template_artifact_of).transpose()
    }
}

fn template_artifact_of(row: template_artifacts::Model) -> Result<TemplateArtifact, StoreError> {
    Ok(TemplateArtifact {
        template_hash: hash(&row.template_hash)?,
        inputs: of_json(&row.inputs)?,
        manifest: manifest_of(&row.manifest, &row.manifest_sha256)?,
        provenance: hash(&row.provenance)?,
        sbom: hash(&row.sbom)?,
        build_millis: unsigned(row.build_millis)?,
    })
}
