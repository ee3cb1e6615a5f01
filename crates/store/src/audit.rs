//! The audit log: appended to, read, and checked against the chain of its hashes. Nothing here changes or removes an entry.

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Select, Set,
};
use vitrine_model::app::Page;
use vitrine_model::audit::{AuditEntry, AuditFacts, AuditVerdict, GENESIS};
use vitrine_model::identity::Actor;
use vitrine_model::{AppId, KeyId, TenantId, Timestamp, UserId};

use crate::codec::{corrupt, hash, hash_column, of_word, parsed, signed, unsigned, word};
use crate::cursor;
use crate::entity_identity::audit_entries::{self, Column};
use crate::error::StoreError;
use crate::scope::Scope;
use crate::store::Store;
use crate::tenants::lock_tenant;

/// Entries that are checked at a time: memory stays small however long the log is.
const CHECKED_AT_ONCE: u64 = 1_000;

/// Which entries are asked for; absent fields leave nothing out.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Of this person.
    pub user: Option<UserId>,
    /// Made with this key.
    pub key: Option<KeyId>,
    /// This operation.
    pub operation: Option<String>,
    /// About this app.
    pub app: Option<AppId>,
    /// At this time or later.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

impl Store {
    /// Appends an entry to a tenant's log, and returns its place. For the server, after every operation that it records.
    pub async fn append_audit(&self, tenant: &TenantId, facts: &AuditFacts) -> Result<u64, StoreError> {
        let tx = self.begin().await?;
        let row = lock_tenant(&tx, tenant.as_str()).await?;
        let seq = row.audit_seq + 1;
        let before = row.audit_head.as_deref().map(hash).transpose()?.unwrap_or(GENESIS);
        let head = facts.chained(tenant, unsigned(seq)?, &before);
        let entry = audit_entries::Model {
            tenant_id: tenant.to_string(),
            seq,
            at: facts.at.as_millis(),
            actor_kind: word(&facts.actor.kind)?,
            user_id: facts.actor.user_id.to_string(),
            key_id: facts.actor.key_id.as_ref().map(ToString::to_string),
            operation: facts.operation.clone(),
            target: facts.target.clone(),
            app_id: facts.app.as_ref().map(ToString::to_string),
            status: i64::from(facts.status),
            address: facts.from.clone(),
            request_id: facts.request_id.clone(),
            note: facts.note.clone(),
            hash: hash_column(&head),
        };
        audit_entries::Entity::insert(entry.into_active_model()).exec_without_returning(&tx).await?;
        let mut change = row.into_active_model();
        change.audit_seq = Set(seq);
        change.audit_head = Set(Some(hash_column(&head)));
        change.update_without_returning(&tx).await?;
        tx.commit().await?;
        unsigned(seq)
    }

    /// The tenant's log, the newest entry first; `limit` at a time, from `cursor` on.
    pub async fn audit(
        &self,
        scope: &Scope,
        filter: &AuditFilter,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<AuditEntry>, StoreError> {
        let mut query = filtered(scope, filter);
        if let Some(cursor) = cursor {
            let (seq, _) = cursor::decode(cursor)?;
            query = query.filter(Column::Seq.lt(seq));
        }
        let query = query.order_by_desc(Column::Seq).limit(u64::from(limit) + 1);
        let rows = query.all(self.0.db.reader()).await?;
        cursor::page(rows, limit, |row| cursor::encode(row.seq, ""), entry_of)
    }

    /// Entries of the tenant's log after a place, the oldest first, at most `limit`: for writing the log out piece by piece.
    pub async fn audit_after(
        &self,
        scope: &Scope,
        filter: &AuditFilter,
        seq: u64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let query = filtered(scope, filter).filter(Column::Seq.gt(signed(seq)));
        let rows = query.order_by_asc(Column::Seq).limit(u64::from(limit)).all(self.0.db.reader()).await?;
        rows.into_iter().map(entry_of).collect()
    }

    /// Checks the tenant's whole log, as it is when the check begins: every entry against its hash, that none is missing,
    /// and that the last one is the one that the tenant remembers. No connection is held from one piece to the next.
    pub async fn verify_audit(&self, scope: &Scope) -> Result<AuditVerdict, StoreError> {
        // Before the tenant: whatever is appended meanwhile can only make the tenant remember more.
        let newest = self.newest_entry(scope).await?;
        let tenant = crate::entity::tenants::Entity::find_by_id(scope.tenant.as_str());
        let tenant = tenant.one(self.0.db.reader()).await?.ok_or(StoreError::NotFound)?;
        let written = unsigned(tenant.audit_seq)?;
        let head = tenant.audit_head.as_deref().map(hash).transpose()?.unwrap_or(GENESIS);
        let broken = |seq| AuditVerdict { intact: false, entries: written, head, broken_at: Some(seq) };
        let (mut last, mut before) = (0, GENESIS);
        while last < written {
            let query = filtered(scope, &AuditFilter::default())
                .filter(Column::Seq.gt(signed(last)))
                .filter(Column::Seq.lte(signed(written)));
            let query = query.order_by_asc(Column::Seq).limit(CHECKED_AT_ONCE);
            let rows = query.all(self.0.db.reader()).await?;
            if rows.is_empty() {
                return Ok(broken(last + 1));
            }
            for row in rows {
                let expected = last + 1;
                let seq = u64::try_from(row.seq).unwrap_or(0);
                // An entry that cannot even be read is not as it was written.
                let Ok(entry) = entry_of(row) else { return Ok(broken(expected)) };
                let is_whole = entry.facts.chained(&scope.tenant, seq, &before) == entry.hash;
                if seq != expected || !is_whole {
                    return Ok(broken(expected));
                }
                (last, before) = (seq, entry.hash);
            }
        }
        match before == head && newest <= written {
            true => Ok(AuditVerdict { intact: true, entries: written, head, broken_at: None }),
            false => Ok(broken(written + 1)),
        }
    }

    /// The place of the last entry there is; 0 without one.
    async fn newest_entry(&self, scope: &Scope) -> Result<u64, StoreError> {
        let query = filtered(scope, &AuditFilter::default()).order_by_desc(Column::Seq);
        let seq = query.select_only().column(Column::Seq).into_tuple::<i64>().one(self.0.db.reader());
        seq.await?.map_or(Ok(0), unsigned)
    }
}

fn filtered(scope: &Scope, filter: &AuditFilter) -> Select<audit_entries::Entity> {
    let mut query = audit_entries::Entity::find().filter(Column::TenantId.eq(scope.tenant.as_str()));
    if let Some(user) = &filter.user {
        query = query.filter(Column::UserId.eq(user.as_str()));
    }
    if let Some(key) = &filter.key {
        query = query.filter(Column::KeyId.eq(key.as_str()));
    }
    if let Some(operation) = &filter.operation {
        query = query.filter(Column::Operation.eq(operation));
    }
    if let Some(app) = &filter.app {
        query = query.filter(Column::AppId.eq(app.as_str()));
    }
    if let Some(since) = filter.since {
        query = query.filter(Column::At.gte(since.as_millis()));
    }
    if let Some(until) = filter.until {
        query = query.filter(Column::At.lt(until.as_millis()));
    }
    query
}

fn entry_of(row: audit_entries::Model) -> Result<AuditEntry, StoreError> {
    let actor = Actor {
        kind: of_word(&row.actor_kind)?,
        user_id: parsed(&row.user_id)?,
        key_id: row.key_id.as_deref().map(parsed).transpose()?,
    };
    let facts = AuditFacts {
        at: Timestamp::from_millis(row.at),
        actor,
        operation: row.operation,
        target: row.target,
        app: row.app_id.as_deref().map(parsed).transpose()?,
        status: u16::try_from(row.status).map_err(|_| corrupt("a status"))?,
        from: row.address,
        request_id: row.request_id,
        note: row.note,
    };
    Ok(AuditEntry { seq: unsigned(row.seq)?, facts, hash: hash(&row.hash)? })
}
