//! The messages of a channel.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use vitrine_model::ProjectPath;
use vitrine_model::change::Op;
use vitrine_model::problem::Problem;

use crate::channels::{News, Person, Sequenced};

/// Characters of a label that a client gives a change set.
const MOST_LABEL_CHARS: usize = 64;

/// What the server says. What has a `seq` is kept for a while, and comes again with `?after=`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ServerMessage {
    /// The first message.
    Hello {
        /// The connection's name among those who are there.
        client_id: String,
        /// The number that what follows comes after.
        seq: u64,
        /// The draft's version.
        version: u64,
        /// Who is there.
        presence: Vec<Person>,
    },
    /// The draft is at another version.
    Draft {
        /// Its number.
        seq: u64,
        /// The version.
        version: u64,
        /// What changed; `null` when it is too much to name.
        #[schema(value_type = Option<Vec<String>>)]
        paths: Option<Vec<ProjectPath>>,
        /// The connection that it came from.
        #[serde(skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
        /// The name of the person or key that it came from.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// The caller's session is in another state.
    Session {
        /// Its number.
        seq: u64,
        /// As `GET …/session` answers it, without `preview_url`.
        #[schema(value_type = Object)]
        session: Value,
    },
    /// A publish is in another state.
    Publish {
        /// Its number.
        seq: u64,
        /// As `GET …/publishes/{publish}` answers it.
        #[schema(value_type = Object)]
        publish: Value,
    },
    /// Who is there, and where; whenever that changes.
    Presence {
        /// All of them.
        people: Vec<Person>,
    },
    /// A change set was applied, and is durable.
    Ack {
        /// The client's label for it.
        id: Label,
        /// The draft's version with it.
        version: u64,
    },
    /// A change set was refused, or a message was none. Nothing was changed.
    Refused {
        /// The client's label; `null` when there was none to be read.
        id: Option<Label>,
        /// Why.
        problem: Box<Problem>,
    },
    /// What was asked for with `?after=` is not known any more: read everything again, and go on from here.
    Gap {
        /// The number that what follows comes after.
        seq: u64,
    },
    /// The answer to a ping.
    Pong,
}

/// What a client says.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ClientMessage {
    /// Applies a change set, as `POST …/changes` does.
    Change {
        /// A label, repeated in the answer.
        id: Label,
        /// The version that the client last saw; absent applies to whatever there is.
        #[serde(default)]
        base_version: Option<u64>,
        /// Applied in order; all or none.
        ops: Vec<Op>,
        /// A change set that comes again with the same key, after a cut, is answered and not applied again.
        #[serde(default)]
        idempotency_key: Option<String>,
    },
    /// Says where the client is.
    Presence {
        /// The file they look at.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        file: Option<ProjectPath>,
        /// The line they are in, from 1.
        #[serde(default)]
        line: Option<u32>,
    },
    /// Asks for a pong.
    Ping,
}

/// A label that a client gives: a number, or at most 64 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Label {
    /// A number.
    Number(u64),
    /// A text.
    Text(String),
}

impl Label {
    /// True for one that is repeated.
    pub(super) fn is_short(&self) -> bool {
        match self {
            Self::Number(_) => true,
            Self::Text(text) => text.chars().nth(MOST_LABEL_CHARS).is_none(),
        }
    }
}

impl ServerMessage {
    /// What was told, as a message; `None` for what each listener is shown in their own way.
    pub(super) fn of(told: &Sequenced) -> Option<Self> {
        let seq = told.seq;
        match &told.news {
            News::Draft(draft) => Some(Self::Draft {
                seq,
                version: draft.version,
                paths: draft.paths.clone(),
                client_id: draft.author.client_id.clone(),
                name: draft.author.name.clone(),
            }),
            News::Publish(publish) => Some(Self::Publish { seq, publish: publish.clone() }),
            News::Session => None,
        }
    }
}
