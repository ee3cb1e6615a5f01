//! The warm pool: sandboxes whose dev server runs already, with the files of a template, for the next app made from it.
//!
//! What two starts must have in common to be served by the same sandbox is in a [`Recipe`]. A sandbox leaves the pool for
//! good: what has served one app is never given to another. How many are kept of a recipe follows from how often it was
//! asked for lately; nothing is kept of what nobody asks for.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use vitrine_build::Files;
use vitrine_build::layers::Layer;
use vitrine_build::prebundle::{self, PrebundleError};
use vitrine_build::template::TemplatePack;
use vitrine_model::{SandboxId, Sha256, Tree};
use vitrine_sandbox::driver::{
    Command, FileBatch, FilePut, Limits, Mount, SandboxEvent, SandboxSpec, Urgency,
};
use vitrine_sandbox::{DriverError, Sandbox};

use super::Context;
use super::startup::{DEV_SERVER, Order};
use super::top::PoolView;
use crate::config::PoolConfig;
use crate::provision::Provided;

/// As many are kept of a recipe as were asked for in this time, within the bounds of the settings.
const DEMAND_WINDOW: Duration = Duration::from_secs(60);

/// The start that made the demand comes first: it uses the processor until its page is there.
const BEFORE_REFILL: Duration = Duration::from_millis(300);

/// A recipe that failed is not tried again for this long.
const AFTER_FAILURE: Duration = Duration::from_secs(300);

/// What one more is taken to need in memory while none has been measured.
const FIRST_GUESS_BYTES: u64 = 192 << 20;

/// What a warm sandbox is made of.
pub(crate) struct Recipe {
    /// Equal recipes, equal names.
    name: Sha256,
    /// Recipes of the same template on the same layer; of those only the newest is worth keeping warm.
    kin: Sha256,
    files: Files,
    pub(super) tree: Arc<Tree>,
    mounts: Vec<Mount>,
    /// Keeps what is mounted from being collected.
    _lease: Option<Layer>,
    limits: Limits,
    command: Command,
    port: u16,
}

impl Recipe {
    /// The recipe of a start with the template's own files.
    pub(super) fn new(template: &TemplatePack, layer: &Provided, mounts: Vec<Mount>, order: &Order) -> Self {
        let kin = Sha256::of(format!("{} {}", template.hash, layer.id).as_bytes());
        let Order { command, limits, port, .. } = order;
        let text = format!(
            "{kin} {mounts:?} {limits:?} {port} {:?} {:?} {}",
            command.argv, command.env, command.cwd
        );
        Self {
            name: Sha256::of(text.as_bytes()),
            kin,
            files: template.files.clone(),
            tree: Arc::new(template.tree.clone()),
            mounts,
            _lease: layer.lease.clone(),
            limits: limits.clone(),
            command: command.clone(),
            port: *port,
        }
    }

    fn batch(&self) -> FileBatch {
        let put = self.files.iter().filter_map(|(path, content)| {
            let mode = self.tree.get(path.as_str())?.mode;
            Some(FilePut { path: path.clone(), mode, content: content.clone() })
        });
        FileBatch { put: put.collect(), removed: Vec::new() }
    }
}

/// A sandbox whose dev server has served the template's page with every module.
pub(crate) struct Warm {
    pub(super) sandbox: Arc<dyn Sandbox>,
    pub(super) events: mpsc::Receiver<SandboxEvent>,
    memory_bytes: u64,
}

/// The pool; cheap to clone.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Inner>);

struct Inner {
    settings: PoolConfig,
    shelves: Mutex<HashMap<Sha256, Shelf>>,
    /// One is made at a time: the pool never competes with itself, and little with anybody else.
    making: Semaphore,
    closed: CancellationToken,
}

/// The sandboxes of one recipe.
struct Shelf {
    recipe: Arc<Recipe>,
    warm: Vec<Warm>,
    /// When it was asked for, within [`DEMAND_WINDOW`] of the last time.
    demands: VecDeque<Instant>,
    failed_at: Option<Instant>,
}

impl Shelf {
    fn target(&self, settings: &PoolConfig, now: Instant) -> usize {
        let is_wanted =
            self.demands.back().is_some_and(|last| now - *last < Duration::from_secs(settings.keep_secs));
        let has_failed = self.failed_at.is_some_and(|at| now - at < AFTER_FAILURE);
        let lately = self.demands.iter().filter(|at| now - **at < DEMAND_WINDOW).count();
        match is_wanted && !has_failed {
            true => lately.max(settings.floor).min(settings.ceiling),
            false => 0,
        }
    }
}

impl Pool {
    pub(crate) fn new(settings: PoolConfig) -> Self {
        let closed = CancellationToken::new();
        Self(Arc::new(Inner { settings, shelves: Mutex::default(), making: Semaphore::new(1), closed }))
    }

    /// Takes a sandbox of this recipe out, if there is one, and has another made. Whoever asks first gets it.
    pub(super) fn claim(&self, context: &Arc<Context>, recipe: &Arc<Recipe>) -> Option<Warm> {
        if self.0.settings.ceiling == 0 {
            return None;
        }
        let now = Instant::now();
        let mut shelves = self.lock();
        let older: Vec<_> = shelves
            .extract_if(|name, shelf| *name != recipe.name && shelf.recipe.kin == recipe.kin)
            .collect();
        let shelf = shelves.entry(recipe.name).or_insert_with(|| Shelf {
            recipe: recipe.clone(),
            warm: Vec::new(),
            demands: VecDeque::new(),
            failed_at: None,
        });
        shelf.demands.push_back(now);
        shelf.demands.retain(|at| now - *at < DEMAND_WINDOW);
        let claimed = shelf.warm.pop().inspect(|warm| warm.sandbox.set_urgency(Urgency::Interactive));
        drop(shelves);
        drop(older);
        let (pool, context, name) = (self.clone(), context.clone(), recipe.name);
        tokio::spawn(async move {
            tokio::time::sleep(BEFORE_REFILL).await;
            pool.refill(&context, name).await;
        });
        claimed
    }

    /// Makes what is missing of a recipe, one after the other.
    async fn refill(&self, context: &Arc<Context>, name: Sha256) {
        let Ok(_turn) = self.0.making.acquire().await else { return };
        while let Some(recipe) = self.missing(name) {
            // Only where nobody has to go for it. It takes nobody's turn: it has the processor when nobody else wants it.
            let Ok(_place) = context.room.set_aside() else { return };
            let made = tokio::select! {
                made = make(context, &recipe) => made,
                () = self.0.closed.cancelled() => return,
            };
            match made {
                Ok(warm) => self.put(name, warm).await,
                Err(error) => {
                    tracing::warn!(%error, "no dev server was started ahead");
                    if let Some(shelf) = self.lock().get_mut(&name) {
                        shelf.failed_at = Some(Instant::now());
                    }
                }
            }
        }
    }

    /// The recipe, when another sandbox of it is wanted and there is room for it.
    fn missing(&self, name: Sha256) -> Option<Arc<Recipe>> {
        let shelves = self.lock();
        let shelf = shelves.get(&name)?;
        let is_missing = shelf.warm.len() < shelf.target(&self.0.settings, Instant::now());
        let next = shelf.warm.first().map_or(FIRST_GUESS_BYTES, |warm| warm.memory_bytes);
        let has_room = memory_of(&shelves) + next <= self.0.settings.memory_mib << 20;
        (is_missing && has_room && !self.0.closed.is_cancelled()).then(|| shelf.recipe.clone())
    }

    async fn put(&self, name: Sha256, warm: Warm) {
        let unwanted = {
            let mut shelves = self.lock();
            match shelves.get_mut(&name) {
                Some(shelf) if !self.0.closed.is_cancelled() => {
                    shelf.warm.push(warm);
                    None
                }
                _ => Some(warm),
            }
        };
        if let Some(warm) = unwanted {
            stop(warm).await;
        }
    }

    /// Ends what nobody has asked for in a while, and what has grown beyond the pool's memory.
    pub(super) async fn trim(&self) {
        self.look_again().await;
        let now = Instant::now();
        let unwanted: Vec<_> = {
            let mut shelves = self.lock();
            let settings = &self.0.settings;
            let surplus = shelves.values_mut().flat_map(|shelf| {
                let target = shelf.target(settings, now).min(shelf.warm.len());
                shelf.warm.split_off(target)
            });
            let mut surplus: Vec<_> = surplus.collect();
            surplus.extend(over_budget(&mut shelves, settings.memory_mib << 20));
            shelves.retain(|_, shelf| !shelf.warm.is_empty() || shelf.target(settings, now) > 0);
            surplus
        };
        futures::future::join_all(unwanted.into_iter().map(stop)).await;
    }

    /// Learns what those that are kept hold in memory now.
    async fn look_again(&self) {
        let kept: Vec<_> = {
            let shelves = self.lock();
            shelves.values().flat_map(|shelf| &shelf.warm).map(|warm| warm.sandbox.clone()).collect()
        };
        let mut used = HashMap::new();
        for sandbox in kept {
            if let Ok(usage) = sandbox.usage().await {
                used.insert(sandbox.id().clone(), usage.memory_bytes);
            }
        }
        for warm in self.lock().values_mut().flat_map(|shelf| &mut shelf.warm) {
            if let Some(bytes) = used.get(warm.sandbox.id()) {
                warm.memory_bytes = *bytes;
            }
        }
    }

    /// Ends one to make room for somebody who waits. False when it holds none.
    pub(super) async fn give_up_one(&self) -> bool {
        let given_up = self.lock().values_mut().find_map(|shelf| shelf.warm.pop());
        match given_up {
            Some(warm) => {
                stop(warm).await;
                true
            }
            None => false,
        }
    }

    /// Ends everything; nothing is made any more.
    pub(super) async fn shut_down(&self) {
        self.0.closed.cancel();
        let all: Vec<_> = self.lock().drain().flat_map(|(_, shelf)| shelf.warm).collect();
        futures::future::join_all(all.into_iter().map(stop)).await;
    }

    /// What it holds now.
    pub(super) fn view(&self) -> PoolView {
        let shelves = self.lock();
        let warm = shelves.values().map(|shelf| shelf.warm.len()).sum();
        PoolView { warm, memory_bytes: memory_of(&shelves) }
    }

    /// How many can be claimed now.
    #[cfg(test)]
    pub(crate) fn warm_count(&self) -> usize {
        self.lock().values().map(|shelf| shelf.warm.len()).sum()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Sha256, Shelf>> {
        self.0.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn memory_of(shelves: &HashMap<Sha256, Shelf>) -> u64 {
    shelves.values().flat_map(|shelf| &shelf.warm).map(|warm| warm.memory_bytes).sum()
}

/// Takes out the largest until the rest is within the budget.
fn over_budget(shelves: &mut HashMap<Sha256, Shelf>, budget: u64) -> Vec<Warm> {
    let mut taken = Vec::new();
    while memory_of(shelves) > budget {
        let largest = shelves
            .values_mut()
            .flat_map(|shelf| {
                shelf
                    .warm
                    .iter()
                    .enumerate()
                    .map(|(at, warm)| (warm.memory_bytes, at))
                    .max()
                    .map(|found| (found, shelf))
            })
            .max_by_key(|((bytes, _), _)| *bytes);
        match largest {
            Some(((_, at), shelf)) => taken.push(shelf.warm.swap_remove(at)),
            None => break,
        }
    }
    taken
}

async fn stop(warm: Warm) {
    if let Err(error) = warm.sandbox.stop().await {
        tracing::error!(sandbox = %warm.sandbox.id(), %error, "a sandbox of the pool was not removed cleanly");
    }
}

/// Starts a sandbox and lets its dev server serve everything once. Dropped half-way, it leaves nothing.
async fn make(context: &Context, recipe: &Recipe) -> Result<Warm, MakeError> {
    let id = SandboxId::mint(context.clock.as_ref(), context.entropy.as_ref());
    let spec = SandboxSpec { id, mounts: recipe.mounts.clone(), limits: recipe.limits.clone() };
    let started = context.driver.start(spec).await?;
    let sandbox = started.sandbox;
    sandbox.set_urgency(Urgency::Background);
    let ready = async {
        sandbox.apply(recipe.batch()).await?;
        sandbox.spawn(DEV_SERVER, recipe.command.clone()).await?;
        prebundle::visit(sandbox.as_ref(), recipe.port).await?;
        Ok::<_, MakeError>(sandbox.usage().await?.memory_bytes)
    };
    let timeout = Duration::from_secs(context.settings.ready_timeout_secs);
    match tokio::time::timeout(timeout, ready).await.unwrap_or(Err(MakeError::Silent(timeout))) {
        Ok(memory_bytes) => Ok(Warm { sandbox, events: started.events, memory_bytes }),
        Err(error) => {
            sandbox.stop().await?;
            Err(error)
        }
    }
}

/// Why the pool could not make a sandbox.
#[derive(Debug, thiserror::Error)]
enum MakeError {
    #[error(transparent)]
    Driver(#[from] DriverError),
    #[error(transparent)]
    Visit(#[from] PrebundleError),
    #[error("the dev server did not serve its page within {0:?}")]
    Silent(Duration),
}
