//! The preview of one app: an actor that owns the app's draft sandbox and nothing else.
//!
//! It takes orders (run, take this draft, restart, stop) and events (a start finished, a process ended), one after the
//! other, and publishes a [`Snapshot`]. What the sandbox should hold is always a whole tree; what is sent is always the
//! difference between that and what it holds. So deliveries may come late, twice or coalesced, and the end is the same.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use vitrine_build::profile::Impact;
use vitrine_edge::SandboxUpstream;
use vitrine_model::problem::{Code, Problem};
use vitrine_model::session::{LogSource, SessionEvent, Timings};
use vitrine_model::{AppId, TenantId, Timestamp};
use vitrine_sandbox::Sandbox;
use vitrine_sandbox::driver::{EndReason, SandboxEvent};
use vitrine_store::{Draft, Scope};

mod delivery;
mod rest;

pub(super) use delivery::batch_between;
use delivery::deliver;

use super::Context;
use super::logs::Logs;
use super::startup::{self, DEV_SERVER, Live, TAIL_LINES};
use super::timings::Stopwatch;
use super::top::Counts;
use crate::drafts::Contents;
use crate::faults;

/// The first pause before bringing something back; doubles each time.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);

/// The longest pause before bringing something back.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// Running this long makes up for all earlier failures.
const STEADY: Duration = Duration::from_secs(60);

/// How long a caller waits for a frozen preview to go on before it is told that it is frozen still.
const THAWED_WITHIN: Duration = Duration::from_secs(1);

/// What the preview of an app is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No sandbox, and none wanted.
    Idle,
    /// On its way.
    Starting,
    /// Answering.
    Running,
    /// Standing still until somebody wants something of it.
    Frozen,
    /// Given up until the draft changes or somebody asks again.
    Failed,
}

/// What others see of the actor.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub(crate) phase: Phase,
    /// Since when it has been idle, while it is.
    since: Instant,
    pub(crate) stopwatch: Stopwatch,
    pub(crate) restarts: u32,
    /// The draft version the sandbox holds.
    pub(crate) draft_version: u64,
    /// What went wrong last; may stand beside a running preview, when a change of dependencies failed.
    pub(crate) problem: Option<Problem>,
    /// Where requests go, while something answers.
    pub(crate) upstream: Option<Arc<SandboxUpstream>>,
    /// Since when the sandbox that runs or stands still has answered.
    pub(super) live_since: Option<Timestamp>,
    /// The sandbox that runs or stands still; not kept alive by those who look.
    pub(super) sandbox: Option<Weak<dyn Sandbox>>,
}

impl Snapshot {
    fn idle() -> Self {
        let stopwatch = Stopwatch::start();
        let since = Instant::now();
        Self {
            phase: Phase::Idle,
            since,
            stopwatch,
            restarts: 0,
            draft_version: 0,
            problem: None,
            upstream: None,
            live_since: None,
            sandbox: None,
        }
    }

    /// The times of the latest start.
    pub(crate) fn timings(&self) -> Timings {
        self.stopwatch.timings()
    }
}

/// An order to the actor.
pub(crate) enum Command {
    /// Run, if not running; a failed preview tries again.
    Ensure,
    /// The same for somebody who has come back to what was taken down.
    Wake,
    /// Run anew, whatever it does now.
    Restart,
    /// Start anew beside what runs, if anything does: what the dev server is given has changed.
    Renew,
    /// Hold this draft. A draft that came from an installation does not lead to another one.
    Deliver { draft: Draft, contents: Contents, is_install: bool, done: oneshot::Sender<bool> },
    /// Stand still, if it runs and nobody uses it.
    Freeze(Unused),
    /// Take the sandbox down, if nobody uses it; answered with whether nothing is left of it.
    Hibernate(Unused, oneshot::Sender<bool>),
    /// Take the sandbox down; answered when nothing is left of it.
    Stop(oneshot::Sender<()>),
}

/// Says whether nobody has used the app since it was found unused. Asked after the gateway has been told to let nobody
/// through: whoever came before is seen, whoever comes later wakes it.
pub(crate) type Unused = Box<dyn Fn() -> bool + Send>;

/// A handle to the actor; the actor ends, and its sandbox with it, when the last one is dropped.
pub(crate) struct Preview {
    commands: mpsc::UnboundedSender<Command>,
    /// Orders that were given and not obeyed yet.
    pending: Arc<AtomicUsize>,
    /// How often it was told to stop: known to the actor before the order's turn has come.
    stops: watch::Sender<u64>,
    snapshot: watch::Receiver<Snapshot>,
    /// Milliseconds since 1970.
    edited_at: AtomicI64,
    pub(super) tenant: TenantId,
    pub(crate) logs: Logs,
}

impl Preview {
    /// Starts an actor for `app`; it does nothing until it is told to.
    pub(crate) fn spawn(context: Arc<Context>, scope: Scope, app: AppId) -> Self {
        // Unbounded, because nobody can send faster than the store commits: one change set per app at a time.
        let (commands, orders) = mpsc::unbounded_channel();
        let (publish, snapshot) = watch::channel(Snapshot::idle());
        let (stops, stops_wanted) = watch::channel(0);
        let logs = Logs::new(context.clock.clone());
        let pending = Arc::new(AtomicUsize::new(0));
        let tenant = scope.tenant.clone();
        let actor = Actor {
            context,
            scope,
            app,
            orders,
            pending: pending.clone(),
            stops_wanted,
            stops_done: 0,
            publish,
            logs: logs.clone(),
            wanted: None,
            contents: Contents::new(),
            starting: None,
            live: None,
            retry_at: None,
            deliver_at: None,
            freeze_after: None,
            memory_doublings: 0,
            woken_at: None,
        };
        tokio::spawn(actor.run());
        Self { commands, pending, stops, snapshot, edited_at: AtomicI64::new(0), tenant, logs }
    }

    /// Gives an order; lost only when the server is stopping.
    pub(crate) fn order(&self, command: Command) {
        self.pending.fetch_add(1, Ordering::SeqCst);
        let _ = self.commands.send(command);
    }

    /// Takes the sandbox down unless `unused` says otherwise, and waits until nothing is left of it. False when it was used.
    /// A delivery on its way is given up, and made again when the sandbox stays.
    pub(crate) async fn hibernate(&self, unused: Unused) -> bool {
        let (done, stopped) = oneshot::channel();
        self.stops.send_modify(|stops| *stops += 1);
        self.order(Command::Hibernate(unused, done));
        stopped.await.unwrap_or(true)
    }

    /// True when it has done nothing for so long, and nothing is on its way to it.
    pub(crate) fn has_been_idle_for(&self, time: Duration) -> bool {
        let snapshot = self.snapshot.borrow();
        snapshot.phase == Phase::Idle
            && snapshot.since.elapsed() >= time
            && self.pending.load(Ordering::SeqCst) == 0
    }

    /// Takes the sandbox down and waits until nothing is left of it. A delivery on its way is given up.
    pub(crate) async fn stop(&self) {
        let (done, stopped) = oneshot::channel();
        self.stops.send_modify(|stops| *stops += 1);
        self.order(Command::Stop(done));
        let _ = stopped.await;
    }

    /// Returns when it is not frozen, which takes some milliseconds after [`Command::Ensure`]. Goes on without it when that
    /// takes long.
    pub(crate) async fn thawed(&self) {
        let mut snapshot = self.snapshot.clone();
        let goes_on = snapshot.wait_for(|snapshot| snapshot.phase != Phase::Frozen);
        let _ = tokio::time::timeout(THAWED_WITHIN, goes_on).await;
    }

    /// Notes that the app was edited, by whomever.
    pub(super) fn edited(&self, at: Timestamp) {
        self.edited_at.fetch_max(at.as_millis(), Ordering::SeqCst);
    }

    /// When it was edited last, 1970 when it was not yet.
    pub(super) fn edited_at(&self) -> Timestamp {
        Timestamp::from_millis(self.edited_at.load(Ordering::SeqCst))
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.snapshot.borrow().phase == Phase::Frozen
    }

    /// What it is doing now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.snapshot.borrow().clone()
    }

    /// For waiting until it does something else.
    pub(crate) fn watch(&self) -> watch::Receiver<Snapshot> {
        self.snapshot.clone()
    }
}

struct Actor {
    context: Arc<Context>,
    scope: Scope,
    app: AppId,
    orders: mpsc::UnboundedReceiver<Command>,
    pending: Arc<AtomicUsize>,
    stops_wanted: watch::Receiver<u64>,
    /// Of those, how many it has obeyed.
    stops_done: u64,
    publish: watch::Sender<Snapshot>,
    logs: Logs,
    /// The newest draft heard of.
    wanted: Option<Draft>,
    /// Content that came with `wanted` and that the store may not have yet; of earlier drafts it has all.
    contents: Contents,
    starting: Option<Starting>,
    live: Option<Live>,
    retry_at: Option<tokio::time::Instant>,
    /// When files that follow themselves too soon may go.
    deliver_at: Option<tokio::time::Instant>,
    /// Until when it is not frozen because that failed.
    freeze_after: Option<Instant>,
    /// How often its memory has been doubled because it was too little.
    memory_doublings: u32,
    /// When somebody came back to it, until it answers them.
    woken_at: Option<Instant>,
}

struct Starting {
    task: JoinHandle<Result<Live, Problem>>,
    /// The newest draft heard of when it began.
    known_version: u64,
}

impl Drop for Starting {
    fn drop(&mut self) {
        self.task.abort();
    }
}

enum Happened {
    Ordered(Option<Command>),
    Started(Box<Result<Live, Problem>>),
    Event(SandboxEvent),
    RetryDue,
    DeliveryDue,
}

impl Actor {
    async fn run(mut self) {
        loop {
            match self.next().await {
                Happened::Ordered(None) => break,
                Happened::Ordered(Some(command)) => {
                    self.obey(command).await;
                    self.pending.fetch_sub(1, Ordering::SeqCst);
                }
                Happened::Started(result) => self.started(*result).await,
                Happened::Event(event) => self.happened(event).await,
                Happened::RetryDue => {
                    self.retry_at = None;
                    self.begin();
                }
                Happened::DeliveryDue => {
                    self.catch_up().await;
                }
            }
        }
        self.take_down().await;
    }

    async fn next(&mut self) -> Happened {
        let (retry_at, deliver_at) = (self.retry_at, self.deliver_at);
        tokio::select! {
            command = self.orders.recv() => Happened::Ordered(command),
            result = startup_result(&mut self.starting) => Happened::Started(Box::new(result)),
            event = live_event(&mut self.live) => Happened::Event(event),
            () = due(retry_at) => Happened::RetryDue,
            () = due(deliver_at) => Happened::DeliveryDue,
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Ensure | Command::Wake => {
                let phase = self.publish.borrow().phase;
                let is_wake = phase == Phase::Idle && matches!(command, Command::Wake);
                match phase {
                    Phase::Idle | Phase::Failed => {
                        self.forget_failures();
                        self.woken_at = is_wake.then(Instant::now);
                        self.begin();
                    }
                    Phase::Frozen => self.thaw().await,
                    Phase::Starting | Phase::Running => {}
                }
            }
            Command::Restart => {
                self.forget_failures();
                self.take_down().await;
                self.begin();
            }
            Command::Renew => {
                self.thaw().await;
                if self.publish.borrow().phase != Phase::Idle {
                    self.forget_failures();
                    self.begin();
                }
            }
            Command::Deliver { draft, contents, is_install, done } => {
                let delivered = self.take(draft, contents, is_install).await;
                let _ = done.send(delivered);
            }
            Command::Freeze(unused) => self.freeze(unused).await,
            Command::Hibernate(unused, done) => {
                self.stops_done += 1;
                let _ = done.send(self.hibernate(unused).await);
            }
            Command::Stop(done) => {
                self.stops_done += 1;
                self.take_down().await;
                self.be_idle();
                let _ = done.send(());
            }
        }
    }

    fn forget_failures(&mut self) {
        // What follows is not what somebody came back to.
        self.woken_at = None;
        self.publish.send_modify(|snapshot| {
            snapshot.restarts = 0;
            snapshot.problem = None;
        });
    }

    /// Begins a start beside whatever runs: the old sandbox answers until the new one does.
    fn begin(&mut self) {
        tracing::debug!(app = %self.app, "starting");
        let stopwatch = Stopwatch::start();
        self.retry_at = None;
        // An earlier attempt ends here, and its dev server with it.
        self.starting = None;
        self.close_unless_live();
        let start = startup::Start {
            context: self.context.clone(),
            scope: self.scope.clone(),
            app: self.app.clone(),
            stopwatch: stopwatch.clone(),
            logs: self.logs.clone(),
            publish: self.publish.clone(),
            wanted: self.wanted.clone(),
            contents: self.contents.clone(),
            memory_doublings: self.memory_doublings,
            log_begins_after: self.logs.newest(),
        };
        let known_version = self.wanted.as_ref().map_or(0, |wanted| wanted.version);
        self.starting = Some(Starting { task: tokio::spawn(start.run()), known_version });
        self.publish.send_modify(|snapshot| {
            snapshot.phase = Phase::Starting;
            snapshot.stopwatch = stopwatch;
        });
    }

    async fn started(&mut self, result: Result<Live, Problem>) {
        let known_version = self.starting.take().map_or(0, |starting| starting.known_version);
        match result {
            Ok(live) => self.go_live(live).await,
            Err(problem) => self.start_failed(problem, known_version).await,
        }
    }

    async fn go_live(&mut self, live: Live) {
        let old = self.live.replace(live);
        let again = self.needs_new_start().await;
        self.catch_up().await;
        let Some(live) = &self.live else { return };
        live.keep_prebundle(&self.context, &self.app);
        let (upstream, version) = (live.upstream.clone(), live.version);
        let sandbox = Arc::downgrade(&live.sandbox);
        let (is_pooled, now) = (live.is_pooled, self.context.clock.now());
        self.publish.send_modify(|snapshot| {
            snapshot.phase = Phase::Running;
            snapshot.problem = None;
            snapshot.draft_version = version;
            snapshot.upstream = Some(upstream);
            snapshot.live_since = Some(now);
            snapshot.sandbox = Some(sandbox);
        });
        let took = self.publish.borrow().stopwatch.total();
        self.context.counts.count_start(is_pooled, took, self.woken_at.take());
        self.record(SessionEvent::Ready, None).await;
        if let Some(old) = old {
            old.end().await;
        }
        if again {
            self.begin();
        }
    }

    /// A start lets requests through before it is done; they must not go to one that has failed.
    fn close_unless_live(&self) {
        if self.live.is_none() {
            self.publish.send_modify(|snapshot| snapshot.upstream = None);
        }
    }

    async fn start_failed(&mut self, problem: Problem, known_version: u64) {
        self.close_unless_live();
        self.logs.push(LogSource::Vitrine, problem.detail.clone());
        if self.wanted.as_ref().is_some_and(|wanted| wanted.version > known_version) {
            return self.begin();
        }
        if (is_passing(&problem) || self.grew(&problem)) && self.may_retry() {
            return self.retry_later(problem);
        }
        let still_runs = self.live.is_some();
        self.publish.send_modify(|snapshot| {
            snapshot.phase = if still_runs { Phase::Running } else { Phase::Failed };
            snapshot.problem = Some(problem.clone());
        });
        if !still_runs {
            self.record(SessionEvent::Failed, Some(problem)).await;
        }
    }

    async fn happened(&mut self, event: SandboxEvent) {
        match event {
            SandboxEvent::Output { is_stderr, line, .. } => {
                self.logs.push(if is_stderr { LogSource::Stderr } else { LogSource::Stdout }, line);
            }
            SandboxEvent::OutputDropped { lines, .. } => {
                self.logs
                    .push(LogSource::Vitrine, format!("{lines} lines were dropped: too much output at once"));
            }
            SandboxEvent::Exited { name, exit } if name == DEV_SERVER => {
                let begins_after = self.live.as_ref().map_or(0, |live| live.log_begins_after);
                let tail = self.logs.last_words(begins_after, TAIL_LINES);
                self.lost(faults::of_exit(exit, &tail)).await;
            }
            SandboxEvent::Exited { .. } => {}
            SandboxEvent::Ended { reason } => self.lost(faults::of_end(&reason)).await,
        }
    }

    /// What ran is gone, and not because it was told to go.
    async fn lost(&mut self, problem: Problem) {
        if self.publish.borrow().phase == Phase::Frozen {
            return self.lost_while_frozen(&problem).await;
        }
        Counts::add(&self.context.counts.losses);
        let steady = self.live.as_ref().is_some_and(|live| live.since.elapsed() >= STEADY);
        if let Some(live) = self.live.take() {
            live.end().await;
        }
        self.logs.push(LogSource::Vitrine, problem.detail.clone());
        self.publish.send_modify(|snapshot| {
            snapshot.upstream = None;
            snapshot.restarts = if steady { 0 } else { snapshot.restarts };
        });
        if self.starting.is_some() {
            return;
        }
        self.grew(&problem);
        if self.may_retry() {
            self.retry_later(problem);
            self.record(SessionEvent::Lost, None).await;
        } else {
            self.publish.send_modify(|snapshot| {
                snapshot.phase = Phase::Failed;
                snapshot.problem = Some(problem.clone());
            });
            self.record(SessionEvent::Failed, Some(problem)).await;
        }
    }

    /// Gives the next start more memory when this one had too little. False when it had the most there is.
    fn grew(&mut self, problem: &Problem) -> bool {
        let settings = &self.context.sandbox;
        let most = settings.memory_max_mib.max(settings.memory_mib).max(settings.astro_memory_mib);
        let least = settings.memory_mib.min(settings.astro_memory_mib).max(1);
        let grows = problem.code == Code::SandboxLimit && least << self.memory_doublings < most;
        self.memory_doublings += u32::from(grows);
        grows
    }

    fn may_retry(&self) -> bool {
        self.publish.borrow().restarts < self.context.settings.max_restarts
    }

    fn retry_later(&mut self, problem: Problem) {
        let restarts = self.publish.borrow().restarts;
        let pause = FIRST_BACKOFF.saturating_mul(1 << restarts.min(10)).min(LONGEST_BACKOFF);
        self.retry_at = Some(tokio::time::Instant::now() + pause);
        self.logs.push(LogSource::Vitrine, format!("trying again in {} ms", pause.as_millis()));
        self.publish.send_modify(|snapshot| {
            snapshot.phase = Phase::Starting;
            snapshot.restarts += 1;
            snapshot.problem = Some(problem);
        });
    }

    /// A new draft. True when the sandbox holds it now.
    async fn take(&mut self, draft: Draft, contents: Contents, is_install: bool) -> bool {
        self.thaw().await;
        let phase = self.publish.borrow().phase;
        if phase == Phase::Idle {
            return false;
        }
        self.contents = contents;
        self.wanted = Some(draft);
        let new_start = self.needs_new_start().await && !is_install;
        let delivered = self.catch_up().await;
        // A failed preview tries again with every change: whatever was broken may be mended now.
        if new_start || (phase == Phase::Failed && self.starting.is_none()) {
            self.forget_failures();
            self.begin();
        }
        delivered
    }

    /// Whether the wanted draft asks for another layer, profile or dev server. A draft that cannot run as it is (a
    /// half-typed `package.json`) changes nothing but what people are told.
    async fn needs_new_start(&mut self) -> bool {
        let (Some(wanted), Some(live)) = (&self.wanted, &mut self.live) else { return false };
        let impact = live.impact(&self.context, &self.scope, &wanted.tree, &self.contents).await;
        let (problem, again) = match impact {
            Ok(None) => return false,
            Ok(Some(impact)) => (None, impact != Impact::None),
            Err(problem) => (Some(problem), false),
        };
        self.publish.send_if_modified(|snapshot| {
            let differs = snapshot.problem != problem;
            snapshot.problem = problem;
            differs
        });
        again
    }

    /// Makes the sandbox hold the wanted draft: by difference, and by looking at what it really holds when that fails.
    /// False when it does not yet; files that follow themselves too soon go a moment later ([`super::pace`]).
    async fn catch_up(&mut self) -> bool {
        self.deliver_at = None;
        let (Some(wanted), Some(live)) = (self.wanted.clone(), &mut self.live) else { return false };
        if live.version >= wanted.version && Arc::ptr_eq(&live.held, &wanted.tree) {
            return true;
        }
        self.deliver_at = live.pace.wait_until(&wanted.tree.diff(&live.held), tokio::time::Instant::now());
        if self.deliver_at.is_some() {
            return false;
        }
        let obeyed = self.stops_done;
        let result = tokio::select! {
            result = deliver(&self.context, &self.scope, live, &wanted, &self.contents) => result,
            // A guest that answers nothing would keep whoever stops it waiting.
            _ = self.stops_wanted.wait_for(|wanted| *wanted > obeyed) => return false,
        };
        match result {
            Ok(()) => {
                self.publish.send_modify(|snapshot| snapshot.draft_version = wanted.version);
                true
            }
            Err(error) => {
                let text = format!("The sandbox does not take files any more: {error}.");
                self.lost(Problem::new(Code::SandboxUnavailable, text)).await;
                false
            }
        }
    }

    async fn take_down(&mut self) {
        self.retry_at = None;
        self.deliver_at = None;
        if let Some(mut starting) = self.starting.take() {
            starting.task.abort();
            let _ = (&mut starting.task).await;
        }
        if let Some(live) = self.live.take() {
            live.end().await;
        }
        self.publish.send_modify(|snapshot| snapshot.upstream = None);
    }

    async fn record(&self, event: SessionEvent, problem: Option<Problem>) {
        self.context.record(&self.app, event, problem).await;
    }
}

/// Faults that may be gone a moment later.
fn is_passing(problem: &Problem) -> bool {
    matches!(problem.code, Code::SandboxUnavailable | Code::Internal)
}

async fn startup_result(starting: &mut Option<Starting>) -> Result<Live, Problem> {
    let Some(starting) = starting else { return std::future::pending().await };
    match (&mut starting.task).await {
        Ok(result) => result,
        Err(error) => {
            tracing::error!(%error, "a start panicked");
            Err(Problem::new(Code::Internal, "The start of the preview broke off; the log has the reason."))
        }
    }
}

async fn live_event(live: &mut Option<Live>) -> SandboxEvent {
    match live {
        Some(live) => {
            live.events.recv().await.unwrap_or(SandboxEvent::Ended {
                reason: EndReason::GuestLost("its events ended".to_owned()),
            })
        }
        None => std::future::pending().await,
    }
}

async fn due(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
