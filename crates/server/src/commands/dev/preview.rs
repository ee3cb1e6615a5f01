//! The live preview beside the work on a folder: started, kept, and what its dev server complains about.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use vitrine_model::{AppId, Timestamp};

use super::screen::Screen;
use crate::Failure;
use crate::client::Client;
use crate::commands::output::text;
use crate::commands::progress::Step;
use crate::commands::sessions::fault;

/// How often a start is looked at.
const START_INTERVAL: Duration = Duration::from_millis(300);

/// How often is looked at what runs.
const INTERVAL: Duration = Duration::from_secs(2);

/// How often the session's end is moved: a session lives for hours.
const HEARTBEAT: Duration = Duration::from_secs(5 * 60);

/// Between two tries to reach a server, or to start what could not be started.
const PAUSE: Duration = Duration::from_secs(2);

/// One app's preview.
pub(super) struct Preview {
    pub(super) client: Client,
    pub(super) app: AppId,
    pub(super) screen: Arc<Screen>,
    /// Everything that the dev server prints, or its errors alone.
    pub(super) is_verbose: bool,
    /// Whether somebody can press Enter for another address.
    pub(super) has_keyboard: bool,
}

impl Preview {
    /// Starts the preview and follows it; never ends by itself. Each `ask` is answered with a fresh address.
    pub(super) async fn follow(self, mut ask: mpsc::Receiver<()>) {
        let since = loop {
            match self.ensure().await {
                Ok(session) => break at(&session, "last_activity_at"),
                Err(failure) => self.complain(&failure),
            }
            tokio::time::sleep(PAUSE).await;
        };
        tokio::join!(self.follow_status(&mut ask), self.follow_log(since));
    }

    fn place(&self) -> String {
        format!("/v1/apps/{}/session", self.app)
    }

    async fn ensure(&self) -> Result<Value, Failure> {
        self.client.call(Method::PUT, &self.place(), None::<&()>).await
    }

    /// That the server is away is told by whoever sends the files.
    fn complain(&self, failure: &Failure) {
        if !failure.is_unreachable() {
            let fields = json!({ "status": "error", "detail": failure.message() });
            self.screen.tell("preview", fields, Some(format!("! Preview: {}", failure.message())));
        }
    }

    async fn follow_status(&self, ask: &mut mpsc::Receiver<()>) {
        let mut told = String::new();
        let mut beat = Instant::now();
        loop {
            let session: Result<Value, Failure> = match beat.elapsed() > HEARTBEAT {
                true => {
                    beat = Instant::now();
                    let path = format!("{}/heartbeat", self.place());
                    self.client.call(Method::POST, &path, None::<&()>).await
                }
                false => self.client.get(&self.place()).await,
            };
            let mut pause = INTERVAL;
            if let Ok(session) = &session {
                if session["status"] == "starting" {
                    pause = START_INTERVAL;
                }
                told = self.tell_status(session, told);
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                Some(()) = ask.recv() => match self.ensure().await {
                    // Told again, whatever it was before.
                    Ok(_) => told = String::new(),
                    Err(failure) => self.complain(&failure),
                },
            }
        }
    }

    /// Tells what has changed; returns what was told last.
    fn tell_status(&self, session: &Value, told: String) -> String {
        let status = text(session, "status");
        let steps = Step::all(&session["timings"]["steps"]);
        if status == "starting" && told != "starting" {
            self.screen.restart_steps();
        }
        if matches!(status.as_str(), "starting" | "running") && told != "running" {
            self.screen.show_steps(&steps);
        }
        // Resting is no news: the next request wakes it.
        let is_resting = matches!(status.as_str(), "frozen" | "hibernated");
        if status == told || is_resting {
            return told;
        }
        self.screen.clear();
        let url = text(session, "preview_url");
        match (status.as_str(), fault(session)) {
            ("starting", _) => {}
            (_, Some(fault)) => {
                let fields = json!({ "status": status, "detail": fault });
                self.screen.tell("preview", fields, Some(format!("! Preview: {fault}")));
            }
            _ => {
                let hint =
                    if self.has_keyboard { "\n         (opens once; Enter prints another)" } else { "" };
                let words = format!("Preview  {url}{hint}");
                self.screen.tell("preview", json!({ "status": status, "url": url }), Some(words));
            }
        }
        status
    }

    /// What the dev server prints from `since` on. Numbers of lines begin anew with a server that was started anew, their
    /// times do not.
    async fn follow_log(&self, mut since: Timestamp) {
        loop {
            if let Ok(mut events) = self.client.events(&format!("{}/logs", self.place()), None).await {
                while let Ok(Some(event)) = events.next().await {
                    let Ok(line) = event.json::<Value>() else { continue };
                    let at = at(&line, "at");
                    if at > since {
                        since = at;
                        self.tell_line(&line);
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn tell_line(&self, line: &Value) {
        let is_complaint = line["source"] == "stderr";
        let is_shown = self.is_verbose || is_complaint;
        self.screen.tell(
            "log",
            json!({ "line": line }),
            is_shown.then(|| format!("  │ {}", text(line, "text"))),
        );
    }
}

fn at(value: &Value, field: &str) -> Timestamp {
    serde_json::from_value(value[field].clone()).unwrap_or(Timestamp::from_millis(0))
}
