//! Which tokens were exchanged: each once, whoever tries and however many at once.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, TryInsertResult};
use vitrine_model::Timestamp;

use crate::entity_links::redeemed_tokens::{self, Column};
use crate::error::StoreError;
use crate::store::Store;

/// A used-up token is remembered this much longer than it is good for: the clock may be set back.
const KEPT_SECS: i64 = 3_600;

impl Store {
    /// Uses up the token of this `nonce` for `subject`, which is good until `expires_at`. True for exactly one of all calls.
    /// For the preview gateway.
    pub async fn redeem_token(
        &self,
        subject: &str,
        nonce: &str,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let row = redeemed_tokens::Model {
            subject: subject.to_owned(),
            nonce: nonce.to_owned(),
            expires_at: expires_at.as_millis(),
        };
        let tx = self.begin().await?;
        let there = OnConflict::columns([Column::Subject, Column::Nonce]).do_nothing().to_owned();
        let insert = redeemed_tokens::Entity::insert(row.into_active_model()).on_conflict(there);
        let inserted = insert.try_insert().exec_without_returning(&tx).await?;
        tx.commit().await?;
        Ok(matches!(inserted, TryInsertResult::Inserted(1..)))
    }

    /// Forgets tokens that have expired for long, and returns how many. For the server's timer.
    pub async fn collect_redeemed_tokens(&self) -> Result<u64, StoreError> {
        let oldest = self.now().plus_secs(-KEPT_SECS).as_millis();
        let tx = self.begin().await?;
        let expired = redeemed_tokens::Entity::delete_many().filter(Column::ExpiresAt.lte(oldest));
        let removed = expired.exec(&tx).await?.rows_affected;
        tx.commit().await?;
        Ok(removed)
    }
}
