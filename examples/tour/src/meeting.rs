//! How tasks meet: asyncio's Event, Condition and Queue, made of what tokio has.

use std::sync::Mutex;
use std::time::Duration;

use aio_itertools::{gather, try_gather, wait_for};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::yield_now;

use crate::Failure;

/// Shows an event, for which so many tasks wait: once it is set, it stays set.
///
/// `watch` is the channel that remembers its last value, so a `watch` of a `bool` is
/// asyncio's Event. `notify_waiters` of a `Notify` wakes those who wait and keeps
/// nothing for later: a latecomer would wait for ever.
///
/// # Errors
///
/// None is possible: no end of a channel is lost while it is used, and nobody panics.
///
/// # Cancel safety
///
/// *Cancel safe*: all that it uses is its own.
pub async fn event(tasks: u16) -> Result<(), Failure> {
    println!("\nEvent ({tasks} tasks wait until it is set, and one comes late):");
    let (event, watcher) = watch::channel(false);
    let is_set = |mut watcher: watch::Receiver<bool>| async move {
        watcher.wait_for(|set| *set).await?;
        Ok::<_, Failure>(())
    };
    let waiting = try_gather((0..tasks).map(|_| is_set(watcher.clone())));
    let set = async { Ok(event.send_replace(true)) };
    let (woken, _) = tokio::try_join!(waiting.into_future(), set)?;
    is_set(watcher).await?;
    println!(
        "  watch::channel       {} go on, the late one too: it stays set",
        woken.len()
    );

    let event = Notify::new();
    // Made before it is set: `notify_waiters` wakes all that exist by then, polled or not.
    // A gather makes its futures as it begins them, too late for some of very many.
    let waiting: Vec<_> = (0..tasks).map(|_| event.notified()).collect();
    let set = async { event.notify_waiters() };
    let (woken, ()) = tokio::join!(gather(waiting).into_future(), set);
    let late = wait_for(event.notified(), Duration::from_millis(10)).await;
    let late = if late.is_ok() {
        "too"
    } else {
        "not: it wakes only those who wait"
    };
    println!(
        "  Notify               {} go on, the late one {late}",
        woken.len()
    );
    Ok(())
}

/// Shows a condition: so many items come, and tasks that each want some at once.
///
/// asyncio's Condition is a lock and a queue of those who wait for a change, and so it
/// is here. Whoever only looks and takes nothing away has it easier: `wait_for` of a
/// `watch::Receiver` is both.
///
/// # Errors
///
/// None is possible: no end of a channel is lost while it is used, and nobody panics.
///
/// # Cancel safety
///
/// *Cancel safe*: all that it uses is its own.
pub async fn condition(items: u16, at_once: u16) -> Result<(), Failure> {
    let takers = items / at_once;
    println!(
        "\nCondition ({items} items come one by one, and {takers} tasks each want {at_once} at once):"
    );
    let (shelf, changed) = (Mutex::new(0), Notify::new());
    let takes = async || loop {
        let change = changed.notified(); // before one looks: no change is missed
        {
            let mut shelf = shelf.lock()?;
            if *shelf >= at_once {
                *shelf -= at_once;
                return Ok::<_, Failure>(at_once);
            }
        }
        change.await;
    };
    let brings = async {
        for _ in 0..items {
            *shelf.lock()? += 1;
            changed.notify_waiters();
            yield_now().await;
        }
        Ok(())
    };
    let taking = try_gather((0..takers).map(|_| takes()));
    let (taken, ()) = tokio::try_join!(taking.into_future(), brings)?;
    let (taken, left) = (taken.iter().sum::<u16>(), *shelf.lock()?);
    println!("  Mutex and Notify     {taken} taken, {left} left");
    Ok(())
}

/// Shows a queue with so few places that whoever puts in has to wait for whoever takes out.
///
/// There is no `task_done` and no `join` in tokio: a queue ends when all that put in
/// have dropped their end, and what took out returns then.
///
/// # Errors
///
/// None is possible: no end of a channel is lost while it is used, and nobody panics.
///
/// # Cancel safety
///
/// *Cancel safe*: all that it uses is its own.
pub async fn queue(items: u16, places: u16) -> Result<(), Failure> {
    println!("\nQueue ({items} items go through {places} places):");
    let (put, mut queue) = mpsc::channel(places.into());
    let puts = async move {
        let mut most = 0;
        for item in 0..items {
            put.send(item).await?; // waits while it is full
            most = most.max(put.max_capacity() - put.capacity());
        }
        Ok::<_, Failure>(most) // and `put` is dropped: no more will come
    };
    let gets = async {
        let mut sum = 0;
        while let Some(item) = queue.recv().await {
            sum += u32::from(item);
        }
        Ok(sum) // where `queue.join()` would return
    };
    let (most, sum) = tokio::try_join!(puts, gets)?;
    println!("  mpsc::channel        sum {sum}, at most {most} were waiting");
    Ok(())
}
