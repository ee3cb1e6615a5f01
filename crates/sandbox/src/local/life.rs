//! The life of a local sandbox, from the guest's first word until every trace of it is gone.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::sync::watch;
use vitrine_jail::protocol::{Ended, Event};

use super::cgroup::Group;
use super::launch::Init;
use super::sandbox::plain_exit;
use crate::driver::{DriverError, EndReason, Exit, SandboxEvent, Urgency, Usage};
use crate::events::Events;
use crate::words::plain;

/// The number of the signal that cannot be caught.
const SIGKILL: i32 = 9;

/// What a sandbox consists of outside, and how it ends.
#[derive(Debug)]
pub(super) struct Life {
    init: Init,
    group: Group,
    /// The note for [`super::orphans`] that this sandbox exists.
    note: PathBuf,
    /// The kernel's count of killings for lack of memory, as last seen.
    oom_kills: AtomicU64,
    /// Why it is being ended, once that is known; the first reason stands.
    reason: Mutex<Option<EndReason>>,
    /// Commands that were started by name, and how many ends of each are still to come: nothing else has output or an end.
    commands: Mutex<HashMap<String, u32>>,
    /// True while everything inside stands still.
    frozen: watch::Sender<bool>,
    /// Held while it is being frozen, thawed or reclaimed.
    freezing: Mutex<()>,
    urgency: watch::Sender<Urgency>,
    over: watch::Sender<Option<Result<(), String>>>,
}

impl Life {
    pub(super) fn new(init: Init, group: Group, note: PathBuf, urgency: Urgency) -> Self {
        let (over, _) = watch::channel(None);
        Self {
            init,
            group,
            note,
            oom_kills: AtomicU64::new(0),
            reason: Mutex::new(None),
            commands: Mutex::default(),
            frozen: watch::channel(false).0,
            freezing: Mutex::default(),
            urgency: watch::channel(urgency).0,
            over,
        }
    }

    /// Kills it because somebody wanted it gone.
    pub(super) fn kill_as_stopped(&self) {
        self.kill_because(EndReason::Stopped);
    }

    /// Kills it because the guest cannot be relied on any more.
    pub(super) fn kill_as_lost(&self, why: String) {
        self.kill_because(EndReason::GuestLost(plain(&why)));
    }

    fn kill_because(&self, reason: EndReason) {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
        if self.over.borrow().is_none() {
            self.init.kill();
            // With version 1 of control groups a frozen process does not even die; what clears it away thaws it as well.
            let _ = self.group.thaw();
        }
    }

    /// True when it can be frozen.
    pub(super) fn can_freeze(&self) -> bool {
        self.group.can_freeze()
    }

    /// Returns when it is not frozen, or over.
    pub(super) async fn runs(&self) {
        let (mut frozen, mut over) = (self.frozen.subscribe(), self.over.subscribe());
        tokio::select! {
            _ = frozen.wait_for(|frozen| !*frozen) => {}
            _ = over.wait_for(Option::is_some) => {}
        }
    }

    /// Stops everything inside. Blocks until it has stopped.
    pub(super) fn freeze(&self) -> Result<(), DriverError> {
        let _turn = self.freezing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_ending() {
            return Err(DriverError::Ended);
        }
        if !self.group.can_freeze() {
            return Err(DriverError::Unsupported("no freezer of control groups for this user".to_owned()));
        }
        let frozen = self.group.freeze();
        frozen
            .map_err(|error| DriverError::Setup { step: "freeze".to_owned(), reason: error.to_string() })?;
        self.frozen.send_replace(true);
        if self.is_ending() {
            // What clears it away thaws it as well.
            let _ = self.group.thaw();
        }
        Ok(())
    }

    /// Lets everything inside go on. Blocks for as long as a step of [`Self::reclaim`] takes. After an error nothing inside
    /// moves, and only an end is left.
    pub(super) fn thaw(&self) -> Result<(), DriverError> {
        self.frozen.send_replace(false);
        let _turn = self.freezing.lock().unwrap_or_else(PoisonError::into_inner);
        // A freeze may have been under way.
        self.frozen.send_replace(false);
        self.group
            .thaw()
            .map_err(|error| DriverError::Setup { step: "thaw".to_owned(), reason: error.to_string() })
    }

    /// Has the kernel move what it holds to the swap. Blocks until it has, or until it is wanted again.
    pub(super) fn reclaim(&self) {
        let _turn = self.freezing.lock().unwrap_or_else(PoisonError::into_inner);
        self.group.reclaim(|| *self.frozen.borrow() && !self.is_ending());
    }

    /// True once somebody has killed it.
    fn is_ending(&self) -> bool {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).is_some() || self.over.borrow().is_some()
    }

    /// Returns when no trace is left.
    pub(super) async fn wait_until_over(&self) -> Result<(), DriverError> {
        let mut over = self.over.subscribe();
        let outcome = match over.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone(),
            Err(_) => return Err(DriverError::Ended),
        };
        match outcome {
            Some(Err(reason)) => Err(DriverError::Setup { step: "stop".to_owned(), reason }),
            _ => Ok(()),
        }
    }

    /// What it uses; `None` when it is over.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.over.borrow().is_none().then(|| self.group.usage())
    }

    /// The processor time it has used; `None` when it is over. Reads one file, whatever the sandbox is up to.
    pub(super) fn cpu_time(&self) -> Option<Duration> {
        self.over.borrow().is_none().then(|| self.group.cpu_time())
    }

    /// Has the scheduler prefer everybody else and let it use so many thousandths of a core at most, or stop doing so.
    pub(super) fn give_way(&self, at_most: Option<u32>) {
        if self.over.borrow().is_none() {
            self.group.give_way(at_most);
        }
    }

    /// Who gets the processor when there is too little of it, and every change of that.
    pub(super) fn urgency(&self) -> watch::Receiver<Urgency> {
        self.urgency.subscribe()
    }

    pub(super) fn set_urgency(&self, urgency: Urgency) {
        self.urgency.send_replace(urgency);
    }

    pub(super) fn is_frozen(&self) -> bool {
        *self.frozen.borrow()
    }

    /// A command is about to be started under this name.
    pub(super) fn expect(&self, name: &str) {
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = commands.entry(name.to_owned()).or_default();
        *ends = ends.saturating_add(1);
    }

    /// Passes on what the guest says happened, with what only the outside knows added. What cannot have happened, to a
    /// command that was never started or has ended as often as it was, is passed over.
    pub(super) fn receive(&self, event: Event, events: &Events) {
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        let (Event::Output { name, .. } | Event::Dropped { name, .. } | Event::Exited { name, .. }) = &event;
        let Some(ends) = commands.get_mut(name) else { return };
        match event {
            Event::Output { name, is_stderr, lines } => {
                lines.into_iter().for_each(|line| events.line(&name, is_stderr, one_line(line)));
            }
            Event::Dropped { name, lines } => events.dropped(name, lines),
            Event::Exited { name, exit } => {
                if let Some(left) = ends.checked_sub(1) {
                    *ends = left;
                    events.send(SandboxEvent::Exited { name, exit: self.exit(exit) });
                }
            }
        }
    }

    /// How a command ended. One that was killed while the kernel's count went up ran out of memory.
    pub(super) fn exit(&self, ended: Ended) -> Exit {
        self.explain(plain_exit(ended))
    }

    /// The same for an end that the guest has told already.
    pub(super) fn explain(&self, exit: Exit) -> Exit {
        match exit {
            Exit::Signal { signal: SIGKILL } if self.has_new_oom_kill() => Exit::OutOfMemory,
            exit => exit,
        }
    }

    fn has_new_oom_kill(&self) -> bool {
        let now = self.group.oom_kills();
        self.oom_kills.swap(now, Ordering::Relaxed) < now
    }

    /// Waits for the guest's end and clears everything away; `close` is called once nothing is left, and before anybody
    /// who waits for that hears of it. Never returns earlier.
    pub(super) async fn bury(&self, events: &Events, close: impl FnOnce()) {
        if let Err(error) = self.wait_for_init().await {
            tracing::warn!(%error, "cannot wait for a sandbox; killing it");
            self.init.kill();
        }
        self.init.reap();
        let reason = self.end_reason();
        let outcome = self.clear_away().await;
        if let Err(error) = &outcome {
            tracing::warn!(error, "a sandbox left something behind");
        }
        close();
        events.end(reason);
        self.over.send_replace(Some(outcome));
    }

    async fn wait_for_init(&self) -> io::Result<()> {
        let pidfd: OwnedFd = self.init.pidfd.as_fd().try_clone_to_owned()?;
        watch(pidfd)?.readable().await.map(drop)
    }

    fn end_reason(&self) -> EndReason {
        let known = self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some(EndReason::Stopped) => EndReason::Stopped,
            _ if self.has_new_oom_kill() => EndReason::OutOfMemory,
            Some(reason) => reason,
            None => EndReason::GuestLost("the guest ended by itself".to_owned()),
        }
    }

    async fn clear_away(&self) -> Result<(), String> {
        let (group, note) = (self.group.clone(), self.note.clone());
        let clear = move || {
            let removed = group.remove();
            // A note that stays is cleared away by the next server.
            let _ = std::fs::remove_file(note);
            removed
        };
        match tokio::task::spawn_blocking(clear).await {
            Ok(removed) => removed.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The process id of the guest, as this process sees it.
    pub(super) fn pid(&self) -> i32 {
        self.init.pid
    }
}

/// A line as an honest guest sends it: one, without NUL.
fn one_line(line: String) -> String {
    match line.contains(['\n', '\r', '\0']) {
        true => line.replace(['\n', '\r', '\0'], " "),
        false => line,
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe for descriptors that may be closed or change; an OwnedFd does neither"
)]
fn watch(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(descriptor)
}
