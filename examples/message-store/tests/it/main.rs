//! The program as people run it: its real binary, in a fresh folder.

mod browser; // the page in Chromium
mod campaign; // 50,000 mails, and what an import does when it is killed
mod client; // a client of the server
mod export; // messages to a file, and back again
#[cfg(feature = "faults")]
mod faults; // mails that end the process which reads them
mod files; // what is not a message store, and what the program says of it
mod folder; // a fresh folder, and the program run in it
mod help; // --help, and wrong command lines
mod import; // messages from JSONL and CSV files
mod import_ends; // imports and exports that somebody ends; bars and memory
mod list; // messages out, in order and on one line
mod mailbox; // a hostile mailbox, and what is right to become of it
mod mbox; // mail in and out
mod million; // memory while a million messages stream
mod printed; // the command lines that are printed, run as they are printed
mod process; // what the system says of a process
mod prompts; // the three questions, on a terminal and over a pipe
mod readme; // the commands of the README print what is printed there
mod records; // many messages as JSONL and CSV
mod runtime; // a runtime for a test
mod search; // words in, messages out, nothing is a wrong query
mod send; // messages in
mod serve; // the JSON API
mod serve_crowd; // a thousand clients at once
mod serve_end; // what becomes of requests when the server is told to end
mod serve_events; // messages as they are told
mod serve_pages; // pages of many messages
mod server; // the program as a server
mod since; // the times that --since takes
mod stats; // numbers about the store
mod store; // the edges of its SQL
mod tail; // messages as they come, from whatever process
mod upgrade; // stores of an earlier format
mod writers; // several processes, and one that is killed
