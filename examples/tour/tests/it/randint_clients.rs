//! Threads beside tasks as clients: the table, the chart of it, and what goes wrong.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::thread;
use std::time::Instant;

use crate::program::{Program, program};
use crate::randint_server::{serving, taken, with_files};

/// A line of the table: the clients, and of threads and of tasks the time of a
/// request, as it is written, and the number of threads.
#[derive(Debug)]
struct Row {
    clients: usize,
    ms: [String; 2],
    threads: [String; 2],
}

fn table(out: &str) -> Vec<Row> {
    let rows = out.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [clients, ms, threads, tasks_ms, few] = cells[..] else {
            return None;
        };
        Some(Row {
            clients: clients.parse().ok()?,
            ms: [ms.to_owned(), tasks_ms.to_owned()],
            threads: [threads.to_owned(), few.to_owned()],
        })
    });
    rows.collect()
}

#[track_caller]
fn number(text: &str) -> f64 {
    text.parse()
        .unwrap_or_else(|_| panic!("{text:?} is a number"))
}

#[track_caller]
fn sizes_are(rows: &[Row], sizes: &[usize]) {
    let clients: Vec<usize> = rows.iter().map(|row| row.clients).collect();
    assert_eq!(clients, sizes);
}

/// Runs it, and compares the chart with the table.
#[track_caller]
fn compared(clients: &str, requests: u32, sizes: &[usize]) {
    let program = program!("randint_clients");
    let (start, each) = (Instant::now(), f64::from(requests));
    let requests = requests.to_string();
    let out = program
        .run(&["--clients", clients, "--requests", &requests])
        .ok();
    let took = start.elapsed().as_secs_f64() * 1000.0;
    assert!(
        out.starts_with(&format!("Each client makes {requests} requests ")),
        "{out}"
    );
    assert!(out.ends_with("chart: randint.svg\n"), "{out}");
    let rows = table(&out);
    sizes_are(&rows, sizes);
    // Each time is rounded to tenths, and all of them are in the run.
    let times = rows.iter().flat_map(|row| &row.ms);
    let sum: f64 = times.map(|ms| (number(ms) - 0.05) * each).sum();
    assert!(sum <= took, "{sum} of {took} ms: {out}");
    for row in &rows {
        // Each answer takes 20 ms at least, whoever waits for it.
        assert!(row.ms.iter().all(|ms| number(ms) >= 20.0), "{row:?}");
        if cfg!(target_os = "linux") {
            let [threads, few] = row.threads.each_ref().map(|count| number(count) as usize);
            assert!(threads >= row.clients, "{row:?}");
            assert!(few < row.clients / 2, "{row:?}");
        }
    }
    chart_shows(&program, "randint.svg", &rows);
}

/// An element of a chart: its attributes, and its text.
struct Element<'a>(&'a str, &'a str);

impl<'a> Element<'a> {
    fn all(svg: &'a str, name: &str) -> Vec<Element<'a>> {
        let parts = svg.split('<').filter_map(|part| part.strip_prefix(name));
        let parts = parts.filter_map(|part| part.split_once('>'));
        parts
            .map(|(said, text)| Element(said, text.trim()))
            .collect()
    }

    #[track_caller]
    fn get(&self, attribute: &str) -> &'a str {
        let (_, rest) = self
            .0
            .split_once(&format!(" {attribute}=\""))
            .expect(attribute);
        rest.split('"').next().expect("a value")
    }
}

#[track_caller]
fn chart_shows(program: &Program, file: &str, rows: &[Row]) {
    let svg = fs::read_to_string(program.file(file)).expect("the chart");
    let texts = Element::all(&svg, "text");
    let said: Vec<&str> = texts.iter().map(|text| text.1).collect();
    // Axes with units, a name for each line, and each size below its points.
    for words in [
        "clients",
        "ms per request",
        "one thread a client",
        "one task a client",
    ] {
        assert_eq!(
            said.iter().filter(|&&text| text == words).count(),
            1,
            "{words}: {said:?}"
        );
    }
    for row in rows {
        assert!(said.contains(&row.clients.to_string().as_str()), "{said:?}");
    }

    // Where two values of the upward axis are, and so any value.
    let ticks: Vec<(f64, f64)> = texts
        .iter()
        .filter(|text| text.get("text-anchor") == "end")
        .map(|text| (number(text.1), number(text.get("y"))))
        .collect();
    let (low, high) = (ticks[0], ticks[ticks.len() - 1]);
    let up = |value: f64| low.1 + (value - low.0) * (high.1 - low.1) / (high.0 - low.0);

    for (line, colour) in ["#BE461E", "#145AAA"].iter().enumerate() {
        let of_it = |element: &&Element| element.get("fill") == *colour;
        let values: Vec<&str> = texts.iter().filter(of_it).map(|text| text.1).collect();
        let table: Vec<&str> = rows.iter().map(|row| row.ms[line].as_str()).collect();
        assert_eq!(values, table);

        let circles = Element::all(&svg, "circle");
        let points: Vec<&Element> = circles.iter().filter(of_it).collect();
        assert_eq!(points.len(), rows.len());
        for (point, value) in points.iter().zip(table) {
            let off = number(point.get("cy")) - up(number(value));
            assert!(off.abs() <= 1.5, "{value} is drawn {off} pixels off");
        }
        let across: Vec<f64> = points.iter().map(|point| number(point.get("cx"))).collect();
        assert!(
            across.is_sorted_by(|left, right| left < right),
            "{across:?}"
        );
    }
}

#[test]
fn the_chart_shows_what_the_table_says() {
    compared("16,64", 2, &[16, 64]);
    compared("200,24,100,24", 3, &[24, 100, 200]);
    compared("40", 1, &[40]);
}

#[test]
fn each_client_asks_the_service_that_is_named_in_both_ways() {
    for (clients, requests, sum) in [("4,10", 2, 14), ("7", 3, 7)] {
        let service = program!("randint_server");
        let mut serving = serving(&service, &["--pause-ms", "1"]);
        let program = program!("randint_clients");
        let many = requests.to_string();
        let out = program
            .run(&[
                "--clients",
                clients,
                "--requests",
                &many,
                "--server",
                &serving.place,
                "--svg",
                "other.svg",
            ])
            .ok();
        assert!(
            out.contains(&format!("requests to {}", serving.place)),
            "{out}"
        );
        assert!(out.ends_with("chart: other.svg\n"), "{out}");
        chart_shows(&program, "other.svg", &table(&out));
        serving.line();
        serving.interrupt();
        let line = serving.last_line();
        assert_eq!(
            line,
            format!("interrupted; requests answered: {}", 2 * sum * requests)
        );
    }
}

#[test]
fn an_answer_to_another_client_is_refused() {
    let (listener, addr) = taken();
    let liar = thread::spawn(move || {
        let (client, _) = listener.accept().expect("a client");
        let mut client = BufReader::new(client);
        client.read_line(&mut String::new()).expect("a request");
        client.get_mut().write_all(b"10\n").expect("it is answered");
    });
    let line = program!("randint_clients")
        .run(&["--clients", "1", "--server", &addr.to_string()])
        .error(1);
    assert_eq!(
        line,
        format!("Error: {addr}: \"10\" is no answer to \"randint 0 9\"\n")
    );
    liar.join().unwrap();
}

#[test]
fn a_service_that_never_answers_is_one_line() {
    let (_listener, addr) = taken();
    let line = program!("randint_clients")
        .run(&["--clients", "7", "--server", &addr.to_string()])
        .error(1);
    assert_eq!(line, format!("Error: {addr}: no answer within 3 s\n"));
}

#[test]
fn an_answer_that_never_ends_is_one_line() {
    let (listener, addr) = taken();
    let chatterbox = thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        while client.write_all(&[b'1'; 10_000]).is_ok() {}
    });
    let line = program!("randint_clients")
        .run(&["--clients", "1", "--server", &addr.to_string()])
        .error(1);
    let said = "1".repeat(100);
    assert_eq!(
        line,
        format!("Error: {addr}: {said:?} is no answer to \"randint 0 9\"\n")
    );
    chatterbox.join().unwrap();
}

#[test]
fn a_service_that_is_not_there_is_one_line() {
    let (listener, addr) = taken();
    drop(listener);
    for clients in ["1", "30"] {
        let line = program!("randint_clients")
            .run(&["--clients", clients, "--server", &addr.to_string()])
            .error(1);
        assert!(
            line.starts_with(&format!("Error: {addr}: Connection refused")),
            "{line}"
        );
    }
}

#[test]
fn a_chart_that_cannot_be_saved_is_one_line() {
    for (svg, said) in [
        ("nowhere/chart.svg", "nowhere/chart.svg: No such file"),
        ("no\nwhere/chart.svg", "no where/chart.svg: No such file"),
        (".", ".: Is a directory"),
    ] {
        let line = program!("randint_clients")
            .run(&["--clients", "1", "--requests", "1", "--svg", svg])
            .error(1);
        assert!(line.starts_with(&format!("Error: {said}")), "{line}");
    }
}

#[test]
fn more_files_are_asked_for_where_there_are_more_and_too_few_are_one_line() {
    let program = program!("randint_clients");
    for clients in [30, 45] {
        let many = clients.to_string();
        let args = ["--clients", many.as_str(), "--requests", "1"];
        let mut soft = with_files(program.command(&args), "ulimit -Sn 40");
        let out = program.end(soft.spawn().expect("it starts")).ok();
        sizes_are(&table(&out), &[clients]);

        let mut hard = with_files(program.command(&args), "ulimit -n 80");
        let line = program.end(hard.spawn().expect("it starts")).error(1);
        // Both ends of each connection, and 64 others.
        let needed = 2 * clients + 64;
        let said = format!(
            "Error: open files: {needed} are needed, and the system allows 80 (see ulimit -Hn)\n"
        );
        assert_eq!(line, said);
    }
}

#[test]
fn a_wrong_argument_is_one_line() {
    let program = program!("randint_clients");
    program.refuses("--clients", &["0", "10001", "x"]);
    program.refuses("--requests", &["0", "1001"]);
    program.refuses("--server", &["nowhere"]);
    for wrong in ["", "1,,2", "1,"] {
        let line = program.run(&["--clients", wrong]).error(2);
        assert!(line.starts_with("error: "), "{line}");
    }
}
