//! What is known of the layers on disk: how large they are, and when they were last of use.

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Set,
};
use vitrine_model::Timestamp;

use crate::codec::{corrupt, signed, unsigned};
use crate::entity::layers::{self, Column};
use crate::error::{StoreError, found};
use crate::store::Store;

/// What a layer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayerKind {
    /// Installed packages for one lockfile.
    NodeModules,
    /// Node.js and package managers.
    Toolchain,
    /// A dev server's pre-bundled dependencies.
    Prebundle,
}

/// A layer on this machine's disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerRow {
    /// Its name; unique over all kinds.
    pub id: String,
    /// What it holds.
    pub kind: LayerKind,
    /// What it takes on disk.
    pub size_bytes: u64,
    /// How many files it has.
    pub file_count: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last given to a sandbox.
    pub last_used_at: Timestamp,
}

impl Store {
    /// Notes a layer, or replaces what was noted under its id. For the server itself, as all calls here.
    pub async fn record_layer(&self, layer: &LayerRow) -> Result<(), StoreError> {
        let row = layers::Model {
            id: layer.id.clone(),
            kind: kind_column(layer.kind).to_owned(),
            size_bytes: signed(layer.size_bytes),
            file_count: signed(layer.file_count),
            created_at: layer.created_at.as_millis(),
            last_used_at: layer.last_used_at.as_millis(),
        };
        let replace = OnConflict::column(Column::Id)
            .update_columns([
                Column::Kind,
                Column::SizeBytes,
                Column::FileCount,
                Column::CreatedAt,
                Column::LastUsedAt,
            ])
            .to_owned();
        let tx = self.begin().await?;
        layers::Entity::insert(row.into_active_model())
            .on_conflict(replace)
            .exec_without_returning(&tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Notes that a layer is used now. [`StoreError::NotFound`] when there is no such layer.
    pub async fn touch_layer(&self, id: &str) -> Result<(), StoreError> {
        let now = self.now().as_millis();
        let tx = self.begin().await?;
        let touched = layers::Entity::update_many()
            .set(layers::ActiveModel { last_used_at: Set(now), ..Default::default() })
            .filter(Column::Id.eq(id))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        found(touched.rows_affected)
    }

    /// Up to `limit` layers, the longest unused first.
    pub async fn list_layers_by_last_use(&self, limit: u64) -> Result<Vec<LayerRow>, StoreError> {
        let query =
            layers::Entity::find().order_by_asc(Column::LastUsedAt).order_by_asc(Column::Id).limit(limit);
        query.all(self.0.db.reader()).await?.into_iter().map(layer_of).collect()
    }

    /// Forgets a layer. [`StoreError::NotFound`] when there is no such layer.
    pub async fn remove_layer(&self, id: &str) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        let removed = layers::Entity::delete_by_id(id).exec(&tx).await?;
        tx.commit().await?;
        found(removed.rows_affected)
    }
}

const KINDS: [LayerKind; 3] = [LayerKind::NodeModules, LayerKind::Toolchain, LayerKind::Prebundle];

fn kind_column(kind: LayerKind) -> &'static str {
    match kind {
        LayerKind::NodeModules => "node_modules",
        LayerKind::Toolchain => "toolchain",
        LayerKind::Prebundle => "prebundle",
    }
}

fn layer_of(row: layers::Model) -> Result<LayerRow, StoreError> {
    let kind = KINDS.into_iter().find(|kind| kind_column(*kind) == row.kind);
    Ok(LayerRow {
        id: row.id,
        kind: kind.ok_or_else(|| corrupt("a layer's kind"))?,
        size_bytes: unsigned(row.size_bytes)?,
        file_count: unsigned(row.file_count)?,
        created_at: Timestamp::from_millis(row.created_at),
        last_used_at: Timestamp::from_millis(row.last_used_at),
    })
}
