//! The process driver: no isolation at all, for trying things out where the local driver does not work.
//!
//! A sandbox is a directory, and its commands are ordinary processes of the server's user, who can do whatever that
//! user can. What the trait promises about files, commands and output holds; what it promises about limits does not.
//! Three things differ for callers:
//!
//! - Ports are the machine's: every sandbox needs another one ([`Driver::isolates_network`] is false).
//! - The places inside ([`PROJECT_DIR`], [`TOOLCHAIN_DIR`](crate::driver::TOOLCHAIN_DIR), [`SCRATCH_DIR`], mount
//!   targets) do not exist; where they appear in a command's arguments, environment or directory, the host's paths
//!   are put in their place.
//! - An overlay is a copy made of hard links, so changing a file of it in place changes the lower too; a writable
//!   mount within the project is copied to its source when the sandbox stops.

mod commands;
mod links;
mod paths;
mod sandbox;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use rustix::process::{Pid, Signal, kill_process_group};
use vitrine_jail::files::Project;
use vitrine_model::SandboxId;

use self::commands::Commands;
use self::paths::Paths;
use self::sandbox::{Made, ProcessSandbox};
use crate::driver::{
    Driver, DriverError, Mount, OrphanReport, PROJECT_DIR, SCRATCH_DIR, SandboxSpec, Started,
};
use crate::events;

/// Settings of the process driver.
#[derive(Debug, Clone)]
pub struct ProcessConfig {
    /// A directory for the driver alone; made when it is missing. Two servers must not share one.
    pub state_dir: PathBuf,
}

/// Makes sandboxes that are none.
#[derive(Debug)]
pub struct ProcessDriver {
    /// One directory per sandbox.
    dir: PathBuf,
    ids: Arc<Mutex<HashSet<SandboxId>>>,
}

impl ProcessDriver {
    /// Makes the state directory.
    pub fn new(config: ProcessConfig) -> Result<Self, DriverError> {
        let dir = config.state_dir.join("processes");
        fs::create_dir_all(&dir)?;
        Ok(Self { dir: fs::canonicalize(dir)?, ids: Arc::default() })
    }
}

/// Places of a sandbox in its directory.
#[derive(Debug, Clone)]
struct Places {
    /// All of it.
    dir: PathBuf,
    project: PathBuf,
    staging: PathBuf,
    scratch: PathBuf,
    /// A file for each running command, named after its process group.
    groups: PathBuf,
}

impl Places {
    fn of(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            project: dir.join("app"),
            staging: dir.join("stage"),
            scratch: dir.join("tmp"),
            groups: dir.join("groups"),
        }
    }
}

#[async_trait]
impl Driver for ProcessDriver {
    fn name(&self) -> &'static str {
        "process"
    }

    fn isolates_network(&self) -> bool {
        false
    }

    async fn start(&self, spec: SandboxSpec) -> Result<Started, DriverError> {
        let id = spec.id.clone();
        let is_new = self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
        if !is_new {
            let reason = format!("the sandbox {id} exists already");
            return Err(DriverError::Setup { step: "start".to_owned(), reason });
        }
        let claim = Claim { ids: self.ids.clone(), id: id.clone() };
        let places = Places::of(&self.dir.join(id.as_str()));
        let prepared = blocking({
            let places = places.clone();
            move || {
                prepare(&places, &spec.mounts).inspect_err(|_| {
                    // The first error is the one to tell.
                    let _ = fs::remove_dir_all(&places.dir);
                })
            }
        });
        let Prepared { project, paths, returned } = prepared.await?;
        let (events, receiver) = events::channel();
        let commands = Commands::new(events.clone(), places.groups.clone());
        let made = Made { id, places, project, paths, commands, events, returned, claim };
        Ok(Started { sandbox: Arc::new(ProcessSandbox::from(made)), events: receiver })
    }

    async fn remove_orphans(&self) -> Result<OrphanReport, DriverError> {
        let dir = self.dir.clone();
        blocking(move || remove_orphans(&dir)).await
    }
}

/// An id that is taken as long as this lives.
#[derive(Debug)]
struct Claim {
    ids: Arc<Mutex<HashSet<SandboxId>>>,
    id: SandboxId,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DriverError> + Send + 'static,
) -> Result<T, DriverError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| DriverError::Setup { step: "process".to_owned(), reason: error.to_string() })?
}

struct Prepared {
    project: Project,
    paths: Paths,
    /// What is copied back at the end: from, to.
    returned: Vec<(PathBuf, PathBuf)>,
}

fn prepare(places: &Places, mounts: &[Mount]) -> Result<Prepared, DriverError> {
    for dir in [&places.project, &places.staging, &places.scratch, &places.groups] {
        fs::create_dir_all(dir)?;
    }
    let mut pairs = vec![
        (PathBuf::from(PROJECT_DIR), places.project.clone()),
        (PathBuf::from(SCRATCH_DIR), places.scratch.clone()),
    ];
    let mut returned = Vec::new();
    for mount in mounts {
        match mount {
            Mount::ReadOnly { source, target } => match beneath(target, PROJECT_DIR) {
                Some(within) => links::link_tree(source, &made_parent(&places.project.join(within))?)?,
                None => pairs.push((target.clone(), fs::canonicalize(source)?)),
            },
            Mount::Writable { source, target } => match beneath(target, PROJECT_DIR) {
                Some(within) => {
                    let inside = made_parent(&places.project.join(within))?;
                    links::link_tree(source, &inside)?;
                    returned.push((inside, fs::canonicalize(source)?));
                }
                None => pairs.push((target.clone(), fs::canonicalize(source)?)),
            },
            Mount::Overlay { lowers, target } => {
                let place = match beneath(target, PROJECT_DIR) {
                    Some(within) => made_parent(&places.project.join(within))?,
                    None => places.dir.join(format!("mount-{}", pairs.len())),
                };
                lowers.iter().try_for_each(|lower| links::link_tree(lower, &place))?;
                pairs.push((target.clone(), place));
            }
        }
    }
    let project = Project::open(&places.project, &places.staging)?;
    Ok(Prepared { project, paths: Paths::new(pairs), returned })
}

fn beneath<'a>(target: &'a Path, place: &str) -> Option<&'a Path> {
    target.strip_prefix(place).ok().filter(|rest| !rest.as_os_str().is_empty())
}

fn made_parent(path: &Path) -> std::io::Result<PathBuf> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    Ok(path.to_owned())
}

fn remove_orphans(dir: &Path) -> Result<OrphanReport, DriverError> {
    let mut report = OrphanReport::default();
    for entry in fs::read_dir(dir)? {
        let places = Places::of(&entry?.path());
        report.sandboxes += u32::from(kill_groups(&places.groups));
        fs::remove_dir_all(&places.dir)?;
        report.leftovers += 1;
    }
    Ok(report)
}

/// Kills the process groups that are noted; true when there was one.
fn kill_groups(groups: &Path) -> bool {
    let noted = fs::read_dir(groups).into_iter().flatten().flatten();
    let groups = noted.filter_map(|entry| commands::noted_group(&entry.path()));
    groups.filter(|group: &Pid| kill_process_group(*group, Signal::KILL).is_ok()).count() > 0
}
