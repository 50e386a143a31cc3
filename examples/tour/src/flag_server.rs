//! A server with a picture for each country, and time to give it: what the
//! program `flags` downloads from.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::Failure;

/// The 193 members of the United Nations and the Vatican, by ISO 3166.
const CODES: &str = "\
    ad ae af ag al am ao ar at au az \
    ba bb bd be bf bg bh bi bj bn bo br bs bt bw by bz \
    ca cd cf cg ch ci cl cm cn co cr cu cv cy cz \
    de dj dk dm do dz ec ee eg er es et fi fj fm fr \
    ga gb gd ge gh gm gn gq gr gt gw gy hn hr ht hu \
    id ie il in iq ir is it jm jo jp ke kg kh ki km kn kp kr kw kz \
    la lb lc li lk lr ls lt lu lv ly \
    ma mc md me mg mh mk ml mm mn mr mt mu mv mw mx my mz \
    na ne ng ni nl no np nr nz om pa pe pg ph pk pl pt pw py qa \
    ro rs ru rw sa sb sc sd se sg si sk sl sm sn so sr ss st sv sy sz \
    td tg th tj tl tm tn to tr tt tv tz ua ug us uy uz \
    va vc ve vn vu ws ye za zm zw";

/// Returns every name of two letters in their order: `aa`, `ab`, … `zz`.
///
/// ```
/// assert_eq!(tour::flag_server::names().count(), 26 * 26);
/// ```
pub fn names() -> impl Iterator<Item = String> {
    ('a'..='z').flat_map(|first| ('a'..='z').map(move |second| format!("{first}{second}")))
}

/// Tells whether a country has this name, so that there is a picture of it.
///
/// ```
/// use tour::flag_server::{has_flag, names};
///
/// assert!(has_flag("br") && !has_flag("aa"));
/// assert_eq!(names().filter(|name| has_flag(name)).count(), 194);
/// ```
pub fn has_flag(name: &str) -> bool {
    CODES.split(' ').any(|code| code == name)
}

/// Draws the picture of a country: three stripes whose colours follow from the
/// name, and the name. It is no country's real flag.
///
/// ```
/// assert!(tour::flag_server::picture("br").contains(">br</text>"));
/// ```
pub fn picture(name: &str) -> String {
    let hue = name
        .bytes()
        .fold(0, |hue, byte| (hue * 26 + u32::from(byte)) % 360);
    let stripes: String = [0, 120, 240]
        .iter()
        .zip(0..)
        .map(|(turn, place)| {
            let (hue, x) = ((hue + turn) % 360, place * 20);
            format!("<rect x='{x}' width='20' height='40' fill='hsl({hue},70%,60%)'/>")
        })
        .collect();
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 60 40'>{stripes}\
         <text x='30' y='25' text-anchor='middle'>{name}</text></svg>\n"
    )
}

/// The server: it answers on a port of this machine until it is dropped.
///
/// It has a thread and a runtime of its own, so that whoever asks shares neither.
///
/// ```
/// use std::time::Duration;
/// use tour::flag_server::FlagServer;
///
/// # fn main() -> Result<(), tour::Failure> {
/// let server = FlagServer::start(Duration::from_millis(1))?;
/// let answer = reqwest::blocking::get(format!("http://{}/br", server.addr()))?;
/// assert_eq!(answer.status(), 200);
/// # Ok(())
/// # }
/// ```
#[must_use = "the server ends when it is dropped"]
#[derive(Debug)]
pub struct FlagServer {
    addr: SocketAddr,
    /// Whose end the thread waits for.
    _running: oneshot::Sender<()>,
}

impl FlagServer {
    /// Starts a server that takes so much time for each answer.
    ///
    /// # Errors
    ///
    /// When the system has no port, or no thread, left.
    pub fn start(delay: Duration) -> Result<FlagServer, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let addr = listener.local_addr()?;
        let service = Router::new().route("/{name}", get(flag)).with_state(delay);
        let (running, ended) = oneshot::channel();
        thread::Builder::new()
            .name("flag server".into())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        // It serves for ever; a connection that fails is that
                        // connection's matter.
                        _ = axum::serve(listener, service) => {}
                        _ = ended => {}
                    }
                });
            })?;
        Ok(FlagServer {
            addr,
            _running: running,
        })
    }

    /// Returns where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

async fn flag(State(delay): State<Duration>, Path(name): Path<String>) -> Response {
    tokio::time::sleep(delay).await;
    if has_flag(&name) {
        ([(header::CONTENT_TYPE, "image/svg+xml")], picture(&name)).into_response()
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}
