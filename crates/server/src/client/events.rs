//! Server-sent events, as the API sends them (HTML Living Standard, §9.2): events with a name, data and an id.

use serde::de::DeserializeOwned;

use crate::Failure;

/// Bytes of one event: a line of a log or the state of a publish is far shorter.
const MOST_EVENT_BYTES: usize = 4 * 1024 * 1024;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ServerEvent {
    /// What kind; `message` when the server does not say.
    pub(crate) name: String,
    /// Where to go on after it.
    pub(crate) id: Option<String>,
    pub(crate) data: String,
}

impl ServerEvent {
    /// Its data as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let odd = |error| Failure::failed(format!("the server's event was not understood: {error}"));
        serde_json::from_str(&self.data).map_err(odd)
    }
}

/// A stream of events that is being read.
pub(crate) struct Events {
    response: reqwest::Response,
    parser: Parser,
}

impl Events {
    pub(super) fn new(response: reqwest::Response) -> Self {
        Self { response, parser: Parser::default() }
    }

    /// The next event; `None` when the server has ended the stream. Cancelling it loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<ServerEvent>, Failure> {
        loop {
            if let Some(event) = self.parser.next()? {
                return Ok(Some(event));
            }
            let broken = |error| Failure::unreachable(format!("the server broke off: {error}"));
            match self.response.chunk().await.map_err(broken)? {
                Some(bytes) => self.parser.feed(&bytes),
                None => return Ok(None),
            }
        }
    }
}

/// Bytes in, events out, wherever the bytes were cut.
#[derive(Default)]
struct Parser {
    bytes: Vec<u8>,
}

impl Parser {
    fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn next(&mut self) -> Result<Option<ServerEvent>, Failure> {
        while let Some(end) = self.bytes.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = self.bytes.drain(..end + 2).collect();
            // A comment alone is what keeps a quiet stream alive.
            if let Some(event) = read(&String::from_utf8_lossy(&block)) {
                return Ok(Some(event));
            }
        }
        match self.bytes.len() > MOST_EVENT_BYTES {
            true => Err(Failure::failed("the server sent an event without an end")),
            false => Ok(None),
        }
    }
}

fn read(block: &str) -> Option<ServerEvent> {
    let mut event = ServerEvent { name: "message".to_owned(), ..ServerEvent::default() };
    let mut data: Vec<&str> = Vec::new();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => event.name = value.to_owned(),
            "id" => event.id = Some(value.to_owned()),
            "data" => data.push(value),
            _ => {}
        }
    }
    event.data = data.join("\n");
    (!data.is_empty()).then_some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_the_same_wherever_their_bytes_were_cut() {
        let text = ": hello\n\nevent: log\nid: 7\ndata: {\"a\":1}\n\ndata: é\ndata: 2\n\n";
        for size in 1..text.len() {
            let mut parser = Parser::default();
            let mut events = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                parser.feed(piece);
                while let Some(event) = parser.next().unwrap() {
                    events.push(event);
                }
            }
            let first = ServerEvent { name: "log".into(), id: Some("7".into()), data: "{\"a\":1}".into() };
            let second = ServerEvent { name: "message".into(), id: None, data: "é\n2".into() };
            assert_eq!(events, [first, second], "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_without_an_end_is_not_collected_for_ever() {
        let mut parser = Parser::default();
        parser.feed(&vec![b'x'; MOST_EVENT_BYTES + 1]);
        assert!(parser.next().is_err());
    }
}
