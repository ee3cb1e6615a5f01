//! `vitrine dev`: a local folder and an app's draft in step, both ways, with a live preview beside them.

mod link;
mod mirror;
mod plan;
mod preview;
mod remote;
mod screen;
mod sync;
mod watch;

use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use vitrine_build::archive::Packer;
use vitrine_model::AppId;

pub(super) use link::Link;
use link::OwnDir;
use preview::Preview;
use remote::Remote;
use screen::Screen;
use sync::{Pace, Round, Sync};
use watch::Watch;

use super::folder::Folder;
use super::output::{counted, plain};
use super::{Desk, app, archive};
use crate::Failure;
use crate::cli::DevArgs;
use crate::failure::Exit;

/// How often the draft is looked at for what others did.
const POLL: Duration = Duration::from_secs(1);

/// How often the folder is looked at although nothing was told, in case something was not.
const RECHECK: Duration = Duration::from_secs(10);

/// The pause after a round that failed, doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Rounds at the end: one that sends, and a few more for what is overtaken meanwhile.
const LAST_ROUNDS: usize = 5;

/// Works on the folder until it is interrupted.
pub(super) async fn run(desk: &Desk, args: &DevArgs) -> Result<(), Failure> {
    let root = args.dir.canonicalize();
    let root = root.map_err(|error| Failure::unusable(format!("{}: {error}", args.dir.display())))?;
    if !root.is_dir() {
        return Err(Failure::unusable(format!("{} is no folder", args.dir.display())));
    }
    let own = OwnDir::take(&root)?;
    let (link, app) = choose(desk, args, &root, &own).await?;
    let id = link.app.clone();
    let screen = Arc::new(Screen::new(desk.output));
    let words = format!("{} ⇄ {}   (Ctrl-C ends)", root.display(), app::name(&app));
    screen.tell("app", json!({ "app": app, "folder": root }), Some(words));
    let remote = Remote::new(desk.client.clone(), id.clone(), desk.output);
    let mut work = Work {
        sync: Sync::new(remote, (own, link), root, screen.clone())?,
        watch: Watch::new(),
        screen,
        last_look: Instant::now(),
        pause: None,
        is_first: true,
    };
    // The preview starts with what the folder holds.
    work.round(Pace::Both).await?;
    let preview = (!args.no_preview).then(|| start_preview(desk, id, args.verbose, &work.screen));
    let end = work.until_interrupted().await;
    if let Some(preview) = preview {
        preview.abort();
    }
    end?;
    work.leave().await
}

/// The app to work on, and what is remembered of the folder.
async fn choose(desk: &Desk, args: &DevArgs, root: &Path, own: &OwnDir) -> Result<(Link, Value), Failure> {
    let remembered = if args.new { None } else { Link::load(root)? };
    if let Some(named) = &args.app {
        let app = app::find_named(&desk.client, named).await?;
        let id = app::id(&app)?;
        let link = remembered.filter(|link| link.app == id);
        let link = link.unwrap_or_else(|| Link::new(id, desk.client.origin()));
        link.save(own)?;
        return Ok((link, app));
    }
    if let Some(link) = remembered {
        let found = desk.client.get(&format!("/v1/apps/{}", link.app)).await;
        let app: Value = found.map_err(|failure| match failure.exit() {
            Exit::NotFound => Failure::not_found(format!(
                "{} has no {}, which this folder belongs to (it was at {}); --new makes another app, --app takes one",
                desk.client.origin(),
                link.app,
                plain(&link.server)
            )),
            _ => failure,
        })?;
        return Ok((link, app));
    }
    let name = args.name.clone().unwrap_or_else(|| archive::name_of(root));
    let made = archive::upload(desk, (&name, None), seed(root)?).await?;
    let link = Link::new(app::id(&made)?, desk.client.origin());
    link.save(own)?;
    Ok((link, made))
}

/// The files at the folder's root, as the beginning of an app: they say what kind of project it is. The rest follows by hash.
fn seed(root: &Path) -> Result<Bytes, Failure> {
    let found = Folder::new(root.to_owned()).look();
    let found = found.map_err(|error| Failure::unusable(format!("{}: {error}", root.display())))?;
    let mut packer = Packer::zip();
    let mut count = 0;
    for (path, entry) in found.files.iter().filter(|(path, _)| path.is_at_root()) {
        let content = std::fs::read(root.join(path.as_str()));
        let added = content.and_then(|content| packer.add(path, entry.mode, &content));
        added.map_err(|error| Failure::unusable(format!("{path}: {error}")))?;
        count += 1;
    }
    if count == 0 {
        let way = "point at the folder with package.json or index.html, or make an app from a template and give --app";
        return Err(Failure::unusable(format!("{} has no files of a project: {way}", root.display())));
    }
    packer.finish().map_err(Failure::failed)
}

fn start_preview(
    desk: &Desk,
    app: AppId,
    is_verbose: bool,
    screen: &Arc<Screen>,
) -> tokio::task::JoinHandle<()> {
    let (tell, ask) = mpsc::channel(1);
    let has_keyboard = !desk.output.is_json() && std::io::stdin().is_terminal();
    if has_keyboard {
        // A thread of its own: reading a terminal cannot be broken off.
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                if line.is_err() || tell.blocking_send(()).is_err() {
                    return;
                }
            }
        });
    }
    let preview =
        Preview { client: desk.client.clone(), app, screen: screen.clone(), is_verbose, has_keyboard };
    tokio::spawn(preview.follow(ask))
}

/// The work on one folder.
struct Work {
    sync: Sync,
    watch: Watch,
    screen: Arc<Screen>,
    last_look: Instant,
    /// How long to wait after a round that failed; `None` while all is well.
    pause: Option<Duration>,
    is_first: bool,
}

impl Work {
    async fn until_interrupted(&mut self) -> Result<(), Failure> {
        let mut interrupted = Interrupts::listen()?;
        let mut next = Some(Duration::ZERO);
        loop {
            let wait = self.pause.or(next).unwrap_or(POLL).min(POLL.max(LONGEST_PAUSE));
            let pace = tokio::select! {
                () = interrupted.first() => return Ok(()),
                () = tokio::time::sleep(wait) => Pace::Both,
                () = self.watch.changed(), if self.pause.is_none() => Pace::Folder,
            };
            let is_poll = pace == Pace::Both && next.is_none();
            next = self.try_round(pace, is_poll).await?;
            if let Some(fault) = self.screen.fault() {
                return Err(fault);
            }
        }
    }

    /// A round, and when the next one should be. What can pass is waited for; what cannot ends the work.
    async fn try_round(&mut self, pace: Pace, is_poll: bool) -> Result<Option<Duration>, Failure> {
        let round = match is_poll {
            true => self.poll().await,
            false => self.round(pace).await.map(|round| round.again_in),
        };
        match round {
            Ok(again_in) => {
                if self.pause.take().is_some() {
                    self.screen.tell("online", json!({}), Some("✓ Connected again.".to_owned()));
                }
                Ok(again_in)
            }
            Err(failure) if matches!(failure.exit(), Exit::NotAllowed | Exit::NotFound) => Err(failure),
            Err(failure) => {
                if self.pause.is_none() {
                    let words = format!(
                        "! {} — what you save stays in the folder and is sent later.",
                        failure.message()
                    );
                    self.screen.tell("offline", json!({ "detail": failure.message() }), Some(words));
                }
                let pause = self.pause.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
                self.pause = Some(pause);
                Ok(None)
            }
        }
    }

    /// A round if there is a reason for one: looking at a large folder each second would be work for nothing.
    async fn poll(&mut self) -> Result<Option<Duration>, Failure> {
        let is_sure = self.watch.is_complete() && self.last_look.elapsed() < RECHECK;
        match is_sure && self.pause.is_none() && !self.sync.is_behind().await? {
            true => Ok(None),
            false => self.round(Pace::Both).await.map(|round| round.again_in),
        }
    }

    async fn round(&mut self, pace: Pace) -> Result<Round, Failure> {
        let round = self.sync.round(pace).await?;
        self.last_look = Instant::now();
        self.watch.follow(&round.folders);
        if round.is_in_step && self.is_first {
            self.is_first = false;
            self.screen.tell("in_step", json!({ "version": round.version }), Some("✓ In step.".to_owned()));
        }
        Ok(round)
    }

    /// Sends what is left, and says how folder and app stand.
    async fn leave(&mut self) -> Result<(), Failure> {
        self.screen.clear();
        let mut left = "there was no time".to_owned();
        for _ in 0..LAST_ROUNDS {
            match self.sync.round(Pace::Last).await {
                Ok(round) if round.is_in_step && round.held == 0 => {
                    let words = "✓ Everything is saved in the app.".to_owned();
                    self.screen.tell("end", json!({ "saved": true, "version": round.version }), Some(words));
                    return Ok(());
                }
                Ok(round) if round.held > 0 => left = format!("{} held back", counted(round.held, "file")),
                Ok(_) => {}
                Err(failure) => {
                    left = failure.message().to_owned();
                    break;
                }
            }
        }
        let words =
            format!("! Not everything is in the app ({left}). It is in the folder, and is sent next time.");
        self.screen.tell("end", json!({ "saved": false, "detail": left }), Some(words));
        Ok(())
    }
}

/// Ctrl-C, and the signal that a service manager sends.
struct Interrupts {
    first: mpsc::Receiver<()>,
}

impl Interrupts {
    /// The first is told; a second ends the process at once.
    fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
        let (tell, first) = mpsc::channel(1);
        tokio::spawn(async move {
            for count in 0.. {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if count > 0 {
                    std::process::exit(i32::from(Exit::Interrupted as u8));
                }
                let _ = tell.send(()).await;
            }
        });
        Ok(Self { first })
    }

    async fn first(&mut self) {
        let _ = self.first.recv().await;
    }
}
