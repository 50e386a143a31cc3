//! The program as people run it: its real binary, in a fresh folder.

mod export; // messages to a file, and back again
mod files; // what is not a message store, and what the program says of it
mod folder; // a fresh folder, and the program run in it
mod help; // --help, and wrong command lines
mod import; // messages from JSONL and CSV files
mod import_ends; // imports and exports that somebody ends; bars and memory
mod list; // messages out, in order and on one line
mod million; // memory while a million messages stream
mod prompts; // the three questions, on a terminal and over a pipe
mod readme; // the commands of examples/README.md print what is printed there
mod search; // words in, messages out, nothing is a wrong query
mod send; // messages in
mod since; // the times that --since takes
mod stats; // numbers about the store
mod terminal; // a terminal with a person at it
mod writers; // several processes, and one that is killed
