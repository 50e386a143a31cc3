//! The command line.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand};

use crate::output::Form;
use crate::since::Since;

const EXAMPLES: &str = "\
Examples:
  message-store                                     ask for a message, then list all
  message-store send --from Bob --to Alice \"Hello\"  send one
  message-store send --from Bob --to Alice < letter send the text of a file
  message-store list --from Bob --since 7d          what Bob sent in the last week
  message-store list --json | jq -r .body           messages for another program
  message-store search need help                    messages with both words, best first
  message-store --db team.db stats                  another store

Exit status: 0 if all is well, 1 after an error, 2 if the command line is wrong.";

/// Keeps messages in an SQLite database
///
/// Without a command it asks for sender, recipient and message, stores the
/// message, and lists all of them. An empty answer, or the end of input, stores
/// nothing. When input comes from a pipe the three answers are its first three
/// lines, and nothing is asked.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, verbatim_doc_comment)]
pub struct Cli {
    /// Database file; made by send, and by asking for a message
    #[arg(
        long,
        value_name = "PATH",
        env = "MESSAGE_STORE_DB",
        hide_env_values = true,
        default_value = "messages.db",
        global = true
    )]
    pub db: PathBuf,

    /// What to do; nothing means to ask for a message
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Store a message
    Send(Send),
    /// Print messages, oldest first
    List(List),
    /// Print messages that contain all the words, best match first
    ///
    /// Case and accents don't count. The words that were found are emphasised
    /// on a terminal, and in brackets elsewhere; in a text of more than 16 KiB
    /// they are not marked.
    #[command(verbatim_doc_comment)]
    Search(Search),
    /// Print how many messages there are, from how many senders, since when
    Stats(Stats),
}

/// A message to be stored.
#[derive(Debug, Args)]
pub struct Send {
    /// Who sends it
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub from: String,

    /// Who is to read it
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub to: String,

    /// The message; read from standard input if left out
    ///
    /// From a terminal that is one line, from a pipe or a file all of it.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub text: Option<String>,
}

/// Which messages to print.
#[derive(Debug, Args)]
pub struct List {
    /// Only those from this sender
    #[arg(long, value_name = "NAME")]
    pub from: Option<String>,

    /// Only those to this recipient
    #[arg(long, value_name = "NAME")]
    pub to: Option<String>,

    /// Only those sent since: 2025-12-31, 2025-12-31T18:00:00Z, or an age: 90s, 30m, 2h, 7d, 4w
    ///
    /// A date begins at midnight UTC, and a time without an offset is UTC.
    #[arg(long, value_name = "TIME")]
    pub since: Option<Since>,

    /// Only the last so many of them
    #[arg(long, value_name = "COUNT")]
    pub limit: Option<u32>,

    #[command(flatten)]
    #[expect(
        missing_docs,
        reason = "a doc comment here would replace the command's help"
    )]
    pub json: Json,
}

/// What to look for.
#[derive(Debug, Args)]
pub struct Search {
    /// The words; punctuation between them doesn't count
    #[arg(required = true, value_parser = NonEmptyStringValueParser::new())]
    pub words: Vec<String>,

    /// Only the best so many of them
    #[arg(long, value_name = "COUNT")]
    pub limit: Option<u32>,

    #[command(flatten)]
    #[expect(
        missing_docs,
        reason = "a doc comment here would replace the command's help"
    )]
    pub json: Json,
}

/// How to print the statistics.
#[derive(Debug, Args)]
pub struct Stats {
    #[command(flatten)]
    #[expect(
        missing_docs,
        reason = "a doc comment here would replace the command's help"
    )]
    pub json: Json,
}

/// The choice between lines for people and lines for programs.
#[derive(Debug, Args)]
pub struct Json {
    /// Print JSON, one object a line, with the texts as they are
    #[arg(long)]
    json: bool,
}

impl Json {
    /// Returns the form that was chosen.
    pub fn form(&self) -> Form {
        match self.json {
            true => Form::Json,
            false => Form::Text,
        }
    }
}
