//! The local driver: sandboxes made of Linux namespaces on this machine.
//!
//! The work inside is done by the launcher and the guest of `vitrine-jail`, whose binary is part of this library and is
//! written to the state directory. This module decides what a sandbox gets, starts the launcher, talks to the guest
//! and clears away what is left outside.

pub mod attack;
mod base;
mod cgroup;
mod dial;
mod fairness;
mod launch;
#[cfg(test)]
mod lies;
mod life;
mod orphans;
mod parts;
mod probe;
mod sandbox;
mod spec;
mod state;
mod users;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use vitrine_jail::spec::Identity;
use vitrine_model::SandboxId;

pub use attack::Attack;
pub use probe::Probe;
pub(crate) use sandbox::{held_file, plain_exit};
pub use users::HostIds;

use self::cgroup::{Cgroups, Group};
use self::dial::Dialer;
use self::launch::{Init, Launched, Progress, setup};
use self::life::Life;
use self::sandbox::LocalSandbox;
use self::state::State;
use self::users::User;
use crate::connection::{self, Connection};
use crate::driver::{Driver, DriverError, OrphanReport, SandboxSpec, Started, Urgency};
use crate::events;
use crate::passed::{Closer, GuestSocket};

/// From starting the launcher to the guest's first word: some 20 ms on an idle machine.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// Where a sandbox's root file system comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootSource {
    /// A minimal one is made of this host's C library, shell and core programs.
    Host,
    /// A root file system directory that the operator made.
    Directory(PathBuf),
}

/// Settings of the local driver.
#[derive(Debug, Clone)]
pub struct LocalConfig {
    /// A directory for the driver alone; made when it is missing. Two servers must not share one.
    pub state_dir: PathBuf,
    /// The sandboxes' root.
    pub root: RootSource,
    /// Who sandboxes are on the host, when this process is its root: nobody else may be any of these.
    pub ids: HostIds,
}

/// Makes sandboxes of namespaces.
#[derive(Debug)]
pub struct LocalDriver {
    state: Arc<State>,
    /// Sandboxes that run or are being started.
    ids: Arc<Mutex<HashSet<SandboxId>>>,
}

impl LocalDriver {
    /// Prepares whatever all sandboxes share: the guest's binary, the root file system, the control groups. Takes some
    /// 100 ms the first time and a few later on; blocks meanwhile. [`DriverError::Unsupported`] says what this machine
    /// lacks; [`LocalDriver::probe`] looks closer.
    pub fn new(config: LocalConfig) -> Result<Self, DriverError> {
        let state = State::prepare(&config)?;
        if let Cgroups::None { reason } = &state.cgroups {
            tracing::warn!(
                reason,
                "sandboxes have no limits on memory and CPU: no control groups for this user"
            );
        }
        if state.users.are_shared() {
            tracing::warn!(
                "all sandboxes are one user of the host: what the kernel counts by user, they can use up for each other"
            );
        }
        Ok(Self { state: Arc::new(state), ids: Arc::default() })
    }

    /// Looks at this machine, and makes one throwaway sandbox with everything in it. Blocks for some 100 ms.
    pub fn probe(ids: HostIds) -> Vec<Probe> {
        probe::run(ids)
    }

    /// Tries the core of the attack suite in a throwaway sandbox on this machine, whose root comes from `root`. An error when
    /// the sandbox or an attempt could not be made at all: nothing is known then.
    pub async fn attack(root: RootSource, ids: HostIds) -> Result<Vec<Attack>, DriverError> {
        let state_dir = std::env::temp_dir().join(format!("vitrine-attack-{}", std::process::id()));
        let attacks = match Self::new(LocalConfig { state_dir: state_dir.clone(), root, ids }) {
            Ok(driver) => driver.attack_with(&driver.state.guest).await,
            Err(error) => Err(error),
        };
        let removed = std::fs::remove_dir_all(&state_dir);
        attacks.and_then(|attacks| Ok(removed.map(|()| attacks)?))
    }

    /// The same in a sandbox of this driver, with the attempts of the given program, which is `vitrine-guest`.
    pub async fn attack_with(&self, program: &Path) -> Result<Vec<Attack>, DriverError> {
        let id = format!("sbx_{:026}", std::process::id());
        attack::run(self, id.parse().map_err(|_| setup("attack", "no id"))?, program).await
    }

    fn claim(&self, id: &SandboxId) -> Result<Claim, DriverError> {
        let is_new = self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
        match is_new {
            true => {
                let mut claim = Claim { ids: self.ids.clone(), id: id.clone(), user: None };
                claim.user = Some(self.state.users.take()?);
                Ok(claim)
            }
            false => Err(setup("start", &format!("the sandbox {id} exists already"))),
        }
    }
}

/// An id and a user of the host that are taken as long as this lives.
#[derive(Debug)]
struct Claim {
    ids: Arc<Mutex<HashSet<SandboxId>>>,
    id: SandboxId,
    user: Option<User>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

#[async_trait]
impl Driver for LocalDriver {
    fn name(&self) -> &'static str {
        "local"
    }

    async fn start(&self, spec: SandboxSpec) -> Result<Started, DriverError> {
        let claim = self.claim(&spec.id)?;
        // A task of its own: a caller that gives up must not leave half a sandbox.
        let task = tokio::spawn(start(self.state.clone(), spec, claim));
        task.await.map_err(|error| setup("start", &error.to_string()))?
    }

    async fn remove_orphans(&self) -> Result<OrphanReport, DriverError> {
        let state = self.state.clone();
        let task = tokio::task::spawn_blocking(move || orphans::remove(&state.notes, &state.cgroups));
        task.await.map_err(|error| setup("orphans", &error.to_string()))?
    }
}

async fn start(state: Arc<State>, spec: SandboxSpec, claim: Claim) -> Result<Started, DriverError> {
    let (id, urgency) = (spec.id.clone(), spec.limits.urgency);
    let identity = claim.user.as_ref().map_or(Identity::Myself, |user| user.identity);
    let begin = {
        let state = state.clone();
        move || {
            let launch = spec::launch_spec(&state, identity, &spec)?;
            let group = state.cgroups.create(spec.id.as_str(), &spec.limits);
            let group = group.map_err(|error| setup("cgroup", &error.to_string()))?;
            let launch = vitrine_jail::spec::LaunchSpec { cgroup_procs: group.procs(), ..launch };
            Launched::start(&state.guest, &launch).map(|launched| (launched, group.clone())).inspect_err(
                |_| {
                    // The first error is the one to tell.
                    let _ = group.remove();
                },
            )
        }
    };
    let begun =
        tokio::task::spawn_blocking(begin).await.map_err(|error| setup("start", &error.to_string()))?;
    let (mut launched, group) = begun?;
    let note = state.notes.join(id.as_str());
    let (mut init, closer) = (None, Arc::<Closer>::default());
    let freezer = group.freezer_state();
    let waiting = wait_until_ready(&launched, &closer, &mut init, (&note, freezer.as_deref()));
    let ready = tokio::time::timeout(READY_WITHIN, waiting).await;
    let ready = ready.unwrap_or(Err(DriverError::Timeout(READY_WITHIN)));
    // Whatever can fail comes before the sandbox has a life of its own, which nobody would end.
    let ready = ready.and_then(|control| {
        let dial = GuestSocket::open(launched.dial.try_clone()?, closer)?;
        Ok((control, dial))
    });
    match (ready, init) {
        (Ok(sockets), Some(init)) => {
            launched.reap_launcher();
            let life = Arc::new(Life::new(init, group, note, urgency));
            if urgency == Urgency::Interactive {
                tokio::spawn(fairness::keep(life.clone(), state.crowd.clone()));
            }
            drop(launched);
            Ok(run(id, sockets, life, claim))
        }
        (outcome, init) => {
            let error = outcome.err().unwrap_or_else(|| setup("launch", "no process id"));
            undo(launched, init, group, note).await;
            Err(error)
        }
    }
}

/// Follows the launcher's progress. `init` is set as soon as there is something to kill.
async fn wait_until_ready(
    launched: &Launched,
    closer: &Arc<Closer>,
    init: &mut Option<Init>,
    (note, freezer): (&Path, Option<&Path>),
) -> Result<GuestSocket, DriverError> {
    let mut control = GuestSocket::open(launched.control.try_clone()?.into(), closer.clone())?;
    loop {
        let read = connection::read_message(&mut control).await;
        let message = read.map_err(|error| setup("launch", &format!("the launcher went away: {error}")))?;
        match launch::progress(message)? {
            Progress::Launched(pid) => {
                *init = Some(hold(pid).await?);
                orphans::note(note, pid, freezer)?;
            }
            Progress::Ready => return Ok(control),
        }
    }
}

/// Takes hold of a sandbox's first process, or ends it.
async fn hold(pid: i32) -> Result<Init, DriverError> {
    match Init::open(pid) {
        Ok(init) => Ok(init),
        Err(error) => {
            let ending = tokio::task::spawn_blocking(move || launch::end(pid));
            // The first error is the one to tell.
            let _ = ending.await;
            Err(error)
        }
    }
}

/// Starts the tasks that keep a sandbox running, and clear it away at the end. The sockets lead to its guest.
fn run(id: SandboxId, (control, dial): (GuestSocket, GuestSocket), life: Arc<Life>, claim: Claim) -> Started {
    let (events, receiver) = events::channel();
    let (connection, reading) = {
        let (life, events) = (life.clone(), events.clone());
        Connection::open(control, move |event| life.receive(event, &events))
    };
    let (dialer, answering) = Dialer::open(dial);
    let dialer = Arc::new(dialer);
    tracing::debug!(%id, pid = life.pid(), "a sandbox is ready");
    tokio::spawn({
        let (life, connection, dialer) = (life.clone(), connection.clone(), dialer.clone());
        async move {
            let stopped = async {
                tokio::select! {
                    error = reading => life.kill_as_lost(error.to_string()),
                    error = answering => life.kill_as_lost(format!("dialling: {error}")),
                }
                // The guest is dying now; nothing it might still say matters.
                std::future::pending::<()>().await;
            };
            let close = || {
                connection.close();
                dialer.close();
                drop(claim);
            };
            tokio::select! {
                () = life.bury(&events, close) => {}
                () = stopped => {}
            }
        }
    });
    Started { sandbox: Arc::new(LocalSandbox { id, connection, dialer, life }), events: receiver }
}

/// Removes what a failed start left.
async fn undo(launched: Launched, init: Option<Init>, group: Group, note: PathBuf) {
    let undo = move || {
        if let Some(init) = &init {
            init.kill();
        }
        drop(launched);
        if let Some(init) = &init {
            init.reap();
        }
        if let Err(error) = group.remove() {
            tracing::warn!(%error, "a failed start left something behind");
        }
        let _ = std::fs::remove_file(note);
    };
    if let Err(error) = tokio::task::spawn_blocking(undo).await {
        tracing::warn!(%error, "a failed start left something behind");
    }
}
