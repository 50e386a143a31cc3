//! Locks, semaphores, events, conditions and queues.

use std::time::Instant;

use crate::program::program;

/// What it prints, with `_` for each time, and the times in seconds.
fn masked(out: &str) -> (String, Vec<f64>) {
    let mut times = Vec::new();
    let mut text = String::new();
    for line in out.lines() {
        match line
            .strip_suffix(" s")
            .and_then(|line| line.rsplit_once(' '))
        {
            Some((before, time)) => {
                times.push(time.parse().expect("a time in seconds"));
                text += before;
                text += " _ s";
            }
            None => text += line,
        }
        text += "\n";
    }
    (text, times)
}

#[track_caller]
fn check(args: &[&str], requests: u16, limit: u16) {
    let start = Instant::now();
    let (text, times) = masked(&program!("sync").run(args).ok());
    let took = start.elapsed().as_secs_f64();
    let sum: u16 = (0..requests).sum();
    let most = limit.min(requests);
    let takers = requests / limit;
    let (taken, left) = (takers * limit, requests % limit);
    let gather = format!("gather(…).limit({limit})");
    assert_eq!(
        text,
        format!(
            "\
Lock ({requests} tasks each read a number, wait, and write it back plus 1):
  without a lock       1
  tokio's Mutex        {requests}
  std's Mutex          {requests} (nobody waits while it is locked)

Semaphore ({requests} requests of 10 ms, of which {limit} may run at once):
  all at once          sum of ids {sum}, at most {requests} at once, _ s
  Semaphore            sum of ids {sum}, at most {most} at once, _ s
  {gather:20} sum of ids {sum}, at most {most} at once, _ s

Event ({limit} tasks wait until it is set, and one comes late):
  watch::channel       {limit} go on, the late one too: it stays set
  Notify               {limit} go on, the late one not: it wakes only those who wait

Condition ({requests} items come one by one, and {takers} tasks each want {limit} at once):
  Mutex and Notify     {taken} taken, {left} left

Queue ({requests} items go through {limit} places):
  mpsc::channel        sum {sum}, at most {most} were waiting
"
        )
    );
    // So many rounds of 10 ms each, and no more at once.
    let rounds = f64::from(requests.div_ceil(limit));
    let least = [0.01, rounds * 0.01, rounds * 0.01];
    assert_eq!(times.len(), least.len());
    for (time, least) in times.iter().zip(least) {
        assert!(*time > least - 0.001, "{times:?}, at least {least}");
    }
    // Each is rounded to hundredths, and all of them are in the run.
    let sum: f64 = times.iter().sum();
    assert!(sum <= took + 0.016, "{times:?} in {took} s");
}

#[test]
fn twenty_requests_three_at_a_time_give_190() {
    check(&[], 20, 3);
}

#[test]
fn the_figures_follow_the_requests_and_the_limit() {
    check(&["--requests", "7", "--limit", "2"], 7, 2);
    check(&["--requests", "12", "--limit", "1"], 12, 1);
    check(&["--requests", "30", "--limit", "10"], 30, 10);
}

#[test]
fn more_places_than_requests_are_no_limit() {
    check(&["--requests", "2", "--limit", "5"], 2, 5);
    check(&["--requests", "1", "--limit", "1"], 1, 1);
}

#[test]
fn a_thousand_of_each_end_too() {
    let out = program!("sync")
        .run(&["--requests", "1000", "--limit", "1000"])
        .ok();
    assert!(
        out.contains("sum of ids 499500, at most 1000 at once"),
        "{out}"
    );
    assert!(out.contains("1000 go on, the late one not"), "{out}");
}

#[test]
fn no_requests_no_room_and_too_many_are_refused() {
    let program = program!("sync");
    for option in ["--requests", "--limit"] {
        program.refuses(option, &["0", "1001", "many"]);
    }
    let line = program.run(&["--limit", "-1"]).error(2);
    assert!(
        line.starts_with("error: unexpected argument '-1'"),
        "{line}"
    );
    let line = program.run(&["--limit", "1", "--limit", "2"]).error(2);
    assert!(line.contains("cannot be used multiple times"), "{line}");
}
