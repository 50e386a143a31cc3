//! cargo run -p tour --bin contexts
//!
//! What is entered must be left, however that happens. Messages are sent inside a
//! context: when all goes well they are sent together on the way out, and after an
//! error nothing is sent. Python has `async with` for this, which awaits `__aexit__`.
//! Rust's way out is `Drop`, which can't await. So the good way out is a call,
//! `commit`; and a guard that is dropped without it hands the undoing to its owner,
//! here the thread of the database.

use std::future::{pending, ready};

use aio_sqlite::{Database, Session, Transaction};
use tokio::sync::Notify;
use tour::{Failure, args};

/// Sends messages in contexts of several styles, which end well, or don't
#[derive(Debug, clap::Parser)]
struct Args {
    /// How many messages each context sends
    #[arg(long, default_value = "3", value_parser = clap::value_parser!(u32).range(1..=1000))]
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

    for (messages, those) in [(&good, "messages"), (&bad, "messages, the last one empty")] {
        println!("{} {those}", messages.len());
        say("by hand", &db, by_hand(&db, messages).await).await?;
        say("inside `with`", &db, scoped(&db, messages).await).await?;
        let own = in_context(&db, messages, ready(()));
        say("in a type of our own", &db, own.await).await?;
        nested(messages).await?;
    }
    println!("{messages} messages, cancelled when all are in");
    let cancelled = cancelled(&db, &good).await;
    say("in a type of our own", &db, cancelled).await?;
    Ok(db.close().await?)
}

async fn say(how: &str, db: &Database, sent: Result<usize, Failure>) -> Result<(), Failure> {
    let rows: i64 = db.query_as("SELECT count(*) FROM sent", ()).one().await?;
    match sent {
        Ok(sent) => println!("  {how}: {sent} rows sent, {rows} in the table"),
        Err(error) => println!("  {how}: nothing sent, {rows} in the table ({error:?})"),
    }
    Ok(())
}

/// Sends messages in whatever is open: a transaction, or a savepoint of one.
async fn send_all(session: &Session, messages: &[String]) -> Result<usize, Failure> {
    for (n, body) in (1..).zip(messages) {
        if body.is_empty() {
            return Err(Failure::of(format!("message {n}"), "it is empty"));
        }
        let sql = "INSERT INTO sent VALUES (?1)";
        session.execute(sql, [body.as_str()]).await?;
    }
    Ok(messages.len())
}

/// The good way out is written down; `?` is the other, since it drops the guard.
async fn by_hand(db: &Database, messages: &[String]) -> Result<usize, Failure> {
    let transaction = db.begin().await?;
    let sent = send_all(&transaction, messages).await?;
    transaction.commit().await?;
    Ok(sent)
}

/// The closest to `async with`: what the body returns chooses the way out.
async fn scoped(db: &Database, messages: &[String]) -> Result<usize, Failure> {
    db.begin()
        .with(async |transaction| send_all(transaction, messages).await)
        .await
}

/// What is done reads as itself, and how it is done is in the type below.
async fn in_context(
    db: &Database,
    messages: &[String],
    meanwhile: impl Future<Output = ()>,
) -> Result<usize, Failure> {
    let mut context = MessageContext::enter(db).await?;
    context.send(messages).await?;
    meanwhile.await;
    context.commit().await
}

/// Where Python throws `CancelledError` into a body, Rust drops it where it waits.
async fn cancelled(db: &Database, messages: &[String]) -> Result<usize, Failure> {
    let all_are_in = Notify::new();
    let waits = async { (all_are_in.notify_one(), pending().await).1 };
    tokio::select! {
        sent = in_context(db, messages, waits) => sent,
        () = all_are_in.notified() => Err(Failure::of("cancelled", "it never came to its commit")),
    }
}

/// An open transaction, and how much was sent in it.
struct MessageContext {
    transaction: Option<Transaction>,
    sent: usize,
}

impl MessageContext {
    async fn enter(db: &Database) -> Result<MessageContext, Failure> {
        let transaction = Some(db.begin().await?);
        Ok(MessageContext {
            transaction,
            sent: 0,
        })
    }

    async fn send(&mut self, messages: &[String]) -> Result<(), Failure> {
        if let Some(transaction) = &self.transaction {
            self.sent += send_all(transaction, messages).await?;
        }
        Ok(())
    }

    /// Takes the context itself: nobody can send in it afterwards.
    async fn commit(mut self) -> Result<usize, Failure> {
        if let Some(transaction) = self.transaction.take() {
            transaction.commit().await?;
        }
        Ok(self.sent)
    }
}

impl Drop for MessageContext {
    fn drop(&mut self) {
        if self.transaction.is_some() {
            println!("  (left without a commit: what was sent is taken back)");
        }
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
