//! A message store on SQLite, for the terminal.

mod store;

use std::io::{BufRead, Write};

use store::{NewMessage, Store};

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let path = match (args.next().as_deref(), args.next()) {
        (Some("--db"), Some(path)) => path,
        _ => "messages.db".into(),
    };
    let store = Store::open(&path).await?;
    let mut lines = std::io::stdin().lock().lines();
    let mut answer = || lines.next().transpose().map(Option::unwrap_or_default);
    let new = NewMessage {
        sender: answer()?,
        recipient: answer()?,
        body: answer()?,
    };
    let mut out = std::io::stdout().lock();
    if !new.sender.is_empty() && !new.recipient.is_empty() && !new.body.is_empty() {
        let id = store.send(&new).await?;
        writeln!(out, "inserted row id {id}")?;
    }
    let mut messages = store.list();
    while let Some(message) = messages.next().await {
        let message = message?;
        writeln!(
            out,
            "row #{} from {} to {}: {}",
            message.id, message.sender, message.recipient, message.body
        )?;
    }
    drop(messages);
    store.close().await?;
    Ok(())
}
