//! Pictures from a slow server: which are saved, how fast, and what goes wrong.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use chaos::terminal::Terminal;
use tour::flag_server::{has_flag, names, picture};

use crate::program::program;
use crate::randint_server::with_files;

/// One way to download, as it was printed.
struct Way {
    heading: String,
    counts: String,
    seconds: f64,
    rate: f64,
}

/// The three ways of a run, and how much faster than the first the others were said
/// to be.
fn read(out: &str) -> (Vec<Way>, Vec<f64>) {
    let lines: Vec<&str> = out.lines().filter(|line| !line.is_empty()).collect();
    let (ways, faster) = lines.split_at(6);
    let ways = ways.chunks(2).map(|way| {
        let counts = way[1].strip_prefix("  ").expect("counts below a heading");
        let (counts, times) = counts.split_once(" in ").expect("a time");
        let (seconds, rate) = times.split_once(" s: ").expect("a rate");
        Way {
            heading: way[0].to_owned(),
            counts: counts.to_owned(),
            seconds: seconds.parse().expect("a time"),
            rate: number(rate, " a second"),
        }
    });
    let faster = ["on threads ", "async "]
        .iter()
        .zip(faster)
        .map(|(who, line)| {
            let line = line.strip_prefix(who).expect("who is faster");
            number(line, " × as fast as one by one")
        });
    (ways.collect(), faster.collect())
}

fn number(text: &str, unit: &str) -> f64 {
    let number = text.strip_suffix(unit).expect("a number with its unit");
    number.parse().expect("a number")
}

/// The pictures of the first so many names.
fn pictures(count: usize) -> BTreeMap<String, String> {
    let there = names().take(count).filter(|name| has_flag(name));
    there
        .map(|name| (format!("{name}.svg"), picture(&name)))
        .collect()
}

fn counts(count: usize) -> String {
    let saved = pictures(count).len();
    format!("{saved} saved, {} not found", count - saved)
}

fn saved(folder: &Path) -> BTreeMap<String, String> {
    let files = fs::read_dir(folder).expect("a folder of pictures");
    let files = files.map(|file| file.expect("a picture"));
    files
        .map(|file| {
            let name = file.file_name().display().to_string();
            (name, fs::read_to_string(file.path()).expect("a picture"))
        })
        .collect()
}

/// Runs it at a size; returns how much faster async was said to be.
fn downloads(count: usize, sample: usize, threads: usize, limit: usize, delay: u64) -> f64 {
    let program = program!("flags");
    let texts = [count, sample, threads, limit].map(|n| n.to_string());
    let [names, few, of_threads, at_once] = texts.each_ref().map(String::as_str);
    let delay_ms = delay.to_string();
    let out = program.run(&[
        "--names",
        names,
        "--sample",
        few,
        "--threads",
        of_threads,
        "--limit",
        at_once,
        "--delay-ms",
        &delay_ms,
        "--out",
        "pictures",
    ]);
    let out = out.ok();
    let (ways, faster) = read(&out);
    let sample = sample.min(count);
    let known = [
        (
            format!("one by one, the first {sample} names:"),
            "one-by-one",
            sample,
            1,
        ),
        (
            format!("on {threads} threads, {count} names:"),
            "threads",
            count,
            threads,
        ),
        (
            format!("async, {limit} at once, {count} names:"),
            "async",
            count,
            limit,
        ),
    ];
    for (way, (heading, folder, names, at_once)) in ways.iter().zip(known) {
        assert_eq!(way.heading, heading);
        assert_eq!(way.counts, counts(names));
        assert_eq!(
            saved(&program.file("pictures").join(folder)),
            pictures(names)
        );
        // Each round of answers takes what the server takes.
        let least = names.div_ceil(at_once) as f64 * delay as f64 / 1000.0;
        assert!(way.seconds >= least - 0.005, "{least} s: {out}");
        // Both are rounded: the time to hundredths.
        let (slowest, fastest) = (way.seconds + 0.006, way.seconds - 0.006);
        let rates = names as f64 / slowest - 0.1..names as f64 / fastest + 0.1;
        assert!(rates.contains(&way.rate), "{rates:?}: {out}");
    }
    for (way, faster) in ways[1..].iter().zip(&faster) {
        let ratio = way.rate / ways[0].rate;
        assert!((ratio / faster - 1.0).abs() < 0.05, "{ratio}: {out}");
    }
    faster[1]
}

#[test]
fn flags_saves_the_194_pictures_and_async_is_at_least_50_times_as_fast() {
    assert_eq!(counts(676), "194 saved, 482 not found");
    // A machine that is busy with other tests can only make them slower.
    let enough = |_| downloads(676, 5, 100, 200, 200) >= 50.0;
    assert!((0..3).any(enough), "async was not fast enough three times");
}

#[test]
fn flags_takes_the_first_so_many_names() {
    downloads(100, 5, 7, 30, 20);
    // More at once than there are names, and a larger sample.
    downloads(4, 9, 5, 400, 50);
}

#[test]
fn flags_shows_a_bar_on_a_terminal_only() {
    let args = ["--names", "60", "--sample", "5", "--delay-ms", "50"];
    let program = program!("flags");
    let out = program.run(&args).ok();
    assert!(out.contains(&counts(60)), "{out}");

    let terminal = Terminal::new();
    let mut child = terminal.start(&mut program.command(&args));
    let screen = terminal.screen();
    assert!(child.wait().expect("the program ends").success());
    assert!(screen.contains("/5"), "{screen:?}");
    assert!(screen.contains("/60"), "{screen:?}");
    assert!(screen.contains(&counts(60)), "{screen:?}");
}

/// A server that answers the requests one after another, by what this gives for the number
/// of each: a status and a body.
pub(crate) fn server_that_says(
    answer: impl Fn(usize) -> (String, String) + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("its address");
    thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let mut client: TcpStream = client.expect("a client");
            let mut request = BufReader::new(client.try_clone().expect("a second handle"));
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                request.read_line(&mut line).expect("a request");
            }
            let (status, body) = answer(number);
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            client
                .write_all(answer.as_bytes())
                .expect("the client listens");
        }
    });
    addr
}

/// Runs it with this server, where all fails; returns the error.
fn all_fail(addr: SocketAddr) -> String {
    let addr = addr.to_string();
    let args = ["--names", "30", "--sample", "4", "--server", &addr];
    let run = program!("flags").run(&args);
    let (ways, faster) = read(&run.out);
    assert!(faster.is_empty(), "{}", run.out);
    for (way, names) in ways.iter().zip([4, 30, 30]) {
        assert_eq!(way.counts, format!("0 saved, 0 not found, {names} failed"));
    }
    run.error(1)
}

#[test]
fn flags_counts_what_the_server_fails_to_give_and_goes_on() {
    let line = all_fail(server_that_says(|_| {
        ("500 Internal Server Error".to_owned(), String::new())
    }));
    assert!(line.contains("500 Internal Server Error"), "{line}");
}

#[test]
fn flags_counts_what_is_refused_and_goes_on() {
    // While the port is bound elsewhere, nobody listens at it here.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut addr = listener.local_addr().expect("its address");
    addr.set_ip([127, 0, 0, 2].into());
    let line = all_fail(addr);
    assert!(line.contains(&format!("http://{addr}/aa")), "{line}");
    assert!(line.contains("Connection refused"), "{line}");
}

#[test]
fn flags_asks_for_as_many_files_as_it_needs_and_too_few_are_one_line() {
    let program = program!("flags");
    for (threads, limit) in [(10, 50), (60, 5)] {
        let [of_threads, at_once] = [threads, limit].map(|n| n.to_string());
        let args = ["--names", "70", "--sample", "1", "--delay-ms", "20"];
        let at_once = ["--threads", &of_threads, "--limit", &at_once];
        let args = [&args[..], &at_once].concat();
        let mut soft = with_files(program.command(&args), "ulimit -Sn 64");
        let out = program.end(soft.spawn().expect("it starts")).ok();
        assert!(out.contains(&counts(70)), "{out}");

        let mut hard = with_files(program.command(&args), "ulimit -n 80");
        let line = program.end(hard.spawn().expect("it starts")).error(1);
        // Both ends of each connection and a picture, and 64 others.
        let needed = 3 * threads.max(limit) + 64;
        let said = format!("Error: open files: {needed} are needed, and the system allows 80 ");
        assert!(line.starts_with(&said), "{line}");
    }
}

#[test]
fn flags_names_the_folder_it_cannot_make() {
    let program = program!("flags");
    fs::write(program.file("taken"), "").expect("a file");
    let line = program.run(&["--out", "taken"]).error(1);
    assert!(line.contains("taken/one-by-one"), "{line}");
}

#[test]
fn flags_refuses_numbers_out_of_range() {
    for (option, wrong, range) in [
        ("--names", "677", "1..=676"),
        ("--sample", "0", "1..=676"),
        ("--threads", "401", "1..=400"),
        ("--limit", "0", "1..=400"),
        ("--delay-ms", "10001", "1..=10000"),
    ] {
        let line = program!("flags").run(&[option, wrong]).error(2);
        assert!(
            line.ends_with(&format!("{wrong} is not in {range} (see --help)\n")),
            "{line}"
        );
    }
    let line = program!("flags").run(&["--server", "nowhere"]).error(2);
    assert!(line.contains("invalid socket address syntax"), "{line}");
}
