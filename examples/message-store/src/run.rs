//! What each command does.

use crate::cli::{Cli, Command};
use crate::ending::Ending;
use crate::error::Result;
use crate::export::export;
use crate::import::import;
use crate::message::NewMessage;
use crate::output::{Form, Output};
use crate::prompt;
use crate::serve::serve;
use crate::store::{Access, Filter, Store};
use crate::tail::tail;

/// Runs a command from its opening of the store to its closing.
///
/// # Errors
///
/// Any [`Error`](crate::Error), the first one.
///
/// # Cancel safety
///
/// *Not cancel safe*: some of the output may be written.
pub async fn run(cli: Cli) -> Result<Ending> {
    let access = match cli.command {
        None | Some(Command::Send(_) | Command::Import(_) | Command::Serve(_)) => Access::Create,
        // Looking for messages at a wrong path must not leave a store there.
        Some(_) => Access::ReadWrite,
    };
    let store = Store::open(&cli.db, access).await?;
    let outcome = run_on(&store, cli.command).await;
    let closed = store.close().await;
    let ending = outcome?;
    closed?;
    Ok(ending)
}

async fn run_on(store: &Store, command: Option<Command>) -> Result<Ending> {
    let mut output = Output::new();
    match command {
        None => {
            if let Some(new) = prompt::ask()? {
                output.inserted(store.send(&new).await?)?;
            }
            let all = store.list(&Filter::default());
            output.print_all(all, Form::Text).await?;
        }
        Some(Command::Send(send)) => {
            let text = send.text.map_or_else(prompt::read_text, Ok)?;
            let new = NewMessage {
                subject: send.subject,
                ..NewMessage::new(send.from, send.to, text)
            };
            output.inserted(store.send(&new).await?)?;
        }
        Some(Command::List(list)) => {
            let form = list.json.form();
            let filter = Filter {
                from: list.from,
                to: list.to,
                since: list.since,
                limit: list.limit,
                ..Filter::default()
            };
            output.print_all(store.list(&filter), form).await?;
        }
        Some(Command::Search(search)) => {
            let found = store.search(&search.words.join(" "), search.limit);
            output.print_all(found, search.json.form()).await?;
        }
        Some(Command::Tail(args)) => return tail(store, &args, output).await,
        Some(Command::Import(args)) => return import(store, &args, output).await,
        Some(Command::Export(args)) => return export(store, &args, output).await,
        Some(Command::Serve(args)) => return serve(store, &args, output).await,
        Some(Command::Stats(stats)) => {
            output.print(&store.stats().await?, stats.json.form())?;
        }
    }
    output.finish()?;
    Ok(Ending::Well)
}
