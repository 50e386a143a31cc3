//! The service over TCP: what it answers, to whom, and how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command};
use std::time::{Duration, Instant};

use chaos::watchdog;
use rustix::process::{Pid, Signal, kill_process};

use crate::program::{Program, program};

/// A program that serves, and is ended at the latest when this is dropped.
pub(crate) struct Serving {
    child: Child,
    out: BufReader<ChildStdout>,
    /// What follows `listening on ` in its first line.
    pub(crate) place: String,
}

impl Serving {
    pub(crate) fn start(mut command: Command) -> Serving {
        let mut child = command.spawn().expect("the program starts");
        let out = child.stdout.take().expect("its output");
        let mut serving = Serving {
            child,
            out: BufReader::new(out),
            place: String::new(),
        };
        let line = serving.line();
        let place = line.strip_prefix("listening on ").expect("the first line");
        serving.place = place.trim_end().to_owned();
        serving
    }

    /// The next line it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("a line");
        line
    }

    pub(crate) fn interrupt(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::INT).expect("it is interrupted");
    }

    /// Waits for its end, and gives the last line that it printed.
    #[track_caller]
    pub(crate) fn last_line(mut self) -> String {
        let (code, out) = watchdog::closure("the service", move || {
            let mut out = String::new();
            self.out.read_to_string(&mut out).expect("its output");
            (self.child.wait().expect("its end").code(), out)
        });
        assert_eq!(code, Some(0), "{out}");
        out.lines().last().expect("a last line").to_owned()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The service on a port that is free.
pub(crate) fn serving(program: &Program, args: &[&str]) -> Serving {
    Serving::start(program.command(&[&["--addr", "127.0.0.1:0"], args].concat()))
}

fn connect(serving: &Serving) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(&serving.place).expect("a connection");
    let limit = Some(watchdog::LIMIT);
    stream.set_read_timeout(limit).expect("a limit");
    BufReader::new(stream)
}

fn send(client: &mut BufReader<TcpStream>, text: &[u8]) {
    client.get_mut().write_all(text).expect("it is sent");
}

#[track_caller]
fn answer(client: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    client.read_line(&mut line).expect("an answer");
    assert!(line.ends_with('\n'), "{line:?}");
    line.trim_end().to_owned()
}

#[test]
fn each_line_is_answered_after_the_pause_and_counted() {
    let program = program!("randint_server");
    for (requests, pause) in [(3, 30), (11, 10)] {
        let serving = serving(&program, &["--pause-ms", &pause.to_string()]);
        let mut client = connect(&serving);
        let start = Instant::now();
        // Lines that come together are answered in their order all the same.
        let lines = (0..requests).map(|n| format!("randint {n}0 {n}9\n"));
        send(&mut client, lines.collect::<String>().as_bytes());
        for n in 0..requests {
            let number: u64 = answer(&mut client).parse().expect("a number");
            assert_eq!(number / 10, n);
        }
        assert!(start.elapsed() >= Duration::from_millis(requests * pause));
        serving.interrupt();
        let line = serving.last_line();
        assert_eq!(line, format!("interrupted; requests answered: {requests}"));
    }
}

#[test]
fn clients_do_not_wait_for_each_other() {
    let program = program!("randint_server");
    let pause = Duration::from_millis(200);
    let serving = serving(&program, &["--pause-ms", "200"]);
    for clients in [10, 30] {
        let start = Instant::now();
        let mut connected: Vec<_> = (0..clients).map(|_| connect(&serving)).collect();
        for client in &mut connected {
            send(client, b"randint 5 5\n");
        }
        for client in &mut connected {
            assert_eq!(answer(client), "5");
        }
        let took = start.elapsed();
        assert!(pause <= took && took < pause * clients, "{took:?}");
    }
}

#[test]
fn a_bad_line_is_answered_by_an_error_and_the_next_as_ever() {
    let program = program!("randint_server");
    let serving = serving(&program, &["--pause-ms", "0"]);
    let mut client = connect(&serving);
    let long = [&[b'9'; 100_000][..], b"\n"].concat();
    let bad: [(&[u8], &str); 7] = [
        (b"\n", "\"\" is not like: randint 1 6"),
        (b"roll 1 6\r\n", "\"roll 1 6\" is not like: randint 1 6"),
        (
            b"randint 1 6 7\n",
            "\"randint 1 6 7\" is not like: randint 1 6",
        ),
        (b"randint 1 x\n", "\"x\": invalid digit found in string"),
        (b"randint 6 1\n", "no number is at least 6 and at most 1"),
        (b"\xff\0\n", "\"\u{fffd}\\0\" is not like: randint 1 6"),
        (&long, "the line is longer than 100 bytes"),
    ];
    for (line, why) in bad {
        send(&mut client, line);
        assert_eq!(answer(&mut client), format!("error: {why}"));
        send(&mut client, b"randint -7 -7\n");
        assert_eq!(answer(&mut client), "-7");
    }
    // A client that says no more is answered what it has asked, without a line's end too.
    send(&mut client, b"randint 8 8");
    let write = std::net::Shutdown::Write;
    client.get_ref().shutdown(write).expect("no more is said");
    assert_eq!(answer(&mut client), "8");
    serving.interrupt();
    let last = serving.last_line();
    assert_eq!(
        last,
        format!("interrupted; requests answered: {}", 2 * bad.len() + 1)
    );
}

#[test]
fn it_ends_when_nobody_has_come_for_so_long() {
    let program = program!("randint_server");
    let start = Instant::now();
    let servings = [1, 2].map(|idle| {
        let mut serving = serving(&program, &["--idle", &idle.to_string()]);
        let mut client = connect(&serving);
        send(&mut client, b"randint 4 4\n");
        assert_eq!(answer(&mut client), "4");
        let line = serving.line();
        let ends = format!("after {idle} s without a client\n");
        assert!(line.ends_with(&ends), "{line}");
        (idle, serving)
    });
    for (idle, serving) in servings {
        let line = serving.last_line();
        assert_eq!(
            line,
            format!("no client for {idle} s; requests answered: 1")
        );
        assert!(start.elapsed() >= Duration::from_secs(idle));
    }
}

#[test]
fn it_does_not_end_while_a_client_is_there_that_says_nothing() {
    let program = program!("randint_server");
    let serving = serving(&program, &["--idle", "1"]);
    let client = connect(&serving);
    let start = Instant::now();
    // not a wait: the client stays for longer than the idle time
    std::thread::sleep(Duration::from_millis(1500));
    drop(client);
    assert_eq!(
        serving.last_line(),
        "no client for 1 s; requests answered: 0"
    );
    assert!(start.elapsed() >= Duration::from_millis(2500));
}

#[test]
fn it_has_room_for_as_many_clients_as_the_system_allows_it_files() {
    let program = program!("randint_server");
    for places in [3, 6] {
        // Beside the clients it keeps 64 files for itself.
        let mut serving = limited(&program, 64 + places);
        let line = serving.line();
        let most = format!("at most {places} clients at once; ");
        assert!(line.starts_with(&most), "{line}");

        let mut clients: Vec<_> = (0..places).map(|_| connect(&serving)).collect();
        for client in &mut clients {
            send(client, b"randint 1 1\n");
            assert_eq!(answer(client), "1");
        }
        let mut further = connect(&serving);
        send(&mut further, b"randint 2 2\n");
        // not a wait: nothing is to come meanwhile
        let while_full = Some(Duration::from_millis(100));
        further.get_ref().set_read_timeout(while_full).unwrap();
        further.fill_buf().expect_err("there is no room");
        further
            .get_ref()
            .set_read_timeout(Some(watchdog::LIMIT))
            .unwrap();
        clients.pop();
        assert_eq!(answer(&mut further), "2");
    }
}

/// The service where the system allows it so many open files.
fn limited(program: &Program, files: u64) -> Serving {
    let command = program.command(&["--addr", "127.0.0.1:0", "--pause-ms", "0"]);
    Serving::start(with_files(command, &format!("ulimit -n {files}")))
}

/// The same command under a limit that a shell sets.
pub(crate) fn with_files(command: Command, limit: &str) -> Command {
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("{limit} && exec \"$0\" \"$@\""))
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(command.get_current_dir().expect("a folder"))
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    shell
}

/// An address that someone else has, for as long as the listener is kept.
pub(crate) fn taken() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("its address");
    (listener, addr)
}

#[test]
fn a_port_that_is_taken_is_one_line() {
    let (_listener, addr) = taken();
    let line = program!("randint_server")
        .run(&["--addr", &addr.to_string()])
        .error(1);
    let said = format!("Error: {addr}: Address already in use");
    assert!(line.starts_with(&said), "{line}");
}

#[test]
fn a_wrong_argument_is_one_line() {
    let program = program!("randint_server");
    program.refuses("--addr", &["localhost", "127.0.0.1:65536"]);
    program.refuses("--idle", &["0", "86401"]);
    program.refuses("--pause-ms", &["60001", "x"]);
}
