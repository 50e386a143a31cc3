//! A context of our own, with a way in, a good way out, and another one.

use aio_sqlite::{Database, Session, Transaction};

use crate::Failure;

/// Sends a message, which is a row of the table `sent`, in what is open: a
/// transaction or a part of one.
///
/// # Errors
///
/// When it is empty, and when the database doesn't take it.
///
/// # Cancel safety
///
/// *Runs on*: it may have been sent all the same.
pub async fn send(session: &Session, body: &str) -> Result<(), Failure> {
    if body.is_empty() {
        return Err(Failure::of("a message", "it is empty"));
    }
    session
        .execute("INSERT INTO sent VALUES (?1)", [body])
        .await?;
    Ok(())
}

/// A context in which messages are sent: all of them when it is left by
/// [`commit`](MessageContext::commit), and none when it is dropped before.
///
/// ```
/// use tour::message_context::MessageContext;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tour::Failure> {
/// let db = aio_sqlite::open(":memory:").await?;
/// db.execute("CREATE TABLE sent(body)", ()).await?;
///
/// let mut context = MessageContext::enter(&db).await?;
/// context.send("Are you there?").await?;
/// drop(context);
/// let mut context = MessageContext::enter(&db).await?;
/// context.send("I am.").await?;
/// assert_eq!(context.commit().await?, 1);
///
/// let bodies: Vec<String> = db.query_as("SELECT body FROM sent", ()).await?;
/// assert_eq!(bodies, ["I am."]);
/// # Ok(())
/// # }
/// ```
#[must_use = "what is sent in a context that is dropped is taken back"]
#[derive(Debug)]
pub struct MessageContext {
    /// None once it is committed.
    transaction: Option<Transaction>,
    sent: usize,
}

impl MessageContext {
    /// Begins: what is sent from now on is sent together.
    ///
    /// # Errors
    ///
    /// When the database begins no transaction.
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: no transaction stays open.
    pub async fn enter(db: &Database) -> Result<MessageContext, Failure> {
        Ok(MessageContext {
            transaction: Some(db.begin().await?),
            sent: 0,
        })
    }

    /// Sends a message in this context.
    ///
    /// # Errors
    ///
    /// Those of [`send`](fn@send).
    ///
    /// # Cancel safety
    ///
    /// *Runs on*: it may have been sent all the same, though it isn't counted. Who
    /// doesn't want that drops the context.
    pub async fn send(&mut self, body: &str) -> Result<(), Failure> {
        if let Some(transaction) = &self.transaction {
            send(transaction, body).await?;
            self.sent += 1;
        }
        Ok(())
    }

    /// Sends for good all that was sent, and returns how many messages that are.
    ///
    /// It takes the context itself, so that nobody can send in it afterwards.
    ///
    /// # Errors
    ///
    /// When the database doesn't commit.
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*, unless the commit had begun: all is sent or nothing.
    pub async fn commit(mut self) -> Result<usize, Failure> {
        if let Some(transaction) = self.transaction.take() {
            transaction.commit().await?;
        }
        Ok(self.sent)
    }
}

/// This is the other way out, of an error, a panic or a cancellation. It can't await
/// anything and needn't: the transaction, which is dropped after it, tells the thread
/// of the database to roll it back.
impl Drop for MessageContext {
    fn drop(&mut self) {
        if self.transaction.is_some() {
            println!("  (left without a commit: what was sent is taken back)");
        }
    }
}
