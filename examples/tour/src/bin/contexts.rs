//! cargo run -p tour --bin contexts
//!
//! What is entered must be left, however that happens. Messages are sent inside a
//! context: when all goes well they are sent together on the way out, and after an
//! error nothing is sent. Python has `async with` for this, which awaits `__aexit__`.
//! Rust's way out is `Drop`, which can't await. So the good way out is a call,
//! `commit`; and a guard that is dropped without it hands the undoing to its owner,
//! here the thread of the database.

use std::future::pending;

use aio_sqlite::Database;
use tokio::sync::Notify;
use tour::message_context::{MessageContext, send};
use tour::{Failure, args};

/// Sends messages in contexts of several styles, which end well, or don't
#[derive(Debug, clap::Parser)]
struct Args {
    /// How many messages each context sends
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    messages: u32,
}

const TABLE: &str = "CREATE TABLE sent(body TEXT)";

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let Args { messages } = args::read();
    let good: Vec<String> = (1..=messages).map(|n| format!("message {n}")).collect();
    let bad = [good.as_slice(), &[String::new()]].concat();
    let db = aio_sqlite::open(":memory:").await?;
    db.execute(TABLE, ()).await?;

    for (messages, and) in [(&good, ""), (&bad, ", the last one empty")] {
        println!("messages ({}{and}):", messages.len());
        say("by hand", &db, by_hand(&db, messages).await).await?;
        say("inside `with`", &db, scoped(&db, messages).await).await?;
        say(
            "in a context of our own",
            &db,
            in_context(&db, messages).await,
        )
        .await?;
        nested(messages).await?;
        println!();
    }
    println!("messages ({messages}, cancelled when all are in):");
    say("in a context of our own", &db, cancelled(&db, &good).await).await?;
    Ok(db.close().await?)
}

async fn say(how: &str, db: &Database, sent: Result<usize, Failure>) -> Result<(), Failure> {
    let rows: i64 = db.query_as("SELECT count(*) FROM sent", ()).one().await?;
    match sent {
        Ok(sent) => println!("  {how:25}  rows sent: {sent}, now in the table: {rows}"),
        Err(error) => println!("  {how:25}  nothing sent, still in the table: {rows} ({error:?})"),
    }
    Ok(())
}

/// The good way out is written down; `?` is the other, since it drops the guard.
async fn by_hand(db: &Database, messages: &[String]) -> Result<usize, Failure> {
    let transaction = db.begin().await?;
    for message in messages {
        send(&transaction, message).await?;
    }
    transaction.commit().await?;
    Ok(messages.len())
}

/// The closest to `async with`: what the body returns chooses the way out.
async fn scoped(db: &Database, messages: &[String]) -> Result<usize, Failure> {
    db.begin()
        .with(async |transaction| {
            for message in messages {
                send(transaction, message).await?;
            }
            Ok(messages.len())
        })
        .await
}

/// What is done reads as itself; how it is done is in `src/message_context.rs`, with the
/// `Drop` that is its way out of an error.
async fn in_context(db: &Database, messages: &[String]) -> Result<usize, Failure> {
    let mut context = MessageContext::enter(db).await?;
    for message in messages {
        context.send(message).await?;
    }
    context.commit().await
}

/// Where Python throws `CancelledError` into a body, Rust drops it where it waits.
async fn cancelled(db: &Database, messages: &[String]) -> Result<usize, Failure> {
    let all_are_in = Notify::new();
    let body = async {
        let mut context = MessageContext::enter(db).await?;
        for message in messages {
            context.send(message).await?;
        }
        all_are_in.notify_one();
        pending::<()>().await;
        context.commit().await
    };
    tokio::select! {
        sent = body => sent,
        () = all_are_in.notified() => Err(Failure::of("cancelled", "it never came to its commit")),
    }
}

/// Three contexts in each other, left from the inside out.
async fn nested(messages: &[String]) -> Result<(), Failure> {
    aio_files::temp_dir()
        .with(async |folder| {
            aio_sqlite::open(folder.path().join("messages.db"))
                .with(async |db| {
                    db.execute(TABLE, ()).await?;
                    let sent = scoped(db, messages).await;
                    say("in a database in a folder", db, sent).await
                })
                .await
        })
        .await
}
