//! The service over HTTP: its routes, and its clients.

use std::process::Command;
use std::time::{Duration, Instant};

use chaos::skip;

use crate::flags::server_that_says;
use crate::program::program;
use crate::randint_server::{Serving, serving, taken, with_files};

/// Each path, and what is answered to it: the status, and the body.
const ROUTES: [(&str, u16, &str); 7] = [
    ("/randint/5/5", 200, "5\n"),
    ("/randint/-12/-12", 200, "-12\n"),
    (
        "/",
        200,
        "GET /randint/{low}/{high}: a whole number, at least low and at most high\n",
    ),
    (
        "/randint/6/1",
        400,
        "no number is at least 6 and at most 1\n",
    ),
    (
        "/randint/1/six",
        400,
        "\"six\": invalid digit found in string\n",
    ),
    (
        "/randint/1%0a/6",
        400,
        "\"1\\n\": invalid digit found in string\n",
    ),
    ("/randint", 404, "nothing is here; / says what there is\n"),
];

#[test]
fn it_prints_what_it_got_and_how_long_many_take_at_once() {
    asks("3", &[3]);
    asks("8,100,8", &[8, 100, 8]);
    // Of so many each of the others is waited for at the same time: five at once would
    // take a fifth. A machine that is busy with other tests can only make them slower.
    let all_at_once = |_| asks("200", &[200]) < 200 * 20 / 6;
    assert!((0..5).any(all_at_once), "they were not at once five times");
}

/// Asks so many at once, and gives the milliseconds that all of the sizes took.
#[track_caller]
fn asks(clients: &str, sizes: &[u32]) -> u128 {
    let start = Instant::now();
    let out = program!("http_randint").run(&["--clients", clients]).ok();
    let took = start.elapsed().as_millis();
    let mut sum = 0;
    let mut lines = out.lines().filter(|line| !line.is_empty());
    for (heading, count) in [
        ("awaited, as it is IntoFuture:", 1),
        ("iterated, as a Stream:", 3),
        ("iterated, as a generator:", 3),
    ] {
        assert_eq!(lines.next(), Some(heading));
        for _ in 0..count {
            let line = lines.next().expect("a number");
            let number = line
                .strip_prefix("got (200, ")
                .and_then(|rest| rest.strip_suffix(')'));
            let number: i64 = number.and_then(|number| number.parse().ok()).expect(line);
            assert!((1..=6).contains(&number), "{line}");
        }
    }
    assert_eq!(lines.next(), Some("many at once, each of 20 ms at least:"));
    for size in sizes {
        let line = lines.next().expect("a size");
        let (requests, times) = line.split_once(" requests: ").expect(line);
        let (at_once, in_a_row) = times.split_once(" ms; ").expect(line);
        assert_eq!(requests.trim(), size.to_string());
        assert_eq!(
            in_a_row,
            format!("one after another {:6} ms at least", size * 20)
        );
        let ms: u32 = at_once.trim().parse().expect(line);
        assert!(ms >= 20, "{line}");
        sum += u128::from(ms);
    }
    assert_eq!(lines.next(), None);
    assert!(sum <= took, "{took} ms: {out}");
    sum
}

#[test]
fn it_prints_the_status_and_the_number_of_each_answer_in_turn() {
    // Those iterated by hand and by the generator are asked for one after another.
    let addr = server_that_says(|number| (format!("{} Fine", 210 + number), format!("{number}\n")));
    let addr = addr.to_string();
    let run = program!("http_randint").run(&["--server", &addr, "--clients", "1"]);
    let out = run.ok();
    let got = out.lines().filter_map(|line| line.strip_prefix("got "));
    let said: Vec<String> = (0..7)
        .map(|number| format!("({}, {number})", 210 + number))
        .collect();
    assert_eq!(got.collect::<Vec<_>>(), said);
}

#[test]
fn an_answer_without_a_number_is_one_line_whichever_it_is() {
    // One awaited, three of a stream, three of a generator, and one of many.
    for (last, printed) in [(0, 0), (2, 2), (5, 5), (7, 7)] {
        let addr = server_that_says(move |number| {
            let body = if number == last { "none" } else { "4" };
            ("200 OK".to_owned(), body.to_owned())
        });
        let addr = addr.to_string();
        let run = program!("http_randint").run(&["--server", &addr, "--clients", "1"]);
        assert_eq!(
            run.out.matches("got (200, 4)\n").count(),
            printed,
            "{run:?}"
        );
        assert_eq!(run.error(1), "Error: invalid digit found in string\n");
    }
}

#[test]
fn each_route_answers() {
    let program = program!("http_randint");
    let serving = serving(&program, &["--serve"]);
    let http = reqwest::blocking::Client::builder()
        .no_proxy()
        .build()
        .unwrap();
    for (path, status, body) in ROUTES {
        let answer = http.get(format!("{}{path}", serving.place)).send().unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert_eq!(answer.text().unwrap(), body, "{path}");
    }
    for (low, high) in [(1, 2), (1000, 1999)] {
        let answer = http
            .get(format!("{}/randint/{low}/{high}", serving.place))
            .send()
            .unwrap();
        let number: i64 = answer.text().unwrap().trim().parse().unwrap();
        assert!((low..=high).contains(&number), "{number}");
    }
    serving.interrupt();
    assert_eq!(serving.last_line(), "interrupted");
}

#[test]
fn curl_is_answered() {
    let program = program!("http_randint");
    let serving = serving(&program, &["--serve"]);
    for (path, status, body) in ROUTES {
        let Some(answer) = curl(&serving, path) else {
            return skip::because("there is no curl");
        };
        assert_eq!(answer, format!("{body}{status}"), "{path}");
    }
}

/// The body of an answer and its status behind, if there is such a program.
fn curl(serving: &Serving, path: &str) -> Option<String> {
    let output = Command::new("curl")
        .args([
            "--silent",
            "--noproxy",
            "*",
            "--max-time",
            "20",
            "--write-out",
            "%{http_code}",
        ])
        .arg(format!("{}{path}", serving.place))
        .output()
        .ok()?;
    Some(String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn it_ends_when_nobody_has_asked_for_so_long() {
    let program = program!("http_randint");
    let start = Instant::now();
    let servings = ["1", "2"].map(|idle| (idle, serving(&program, &["--serve", "--idle", idle])));
    for (idle, serving) in servings {
        let line = serving.last_line();
        assert_eq!(line, format!("no request for {idle} s"));
        assert!(start.elapsed() >= Duration::from_secs(idle.parse().unwrap()));
    }
}

#[test]
fn too_few_files_are_one_line_before_anything_is_asked() {
    let program = program!("http_randint");
    for clients in [20, 30] {
        let many = clients.to_string();
        let command = program.command(&["--clients", &many]);
        let run = program.end(
            with_files(command, "ulimit -n 12")
                .spawn()
                .expect("it starts"),
        );
        assert_eq!(run.out, "");
        // Both ends of each connection, and 64 others.
        let needed = 2 * clients + 64;
        let said = format!("Error: open files: {needed} are needed, and the system allows 12 ");
        let line = run.error(1);
        assert!(line.starts_with(&said), "{line}");
    }
}

#[test]
fn a_visitor_of_any_page_keeps_it_from_ending() {
    let program = program!("http_randint");
    let serving = serving(&program, &["--serve", "--idle", "2"]);
    let start = Instant::now();
    // not a wait: what is tested is a request in the middle of an idle time
    std::thread::sleep(Duration::from_secs(1));
    if curl(&serving, "/").is_none() {
        return skip::because("there is no curl");
    }
    assert_eq!(serving.last_line(), "no request for 2 s");
    assert!(start.elapsed() >= Duration::from_secs(3));
}

#[test]
fn a_port_that_is_taken_is_one_line() {
    let (_listener, addr) = taken();
    for more in [&[][..], &["--serve"]] {
        let addr = addr.to_string();
        let line = program!("http_randint")
            .run(&[&["--addr", &addr], more].concat())
            .error(1);
        let said = format!("Error: {addr}: Address already in use");
        assert!(line.starts_with(&said), "{line}");
    }
}

#[test]
fn a_wrong_argument_is_one_line() {
    for (wrong, said) in [
        (&["--clients", "0"][..], "invalid value '0' for '--clients"),
        (
            &["--clients", "10001"],
            "invalid value '10001' for '--clients",
        ),
        (&["--serve", "--idle", "0"], "invalid value '0' for '--idle"),
        (&["--addr", "here"], "invalid value 'here' for '--addr"),
        (
            &["--idle", "5"],
            "the following required arguments were not provided: --serve",
        ),
        (
            &["--serve", "--clients", "5"],
            "the argument '--serve' cannot be used with '--clients",
        ),
        (
            &["--serve", "--server", "127.0.0.1:1"],
            "the argument '--serve' cannot be used with '--server",
        ),
        (
            &["--server", "nowhere"],
            "invalid value 'nowhere' for '--server",
        ),
    ] {
        let line = program!("http_randint").run(wrong).error(2);
        assert!(line.starts_with(&format!("error: {said}")), "{line}");
    }
}
