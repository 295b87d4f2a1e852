//! The DevTools protocol over pipes: JSON messages that each end with a NUL.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::pipe::{Receiver, Sender};

/// The largest message that is read.
const LARGEST: u64 = 64 << 20;

/// The connection to one browser.
pub(super) struct DevTools {
    to: Sender,
    from: BufReader<Receiver>,
    last: u64,
}

/// What the browser says.
pub(super) enum Message {
    /// The answer to a command, or why there is none.
    Answer { id: u64, result: Result<Value, String> },
    /// Something happened, in a session (one page or frame) or in the browser itself.
    Event { method: String, parameters: Value, session: Option<String> },
}

impl DevTools {
    pub(super) fn new(to: Sender, from: Receiver) -> Self {
        Self { to, from: BufReader::new(from), last: 0 }
    }

    /// Sends a command to a session, or to the browser itself. Its answer comes under the id.
    pub(super) async fn send(
        &mut self,
        session: Option<&str>,
        method: &str,
        parameters: Value,
    ) -> std::io::Result<u64> {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": parameters });
        if let (Some(session), Some(message)) = (session, message.as_object_mut()) {
            message.insert("sessionId".to_owned(), session.into());
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).await?;
        Ok(self.last)
    }

    /// What comes next; nothing once the browser has ended.
    pub(super) async fn next(&mut self) -> std::io::Result<Option<Message>> {
        loop {
            let mut bytes = Vec::new();
            (&mut self.from).take(LARGEST).read_until(0, &mut bytes).await?;
            if bytes.pop() != Some(0) {
                return Ok(None);
            }
            // Whatever it is that cannot be read, it is not what is waited for.
            let Ok(message) = serde_json::from_slice(&bytes) else { continue };
            if let Some(message) = read(message) {
                return Ok(Some(message));
            }
        }
    }
}

fn read(mut message: Value) -> Option<Message> {
    if let Some(id) = message.get("id").and_then(Value::as_u64) {
        let refused = message.pointer("/error/message").and_then(Value::as_str).map(str::to_owned);
        let result = refused.map_or_else(|| Ok(message.get_mut("result").map(Value::take).unwrap_or_default()), Err);
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
    fn answers_are_told_from_events() {
        assert!(matches!(read(json!({"id": 3, "result": {"a": 1}})), Some(Message::Answer { id: 3, result: Ok(_) })));
        let refused = read(json!({"id": 4, "error": {"code": -32000, "message": "no"}}));
        assert!(matches!(refused, Some(Message::Answer { id: 4, result: Err(why) }) if why == "no"));
        let event = read(json!({"method": "Fetch.requestPaused", "params": {}, "sessionId": "S"}));
        assert!(matches!(event, Some(Message::Event { session: Some(session), .. }) if session == "S"));
        assert!(read(json!([])).is_none());
    }
}
