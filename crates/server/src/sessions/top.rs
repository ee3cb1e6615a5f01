//! What runs on this machine, and what it costs: for whoever runs the server.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vitrine_build::layers::LayersUsage;
use vitrine_model::session::SessionStatus;
use vitrine_model::{AppId, TenantId, Timestamp};

use super::preview::{Phase, Snapshot};
use super::{Sessions, lock, memory, room};
use crate::kernel;
use crate::metrics::{Histogram, Reading};

/// Sandboxes that are asked at once what they use: each answer is a few small files of the kernel's.
const ASKED_AT_ONCE: usize = 8;

/// What has happened to sandboxes since the server started.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    new_starts: Histogram,
    pooled_starts: Histogram,
    wakes: Histogram,
    thaws: Histogram,
    pub(super) freezes: AtomicU64,
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

    /// A dev server has come to answer. `woken_at` is when somebody came back to it, if it was that.
    pub(super) fn count_start(&self, is_pooled: bool, took: Option<Duration>, woken_at: Option<Instant>) {
        let starts = if is_pooled { &self.pooled_starts } else { &self.new_starts };
        starts.observe(took.unwrap_or_default());
        if let Some(woken_at) = woken_at {
            self.wakes.observe(woken_at.elapsed());
        }
    }

    /// A frozen sandbox goes on.
    pub(super) fn count_thaw(&self, took: Duration) {
        self.thaws.observe(took);
    }

    fn durations(&self) -> Durations {
        Durations {
            new: self.new_starts.read(),
            pooled: self.pooled_starts.read(),
            wake: self.wakes.read(),
            thaw: self.thaws.read(),
        }
    }

    fn view(&self) -> CountsView {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let from_pool = self.pooled_starts.count();
        CountsView {
            starts: self.new_starts.count() + from_pool,
            from_pool,
            wakes: self.wakes.count(),
            freezes: read(&self.freezes),
            thaws: self.thaws.count(),
            hibernations: read(&self.hibernations),
            evictions: read(&self.evictions),
            refusals: read(&self.refusals),
            losses: read(&self.losses),
        }
    }
}

/// How long it took until somebody was answered, since the server started.
pub(crate) struct Durations {
    /// Starts in a sandbox of their own.
    pub(crate) new: Reading,
    /// Starts in a sandbox of the pool.
    pub(crate) pooled: Reading,
    /// Of both, those that somebody came back to.
    pub(crate) wake: Reading,
    /// Frozen sandboxes going on.
    pub(crate) thaw: Reading,
}

/// The machine and its sandboxes.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct MachineView {
    /// When this was looked at.
    pub(crate) at: Timestamp,
    /// Processor cores.
    pub(crate) cores: usize,
    /// Processor time that everything on the machine has used since it was started, over all cores. What is used now is the
    /// difference of two answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_micros: Option<u64>,
    /// Memory, as the kernel counts it.
    pub(crate) memory: MemoryView,
    /// Sessions by state; absent when the database does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sessions: Option<SessionCounts>,
    /// Sandboxes of apps by state; those of the pool are not among them.
    pub(crate) sandboxes: SandboxCounts,
    /// Dev servers that run ahead of their apps.
    pub(crate) pool: PoolView,
    /// Packages that apps share; absent when they cannot be weighed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) layers: Option<LayersView>,
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
    /// What all sandboxes of apps have; those of the pool are not among them.
    pub(crate) sandboxes_bytes: u64,
    /// What they have in swap besides, before compression.
    pub(crate) sandboxes_swap_bytes: u64,
    /// Swap; frozen sandboxes are moved there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) swap_total_bytes: Option<u64>,
    /// Swap that is free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) swap_free_bytes: Option<u64>,
}

/// How many sessions are in which state; several sessions of one app share a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct SessionCounts {
    /// On their way.
    pub(crate) starting: u64,
    /// Answering.
    pub(crate) running: u64,
    /// Standing still.
    pub(crate) frozen: u64,
    /// Without a sandbox until somebody comes back.
    pub(crate) hibernated: u64,
    /// Given up until somebody changes something.
    pub(crate) error: u64,
}

/// The layers of this machine, as they were some seconds ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct LayersView {
    /// How many there are.
    pub(crate) count: u64,
    /// Of those, how many are in use.
    pub(crate) in_use: u64,
    /// What they take on the disk, with what is kept beside them.
    pub(crate) bytes: u64,
    /// What they may take before those used longest ago are removed.
    pub(crate) budget_bytes: u64,
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
    /// Of the starts, how many were of hibernated sessions that somebody came back to.
    pub(crate) wakes: u64,
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
    /// Its name, when it is an app of the caller's tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app_name: Option<String>,
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
    /// Since when its dev server answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) started_at: Option<Timestamp>,
    /// The last request, edit or message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_use_at: Option<Timestamp>,
    /// What its start took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start_ms: Option<f64>,
    /// How often it was brought back since it was ensured.
    pub(crate) restarts: u32,
}

/// What is known of an app from its sessions.
struct OfSessions {
    name: String,
    last_use: Timestamp,
}

impl Sessions {
    /// The machine, and its `limit` sandboxes with the most memory; with the names of one tenant's apps. Costs what runs and
    /// what was used lately, not what exists.
    pub(crate) async fn top(&self, limit: usize, named: Option<&TenantId>) -> MachineView {
        let previews: Vec<_> =
            lock(&self.0.previews).iter().map(|(app, preview)| (app.clone(), preview.clone())).collect();
        let mut sandboxes = SandboxCounts::default();
        let mut shown = Vec::new();
        for (app, preview) in previews {
            let snapshot = preview.snapshot();
            let Some(status) = sandboxes.count(snapshot.phase) else { continue };
            shown.push((app, preview.tenant.clone(), status, snapshot));
        }
        let known = self.known_apps();
        let asked = shown.into_iter().map(|(app_id, tenant_id, status, snapshot)| {
            let known = known.get(&app_id);
            let name = known.map(|app| app.name.clone()).filter(|_| named == Some(&tenant_id));
            sandbox_view((app_id, name), tenant_id, status, snapshot, known.map(|app| app.last_use))
        });
        let mut items: Vec<_> = futures::stream::iter(asked).buffer_unordered(ASKED_AT_ONCE).collect().await;
        items.sort_by(|a, b| (b.memory_bytes, &a.app_id).cmp(&(a.memory_bytes, &b.app_id)));
        let memory = memory(&self.0.context.room, &items);
        items.truncate(limit);
        let context = &self.0.context;
        MachineView {
            at: context.clock.now(),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            cpu_micros: kernel::busy_micros(),
            memory,
            sessions: self.session_counts().await,
            sandboxes,
            pool: context.pool.view(),
            layers: context.provision.layers_usage().await.map(LayersView::from),
            since_start: context.counts.view(),
            items,
        }
    }

    /// How long starts and wakes took so far.
    pub(crate) fn durations(&self) -> Durations {
        self.0.context.counts.durations()
    }

    fn known_apps(&self) -> HashMap<AppId, OfSessions> {
        let mut apps: HashMap<AppId, OfSessions> = HashMap::new();
        for known in lock(&self.0.known).values() {
            let fresh = || OfSessions { name: known.app_name.clone(), last_use: known.last_use() };
            let app = apps.entry(known.app.clone()).or_insert_with(fresh);
            app.last_use = known.last_use().max(app.last_use);
        }
        apps
    }

    async fn session_counts(&self) -> Option<SessionCounts> {
        let counted = self.0.context.store.count_sessions().await;
        let counts = counted.inspect_err(|error| tracing::warn!(%error, "sessions were not counted")).ok()?;
        let of = |status| counts.get(&status).copied().unwrap_or(0);
        Some(SessionCounts {
            starting: of(SessionStatus::Starting),
            running: of(SessionStatus::Running),
            frozen: of(SessionStatus::Frozen),
            hibernated: of(SessionStatus::Hibernated),
            error: of(SessionStatus::Error),
        })
    }
}

impl SandboxCounts {
    /// Counts a preview, and says what its sandbox is doing; `None` when it has none.
    fn count(&mut self, phase: Phase) -> Option<SessionStatus> {
        let (counter, status) = match phase {
            Phase::Idle => return None,
            Phase::Starting => (&mut self.starting, SessionStatus::Starting),
            Phase::Running => (&mut self.running, SessionStatus::Running),
            Phase::Frozen => (&mut self.frozen, SessionStatus::Frozen),
            Phase::Failed => (&mut self.error, SessionStatus::Error),
        };
        *counter += 1;
        Some(status)
    }
}

impl From<LayersUsage> for LayersView {
    fn from(usage: LayersUsage) -> Self {
        let LayersUsage { count, in_use, bytes, budget_bytes } = usage;
        Self { count, in_use, bytes, budget_bytes }
    }
}

async fn sandbox_view(
    (app_id, app_name): (AppId, Option<String>),
    tenant_id: TenantId,
    status: SessionStatus,
    snapshot: Snapshot,
    last_use_at: Option<Timestamp>,
) -> SandboxView {
    let sandbox = snapshot.sandbox.as_ref().and_then(Weak::upgrade);
    let usage = match &sandbox {
        Some(sandbox) => sandbox.usage().await.unwrap_or_default(),
        None => Default::default(),
    };
    SandboxView {
        app_id,
        app_name,
        tenant_id,
        status,
        memory_bytes: usage.memory_bytes,
        swap_bytes: usage.swap_bytes,
        cpu_micros: usage.cpu_micros,
        pids: usage.pids,
        started_at: snapshot.live_since.filter(|_| sandbox.is_some()),
        last_use_at,
        start_ms: snapshot.timings().total_ms,
        restarts: snapshot.restarts,
    }
}

fn memory(room: &Arc<room::Room>, sandboxes: &[SandboxView]) -> MemoryView {
    MemoryView {
        total_bytes: memory::meminfo("MemTotal:"),
        available_bytes: memory::available(),
        reserved_bytes: room.reserve_bytes,
        sandboxes_bytes: sandboxes.iter().map(|sandbox| sandbox.memory_bytes).sum(),
        sandboxes_swap_bytes: sandboxes.iter().map(|sandbox| sandbox.swap_bytes).sum(),
        swap_total_bytes: memory::meminfo("SwapTotal:"),
        swap_free_bytes: memory::meminfo("SwapFree:"),
    }
}
