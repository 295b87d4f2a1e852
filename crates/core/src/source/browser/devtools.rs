//! The DevTools protocol over pipes: JSON messages that each end with a NUL.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::pipe::{Receiver, Sender};

/// The size limit of a message.
const MAX_MESSAGE: u64 = 64 << 20;

/// The connection to one browser.
pub(super) struct DevTools {
    sender: Sender,
    receiver: BufReader<Receiver>,
    last_id: u64,
}

/// A message from the browser.
pub(super) enum Message {
    /// The answer to a command, or its error message.
    Answer { id: u64, result: Result<Value, String> },
    /// Something happened, in a session (one page or frame) or in the browser itself.
    Event { method: String, parameters: Value, session: Option<String> },
}

impl DevTools {
    pub(super) fn new(sender: Sender, receiver: Receiver) -> Self {
        Self { sender, receiver: BufReader::new(receiver), last_id: 0 }
    }

    /// Sends a command to a session, or to the browser itself, and returns the id that its answer will have.
    pub(super) async fn send(
        &mut self,
        session: Option<&str>,
        method: &str,
        parameters: Value,
    ) -> std::io::Result<u64> {
        self.last_id += 1;
        let mut message = json!({ "id": self.last_id, "method": method, "params": parameters });
        if let (Some(session), Some(message)) = (session, message.as_object_mut()) {
            message.insert("sessionId".to_owned(), session.into());
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.sender.write_all(&bytes).await?;
        Ok(self.last_id)
    }

    /// Returns the next message, or `None` once the browser has exited.
    pub(super) async fn next(&mut self) -> std::io::Result<Option<Message>> {
        loop {
            let mut bytes = Vec::new();
            (&mut self.receiver).take(MAX_MESSAGE).read_until(0, &mut bytes).await?;
            if bytes.pop() != Some(0) {
                return Ok(None);
            }
            // A message of an unknown form is not one that is awaited.
            let Ok(message) = serde_json::from_slice(&bytes) else { continue };
            if let Some(message) = parse(message) {
                return Ok(Some(message));
            }
        }
    }
}

fn parse(mut message: Value) -> Option<Message> {
    if let Some(id) = message.get("id").and_then(Value::as_u64) {
        let error = message.pointer("/error/message").and_then(Value::as_str).map(str::to_owned);
        let result = error.map_or_else(|| Ok(message.get_mut("result").map(Value::take).unwrap_or_default()), Err);
        return Some(Message::Answer { id, result });
    }
    let method = message.get("method")?.as_str()?.to_owned();
    let session = message.get("sessionId").and_then(Value::as_str).map(str::to_owned);
    let parameters = message.get_mut("params").map(Value::take).unwrap_or_default();
    Some(Message::Event { method, parameters, session })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_events_are_distinguished() {
        assert!(matches!(parse(json!({"id": 3, "result": {"a": 1}})), Some(Message::Answer { id: 3, result: Ok(_) })));
        let failed = parse(json!({"id": 4, "error": {"code": -32000, "message": "no"}}));
        assert!(matches!(failed, Some(Message::Answer { id: 4, result: Err(message) }) if message == "no"));
        let event = parse(json!({"method": "Fetch.requestPaused", "params": {}, "sessionId": "S"}));
        assert!(matches!(event, Some(Message::Event { session: Some(session), .. }) if session == "S"));
        assert!(parse(json!([])).is_none());
    }
}
