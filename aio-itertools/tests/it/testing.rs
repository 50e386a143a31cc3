//! Marble strings and timelines.

use std::future::{IntoFuture, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use aio_itertools::testing::{
    Failure, Marbles, TICK, marbles, timeline, try_marbles, try_timeline,
};
use aio_itertools::{FusedStream, Stream, iter, next, prelude::*};
use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_oneof};
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::StreamExt as _;

use crate::panics::panic_text;
use crate::paused::on_paused_clock;
use crate::random;
use crate::scripted::{Beat, Hint, Ledger, Script};

#[tokio::test(start_paused = true)]
async fn marbles_come_at_their_instants() {
    let start = Instant::now();
    let mut letters = marbles(" a--b (cd)-- ").tick(Duration::from_secs(3600));
    for (letter, hours) in [('a', 0), ('b', 2), ('c', 2), ('d', 2)] {
        assert_eq!(letters.next().await, Some(letter));
        assert_eq!(start.elapsed(), Duration::from_secs(3600 * hours));
    }
    // No end: it waits for ever.
    timeout(Duration::from_secs(1_000_000), letters.next())
        .await
        .unwrap_err();
    assert!(!letters.is_terminated());
    assert_eq!(letters.size_hint(), (0, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn a_late_reader_gets_what_is_due_at_once() {
    let mut letters = marbles("a-b-c--d|");
    assert_eq!(letters.next().await, Some('a'));
    // not a wait: the paused clock is moved
    sleep(3 * TICK).await;
    let start = Instant::now();
    assert_eq!(letters.next().await, Some('b'));
    assert_eq!(letters.next().await, Some('c'));
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(letters.size_hint(), (1, Some(1)));
    assert_eq!(letters.next().await, Some('d'));
    assert_eq!(start.elapsed(), TICK);
    assert!(!letters.is_terminated());
    for _ in 0..2 {
        assert_eq!(letters.next().await, None);
        assert!(letters.is_terminated());
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_is_an_item_of_its_own() {
    let mut letters = try_marbles("a#-b|");
    assert_eq!(letters.next().await, Some(Ok('a')));
    assert_eq!(letters.next().await, Some(Err(Failure)));
    assert_eq!(letters.next().await, Some(Ok('b')));
    assert_eq!(letters.next().await, None);
    assert_eq!(Failure.to_string(), "a `#` among the marbles");
    assert_eq!(try_timeline(try_marbles("-#(a#)|")).await, "-(#a#)|");
}

/// Takes a stream with a fresh `next` for every poll.
async fn cut_at_every_poll(mut letters: Marbles) -> (String, usize) {
    let (mut kept, mut cuts) = (String::new(), 0);
    loop {
        drop(letters.next());
        cuts += 1;
        tokio::select! {
            biased;
            item = letters.next() => match item {
                Some(letter) => kept.push(letter),
                None => return (kept, cuts),
            },
            // not a wait: the paused clock is moved
            () = sleep(TICK / 2) => cuts += 1,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cut_marbles_next_at_every_poll() {
    let (kept, cuts) = cut_at_every_poll(marbles("a--b(cd)---e-|")).await;
    assert_eq!(kept, "abcde");
    println!("cuts={cuts}");
}

#[tokio::test(start_paused = true)]
async fn cut_try_marbles_next_at_every_poll() {
    let mut letters = try_marbles("a--#(cd)---e-|");
    let (mut kept, mut cuts) = (Vec::new(), 0);
    loop {
        drop(letters.next());
        match timeout(TICK / 2, letters.next()).await {
            Ok(Some(item)) => kept.push(item.unwrap_or('#')),
            Ok(None) => break,
            Err(_) => cuts += 2,
        }
    }
    assert_eq!(kept, ['a', '#', 'c', 'd', 'e']);
    println!("cuts={cuts}");
}

#[tokio::test(start_paused = true)]
async fn a_timeline_shows_what_an_adaptor_does() {
    // A batch is given with its last item, and the short one with the end.
    let batches = marbles("a-(bc)--d---|").batched(2);
    let words = batches.map(|batch| batch.into_iter().collect::<String>());
    assert_eq!(timeline(words).await, "-[ab]--[cd]---|");

    let calm = tokio_stream::StreamExt::throttle(marbles("(abc)|"), 2 * TICK);
    assert_eq!(timeline(calm).await, "a--b--c--|");
    assert_eq!(timeline(iter([1, 2])).await, "(12)|");
    assert_eq!(timeline(iter(["-", "|", "", "é"])).await, "([-][|][]é)|");
    assert_eq!(timeline(marbles("")).until(0).await, "");
    assert_eq!(timeline(marbles("|")).await, "|");
}

#[tokio::test(start_paused = true)]
async fn a_timeline_may_stop_before_the_end() {
    for (text, until, drawn) in [
        ("a--b---c", 3, "a--b-"),
        ("a--b---c", 2, "a--"),
        ("a--b|", 2, "a--"),
        ("a--b|", 3, "a--b|"),
        ("a--b", 6, "a--b----"),
        ("---", 2, "--"),
    ] {
        let start = Instant::now();
        assert_eq!(timeline(marbles(text)).until(until).await, drawn);
        assert!(start.elapsed() <= TICK * until);
    }
    // The clock may be paused at any time, and between two of its milliseconds.
    assert_eq!(timeline(marbles("a-b-c")).until(3).await, "a-b-c-");
}

#[test]
fn a_clock_that_is_paused_between_two_milliseconds_is_good_enough() {
    // At which part of a millisecond it stops is up to the machine.
    for _ in 0..20 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            tokio::time::pause();
            for tick in [2, 10] {
                let tick = Duration::from_millis(tick);
                let letters = marbles("a-b--(cd)-|").tick(tick);
                assert_eq!(timeline(letters).tick(tick).await, "a-b--(cd)-|");
            }
        });
    }
}

#[test]
fn a_clock_that_runs_is_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let running = "tokio's clock paused: write #[tokio::test(start_paused = true)]";
    let marble = panic_text(|| runtime.block_on(async { marbles("a|").next().await }));
    assert!(marble.contains(running), "{marble}");
    let drawn = panic_text(|| runtime.block_on(async { timeline(iter([1])).await }));
    assert!(drawn.contains(running), "{drawn}");
    // A clock that was paused and goes on again runs, too.
    let resumed = panic_text(|| {
        on_paused_clock(async {
            tokio::time::resume();
            timeline(iter([1])).await
        })
    });
    assert!(resumed.contains(running), "{resumed}");
    // Without a runtime as well.
    let nowhere =
        panic_text(|| futures_lite::future::block_on(async { marbles("a|").next().await }));
    assert!(nowhere.contains(running), "{nowhere}");
}

#[tokio::test(start_paused = true)]
async fn what_falls_between_two_ticks_is_refused() {
    let half = marbles("a-b|").tick(TICK / 2);
    let drawn = AssertUnwindSafe(pin!(async { timeline(half).await }));
    let panic = futures_util::FutureExt::catch_unwind(drawn).await;
    let panic = panic.unwrap_err();
    assert_eq!(
        panic.downcast_ref::<String>().unwrap(),
        "something comes after 5ms, between two ticks of 10ms: a smaller tick can show it; \
         #[tokio::test(start_paused = true)] keeps the clock at whole milliseconds"
    );
}

#[test]
fn a_wrong_string_is_refused_with_its_column() {
    for (text, column, character, why) in [
        ("a-!", 3, '!', "it is no mark"),
        ("é-é~", 4, '~', "it is no mark"),
        ("a|-", 3, '-', "nothing comes after the end"),
        ("a| |", 4, '|', "nothing comes after the end"),
        ("(a-b)", 3, '-', "an instant holds items alone"),
        ("(a|)", 3, '|', "an instant holds items alone"),
        ("(a(b))", 3, '(', "an instant is open already"),
        ("-a)", 3, ')', "no `(` is open"),
        ("-( )", 4, ')', "the instant holds no item"),
        ("-(ab", 2, '(', "it is never closed"),
    ] {
        let expected =
            format!("the marbles {text:?} are wrong at column {column}, `{character}`: {why}");
        for said in [
            panic_text(|| marbles(text)),
            panic_text(|| try_marbles(text)),
        ] {
            assert!(said.starts_with(&expected), "{said}");
        }
    }
    assert_eq!(
        panic_text(|| marbles("a-#")),
        "the marbles \"a-#\" are wrong at column 3, `#`: an error needs `try_marbles`"
    );
}

#[test]
fn the_panic_is_at_the_callers_line() {
    std::thread::scope(|scope| {
        let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let hook = std::panic::take_hook();
        let lines = std::sync::Arc::clone(&told);
        std::panic::set_hook(Box::new(move |info| {
            let at = info.location().map(|at| at.file().to_owned());
            lines.lock().unwrap().push(at);
        }));
        for wrong in [
            || drop(marbles("!")),
            || drop(try_marbles("!")),
            || drop(marbles("#")),
            || drop(marbles("").tick(Duration::ZERO)),
            || drop(timeline(iter([1])).tick(Duration::from_nanos(1))),
        ] {
            scope.spawn(wrong).join().unwrap_err();
        }
        std::panic::set_hook(hook);
        let told = told.lock().unwrap();
        let here = told.iter().flatten().filter(|file| *file == file!());
        assert!(here.count() >= 5, "{told:?}");
    });
}

/// A marble string as a timeline draws it.
fn normal(text: &str) -> String {
    let mut normal = String::new();
    let marks: String = text.chars().filter(|c| !" ()".contains(*c)).collect();
    for (ticks, instant) in marks.split('-').enumerate() {
        if ticks > 0 {
            normal.push('-');
        }
        let items = instant.trim_end_matches('|');
        match items.chars().count() {
            0 | 1 => normal.push_str(items),
            _ => normal.extend(["(", items, ")"]),
        }
        normal.push_str(&instant[items.len()..]);
    }
    normal
}

#[test]
fn a_timeline_of_marbles_is_their_string() {
    let mark = prop_oneof![
        4 => proptest::strategy::Just("-".to_owned()),
        4 => "[a-zA-Z0-9]",
        1 => proptest::strategy::Just(" ".to_owned()),
        1 => proptest::strategy::Just("#".to_owned()),
        1 => "\\([a-z#]{1,4}\\)",
    ];
    let texts = (vec(mark, 0..30), proptest::bool::ANY);
    let texts = texts.prop_map(|(marks, ends)| marks.concat() + if ends { "|" } else { "" });
    let cases = std::cell::Cell::new(0);
    random::check(512, texts, |text| {
        let normal = normal(&text);
        let ticks = normal.matches('-').count();
        let ticks = u32::try_from(ticks).unwrap();
        on_paused_clock(async {
            let drawn = match text.ends_with('|') {
                true => try_timeline(try_marbles(&text)).await,
                // One tick more, so that the last instant is drawn.
                false => try_timeline(try_marbles(&text)).until(ticks + 1).await,
            };
            let expected = match text.ends_with('|') {
                true => normal.clone(),
                false => normal.clone() + "-",
            };
            proptest::prop_assert_eq!(&drawn, &expected);
            // What is drawn says the same again.
            let again = match text.ends_with('|') {
                true => try_timeline(try_marbles(&drawn)).await,
                false => try_timeline(try_marbles(&drawn)).until(ticks + 1).await,
            };
            proptest::prop_assert_eq!(again, drawn);
            Ok(())
        })?;
        cases.set(cases.get() + 1);
        Ok(())
    })
    .unwrap();
    println!("round trips={}", cases.get());
}

#[test]
fn nothing_waits_for_real() {
    chaos::watchdog::closure("a year of marbles", || {
        on_paused_clock(async {
            let day = Duration::from_secs(24 * 3600);
            let year = "-".repeat(365) + "a|";
            let drawn = timeline(marbles(&year).tick(day)).tick(day).await;
            assert_eq!(drawn, year);
        });
    });
}

#[tokio::test(start_paused = true)]
async fn a_timeline_that_is_dropped_takes_its_stream_with_it() {
    let ledger = Ledger::new(3);
    let (source, _) = Script::new(&ledger, 3, &[Beat::Pending; 8], Hint::Exact);
    let mut drawn = Box::pin(async { timeline(source.map(|token| token.id())).await });
    timeout(TICK, &mut drawn).await.unwrap_err();
    assert_eq!(ledger.alive(), 3);
    drop(drawn);
    assert_eq!(ledger.alive(), 0);
}

/// Polls a future so often and drops it, unless it ends before.
async fn cut_after<F: IntoFuture>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future.into_future());
    let mut left = polls;
    poll_fn(|cx| {
        while left > 0 {
            left -= 1;
            match future.as_mut().poll(cx) {
                Poll::Ready(output) => return Poll::Ready(Some(output)),
                Poll::Pending if left > 0 => return Poll::Pending,
                Poll::Pending => {}
            }
        }
        Poll::Ready(None)
    })
    .await
}

#[test]
fn cut_timeline_at_every_poll() {
    let mut cuts = 0;
    loop {
        let (drawn, rest) = on_paused_clock(async {
            let mut letters = marbles("a--b(cd)---e-|");
            let drawn = cut_after(cuts, timeline(&mut letters)).await;
            let rest = letters.map(String::from);
            (drawn, rest.collect::<String>().await)
        });
        // What it has drawn is lost, and nothing else.
        let expected = ["abcde", "bcde", "e", "", ""];
        assert_eq!(rest, expected[cuts], "after {cuts} polls");
        cuts += 1;
        if let Some(drawn) = drawn {
            assert_eq!(drawn, "a--(bcd)---e-|");
            break;
        }
    }
    println!("cuts={cuts}");
}

#[test]
fn cut_try_timeline_at_every_poll() {
    let mut cuts = 0;
    loop {
        let (drawn, rest) = on_paused_clock(async {
            let mut letters = try_marbles("a--#(cd)-|");
            let drawn = cut_after(cuts, try_timeline(&mut letters)).await;
            let rest = letters.map(|item| String::from(item.unwrap_or('#')));
            (drawn, rest.collect::<String>().await)
        });
        assert!("a#cd".ends_with(&rest), "{rest} after {cuts} polls");
        cuts += 1;
        if let Some(drawn) = drawn {
            assert_eq!(drawn, "a--(#cd)-|");
            break;
        }
    }
    println!("cuts={cuts}");
}

#[tokio::test(start_paused = true)]
async fn marbles_can_be_moved_and_boxed() {
    let mut boxed: std::pin::Pin<Box<dyn Stream<Item = char> + Send>> = Box::pin(marbles("a|"));
    assert_eq!(next(&mut boxed).await, Some('a'));
}
