//! A service that gives random numbers, over TCP.
//!
//! A client sends lines such as `randint 1 6`, and each is answered by a line, in
//! their order: a number, or `error: ` and why there is none. Each answer comes
//! after a pause that stands for what a service waits for, such as a disk.

pub mod http;

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::num::ParseIntError;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::Failure;
use crate::visitors::Visitors;

/// How long an answer takes, unless someone says otherwise.
pub const PAUSE: Duration = Duration::from_millis(20);

/// How long a client waits until it is let in, and for each answer.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// How many clients may wait to be let in, where the system allows as many.
const QUEUE: u32 = 4096;

/// The longest line, in bytes. The rest of a longer request is skipped, and of a longer
/// answer nothing is taken.
pub const LONGEST: u64 = 100;

/// What a number is drawn from: both ends belong to it, as to Python's `randint`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    low: i64,
    high: i64,
}

/// Why a request gets no number.
#[derive(Debug)]
pub enum Refused {
    /// It is no request.
    Unknown(String),
    /// An end of the range is no number, or one with too many digits.
    Number(String, ParseIntError),
    /// There is no number in the range.
    Empty(Range),
    /// The line is longer than any request.
    TooLong,
}

impl Range {
    /// The range between two numbers that are still text.
    ///
    /// # Errors
    ///
    /// [`Refused::Number`] or [`Refused::Empty`].
    pub fn between(low: &str, high: &str) -> Result<Range, Refused> {
        let number = |text: &str| {
            text.parse()
                .map_err(|error| Refused::Number(text.to_owned(), error))
        };
        let range = Range {
            low: number(low)?,
            high: number(high)?,
        };
        if range.low > range.high {
            return Err(Refused::Empty(range));
        }
        Ok(range)
    }

    /// The range that is the client's own who has this number: 10 numbers. So an
    /// answer to one client can't pass for the answer to another.
    #[must_use]
    pub fn of_client(id: u32) -> Range {
        let low = i64::from(id) * 10;
        let high = low + 9;
        Range { low, high }
    }

    /// The line that asks for a number of it.
    #[must_use]
    pub fn request(self) -> String {
        format!("randint {} {}\n", self.low, self.high)
    }

    /// The number of an answer.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidData`] where there is none of this range in it.
    pub fn read(self, answer: &str) -> io::Result<i64> {
        match answer.trim().parse() {
            Ok(number) if self.low <= number && number <= self.high => Ok(number),
            _ => {
                let (said, request) = (answer.trim(), self.request());
                let wrong = format!("{said:?} is no answer to {:?}", request.trim());
                Err(io::Error::new(io::ErrorKind::InvalidData, wrong))
            }
        }
    }

    /// A number of the range, each as likely as the others.
    #[must_use]
    pub fn pick(self) -> i64 {
        rand::random_range(self.low..=self.high)
    }
}

/// The request of a line.
impl FromStr for Range {
    type Err = Refused;

    fn from_str(line: &str) -> Result<Range, Refused> {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["randint", low, high] => Range::between(low, high),
            _ => Err(Refused::Unknown(line.trim().to_owned())),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Quoted as Rust does, so that it stays one line, whatever is in it.
            Refused::Unknown(line) => write!(f, "{line:?} is not like: randint 1 6"),
            Refused::Number(text, cause) => write!(f, "{text:?}: {cause}"),
            Refused::Empty(Range { low, high }) => {
                write!(f, "no number is at least {low} and at most {high}")
            }
            Refused::TooLong => write!(f, "the line is longer than {LONGEST} bytes"),
        }
    }
}

impl Error for Refused {}

/// The error of a read that took too long, where it is such a one: a socket with a
/// time-out says no more than that a resource is temporarily unavailable.
#[must_use]
pub fn too_late(error: io::Error) -> io::Error {
    if error.kind() != io::ErrorKind::WouldBlock {
        return error;
    }
    let said = format!("no answer within {} s", PATIENCE.as_secs());
    io::Error::new(io::ErrorKind::TimedOut, said)
}

/// The error of a client that got no thread, for which the system says the same.
#[must_use]
pub fn no_thread(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("a client without a thread: {error}"))
}

/// The service at its address, where clients are already let in to wait.
#[derive(Debug)]
pub struct Service {
    listener: TcpListener,
    addr: SocketAddr,
    most: u64,
    counter: Counter,
}

/// What stands behind the counter at which each client is served.
#[derive(Clone, Debug)]
struct Counter {
    pause: Duration,
    visitors: Visitors,
    answered: Arc<AtomicU64>,
}

impl Service {
    /// Takes an address for a service to at most so many clients at once; port 0
    /// stands for any that is free.
    ///
    /// # Errors
    ///
    /// Where the address can't be had, such as one that is taken.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, which is what wakes it when a client comes.
    pub fn bind(addr: SocketAddr, pause: Duration, most: u64) -> Result<Service, Failure> {
        let (listener, addr) = listen(addr).map_err(|error| Failure::of(addr, error))?;
        Ok(Service {
            listener,
            addr,
            most: most.max(1),
            counter: Counter {
                pause,
                visitors: Visitors::default(),
                answered: Arc::default(),
            },
        })
    }

    /// Starts the service on a thread of its own, with a runtime of its own, for as
    /// long as the process lives. Gives its address.
    ///
    /// # Errors
    ///
    /// Where the address or the thread can't be had.
    pub fn start(addr: SocketAddr, pause: Duration, most: u64) -> Result<SocketAddr, Failure> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let service = runtime.block_on(async { Service::bind(addr, pause, most) })?;
        let addr = service.addr;
        thread::Builder::new()
            .name("randint".to_owned())
            .spawn(move || runtime.block_on(service.run()))?;
        Ok(addr)
    }

    /// Its address, with the port that it got.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How many clients it serves at once. Further ones wait until one has gone.
    #[must_use]
    pub fn most(&self) -> u64 {
        self.most
    }

    /// How many requests it has answered, with a number or an error.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.counter.answered.load(Ordering::Relaxed)
    }

    /// Who is connected.
    #[must_use]
    pub fn visitors(&self) -> &Visitors {
        &self.counter.visitors
    }

    /// Serves each client by a task. There is no end to that: drop it, and the
    /// clients are hung up on, since the tasks go with the set that holds them.
    ///
    /// # Errors
    ///
    /// Where the system lets no further client in.
    ///
    /// # Cancel safety
    ///
    /// *Not cancel safe*: a request may be left without an answer.
    pub async fn run(&self) -> Result<Infallible, Failure> {
        let mut clients = JoinSet::new();
        loop {
            while clients.try_join_next().is_some() {}
            if clients.len() as u64 == self.most {
                clients.join_next().await;
            }
            match self.listener.accept().await {
                Ok((client, _)) => {
                    clients.spawn(self.counter.clone().serve(client));
                }
                // It has gone before its turn.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(Failure::of(self.addr, error)),
            }
        }
    }
}

/// Listens at an address, and says which it is.
///
/// It is `TcpListener::bind` with a longer queue: of clients who come at once that
/// lets 128 wait to be let in, and the system of a further one tries again after a
/// second.
fn listen(addr: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = match addr {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A port whose last service has just ended is free.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    let listener = socket.listen(QUEUE)?;
    let addr = listener.local_addr()?;
    Ok((listener, addr))
}

impl Counter {
    /// Answers the requests of a client, until it has no more or is gone.
    async fn serve(self, client: TcpStream) -> io::Result<()> {
        let _here = self.visitors.enter();
        let mut client = BufReader::new(client);
        while let Some(asked) = request(&mut client).await? {
            sleep(self.pause).await;
            let answer = match asked {
                Ok(range) => format!("{}\n", range.pick()),
                Err(refused) => format!("error: {refused}\n"),
            };
            // Counted before it is sent: whoever has an answer finds it counted.
            self.answered.fetch_add(1, Ordering::Relaxed);
            client.write_all(answer.as_bytes()).await?;
        }
        Ok(())
    }
}

/// The next request of a client, if there is one.
async fn request(
    client: &mut (impl AsyncBufRead + Unpin),
) -> io::Result<Option<Result<Range, Refused>>> {
    let mut long = false;
    loop {
        let mut line = Vec::new();
        // One more, for the end of the line.
        let mut part = (&mut *client).take(LONGEST + 1);
        part.read_until(b'\n', &mut line).await?;
        let full = part.limit() == 0;
        if full && !line.ends_with(b"\n") {
            long = true;
            continue;
        }
        return Ok(match (long, line.is_empty()) {
            (true, _) => Some(Err(Refused::TooLong)),
            (false, true) => None,
            (false, false) => Some(String::from_utf8_lossy(&line).parse()),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(line: &str, why: &str) {
        assert_eq!(line.parse::<Range>().unwrap_err().to_string(), why);
    }

    #[test]
    fn a_request_is_a_word_and_two_numbers_in_their_order() {
        let range = "randint -1 6\n".parse::<Range>().unwrap();
        assert_eq!(range, Range { low: -1, high: 6 });
        refused("", r#""" is not like: randint 1 6"#);
        refused("roll 1 6\n", r#""roll 1 6" is not like: randint 1 6"#);
        refused("randint 1\n", r#""randint 1" is not like: randint 1 6"#);
        refused("\u{7}\n", r#""\u{7}" is not like: randint 1 6"#);
        refused("randint 1 six", r#""six": invalid digit found in string"#);
        refused("randint 2 1", "no number is at least 2 and at most 1");
        refused(
            "randint 0 9223372036854775808",
            r#""9223372036854775808": number too large to fit in target type"#,
        );
    }

    #[test]
    fn of_an_answer_only_a_number_of_the_range_is_taken() {
        let own = Range::of_client(7);
        assert_eq!(own.request(), "randint 70 79\n");
        assert_eq!(own.request().parse::<Range>().unwrap(), own);
        assert_eq!(own.read("70\n").unwrap(), 70);
        assert_eq!(own.read("79\n").unwrap(), 79);
        for (answer, said) in [
            ("69\n", "69"),
            ("80\n", "80"),
            ("error: no\n", "error: no"),
            ("", ""),
        ] {
            let wrong = own.read(answer).unwrap_err().to_string();
            assert_eq!(wrong, format!("{said:?} is no answer to \"randint 70 79\""));
        }
    }

    #[test]
    fn both_ends_of_the_range_are_picked_and_nothing_beyond() {
        let die = Range { low: 1, high: 6 };
        let mut seen = [0; 8];
        for _ in 0..1000 {
            seen[die.pick() as usize] += 1;
        }
        assert!(seen[1..=6].iter().all(|&times| times > 0), "{seen:?}");
        assert_eq!(seen[1..=6].iter().sum::<u32>(), 1000);
        let whole = Range::between(&i64::MIN.to_string(), &i64::MAX.to_string());
        let _any = whole.unwrap().pick();
        assert_eq!(Range::between("7", "7").unwrap().pick(), 7);
    }

    #[tokio::test]
    async fn of_a_line_that_is_too_long_only_the_length_is_said() {
        let longest = format!("randint 1 {:>90}", 6);
        assert_eq!(longest.len() as u64, LONGEST);
        let sent = format!("{longest}\n{longest} \n{longest}{longest}{longest}\nrandint 2 2");
        let mut client = sent.as_bytes();
        let mut said = Vec::new();
        while let Some(asked) = request(&mut client).await.unwrap() {
            said.push(
                asked.map_or_else(|refused| refused.to_string(), |range| range.low.to_string()),
            );
        }
        let long = format!("the line is longer than {LONGEST} bytes");
        assert_eq!(said, ["1", &long, &long, "2"]);
    }
}
