//! The same import without this program: one process, one thread, the crates
//! underneath.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;

use aio_sqlite::rusqlite::{Connection, params};
use mail_parser::mailbox::mbox::MessageIterator;
use mail_parser::{Addr, Address, MessageParser};
use message_store::incoming::{Identity, Incoming};
use serde::Deserialize;

/// As many messages as the program itself stores at a time, at most.
const BATCH: usize = 10_000;

/// What tells this process that it is to import, and how, and not to measure.
const CHILD: &str = "MESSAGE_STORE_BENCH_RAW";

/// How rows come into the store.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Manner {
    /// A statement for each, as such programs are usually written.
    Row,
    /// Through a temporary table, as this program does it: one statement for
    /// all, so that the full-text index is written once.
    Staged,
}

impl Manner {
    fn name(self) -> &'static str {
        match self {
            Manner::Row => "row",
            Manner::Staged => "staged",
        }
    }
}

/// The importer: this program again. It takes the same arguments as ours.
pub(crate) fn child(manner: Manner) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.env(CHILD, manner.name());
    child
}

/// Imports and ends, if this process is that child.
pub(crate) fn import_if_child() {
    let Some(named) = std::env::var_os(CHILD) else {
        return;
    };
    let manner = [Manner::Row, Manner::Staged]
        .into_iter()
        .find(|manner| named == manner.name())
        .unwrap();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [db, store, import, file] = &arguments[..] else {
        panic!("{arguments:?}");
    };
    assert_eq!((db.as_str(), import.as_str()), ("--db", "import"));
    let mut import = Import::into(Path::new(store), manner);
    let file = Path::new(file);
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("jsonl") => jsonl(file, &mut import),
        Some("mbox") => mbox(file, &mut import),
        other => panic!("{other:?}"),
    }
    import.commit();
    std::process::exit(0);
}

#[derive(Deserialize)]
struct Record {
    sender: String,
    recipient: String,
    subject: Option<String>,
    body: String,
    sent_at: Option<String>,
    uid: Option<String>,
}

fn jsonl(file: &Path, import: &mut Import) {
    let mut lines = BufReader::with_capacity(256 << 10, File::open(file).unwrap());
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        let record: Record = serde_json::from_str(&line).unwrap();
        line.clear();
        let identity = record.uid.map(Identity::Named).unwrap_or_else(|| {
            Identity::of_content(
                &record.sender,
                &record.recipient,
                record.subject.as_deref(),
                &record.body,
                record.sent_at.as_deref(),
            )
        });
        import.add(Incoming {
            identity,
            sender: record.sender,
            recipient: record.recipient,
            subject: record.subject,
            body: record.body,
            sent_at: record.sent_at,
        });
    }
}

/// As little as gives the same messages of these mails: one address each, and a
/// text in the first part.
fn mbox(file: &Path, import: &mut Import) {
    let input = BufReader::with_capacity(256 << 10, File::open(file).unwrap());
    let parser = MessageParser::new();
    for mail in MessageIterator::new(input) {
        let mail = mail.unwrap();
        let mail = parser.parse(mail.contents()).unwrap();
        let shown = |address: &Addr<'_>| {
            let addr = address.address().unwrap();
            match address.name() {
                Some(name) => format!("{name} <{addr}>"),
                None => addr.to_owned(),
            }
        };
        let first = |list: Option<&Address<'_>>| shown(list.unwrap().first().unwrap());
        let text = mail.body_text(0).unwrap();
        import.add(Incoming {
            identity: Identity::Named(mail.message_id().unwrap().to_owned()),
            sender: first(mail.from()),
            recipient: first(mail.to()),
            subject: mail.subject().map(str::to_owned),
            body: text.trim_end_matches('\n').to_owned(),
            sent_at: mail.date().map(|date| date.to_rfc3339()),
        });
    }
}

/// Rows into the same tables. What a message is known by is counted in memory.
struct Import {
    db: Connection,
    manner: Manner,
    counts: HashMap<[u8; 32], u64>,
    pending: usize,
}

const INSERT: &str = "
    INSERT INTO messages(uid, sender, recipient, subject, body, sent_at)
    VALUES (?1, ?2, ?3, ?4, ?5, strftime('%Y-%m-%dT%H:%M:%fZ', ifnull(?6, 'now')))
    ON CONFLICT DO NOTHING";

const STAGE: &str = "
    INSERT INTO staged(uid, sender, recipient, subject, body, sent_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

const INSERT_STAGED: &str = "
    INSERT INTO messages(uid, sender, recipient, subject, body, sent_at)
    SELECT uid, sender, recipient, subject, body,
           strftime('%Y-%m-%dT%H:%M:%fZ', ifnull(sent_at, 'now'))
    FROM staged WHERE true ORDER BY n
    ON CONFLICT DO NOTHING;
    DELETE FROM staged;";

impl Import {
    fn into(store: &Path, manner: Manner) -> Import {
        let db = Connection::open(store).unwrap();
        db.pragma_update(None, "synchronous", "FULL").unwrap();
        db.execute_batch(
            "PRAGMA temp.cache_size = -16384;
             PRAGMA temp.journal_mode = MEMORY;
             CREATE TEMP TABLE staged(
                 n INTEGER PRIMARY KEY, uid, sender, recipient, subject, body, sent_at
             );
             BEGIN",
        )
        .unwrap();
        Import {
            db,
            manner,
            counts: HashMap::new(),
            pending: 0,
        }
    }

    fn add(&mut self, message: Incoming) {
        let uid = match message.identity {
            Identity::Named(name) => name,
            Identity::Content(digest) => {
                let times = self.counts.entry(digest).or_default();
                *times += 1;
                let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("sha256:{hex}:{times}")
            }
        };
        let sql = match self.manner {
            Manner::Row => INSERT,
            Manner::Staged => STAGE,
        };
        let parts = params![
            uid,
            message.sender,
            message.recipient,
            message.subject,
            message.body,
            message.sent_at
        ];
        let mut insert = self.db.prepare_cached(sql).unwrap();
        insert.execute(parts).unwrap();
        drop(insert);
        self.pending += 1;
        if self.pending == BATCH {
            self.commit();
            self.db.execute_batch("BEGIN").unwrap();
        }
    }

    fn commit(&mut self) {
        if self.manner == Manner::Staged {
            self.db.execute_batch(INSERT_STAGED).unwrap();
        }
        self.db.execute_batch("COMMIT").unwrap();
        self.pending = 0;
    }
}
