//! A mailbox of all that mail can be, imported whole, twice, beside others, and
//! killed fifty times. The figures are printed:
//!
//! ```text
//! MESSAGE_STORE_LONG=1 cargo nextest run -p message-store --no-capture -E 'test(campaign::)'
//! ```
//!
//! runs the long form, in which the mailbox of the kills is as large as that of
//! the import.

mod importing;
mod kills;
mod memory;
mod rows;

use std::env;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use chaos::dice::Dice;
use chaos::watchdog;

use crate::folder::Folder;
use crate::mailbox::{Giants, Mailbox, Plan};
use crate::process::written;
use importing::{Ended, Importing, Summary};
use kills::Moment;
use memory::Peaks;

const STORE: &str = "messages.db";
const FILE: &str = "old.mbox";
const IMPORT: [&str; 3] = ["import", "--verbose", FILE];

/// How many mails are imported at once.
const MAILS: usize = 50_000;

/// How many there are in a mailbox that is imported again and again.
const FEW: usize = 4_000;

/// How long one part of the campaign may take.
const LIMIT: Duration = Duration::from_secs(170);

fn make(folder: &Folder, mails: usize, giants: Giants) -> Mailbox {
    let plan = Plan {
        mails,
        seed: 0x6d62_6f78,
        giants,
    };
    plan.make(&folder.path(FILE))
}

/// The whole of what becomes of a mailbox in an empty store.
#[track_caller]
fn is_whole(ended: &Ended, mailbox: &Mailbox, name: &str) {
    let expected = importing::report(mailbox, name);
    let wrong = ended
        .report
        .iter()
        .zip(&expected)
        .find(|(is, right)| is != right);
    assert_eq!(
        wrong, None,
        "the first line that is wrong, and the right one"
    );
    assert_eq!(
        ended.report.len(),
        expected.len(),
        "{:?}",
        ended.report.last()
    );
    assert_eq!(ended.summary(name), mailbox.summary());
    assert_eq!(ended.status.code(), Some(3));
}

impl Mailbox {
    fn summary(&self) -> Summary {
        Summary {
            imported: self.kept.len(),
            known: self.known,
            rejected: self.rejected.len(),
            left_out: self.left_out,
        }
    }

    /// The summary of an import when all of it is there already.
    fn summary_again(&self) -> Summary {
        Summary {
            imported: 0,
            known: self.known + self.kept.len(),
            ..self.summary()
        }
    }
}

#[test]
fn fifty_thousand_mails_are_imported_once_in_little_memory() {
    watchdog::closure_within(LIMIT, "the import", || {
        let folder = Folder::new();
        let mailbox = make(&folder, MAILS, Giants::Made);
        let start = Instant::now();
        let importing = importing::verbose(&mut folder.program(&IMPORT));
        let mut peaks = Peaks::of(importing.pids());
        let ended = importing.end(|| peaks.look());
        let seconds = start.elapsed().as_secs_f64();
        is_whole(&ended, &mailbox, FILE);
        let first = rows::first_of(&mailbox, &folder, STORE);
        assert_eq!(first.expect("all is right"), mailbox.kept.len());
        peaks.are_below(150 << 10);

        let start = Instant::now();
        let again = importing::verbose(&mut folder.program(&IMPORT)).end(|| {});
        let seconds_again = start.elapsed().as_secs_f64();
        assert_eq!(again.summary(FILE), mailbox.summary_again());
        assert_eq!(again.report, ended.report);
        let first = rows::first_of(&mailbox, &folder, STORE);
        assert_eq!(first.expect("nothing was added"), mailbox.kept.len());

        println!(
            "{} mails, {} MiB: {} imported, {} rejected, in {seconds:.1} s, again in \
             {seconds_again:.1} s, {peaks}, lost=0",
            mailbox.mails,
            mailbox.bytes >> 20,
            mailbox.kept.len(),
            mailbox.rejected.len(),
        );
    });
}

#[test]
fn an_import_is_killed_fifty_times_and_then_completed() {
    const KILLS: usize = 50;
    let (mails, limit) = match env::var_os("MESSAGE_STORE_LONG") {
        Some(_) => (MAILS, Duration::from_secs(3600)),
        None => (FEW, LIMIT),
    };
    watchdog::closure_within(limit, "the kills", move || {
        let folder = Folder::new();
        let mailbox = make(&folder, mails, Giants::LeftOut);
        let start = Instant::now();
        let (all, bytes) = (mailbox.kept.len(), undisturbed(&folder, &mailbox));
        let mut dice = Dice::new(20_011);
        let mut store = Store::new(&folder, 1);
        let (mut killed, mut interrupted, mut in_between) = (0, 0, 0);
        for round in 0.. {
            if killed + interrupted == KILLS {
                break;
            }
            assert!(
                round < 4 * KILLS,
                "only {killed} kills and {interrupted} interrupts"
            );
            if store.rows == all {
                store = Store::new(&folder, store.number + 1);
            }
            // What is left of the mailbox, and what is left of that.
            let bytes = bytes * (all - store.rows) as u64 / all as u64;
            let moment = Moment::any(&mut dice, bytes);
            let mut importing = importing::verbose(&mut store.import(&folder)).listen();
            moment.wait(&mut importing.child, &folder, &store.name, all);
            let is_kill = killed <= interrupted;
            match is_kill {
                true => importing.child.kill().expect("it is ours"),
                false => kills::interrupt(&mut importing.child),
            }
            let ended = importing.end();
            let before = store.rows;
            store.rows = rows::first_of(&mailbox, &folder, &store.name)
                .unwrap_or_else(|wrong| panic!("round {round}, {moment:?}: {wrong}"));
            let there = store.rows;
            assert!(
                there >= before,
                "round {round}, {moment:?}: {before} rows, then {there}"
            );
            in_between += usize::from((before + 1..all).contains(&there));
            match (is_kill, ended.status.signal(), ended.status.code()) {
                (true, Some(9), None) => killed += 1,
                (false, None, Some(130)) => {
                    let summary = ended.summary(FILE);
                    let last = ended.report.last().map(String::as_str);
                    assert_eq!(last, Some("message-store: interrupted"));
                    assert_eq!(
                        summary.imported,
                        there - before,
                        "round {round}, {moment:?}"
                    );
                    assert_eq!(summary.rejected, ended.report.len() - 1);
                    interrupted += 1;
                }
                // It was over before.
                (_, None, Some(3)) => assert_eq!(there, all, "round {round}, {moment:?}"),
                _ => panic!("round {round}, {moment:?}: {ended:?}"),
            }
        }
        let last = importing::verbose(&mut store.import(&folder)).end(|| {});
        assert_eq!(last.status.code(), Some(3));
        let summary = last.summary(FILE);
        assert_eq!(summary.imported, all - store.rows);
        assert_eq!(summary.imported + summary.known, all + mailbox.known);
        let rows = rows::first_of(&mailbox, &folder, &store.name);
        assert_eq!(rows.expect("it is complete"), all);
        // Else it was only seen that a transaction is whole.
        assert!(in_between >= KILLS / 10, "{in_between} between two batches");
        println!(
            "{mails} mails: kills={killed} interrupts={interrupted} of which {in_between} between \
             two batches, stores={} lost=0, in {:.1} s",
            store.number,
            start.elapsed().as_secs_f64()
        );
    });
}

/// One of the stores that are filled one after another.
struct Store {
    number: usize,
    name: String,
    rows: usize,
}

impl Store {
    fn new(folder: &Folder, number: usize) -> Store {
        let name = format!("{number}.db");
        folder.run(&["--db", &name]).ok();
        Store {
            number,
            name,
            rows: 0,
        }
    }

    fn import(&self, folder: &Folder) -> Command {
        folder.program(&["--db", &self.name, "import", "--verbose", FILE])
    }
}

/// Imports a mailbox into a store of its own, and returns how much was written
/// for it.
fn undisturbed(folder: &Folder, mailbox: &Mailbox) -> u64 {
    let mut importing = importing::verbose(&mut folder.program(&IMPORT)).listen();
    let mut bytes = 0;
    while kills::is_there(&mut importing.child) {
        bytes = written(importing.child.id()).unwrap_or(bytes);
        thread::yield_now();
    }
    is_whole(&importing.end(), mailbox, FILE);
    let rows = rows::first_of(mailbox, folder, STORE);
    assert_eq!(rows.expect("it is complete"), mailbox.kept.len());
    bytes
}

#[test]
fn a_store_that_lacks_what_was_imported_is_found_out() {
    let folder = Folder::new();
    let mailbox = make(&folder, 300, Giants::LeftOut);
    let import = ["import", FILE];
    let broken = [
        "DELETE FROM messages WHERE id = 7",
        "UPDATE messages SET body = body || '.' WHERE id = 7",
        "UPDATE messages SET subject = NULL WHERE id = 7",
        "UPDATE messages SET sent_at = '2001-09-09T01:46:41.000Z' WHERE id = 7",
        "INSERT INTO messages SELECT max(id) + 1, 'twice', sender, recipient, subject, body, sent_at
         FROM messages",
        "INSERT INTO messages_fts(messages_fts, rowid, subject, body)
         SELECT 'delete', id, subject, body FROM messages WHERE id = 7",
    ];
    for sql in broken {
        folder.run(&import);
        let is_right = rows::first_of(&mailbox, &folder, STORE);
        assert_eq!(is_right.expect("all is right"), mailbox.kept.len());
        rows::all_of(&mailbox, &folder, STORE).expect("all is right");
        folder.sql(STORE, sql);
        let found = rows::first_of(&mailbox, &folder, STORE);
        found.map_or_else(
            |wrong| println!("{wrong}"),
            |_| panic!("not found out: {sql}"),
        );
        let found = rows::all_of(&mailbox, &folder, STORE);
        found.map_or_else(
            |wrong| println!("{wrong}"),
            |()| panic!("not found out: {sql}"),
        );
        for end in ["", "-wal", "-shm"] {
            // The last process that closes it takes those with it.
            std::fs::remove_file(folder.path(&format!("{STORE}{end}"))).ok();
        }
    }
}

#[test]
fn two_imports_of_one_file_double_nothing() {
    watchdog::closure_within(LIMIT, "two imports", || {
        let folder = Folder::new();
        let mailbox = make(&folder, FEW, Giants::LeftOut);
        folder.run(&[]).ok();
        let both = [(); 2].map(|()| importing::verbose(&mut folder.program(&IMPORT)).listen());
        let both = both.map(|importing| importing.end());
        let all = mailbox.kept.len();
        for ended in &both {
            assert_eq!(ended.status.code(), Some(3), "{:?}", ended.report.last());
            let summary = ended.summary(FILE);
            assert_eq!(summary.imported + summary.known, all + mailbox.known);
            assert_eq!(summary.rejected, mailbox.rejected.len());
        }
        let [one, two] = both.map(|ended| ended.summary(FILE).imported);
        assert_eq!(one + two, all);
        let rows = rows::all_of(&mailbox, &folder, STORE);
        rows.unwrap_or_else(|wrong| panic!("{wrong}"));
        println!("{one} + {two} imported of {all}, lost=0");
    });
}

#[test]
fn an_import_beside_sends_loses_neither() {
    watchdog::closure_within(LIMIT, "an import beside sends", || {
        let folder = Folder::new();
        let mailbox = make(&folder, FEW, Giants::LeftOut);
        folder.run(&[]).ok();
        let mut importing = importing::verbose(&mut folder.program(&IMPORT)).listen();
        let mut sent = Vec::new();
        while kills::is_there(&mut importing.child) {
            let text = format!("beside {}", sent.len());
            sent.push((folder.send("Bob", "Alice", &text), text));
        }
        let ended = importing.end();
        assert_eq!(ended.summary(FILE), mailbox.summary());
        let those = "SELECT 'inserted row id ' || id || char(10), body FROM messages
                     WHERE sender = 'Bob' ORDER BY id";
        let rows: Vec<(String, String)> =
            folder.with(STORE, async |db| db.query_as(those, ()).await);
        assert_eq!(rows, sent);
        folder.sql(STORE, "DELETE FROM messages WHERE sender = 'Bob'");
        let rows = rows::all_of(&mailbox, &folder, STORE);
        rows.unwrap_or_else(|wrong| panic!("{wrong}"));
        println!(
            "{} sent beside {} imported, lost=0",
            sent.len(),
            mailbox.kept.len()
        );
    });
}

#[test]
fn a_mailbox_is_imported_from_standard_input() {
    watchdog::closure_within(LIMIT, "an import from a pipe", || {
        let folder = Folder::new();
        let plan = Plan {
            mails: FEW,
            seed: 7,
            giants: Giants::Made,
        };
        let args = ["import", "--verbose", "--format", "mbox", "-"];
        let mut program = folder.program(&args);
        let mut importing = Importing::begin(program.stdin(Stdio::piped()));
        let mut stdin = importing.child.stdin.take().expect("a pipe");
        let maker = thread::spawn(move || plan.write(&mut stdin).expect("it listens"));
        let mut peaks = Peaks::of(importing.pids());
        let ended = importing.end(|| peaks.look());
        let mailbox = maker.join().expect("the mailbox is made");
        is_whole(&ended, &mailbox, "standard input");
        let rows = rows::first_of(&mailbox, &folder, STORE);
        assert_eq!(rows.expect("all is right"), mailbox.kept.len());
        peaks.are_below(150 << 10);
        println!("{} mails through a pipe, {peaks}, lost=0", mailbox.mails);
    });
}

#[test]
fn a_mail_that_would_fill_the_memory_costs_its_line() {
    let folder = Folder::new();
    let plain = |id: &str| {
        format!("From a@b.c Sat Jan  3 01:05:34 1996\nFrom: a@b.c\nMessage-ID: <{id}>\n")
    };
    // A part takes sixty times its length when it is read.
    let parts = "--b\n\n\n".repeat(2 << 20);
    let mbox = format!(
        "{}\nfirst\n\n{}Content-Type: multipart/mixed; boundary=b\n\n{parts}\n{}\nlast\n",
        plain("1@b.c"),
        plain("2@b.c"),
        plain("3@b.c"),
    );
    std::fs::write(folder.path(FILE), mbox).expect("the mailbox is written");
    let run = folder.run(&["import", FILE]);
    assert_eq!(
        run.out,
        format!("{FILE}: imported 2, already there 0, rejected 1\n")
    );
    assert_eq!(
        run.err,
        format!("message-store: {FILE}: line 7, byte 76: its worker was killed by SIGABRT\n")
    );
    assert_eq!(run.code, Some(3));
}
