//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand};

use crate::format::Kind;
use crate::format::mbox::Verbosity;
use crate::output::Form;
use crate::since::Since;

const EXAMPLES: &str = "\
Examples:
  message-store                                      ask for a message, then list all
  message-store send --from Bob --to Alice \"Hello\"  send one
  message-store send --from Bob --to Alice < letter  send the text of a file
  message-store list --from Bob --since 7d           what Bob sent in the last week
  message-store list --json | jq -r .body            messages for another program
  message-store search need help                     messages with both words, best first
  message-store tail -f                              what anybody sends, as it comes
  message-store import old.mbox notes.jsonl          messages from elsewhere
  message-store export backup.jsonl                  all messages to a file
  message-store serve                                a page at http://127.0.0.1:8080
  message-store --db team.db stats                   another store

Exit status:
  0    all is well
  1    an error: one line on standard error names it
  2    the command line is wrong
  3    imported, but for messages that could not be read
  130  interrupted by Ctrl-C, and what was imported until then is stored";

/// Keeps messages in an SQLite database
///
/// Without a command it asks for sender, recipient and message, stores the
/// message, and lists all of them. An empty answer, or the end of input, stores
/// nothing. When input comes from a pipe the three answers are its first three
/// lines, and nothing is asked.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, verbatim_doc_comment)]
pub struct Cli {
    /// Database file; made by send, import and serve, and by asking for a message
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
    /// Print the last messages, and with -f those that come, as they come
    ///
    /// It sees what any process stores, as soon as it is on the disk. With -f it
    /// goes on until it is interrupted (Ctrl-C), or nobody reads its output.
    #[command(verbatim_doc_comment)]
    Tail(Tail),
    /// Store the messages of mbox, JSONL and CSV files that are not there yet
    ///
    /// A message is known again by its Message-ID or uid, or else by all it
    /// says, so importing a file again adds nothing. What can't be read is
    /// reported on standard error, one line each with its place and the cause,
    /// and the rest is imported.
    ///
    /// A JSON object or CSV row has sender, recipient and body, and may have
    /// subject, sent_at (2025-12-31T18:00:00Z) and uid. Of a mail, sender,
    /// recipient, subject, text and date are kept. Attachments are not.
    #[command(verbatim_doc_comment)]
    Import(Import),
    /// Write all messages to an mbox, JSONL or CSV file
    ///
    /// The file is there as a whole or not at all: it takes the place of
    /// another of the same name in one step.
    #[command(verbatim_doc_comment)]
    Export(Export),
    /// Serve the messages to a browser, and as a JSON API
    ///
    /// It ends when it is interrupted (Ctrl-C) or terminated, after the
    /// requests that are under way, for which it waits 5 seconds at most. That
    /// is how a server ends well, and its exit status is 0.
    ///
    /// On an address of this machine alone, as the usual one is, it answers only
    /// to requests for localhost, 127.0.0.1 and ::1, so that no page from
    /// elsewhere can read along. On any other address whoever can reach it can
    /// read and send: it knows no passwords.
    #[command(verbatim_doc_comment)]
    Serve(Serve),
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

    /// What it is about
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub subject: Option<String>,

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
    /// The words; punctuation doesn't count, and no sign is an operator
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

/// Which messages to begin with, and whether to go on.
#[derive(Debug, Args)]
pub struct Tail {
    /// Go on with what comes
    #[arg(short, long)]
    pub follow: bool,

    /// Begin with the last so many messages
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 10)]
    pub lines: u32,

    #[command(flatten)]
    #[expect(
        missing_docs,
        reason = "a doc comment here would replace the command's help"
    )]
    pub json: Json,
}

/// What to import.
#[derive(Debug, Args)]
pub struct Import {
    /// The files; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Their format, where neither the name (.mbox, .jsonl, .csv) nor what is in it tells
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Kind>,

    /// Say which processes read the mail
    #[arg(short, long)]
    verbose: bool,
}

impl Import {
    /// Returns what is to be said of the processes that read mail.
    pub fn verbosity(&self) -> Verbosity {
        match self.verbose {
            true => Verbosity::Verbose,
            false => Verbosity::Quiet,
        }
    }
}

/// Where to export to.
#[derive(Debug, Args)]
pub struct Export {
    /// The file to write, which may be there already
    pub file: PathBuf,

    /// Its format, where the name (.mbox, .jsonl, .csv) doesn't tell
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Kind>,
}

/// Where to serve.
#[derive(Debug, Args)]
pub struct Serve {
    /// The address to listen on; port 0 is one that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub addr: SocketAddr,
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
