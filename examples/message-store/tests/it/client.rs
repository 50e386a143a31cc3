//! A client of the server: requests over one connection, and its events.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::HeaderMap;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};

/// A connection to the server.
#[derive(Debug)]
pub(crate) struct Client {
    addr: SocketAddr,
    requests: SendRequest<Full<Bytes>>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// What it says, where all went well.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }

    /// The cause that it gives with a status, which is one line and all it says.
    #[track_caller]
    pub(crate) fn error(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/json");
        let json = self.json();
        let cause = json["error"].as_str().expect("a cause");
        assert_eq!(json.as_object().expect("an object").len(), 1, "{json}");
        assert_eq!(cause.lines().count(), 1, "{cause}");
        cause.to_owned()
    }

    /// A header, empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("text"))
    }
}

impl Client {
    pub(crate) async fn connect(addr: SocketAddr) -> Client {
        let socket = TcpStream::connect(addr).await.expect("it accepts");
        Client::over(socket, addr).await
    }

    /// One for whom the system keeps little of what he does not read.
    pub(crate) async fn connect_narrowly(addr: SocketAddr) -> Client {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(16 << 10).expect("a buffer");
        let socket = socket.connect(addr).await.expect("it accepts");
        Client::over(socket, addr).await
    }

    async fn over(socket: TcpStream, addr: SocketAddr) -> Client {
        let socket = TokioIo::new(socket);
        let (requests, connection) = Builder::new()
            .max_buf_size(8 << 10)
            .handshake(socket)
            .await
            .expect("it talks");
        tokio::spawn(connection);
        Client { addr, requests }
    }

    /// A request that only lacks its headers and its body.
    pub(crate) fn request(&self, method: Method, path: &str) -> hyper::http::request::Builder {
        let host = self.addr.to_string();
        Request::builder()
            .method(method)
            .uri(path)
            .header("host", host)
    }

    /// Sends a request, and returns the answer before its body.
    pub(crate) async fn begin(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> hyper::Result<hyper::Response<Incoming>> {
        self.requests.ready().await?;
        self.requests.send_request(request).await
    }

    pub(crate) async fn try_send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> hyper::Result<Answer> {
        let (head, body) = self.begin(request).await?.into_parts();
        Ok(Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.collect().await?.to_bytes(),
        })
    }

    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Answer {
        self.try_send(request).await.expect("an answer")
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let request = self.request(Method::GET, path).body(Full::default());
        self.send(request.expect("a request")).await
    }

    pub(crate) async fn post(&mut self, json: impl Into<Bytes>) -> Answer {
        let request = self.posting(json);
        self.send(request).await
    }

    /// A request that posts a message.
    pub(crate) fn posting(&self, json: impl Into<Bytes>) -> Request<Full<Bytes>> {
        self.request(Method::POST, "/api/messages")
            .header("content-type", "application/json")
            .body(Full::new(json.into()))
            .expect("a request")
    }

    /// Waits for events, over this connection.
    pub(crate) async fn events(self, query: &str) -> Events {
        self.events_behind(query, None).await
    }

    /// Waits for events as a browser does that was cut off.
    pub(crate) async fn events_behind(mut self, query: &str, last: Option<&str>) -> Events {
        let mut request = self.request(Method::GET, &format!("/api/events{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let request = request.body(Full::default()).expect("a request");
        let answer = self.begin(request).await.expect("an answer");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Events {
            _client: self,
            body: answer.into_body(),
            read: Vec::new(),
        }
    }
}

/// A message that is told.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) id: i64,
    pub(crate) message: Value,
}

/// Messages as they are told.
#[derive(Debug)]
pub(crate) struct Events {
    _client: Client,
    body: Incoming,
    read: Vec<u8>,
}

impl Events {
    /// The next message, or `None` where the server has ended the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            let end = self.read.windows(2).position(|two| two == b"\n\n");
            if let Some(end) = end {
                let event = self.read.drain(..end + 2).collect::<Vec<_>>();
                match event_of(&String::from_utf8(event).expect("UTF-8")) {
                    Some(event) => return Some(event),
                    None => continue, // a comment
                }
            }
            let frame = self.body.frame().await?.ok()?;
            self.read.extend(frame.into_data().expect("data"));
        }
    }
}

fn event_of(text: &str) -> Option<Event> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let data = field("data: ")?;
    assert_eq!(field("event: "), Some("message"), "{text}");
    let id = field("id: ").expect("an id").parse().expect("a number");
    let message: Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(message["id"], id);
    Some(Event { id, message })
}
