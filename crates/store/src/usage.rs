//! What visitors used of published apps, counted by day.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use vitrine_model::{AppId, Timestamp};

use crate::apps::find_app;
use crate::codec::{corrupt, signed, unsigned};
use crate::entity::apps;
use crate::entity_publishing::usage_days::{self, Column};
use crate::error::StoreError;
use crate::scope::Scope;
use crate::store::Store;
use crate::tenant_usage::{add_egress, month_of};

/// Milliseconds in a day.
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;

/// Apps counted in one statement.
const APPS_PER_QUERY: usize = 200;

/// What visitors used of an app on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageDay {
    /// The day: how many days after 1970-01-01, UTC.
    pub day: u32,
    /// Requests answered.
    pub requests: u64,
    /// Bytes sent.
    pub bytes: u64,
}

impl Store {
    /// Adds what was used on a day (as [`UsageDay::day`]): app, requests, bytes. Apps that are gone are left out; an app
    /// may come twice. For the server itself.
    pub async fn add_usage(&self, day: u32, used: Vec<(AppId, u64, u64)>) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        let mut sent: HashMap<String, i64> = HashMap::new();
        for chunk in used.chunks(APPS_PER_QUERY) {
            let there: Vec<(String, String)> = apps::Entity::find()
                .select_only()
                .column(apps::Column::Id)
                .column(apps::Column::TenantId)
                .filter(apps::Column::Id.is_in(chunk.iter().map(|(app, ..)| app.as_str())))
                .into_tuple()
                .all(&tx)
                .await?;
            let there: HashMap<String, String> = there.into_iter().collect();
            for (app, requests, bytes) in chunk {
                let Some(tenant) = there.get(app.as_str()) else { continue };
                *sent.entry(tenant.clone()).or_default() += signed(*bytes);
                let row = usage_days::Model {
                    app_id: app.to_string(),
                    day: i64::from(day),
                    requests: signed(*requests),
                    bytes: signed(*bytes),
                };
                let sum = |column: Column, more: i64| Expr::col((usage_days::Entity, column)).add(more);
                let add = OnConflict::columns([Column::AppId, Column::Day])
                    .value(Column::Requests, sum(Column::Requests, row.requests))
                    .value(Column::Bytes, sum(Column::Bytes, row.bytes))
                    .to_owned();
                usage_days::Entity::insert(row.into_active_model())
                    .on_conflict(add)
                    .exec_without_returning(&tx)
                    .await?;
            }
        }
        let month = month_of(Timestamp::from_millis(i64::from(day) * DAY_MILLIS));
        for (tenant, bytes) in sent {
            add_egress(&tx, &tenant, &month, bytes).await?;
        }
        Ok(tx.commit().await?)
    }

    /// What was used of the app, day by day from `from_day` on; days without visitors are left out.
    pub async fn usage(
        &self,
        scope: &Scope,
        app: &AppId,
        from_day: u32,
    ) -> Result<Vec<UsageDay>, StoreError> {
        find_app(self.0.db.reader(), scope, app).await?;
        let rows = usage_days::Entity::find()
            .filter(Column::AppId.eq(app.as_str()))
            .filter(Column::Day.gte(i64::from(from_day)))
            .order_by_asc(Column::Day)
            .all(self.0.db.reader())
            .await?;
        rows.into_iter().map(usage_of).collect()
    }
}

fn usage_of(row: usage_days::Model) -> Result<UsageDay, StoreError> {
    Ok(UsageDay {
        day: u32::try_from(row.day).map_err(|_| corrupt("a day"))?,
        requests: unsigned(row.requests)?,
        bytes: unsigned(row.bytes)?,
    })
}
