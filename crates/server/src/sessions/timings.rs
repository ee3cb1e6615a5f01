//! Measured steps of a start: what the builder's stage rail shows.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use vitrine_model::session::{Step, StepName, StepStatus, Timings};

const ORDER: [StepName; 5] =
    [StepName::Files, StepName::Toolchain, StepName::Layer, StepName::Sandbox, StepName::DevServer];

/// The times of one start; cheap to clone, written by the start and read by whoever asks meanwhile.
#[derive(Clone)]
pub(crate) struct Stopwatch(Arc<Mutex<Laps>>);

struct Laps {
    begun: Instant,
    ended: Option<Instant>,
    steps: [Lap; ORDER.len()],
}

#[derive(Default)]
struct Lap {
    begun: Option<Instant>,
    ended: Option<Instant>,
    failed: bool,
    detail: Option<String>,
}

impl Stopwatch {
    /// Starts measuring.
    pub(crate) fn start() -> Self {
        Self(Arc::new(Mutex::new(Laps { begun: Instant::now(), ended: None, steps: Default::default() })))
    }

    /// A step begins.
    pub(crate) fn begin(&self, name: StepName) {
        self.with(name, |lap| lap.begun = Some(Instant::now()));
    }

    /// What a step waits for or found out.
    pub(crate) fn detail(&self, name: StepName, text: impl Into<String>) {
        let text = text.into();
        self.with(name, |lap| lap.detail = Some(text));
    }

    /// A step is done.
    pub(crate) fn end(&self, name: StepName) {
        self.with(name, |lap| lap.ended = Some(Instant::now()));
    }

    /// Everything is done.
    pub(crate) fn finish(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).ended = Some(Instant::now());
    }

    /// Whatever was going on has failed.
    pub(crate) fn fail(&self) {
        let mut laps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        laps.ended = Some(now);
        for lap in laps.steps.iter_mut().filter(|lap| lap.begun.is_some() && lap.ended.is_none()) {
            lap.failed = true;
            lap.ended = Some(now);
        }
    }

    /// How long it took, once it is over.
    pub(crate) fn total(&self) -> Option<Duration> {
        let laps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        laps.ended.map(|ended| ended.duration_since(laps.begun))
    }

    /// The times so far.
    pub(crate) fn timings(&self) -> Timings {
        let laps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let steps = ORDER.iter().zip(&laps.steps).map(|(name, lap)| Step {
            name: *name,
            status: lap.status(),
            duration_ms: lap.begun.map(|begun| millis(begun, lap.ended)),
            detail: lap.detail.clone(),
        });
        Timings { steps: steps.collect(), total_ms: laps.ended.map(|ended| millis(laps.begun, Some(ended))) }
    }

    fn with(&self, name: StepName, change: impl FnOnce(&mut Lap)) {
        let mut laps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = ORDER.iter().position(|step| *step == name) {
            change(&mut laps.steps[index]);
        }
    }
}

impl Lap {
    fn status(&self) -> StepStatus {
        match (self.begun, self.ended) {
            _ if self.failed => StepStatus::Failed,
            (None, _) => StepStatus::Pending,
            (Some(_), None) => StepStatus::Active,
            (Some(_), Some(_)) => StepStatus::Done,
        }
    }
}

fn millis(begun: Instant, ended: Option<Instant>) -> f64 {
    let micros = ended.unwrap_or_else(Instant::now).duration_since(begun).as_micros();
    (micros / 10) as f64 / 100.0
}
