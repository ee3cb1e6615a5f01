//! What happens in a preview, as the script in its pages tells it: untrusted text in known forms, with bounds.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Events of one batch that are read; the script sends at most as many as there may be in a second.
pub const MAX_BATCH_EVENTS: usize = 100;

/// Bytes kept of any text: what the script sends of one argument of a console call.
pub const MAX_TEXT_BYTES: usize = 8 * 1024;

/// Bytes kept of what names something: a route's title, a method, a tag.
pub const MAX_NAME_BYTES: usize = 512;

/// Arguments kept of a console call.
pub const MAX_ARGUMENTS: usize = 20;

/// One thing that has happened in a page of a preview.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PreviewEvent {
    /// Its name among the events of all pages; the same here as in what the page tells the one around it.
    pub id: String,
    /// Milliseconds since 1970, by the browser's clock.
    pub at: i64,
    /// What happened.
    #[serde(flatten)]
    pub what: Happening,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Happening {
    /// A document has begun to run.
    Ready(Place),
    /// The address has changed without a new document.
    Navigation(Place),
    /// The page wrote to its console.
    Console(ConsoleCall),
    /// An error that nobody caught.
    Error(UncaughtError),
    /// A request failed.
    Network(FailedRequest),
    /// The dev server could not make sense of a file.
    Overlay(DevServerError),
    /// It can again.
    OverlayGone,
    /// The page is quiet and shows nothing.
    Blank {
        /// Path, query and fragment.
        route: String,
    },
    /// It shows something again.
    NotBlank,
    /// A person chose an element.
    Picked(Picked),
    /// Choosing an element was begun or ended.
    Picker {
        /// True when it was begun.
        on: bool,
    },
    /// So many events were more than the budgets allow.
    Dropped {
        /// How many.
        count: u64,
    },
}

/// Where a page is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Place {
    /// Path, query and fragment.
    pub route: String,
    /// The document's title.
    pub title: String,
    /// Whether there is something to go back to; missing where a browser does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub can_go_back: Option<bool>,
    /// Whether there is something to go forward to; missing where a browser does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub can_go_forward: Option<bool>,
}

/// Where something stands in the project, as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SourcePosition {
    /// The file's path in the project; as the page says, so it may be none.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in UTF-16 units.
    pub column: u32,
}

/// How loud a console call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsoleLevel {
    /// `console.debug`, `console.trace`.
    Debug,
    /// `console.log` and what is like it.
    Log,
    /// `console.info`.
    Info,
    /// `console.warn`.
    Warn,
    /// `console.error`, `console.assert`.
    Error,
}

/// A call of the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ConsoleCall {
    /// How loud.
    pub level: ConsoleLevel,
    /// What was written, as text.
    pub args: Vec<String>,
    /// Where from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePosition>,
}

/// An error that nobody caught.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UncaughtError {
    /// What it says.
    pub message: String,
    /// Its kind, for example `TypeError`.
    pub name: String,
    /// The calls that led to it, as the browser writes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// True when it was a promise's.
    pub rejection: bool,
    /// The first of the project's own places among the calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePosition>,
}

/// A request without an answer, or with a status of 400 and above.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FailedRequest {
    /// `GET`, `POST`…
    pub method: String,
    /// Where to; without the origin when it is the preview's own.
    pub url: String,
    /// The answer's status; none without an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How long it took.
    pub duration_ms: f64,
    /// Why there is no answer, as far as a page may know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// What the dev server says is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DevServerError {
    /// Its words.
    pub message: String,
    /// In which file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The lines around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<String>,
    /// The plugin that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
}

/// The element that a person chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Picked {
    /// The file it is written in; none when it comes from no file of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// False when the line is the best match in the component's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<bool>,
    /// The component that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// The element's name.
    pub tag: String,
    /// The beginning of its text.
    pub text: String,
}

/// An event that is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct KeptPreviewEvent {
    /// Grows by one per event of the session; the SSE id.
    pub seq: u64,
    /// When it was received.
    pub received_at: Timestamp,
    /// True when the page was shown to a visitor by link.
    pub visitor: bool,
    /// What happened, as the page says.
    #[serde(flatten)]
    pub event: PreviewEvent,
}

/// The text is no batch of events.
#[derive(Debug, thiserror::Error)]
#[error("not a batch of events: {0}")]
pub struct InvalidBatch(#[from] serde_json::Error);

#[derive(Deserialize)]
struct Batch {
    events: Vec<serde_json::Value>,
}

/// The events of a batch, `{"events": [...]}`, as they came. What has no known form, and what is more than
/// [`MAX_BATCH_EVENTS`], is left out: the page may be older or newer than we are.
pub fn read_batch(json: &[u8]) -> Result<Vec<PreviewEvent>, InvalidBatch> {
    let batch: Batch = serde_json::from_slice(json)?;
    let events = batch.events.into_iter().take(MAX_BATCH_EVENTS);
    Ok(events.filter_map(|event| serde_json::from_value(event).ok()).map(PreviewEvent::bounded).collect())
}

impl PreviewEvent {
    /// With every text as `change` leaves it.
    pub fn map_texts(&mut self, mut change: impl FnMut(&mut String)) {
        change(&mut self.id);
        self.what.texts(&mut |text, _| change(text));
    }

    fn bounded(mut self) -> Self {
        cut(&mut self.id, MAX_NAME_BYTES);
        if let Happening::Console(call) = &mut self.what {
            call.args.truncate(MAX_ARGUMENTS);
        }
        self.what.texts(&mut cut);
        self
    }
}

impl Happening {
    /// Every text of it, with the bytes that are kept of such a text.
    fn texts(&mut self, each: &mut impl FnMut(&mut String, usize)) {
        const LONG: usize = MAX_TEXT_BYTES;
        const SHORT: usize = MAX_NAME_BYTES;
        match self {
            Self::Ready(place) | Self::Navigation(place) => {
                each(&mut place.route, LONG);
                each(&mut place.title, SHORT);
            }
            Self::Console(call) => {
                call.args.iter_mut().for_each(|text| each(text, LONG));
                call.source.iter_mut().for_each(|source| each(&mut source.file, SHORT));
            }
            Self::Error(error) => {
                each(&mut error.message, LONG);
                each(&mut error.name, SHORT);
                error.stack.iter_mut().for_each(|text| each(text, LONG));
                error.source.iter_mut().for_each(|source| each(&mut source.file, SHORT));
            }
            Self::Network(request) => {
                each(&mut request.method, SHORT);
                each(&mut request.url, LONG);
                request.failure.iter_mut().for_each(|text| each(text, SHORT));
            }
            Self::Overlay(error) => {
                each(&mut error.message, LONG);
                error.frame.iter_mut().for_each(|text| each(text, LONG));
                [&mut error.file, &mut error.plugin].into_iter().flatten().for_each(|text| each(text, SHORT));
            }
            Self::Blank { route } => each(route, LONG),
            Self::Picked(picked) => {
                each(&mut picked.tag, SHORT);
                each(&mut picked.text, SHORT);
                [&mut picked.file, &mut picked.component]
                    .into_iter()
                    .flatten()
                    .for_each(|text| each(text, SHORT));
            }
            Self::OverlayGone | Self::NotBlank | Self::Picker { .. } | Self::Dropped { .. } => {}
        }
    }
}

fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(events: serde_json::Value) -> Vec<PreviewEvent> {
        read_batch(json!({ "events": events }).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn every_kind_is_read_and_written_alike() {
        let source = json!({ "file": "src/App.tsx", "line": 3, "column": 5 });
        let kinds = [
            json!({ "kind": "ready", "route": "/", "title": "Lamp", "can_go_back": false }),
            json!({ "kind": "navigation", "route": "/a?b#c", "title": "" }),
            json!({ "kind": "console", "level": "warn", "args": ["a", "{b: 1}"], "source": source }),
            json!({ "kind": "error", "message": "m", "name": "TypeError", "rejection": true, "stack": "s" }),
            json!({ "kind": "network", "method": "GET", "url": "/x", "status": 404, "duration_ms": 1.5 }),
            json!({ "kind": "overlay", "message": "m", "file": "src/a.ts", "line": 1, "column": 2, "plugin": "p" }),
            json!({ "kind": "overlay_gone" }),
            json!({ "kind": "blank", "route": "/" }),
            json!({ "kind": "not_blank" }),
            json!({ "kind": "picked", "file": "src/a.vue", "line": 9, "column": 1, "exact": true, "tag": "p", "text": "t" }),
            json!({ "kind": "picker", "on": true }),
            json!({ "kind": "dropped", "count": 7 }),
        ];
        for mut event in kinds {
            event["id"] = json!("d-1");
            event["at"] = json!(1_700_000_000_000_i64);
            let read = read(json!([event]));
            assert_eq!(read.len(), 1, "{event}");
            assert_eq!(serde_json::to_value(&read[0]).unwrap(), event);
        }
    }

    #[test]
    fn what_has_no_known_form_is_left_out_and_the_rest_is_kept() {
        let events = json!([
            { "id": "1", "at": 1, "kind": "formatted_disk" },
            { "id": "2", "at": 1, "kind": "blank" },
            { "id": "3", "at": "now", "kind": "not_blank" },
            "text",
            { "id": "5", "at": 1, "kind": "not_blank", "more": {} },
        ]);
        assert_eq!(read(events).iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["5"]);
        for text in ["", "[]", "{}", "{\"events\": 1}", "{\"events\": []} x"] {
            assert!(read_batch(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn texts_arguments_and_batches_have_an_end() {
        let long = "é".repeat(MAX_TEXT_BYTES);
        let args = vec![long; MAX_ARGUMENTS + 1];
        let event = json!({ "id": "1", "at": 1, "kind": "console", "level": "log", "args": args });
        let read = read(json!(vec![event; MAX_BATCH_EVENTS + 1]));
        assert_eq!(read.len(), MAX_BATCH_EVENTS);
        let Happening::Console(call) = &read[0].what else { panic!("{read:?}") };
        assert_eq!(call.args.len(), MAX_ARGUMENTS);
        assert!(call.args.iter().all(|text| text.len() == MAX_TEXT_BYTES));
    }
}
