//! What runs on this machine, and what it costs: for whoever runs the server.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vitrine_model::session::SessionStatus;
use vitrine_model::{AppId, TenantId, Timestamp};

use super::preview::Phase;
use super::{Sessions, lock, memory, room};

/// Sandboxes that are asked at once what they use: each answer is a few small files of the kernel's.
const ASKED_AT_ONCE: usize = 8;

/// What has happened to sandboxes since the server started.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(super) starts: AtomicU64,
    pub(super) from_pool: AtomicU64,
    pub(super) freezes: AtomicU64,
    pub(super) thaws: AtomicU64,
    pub(super) hibernations: AtomicU64,
    pub(super) evictions: AtomicU64,
    pub(super) refusals: AtomicU64,
    pub(super) losses: AtomicU64,
}

impl Counts {
    /// One more.
    pub(super) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn view(&self) -> CountsView {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CountsView {
            starts: read(&self.starts),
            from_pool: read(&self.from_pool),
            freezes: read(&self.freezes),
            thaws: read(&self.thaws),
            hibernations: read(&self.hibernations),
            evictions: read(&self.evictions),
            refusals: read(&self.refusals),
            losses: read(&self.losses),
        }
    }
}

/// The machine and its sandboxes.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct MachineView {
    /// Processor cores.
    pub(crate) cores: usize,
    /// Memory, as the kernel counts it.
    pub(crate) memory: MemoryView,
    /// Sandboxes of apps by state; those of the pool are not among them.
    pub(crate) sandboxes: SandboxCounts,
    /// Dev servers that run ahead of their apps.
    pub(crate) pool: PoolView,
    /// What has happened since the server started.
    pub(crate) since_start: CountsView,
    /// The sandboxes that hold the most memory first.
    pub(crate) items: Vec<SandboxView>,
}

/// Memory of the machine, in bytes; what cannot be told is absent.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct MemoryView {
    /// All of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total_bytes: Option<u64>,
    /// Free, or free as soon as it is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) available_bytes: Option<u64>,
    /// Kept for everything but sandboxes.
    pub(crate) reserved_bytes: u64,
    /// Swap; frozen sandboxes are moved there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) swap_total_bytes: Option<u64>,
    /// Swap that is free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) swap_free_bytes: Option<u64>,
}

/// How many sandboxes are in which state.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct SandboxCounts {
    /// On their way.
    pub(crate) starting: u64,
    /// Answering.
    pub(crate) running: u64,
    /// Standing still.
    pub(crate) frozen: u64,
    /// Given up until somebody changes something.
    pub(crate) error: u64,
}

/// The warm pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct PoolView {
    /// Sandboxes that can be claimed now.
    pub(crate) warm: usize,
    /// Their memory, as it was when they were made.
    pub(crate) memory_bytes: u64,
}

/// What has happened to sandboxes since the server started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct CountsView {
    /// Dev servers that came to answer.
    pub(crate) starts: u64,
    /// Of those, how many ran already when they were asked for.
    pub(crate) from_pool: u64,
    /// Sandboxes that were frozen.
    pub(crate) freezes: u64,
    /// Sandboxes that went on.
    pub(crate) thaws: u64,
    /// Sandboxes that were taken down because nobody used them.
    pub(crate) hibernations: u64,
    /// Of those, how many went to make room.
    pub(crate) evictions: u64,
    /// Starts that were refused for want of room.
    pub(crate) refusals: u64,
    /// Sandboxes and dev servers that ended unasked.
    pub(crate) losses: u64,
}

/// One app's sandbox.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct SandboxView {
    /// The app.
    pub(crate) app_id: AppId,
    /// Whose it is.
    pub(crate) tenant_id: TenantId,
    /// What it is doing.
    pub(crate) status: SessionStatus,
    /// Its memory now.
    pub(crate) memory_bytes: u64,
    /// What of it is in swap besides, before compression.
    pub(crate) swap_bytes: u64,
    /// Processor time so far.
    pub(crate) cpu_micros: u64,
    /// Processes and threads.
    pub(crate) pids: u32,
    /// The last request, edit or message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_use_at: Option<Timestamp>,
    /// What its start took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start_ms: Option<f64>,
    /// How often it was brought back since it was ensured.
    pub(crate) restarts: u32,
}

impl Sessions {
    /// The machine, and its `limit` sandboxes with the most memory. Costs what runs, not what exists.
    pub(crate) async fn top(&self, limit: usize) -> MachineView {
        let previews: Vec<_> =
            lock(&self.0.previews).iter().map(|(app, preview)| (app.clone(), preview.clone())).collect();
        let mut sandboxes = SandboxCounts::default();
        let mut shown = Vec::new();
        for (app, preview) in previews {
            let snapshot = preview.snapshot();
            let (counter, status) = match snapshot.phase {
                Phase::Idle => continue,
                Phase::Starting => (&mut sandboxes.starting, SessionStatus::Starting),
                Phase::Running => (&mut sandboxes.running, SessionStatus::Running),
                Phase::Frozen => (&mut sandboxes.frozen, SessionStatus::Frozen),
                Phase::Failed => (&mut sandboxes.error, SessionStatus::Error),
            };
            *counter += 1;
            shown.push((app, preview.tenant.clone(), status, snapshot));
        }
        let asked = shown.into_iter().map(|(app_id, tenant_id, status, snapshot)| async move {
            let usage = match snapshot.sandbox.as_ref().and_then(Weak::upgrade) {
                Some(sandbox) => sandbox.usage().await.unwrap_or_default(),
                None => Default::default(),
            };
            SandboxView {
                last_use_at: self.last_use_of(&app_id),
                app_id,
                tenant_id,
                status,
                memory_bytes: usage.memory_bytes,
                swap_bytes: usage.swap_bytes,
                cpu_micros: usage.cpu_micros,
                pids: usage.pids,
                start_ms: snapshot.timings().total_ms,
                restarts: snapshot.restarts,
            }
        });
        let mut items: Vec<_> = futures::stream::iter(asked).buffer_unordered(ASKED_AT_ONCE).collect().await;
        items.sort_by(|a, b| (b.memory_bytes, &a.app_id).cmp(&(a.memory_bytes, &b.app_id)));
        items.truncate(limit);
        let context = &self.0.context;
        MachineView {
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory: memory(&context.room),
            sandboxes,
            pool: context.pool.view(),
            since_start: context.counts.view(),
            items,
        }
    }
}

fn memory(room: &Arc<room::Room>) -> MemoryView {
    MemoryView {
        total_bytes: memory::meminfo("MemTotal:"),
        available_bytes: memory::available(),
        reserved_bytes: room.reserve_bytes,
        swap_total_bytes: memory::meminfo("SwapTotal:"),
        swap_free_bytes: memory::meminfo("SwapFree:"),
    }
}
