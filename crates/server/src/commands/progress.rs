//! How far something is, on standard error: drawn anew on a terminal, told line by line elsewhere, not at all for scripts.

use std::collections::BTreeSet;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use vitrine_model::Timestamp;

use super::output::{Output, plain, text};

/// How often a turning sign turns.
const TICK: Duration = Duration::from_millis(100);

/// One step as the API shows it, of a session or of a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    name: String,
    status: String,
    millis: Option<u64>,
    detail: String,
}

impl Step {
    /// From its JSON. A session's step says how long it took, a publish's when it began and ended.
    pub(crate) fn read(step: &Value) -> Self {
        let at = |field: &str| serde_json::from_value::<Timestamp>(step[field].clone()).ok();
        let between = || {
            let passed = at("finished_at")?.millis_since(at("started_at")?);
            u64::try_from(passed).ok()
        };
        let measured = step["duration_ms"].as_f64().map(|millis| millis.max(0.0) as u64);
        Self {
            name: text(step, "name").replace('_', " "),
            status: text(step, "status"),
            millis: measured.or_else(between),
            detail: text(step, "detail"),
        }
    }

    /// All steps in a field.
    pub(crate) fn all(steps: &Value) -> Vec<Self> {
        steps.as_array().map(|steps| steps.iter().map(Self::read).collect()).unwrap_or_default()
    }

    /// How long something took from its first asking to its end.
    pub(crate) fn total_millis(of: &Value) -> Option<u64> {
        let at = |field: &str| serde_json::from_value::<Timestamp>(of[field].clone()).ok();
        u64::try_from(at("finished_at")?.millis_since(at("created_at")?)).ok()
    }

    fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "done" | "skipped" | "failed")
    }

    fn told(&self) -> String {
        let mark = match self.status.as_str() {
            "failed" => "✗",
            "skipped" => "·",
            _ => "✓",
        };
        let took = match (self.status.as_str(), self.millis) {
            ("skipped", _) => "not needed".to_owned(),
            (_, Some(millis)) => took(millis),
            (_, None) => String::new(),
        };
        format!("{mark} {:11} {took}", self.name).trim_end().to_owned()
    }
}

/// Steps that go on.
pub(crate) struct Steps {
    output: Output,
    bar: ProgressBar,
    told: BTreeSet<String>,
}

impl Steps {
    /// Nothing is shown before the first step is known.
    pub(crate) fn new(output: Output) -> Self {
        let bar = if output.has_audience() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        Self { output, bar, told: BTreeSet::new() }
    }

    /// Tells what has ended since the last call, and shows what goes on.
    pub(crate) fn show(&mut self, steps: &[Step]) {
        for step in steps.iter().filter(|step| step.is_over()) {
            if self.told.insert(step.name.clone()) {
                self.say(&step.told());
            }
        }
        match steps.iter().find(|step| step.status == "active") {
            Some(step) => {
                if self.bar.is_finished() {
                    self.bar.reset();
                }
                self.bar.enable_steady_tick(TICK);
                self.bar.set_message(format!("{} {}", step.name, step.detail).trim().to_owned());
            }
            None => self.clear(),
        }
    }

    /// Begins anew: the same steps will be told again.
    pub(crate) fn restart(&mut self) {
        self.told.clear();
    }

    /// A line beside the steps, for people.
    pub(crate) fn say(&self, line: &str) {
        self.aside(|| self.output.note(line));
    }

    /// Does something to the terminal while nothing is drawn on it.
    pub(crate) fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        self.bar.suspend(work)
    }

    /// Takes away what is drawn.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Bytes or things on their way.
pub(crate) struct Meter {
    bar: ProgressBar,
}

impl Meter {
    /// So many bytes of something.
    pub(crate) fn bytes(output: Output, what: &str, total: u64) -> Self {
        Self::styled(output, what, Some(total), "{msg} [{bar:24}] {bytes} of {total_bytes}")
    }

    /// Bytes of which nobody knows how many there are.
    pub(crate) fn unknown(output: Output, what: &str) -> Self {
        Self::styled(output, what, None, "{spinner} {msg} {bytes}")
    }

    /// So many things.
    pub(crate) fn count(output: Output, what: &str, total: u64) -> Self {
        Self::styled(output, what, Some(total), "{msg} [{bar:24}] {pos} of {len}")
    }

    fn styled(output: Output, what: &str, total: Option<u64>, template: &str) -> Self {
        let bar = match (output.has_audience(), total) {
            (false, _) => ProgressBar::hidden(),
            (true, Some(total)) => ProgressBar::new(total),
            (true, None) => ProgressBar::new_spinner(),
        };
        // A template that cannot be read would leave the ordinary one.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        bar.set_message(plain(what));
        Self { bar }
    }

    /// So much more.
    pub(crate) fn add(&self, more: u64) {
        self.bar.inc(more);
    }

    /// Another handle to the same.
    pub(crate) fn handle(&self) -> ProgressBar {
        self.bar.clone()
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A time that passed, in the unit people would use.
pub(crate) fn took(millis: u64) -> String {
    match millis {
        0..=999 => format!("{millis} ms"),
        1_000..=119_999 => format!("{:.1} s", millis as f64 / 1_000.0),
        _ => format!("{} min {} s", millis / 60_000, millis / 1_000 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn steps_of_sessions_and_of_publishes_read_alike() {
        let of_session = json!({ "name": "dev_server", "status": "done", "duration_ms": 812.4 });
        assert_eq!(Step::read(&of_session).told(), "✓ dev server  812 ms");
        let of_publish = json!({ "name": "build", "status": "failed",
            "started_at": "2025-11-21T09:40:00.000Z", "finished_at": "2025-11-21T09:40:03.200Z" });
        assert_eq!(Step::read(&of_publish).told(), "✗ build       3.2 s");
        let skipped = json!({ "name": "layer", "status": "skipped" });
        assert_eq!(Step::read(&skipped).told(), "· layer       not needed");
    }

    #[test]
    fn times_are_told_in_the_unit_people_would_use() {
        assert_eq!(
            [0, 999, 1_000, 119_900, 120_000].map(took),
            ["0 ms", "999 ms", "1.0 s", "119.9 s", "2 min 0 s"]
        );
    }
}
