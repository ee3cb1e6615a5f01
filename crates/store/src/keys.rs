//! The server's own secret keys: made once at random, then kept.

use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait as _, IntoActiveModel as _};

use crate::codec::corrupt;
use crate::entity::signing_keys;
use crate::error::StoreError;
use crate::store::Store;

impl Store {
    /// The key of this name, made on the first call. Calls at once all get the same. For the server itself; kept as it is
    /// in the database, which is as secret as the keys are.
    pub async fn signing_key(&self, name: &str) -> Result<[u8; 32], StoreError> {
        let mut secret = [0; 32];
        self.0.entropy.fill(&mut secret);
        let row = signing_keys::Model {
            name: name.to_owned(),
            secret: secret.to_vec(),
            created_at: self.now().as_millis(),
        };
        let there = OnConflict::column(signing_keys::Column::Name).do_nothing().to_owned();
        let tx = self.begin().await?;
        let insert = signing_keys::Entity::insert(row.into_active_model()).on_conflict(there);
        insert.try_insert().exec_without_returning(&tx).await?;
        let kept = signing_keys::Entity::find_by_id(name).one(&tx).await?.ok_or(StoreError::NotFound)?;
        tx.commit().await?;
        kept.secret.try_into().map_err(|_| corrupt("a signing key"))
    }
}
