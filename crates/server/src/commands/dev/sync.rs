//! Keeps a folder and a draft in step: one round looks at both, plans, and carries out what can be done now.
//!
//! Whatever cannot be done now is found again by the next round, as it starts from what both sides hold then. What both agreed
//! on is written down after it was done, so that a crash at any moment costs a comparison and no edit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use vitrine_model::app::FileList;
use vitrine_model::change::Op;
use vitrine_model::{FileEntry, ProjectPath};

use super::link::{Link, OwnDir};
use super::mirror::{Mirror, Written};
use super::plan::{Plan, Step, agree, name_of_theirs, plan, renames};
use super::remote::{Remote, Sent};
use super::screen::Screen;
use crate::Failure;
use crate::client::Refusal;
use crate::commands::folder::{Folder, Found, Rules};
use crate::commands::output::{counted, plain};

/// How long a file must be missing before that is taken for a deletion: editors that save by replacing leave a gap.
const DELETION_PATIENCE: Duration = Duration::from_millis(200);

/// When to look again at what was in the middle of something.
const SOON: Duration = Duration::from_millis(60);

/// Files that are told one by one; of more, their number is told.
const MOST_TOLD: usize = 6;

/// A folder, a draft, and what both held when they last agreed.
pub(super) struct Sync {
    remote: Remote,
    own: OwnDir,
    link: Link,
    folder: Arc<Mutex<Folder>>,
    root: PathBuf,
    mirror: Arc<Mirror>,
    /// The draft as it was last seen.
    draft: Option<FileList>,
    /// What failed for a reason of its own; not tried again until something else has to be done there.
    held: BTreeMap<ProjectPath, Step>,
    /// Since when files are missing from the folder.
    missing: BTreeMap<ProjectPath, Instant>,
    told_left_out: BTreeSet<String>,
    is_told_empty: bool,
    screen: Arc<Screen>,
}

/// What a round came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Round {
    /// The folders to watch.
    pub(super) folders: BTreeSet<PathBuf>,
    /// True when both sides held the same before it, but for what is held back.
    pub(super) is_in_step: bool,
    /// When to look again without being told to.
    pub(super) again_in: Option<Duration>,
    /// The draft's version.
    pub(super) version: u64,
    /// How many files are held back.
    pub(super) held: usize,
}

/// How carefully a round goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Something in the folder has changed; the draft is as it was seen, until it turns out otherwise.
    Folder,
    /// Both sides are looked at.
    Both,
    /// Both sides, and there may be no later round: what is missing is deleted.
    Last,
}

impl Sync {
    pub(super) fn new(
        remote: Remote,
        (own, link): (OwnDir, Link),
        root: PathBuf,
        screen: Arc<Screen>,
    ) -> Result<Self, Failure> {
        let mirror = Arc::new(Mirror::new(root.clone(), own.scratch()?));
        let folder = Arc::new(Mutex::new(Folder::new(root.clone())));
        Ok(Self {
            remote,
            own,
            link,
            folder,
            root,
            mirror,
            draft: None,
            held: BTreeMap::new(),
            missing: BTreeMap::new(),
            told_left_out: BTreeSet::new(),
            is_told_empty: false,
            screen,
        })
    }

    /// One round.
    pub(super) async fn round(&mut self, pace: Pace) -> Result<Round, Failure> {
        let draft = self.seen_draft(pace).await?;
        let found = self.look().await?;
        self.tell_left_out(&found);
        let mut round = Round {
            folders: found.folders.clone(),
            is_in_step: false,
            again_in: (!found.unsettled.is_empty()).then_some(SOON),
            version: draft.version,
            held: 0,
        };
        if self.is_suddenly_empty(&found) {
            return Ok(round);
        }
        let before = self.link.base.clone();
        let mut plan = self.planned(&found, &draft);
        round.is_in_step = plan.is_empty() && found.unsettled.is_empty();
        round.held = self.held.len();
        if self.wait_for_deletions(&mut plan, pace) {
            round.again_in = Some(DELETION_PATIENCE);
        }
        let is_whole = self.fetch(&plan, &found, &draft).await? & self.send(&plan, &draft).await?;
        if self.link.base != before {
            self.link.save(&self.own)?;
        }
        round.version = self.draft.as_ref().map_or(round.version, |draft| draft.version);
        // What was put aside in a conflict is sent by the next round, as is whatever was overtaken.
        let has_conflict = plan.values().any(|step| matches!(step, Step::KeepBoth { .. }));
        if !is_whole || has_conflict {
            round.again_in = Some(SOON);
        }
        Ok(round)
    }

    async fn seen_draft(&mut self, pace: Pace) -> Result<FileList, Failure> {
        match self.draft.take() {
            Some(draft) if pace == Pace::Folder || self.remote.version().await? == draft.version => {
                self.draft = Some(draft);
            }
            _ => self.draft = Some(self.remote.files().await?),
        }
        self.draft.clone().ok_or_else(|| Failure::failed("the draft is not known"))
    }

    async fn look(&self) -> Result<Found, Failure> {
        let folder = self.folder.clone();
        let looking =
            tokio::task::spawn_blocking(move || folder.lock().unwrap_or_else(PoisonError::into_inner).look());
        let found = looking.await.map_err(Failure::failed)?;
        found.map_err(|error| Failure::failed(format!("{} cannot be read: {error}", self.root.display())))
    }

    fn tell_left_out(&mut self, found: &Found) {
        for (path, reason) in &found.left_out {
            if self.told_left_out.insert(path.clone()) {
                let words = format!("· {} stays behind: {reason}", plain(path));
                self.screen.tell("left_out", json!({ "path": path, "reason": reason }), Some(words));
            }
        }
    }

    /// A folder from which everything has gone at once is a disk that is not there, or a mistake: nothing is deleted
    /// from the app by it.
    fn is_suddenly_empty(&mut self, found: &Found) -> bool {
        let is_empty = found.files.is_empty() && found.unsettled.is_empty() && self.link.base.len() > 1;
        if is_empty && !self.is_told_empty {
            let words = "! The folder is empty. Nothing is deleted from the app; put a file back to go on.";
            self.screen.tell("empty", json!({}), Some(words.to_owned()));
        }
        self.is_told_empty = is_empty;
        is_empty
    }

    fn planned(&mut self, found: &Found, draft: &FileList) -> Plan {
        let rules = Rules::of(&self.root, &found.folders);
        let takes = |path: &ProjectPath| {
            rules.takes(path)
                && !found.left_out.contains_key(path.as_str())
                && !found.unsettled.contains(path.as_str())
        };
        let unsettled: Vec<_> = found
            .unsettled
            .iter()
            .filter_map(|path| Some((ProjectPath::parse(path).ok()?, *self.link.base.get(path)?)))
            .collect();
        let mut plan = plan(&mut self.link.base, &found.files, &draft.files, takes);
        // What is being written is what both agreed on, until it is known what it is.
        unsettled.into_iter().for_each(|(path, entry)| agree(&mut self.link.base, &path, Some(entry)));
        self.held.retain(|path, step| plan.get(path) == Some(step));
        plan.retain(|path, _| !self.held.contains_key(path));
        plan
    }

    /// Takes out what is missing for a moment only, so far, and what may be the other half of a rename. `true` when there is
    /// such a thing.
    fn wait_for_deletions(&mut self, plan: &mut Plan, pace: Pace) -> bool {
        let now = Instant::now();
        self.missing.retain(|path, _| plan.get(path) == Some(&Step::Send(None)));
        if pace == Pace::Last {
            return false;
        }
        let pairs = renames(plan, &self.link.base);
        let gone = plan.iter().filter(|(_, step)| **step == Step::Send(None)).map(|(path, _)| path.clone());
        let mut waiting = Vec::new();
        for path in gone.collect::<Vec<_>>() {
            let since = *self.missing.entry(path.clone()).or_insert(now);
            if now.duration_since(since) < DELETION_PATIENCE {
                waiting.push(path);
            }
        }
        for path in &waiting {
            plan.remove(path);
            if let Some((_, to)) = pairs.iter().find(|(from, _)| from == path) {
                plan.remove(to);
            }
        }
        !waiting.is_empty()
    }

    /// Writes into the folder what changed in the draft; `false` when something was overtaken.
    async fn fetch(&mut self, plan: &Plan, found: &Found, draft: &FileList) -> Result<bool, Failure> {
        let wanted = plan.iter().filter_map(|(path, step)| match step {
            Step::Fetch { theirs: Some(theirs), .. } | Step::KeepBoth { theirs } => {
                Some((path.clone(), *theirs))
            }
            Step::Fetch { theirs: None, .. } | Step::Send(_) => None,
        });
        let wanted: Vec<_> = wanted.collect();
        let contents = match wanted.is_empty() {
            true => BTreeMap::new(),
            false => self.remote.contents(wanted).await?,
        };
        let mut is_whole = true;
        let (mut written, mut removed, mut held) = (Vec::new(), Vec::new(), Vec::new());
        for (path, step) in plan {
            let done = match *step {
                Step::Send(_) => continue,
                Step::Fetch { theirs: None, over } => match over {
                    Some(over) => self.on_disk(path, move |mirror, path| mirror.remove(path, over)).await,
                    None => Ok(Written::Done),
                },
                Step::Fetch { theirs: Some(theirs), over } => match contents.get(path).cloned() {
                    Some(content) => {
                        let write = move |mirror: &Mirror, path: &ProjectPath| {
                            mirror.write(path, (&content, theirs.mode), over)
                        };
                        self.on_disk(path, write).await
                    }
                    None => Ok(Written::Overtaken),
                },
                Step::KeepBoth { theirs } => match contents.get(path).cloned() {
                    Some(content) => self.put_beside(path, (theirs, content), (found, draft)).await,
                    None => Ok(Written::Overtaken),
                },
            };
            match (done, step) {
                (Err(error), step) => held.push((path.clone(), *step, error.to_string())),
                (Ok(Written::Overtaken), _) => is_whole = false,
                (Ok(Written::Done), Step::Fetch { theirs, .. }) => {
                    agree(&mut self.link.base, path, *theirs);
                    if theirs.is_some() { written.push(path) } else { removed.push(path) }
                }
                (Ok(Written::Done), Step::KeepBoth { theirs }) => {
                    // Seen, and kept: what the folder holds is a change on top of it now.
                    agree(&mut self.link.base, path, Some(*theirs));
                }
                (Ok(Written::Done), Step::Send(_)) => {}
            }
        }
        self.hold(held);
        self.screen.tell_files("fetched", "↓", &written, draft.version);
        self.screen.tell_files("fetched_deletion", "↓ deleted", &removed, draft.version);
        // A draft that changed meanwhile is read anew.
        if !is_whole {
            self.draft = None;
        }
        Ok(is_whole)
    }

    async fn on_disk(
        &self,
        path: &ProjectPath,
        work: impl FnOnce(&Mirror, &ProjectPath) -> std::io::Result<Written> + Send + 'static,
    ) -> std::io::Result<Written> {
        let (mirror, path) = (self.mirror.clone(), path.clone());
        tokio::task::spawn_blocking(move || work(&mirror, &path)).await.map_err(std::io::Error::other)?
    }

    /// A conflict: the draft's version is put beside the folder's, under a name that says so.
    async fn put_beside(
        &self,
        path: &ProjectPath,
        (theirs, content): (FileEntry, bytes::Bytes),
        (found, draft): (&Found, &FileList),
    ) -> std::io::Result<Written> {
        let name = name_of_theirs(path, &theirs, (&found.files, &draft.files))
            .ok_or_else(|| std::io::Error::other("there is no name left to put the other version under"))?;
        if found.files.get(name.as_str()).is_none() {
            let write =
                move |mirror: &Mirror, name: &ProjectPath| mirror.write(name, (&content, theirs.mode), None);
            if self.on_disk(&name, write).await? == Written::Overtaken {
                return Ok(Written::Overtaken);
            }
        }
        let words = format!(
            "! {path} was changed here and by somebody else. Yours stays; theirs is {name}.\n  \
             Take over what you need from it, then delete it."
        );
        self.screen.tell("conflict", json!({ "path": path, "theirs": name }), Some(words));
        Ok(Written::Done)
    }

    /// Sends what changed in the folder, as one change set; `false` when something was overtaken.
    async fn send(&mut self, plan: &Plan, draft: &FileList) -> Result<bool, Failure> {
        let moved = renames(plan, &self.link.base);
        let is_moved = |path: &ProjectPath| moved.iter().any(|(from, to)| from == path || to == path);
        let (mut writes, mut deletes) = (Vec::new(), Vec::new());
        for (path, step) in plan.iter().filter(|(path, _)| !is_moved(path)) {
            match step {
                Step::Send(Some(entry)) => writes.push((path.clone(), *entry)),
                Step::Send(None) => deletes.push(path.clone()),
                Step::Fetch { .. } | Step::KeepBoth { .. } => {}
            }
        }
        if moved.is_empty() && writes.is_empty() && deletes.is_empty() {
            return Ok(true);
        }
        let mut ops: Vec<Op> =
            moved.iter().map(|(from, to)| Op::Rename { from: from.clone(), to: to.clone() }).collect();
        let mut written = Vec::new();
        if !writes.is_empty() {
            let write = self.remote.writes(&self.root, &writes).await?;
            written = paths_of(&write);
            ops.extend(write);
        }
        ops.extend(deletes.iter().map(|path| Op::Delete { path: path.clone() }));
        let is_whole = written.len() == writes.len();
        if ops.is_empty() {
            return Ok(is_whole);
        }
        match self.remote.send(draft.version, &ops).await? {
            Sent::At(version) => {
                self.sent(version, plan, &ops);
                self.tell_sent(version, (&written, &moved, &deletes));
                Ok(is_whole)
            }
            Sent::Conflict => {
                self.draft = None;
                Ok(false)
            }
            Sent::Refused(refusal) => {
                self.refused(&refusal, plan, &ops);
                Ok(false)
            }
        }
    }

    /// Both sides hold this now.
    fn sent(&mut self, version: u64, plan: &Plan, ops: &[Op]) {
        for path in ops.iter().flat_map(touched) {
            let Some(Step::Send(entry)) = plan.get(path) else { continue };
            agree(&mut self.link.base, path, *entry);
            if let Some(draft) = &mut self.draft {
                agree(&mut draft.files, path, *entry);
                draft.version = version;
            }
        }
    }

    fn tell_sent(
        &self,
        version: u64,
        (written, moved, deleted): (&[ProjectPath], &[(ProjectPath, ProjectPath)], &[ProjectPath]),
    ) {
        self.screen.tell_files("sent", "↑", &written.iter().collect::<Vec<_>>(), version);
        self.screen.tell_files("sent_deletion", "↑ deleted", &deleted.iter().collect::<Vec<_>>(), version);
        for (from, to) in moved {
            let words = format!("↑ {from} → {to}");
            self.screen.tell(
                "sent_rename",
                json!({ "from": from, "to": to, "version": version }),
                Some(words),
            );
        }
    }

    /// What the server names is held back, and the rest is sent again without it; when it names nothing, all of it is held
    /// back until something else changes.
    fn refused(&mut self, refusal: &Refusal, plan: &Plan, ops: &[Op]) {
        let touched: BTreeSet<_> = ops.iter().flat_map(touched).collect();
        let named = refusal.errors.iter().filter_map(|item| {
            let path = ProjectPath::parse(item.path.as_deref()?).ok()?;
            touched.contains(&path).then(|| (path, item.message.clone()))
        });
        let named: Vec<_> = named.collect();
        let all = || touched.iter().map(|path| ((*path).clone(), refusal.detail.clone())).collect();
        let faults: Vec<(ProjectPath, String)> = if named.is_empty() { all() } else { named };
        let steps =
            faults.into_iter().filter_map(|(path, reason)| Some((path.clone(), *plan.get(&path)?, reason)));
        self.hold(steps.collect());
    }

    /// These are left alone until something else has to be done about them.
    fn hold(&mut self, steps: Vec<(ProjectPath, Step, String)>) {
        for (place, (path, step, reason)) in steps.iter().enumerate() {
            self.held.insert(path.clone(), *step);
            let words = match place {
                0..MOST_TOLD => Some(format!("! {path} is held back: {}", plain(reason))),
                MOST_TOLD => Some(format!("! and {} more", counted(steps.len() - MOST_TOLD, "file"))),
                _ => None,
            };
            self.screen.tell("held", json!({ "path": path, "reason": reason }), words);
        }
    }

    /// True when the draft is not what it was when it was last seen.
    pub(super) async fn is_behind(&self) -> Result<bool, Failure> {
        let seen = self.draft.as_ref().map(|draft| draft.version);
        Ok(seen != Some(self.remote.version().await?))
    }
}

fn touched(op: &Op) -> Vec<&ProjectPath> {
    match op {
        Op::Write { path, .. } | Op::Edit { path, .. } | Op::Delete { path } => vec![path],
        Op::Rename { from, to } => vec![from, to],
    }
}

fn paths_of(ops: &[Op]) -> Vec<ProjectPath> {
    ops.iter().flat_map(touched).cloned().collect()
}
