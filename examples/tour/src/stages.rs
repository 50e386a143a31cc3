//! Three steps that wait, each with the result of the one before, in three styles.
//!
//! All three print the same lines at the same times.

use std::time::Duration;

use tokio::time::sleep;

use crate::event_loop::EventLoop;

/// Says that a step is done, and of what, which is its result.
fn done(step: &str, of: &str) -> String {
    let result = format!("{step}({of})");
    println!("  {result}");
    result
}

/// The steps as nested callbacks: each is written inside the one before.
///
/// A step that can fail has to be looked after at every level, and a loop around
/// steps can't be written as a loop.
pub fn nested(event_loop: &mut EventLoop, pause: Duration) {
    event_loop.call_later(pause, move |event_loop| {
        let page = done("fetch", "page");
        event_loop.call_later(pause, move |event_loop| {
            let text = done("parse", &page);
            event_loop.call_later(pause, move |_| {
                done("save", &text);
            });
        });
    });
}

/// The steps as functions, of which each has the next one called.
///
/// The text no longer moves to the right. Its order is now said by the names, and
/// what a later step needs is handed through all that come before.
pub fn staged(event_loop: &mut EventLoop, pause: Duration) {
    fetch(event_loop, pause);
}

fn fetch(event_loop: &mut EventLoop, pause: Duration) {
    event_loop.call_later(pause, move |event_loop| {
        parse(event_loop, pause, done("fetch", "page"));
    });
}

fn parse(event_loop: &mut EventLoop, pause: Duration, page: String) {
    event_loop.call_later(pause, move |event_loop| {
        save(event_loop, pause, done("parse", &page));
    });
}

fn save(event_loop: &mut EventLoop, pause: Duration, text: String) {
    event_loop.call_later(pause, move |_| {
        done("save", &text);
    });
}

/// The steps one after another.
///
/// Variables live from one to the next, `?` ends all of them at the first error,
/// and a loop is a loop.
///
/// # Cancel safety
///
/// *Not cancel safe*: the steps that are done stay done, the others never begin.
pub async fn in_a_row(pause: Duration) {
    sleep(pause).await;
    let page = done("fetch", "page");
    sleep(pause).await;
    let text = done("parse", &page);
    sleep(pause).await;
    done("save", &text);
}
