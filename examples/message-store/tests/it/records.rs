//! Many messages as records, to be read from a JSONL or a CSV file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::folder::Folder;

/// A message as a record has it, and as `list --json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) sender: String,
    pub(crate) recipient: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) subject: Option<String>,
    pub(crate) body: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) sent_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) uid: Option<String>,
}

impl Record {
    /// The record of a number: all of them differ, and the same number is always
    /// the same. Some have no subject, time or uid; some texts have what a
    /// format must quote.
    pub(crate) fn nth(n: usize) -> Record {
        let odd = match n % 5 {
            0 => "\"quoted\", with commas,\r\nCRLF and a tab\t",
            1 => "Žluťoučký kůň – 你好, 🦀",
            2 => "a\\n, which is no line, and\n\none that is empty",
            3 => " with spaces around ",
            _ => "plain",
        };
        let text = "The needle of this message is somewhere in its haystack. ".repeat(n % 7);
        Record {
            sender: format!("Writer {}", n % 97),
            recipient: format!("reader{}@example.net", n % 31),
            subject: (!n.is_multiple_of(4)).then(|| format!("On matter {n}")),
            body: format!("{odd} {n}\n{text}"),
            sent_at: (!n.is_multiple_of(6)).then(|| {
                let (day, hour, minute) = (1 + n % 28, n / 28 % 24, n / 672 % 60);
                format!("2024-02-{day:02}T{hour:02}:{minute:02}:07.{:03}Z", n % 1000)
            }),
            uid: (!n.is_multiple_of(3)).then(|| format!("record-{n}@example.org")),
        }
    }
}

/// Writes so many records as JSONL, the first of number 0.
pub(crate) fn jsonl(path: &Path, records: usize) {
    let mut out = BufWriter::new(File::create(path).expect("the file can be made"));
    for record in (0..records).map(Record::nth) {
        serde_json::to_writer(&mut out, &record).expect("the record is written");
        out.write_all(b"\n").expect("the end of line is written");
    }
    out.flush().expect("the file is written");
}

/// Writes the same records as CSV.
pub(crate) fn csv(path: &Path, records: usize) {
    let mut out = csv::Writer::from_path(path).expect("the file can be made");
    let columns = ["sender", "recipient", "subject", "body", "sent_at", "uid"];
    out.write_record(columns).expect("the columns are written");
    for record in (0..records).map(Record::nth) {
        let may_lack = |field: &Option<String>| field.clone().unwrap_or_default();
        let row = [
            record.sender.clone(),
            record.recipient.clone(),
            may_lack(&record.subject),
            record.body.clone(),
            may_lack(&record.sent_at),
            may_lack(&record.uid),
        ];
        out.write_record(row).expect("the row is written");
    }
    out.flush().expect("the file is written");
}

#[test]
fn the_same_records_are_the_same_messages_in_both_formats() {
    const RECORDS: usize = 3000;
    let folder = Folder::new();
    jsonl(&folder.path("records.jsonl"), RECORDS);
    csv(&folder.path("records.csv"), RECORDS);
    assert_eq!(
        folder.run(&["import", "records.jsonl", "records.csv"]).ok(),
        format!(
            "records.jsonl: imported {RECORDS}, already there 0, rejected 0\n\
             records.csv: imported 0, already there {RECORDS}, rejected 0\n"
        )
    );
    let listed = folder.run(&["list", "--json"]).ok();
    let listed = listed.lines().map(serde_json::from_str);
    let listed: Vec<Record> = listed.map(|record| record.expect("a record")).collect();
    assert_eq!(listed.len(), RECORDS);
    for (n, is) in listed.into_iter().enumerate() {
        // The store adds what a message must have.
        let said = Record::nth(n);
        let right = Record {
            sent_at: said.sent_at.or(is.sent_at.clone()),
            uid: said.uid.or(is.uid.clone()),
            ..said
        };
        assert_eq!(is, right);
    }
}
