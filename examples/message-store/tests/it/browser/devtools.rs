//! The language of Chromium's debugger (DevTools): calls, their answers, and events.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// A connection to a debugger.
pub(super) struct DevTools {
    socket: WebSocketStream<TcpStream>,
    calls: u64,
    /// What it has told by itself, from the beginning.
    pub(super) events: Vec<Value>,
}

impl DevTools {
    /// Connects to an address that begins with `ws://`.
    pub(super) async fn connect(address: &str) -> DevTools {
        let host = address
            .strip_prefix("ws://")
            .and_then(|rest| rest.split('/').next());
        let stream = TcpStream::connect(host.expect("a host")).await;
        let stream = stream.expect("the debugger listens");
        let (socket, _) = client_async(address, stream).await.expect("a socket");
        DevTools {
            socket,
            calls: 0,
            events: Vec::new(),
        }
    }

    /// Calls a method, of a session if one is given, and waits for its answer.
    pub(super) async fn call(
        &mut self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Value {
        self.calls += 1;
        let id = self.calls;
        let mut call = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            call["sessionId"] = session.into();
        }
        let call = Message::text(call.to_string());
        self.socket.send(call).await.expect("the debugger reads");
        loop {
            let mut answer = self.read().await;
            if answer["id"] == id {
                assert_eq!(answer["error"], Value::Null, "{method} {params}");
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }

    async fn read(&mut self) -> Value {
        loop {
            let message = self.socket.next().await.expect("Chromium lives");
            if let Message::Text(text) = message.expect("the socket is whole") {
                return serde_json::from_str(&text).expect("JSON");
            }
        }
    }
}
