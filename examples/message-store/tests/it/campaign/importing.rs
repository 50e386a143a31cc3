//! An import under way, and what it says.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};

use crate::mailbox::{Cause, Mailbox};
use crate::process::{Reader, first_line, readers};

/// An import that has said which processes read the mail.
pub(super) struct Importing {
    pub(super) child: Child,
    workers: Vec<Reader>,
    err: Lines<BufReader<ChildStderr>>,
}

/// An import that is over.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    /// What was printed on standard output.
    pub(super) out: String,
    /// The lines on standard error, but for the one of the processes.
    pub(super) report: Vec<String>,
}

/// What a summary counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) imported: usize,
    pub(super) known: usize,
    pub(super) rejected: usize,
    pub(super) left_out: usize,
}

impl Importing {
    /// Begins an import that is to be verbose.
    pub(super) fn begin(program: &mut Command) -> Importing {
        let mut child = program.spawn().expect("the program starts");
        let (first, err) = first_line(child.stderr.take());
        let workers = readers(&first).into_iter().map(Reader::of);
        Importing {
            child,
            workers: workers.collect(),
            err: err.lines(),
        }
    }

    /// The processes: the one that stores, and those that read.
    pub(super) fn pids(&self) -> Vec<u32> {
        let workers = self.workers.iter().map(|worker| worker.pid);
        [self.child.id()].into_iter().chain(workers).collect()
    }

    /// Reads what it says from now on, so that it never waits for us.
    pub(super) fn listen(self) -> Listening {
        let Importing {
            child,
            workers,
            err,
        } = self;
        let report = thread::spawn(move || err.map(|line| line.expect("a line")).collect());
        Listening {
            child,
            workers,
            report,
        }
    }

    /// Waits for its end, and calls a function at each line of its report.
    pub(super) fn end(mut self, mut at_line: impl FnMut()) -> Ended {
        let report = self.err.map(|line| {
            at_line();
            line.expect("a line")
        });
        let report = report.collect();
        let out = read_out(&mut self.child);
        Ended {
            status: self.child.wait().expect("it is waited for"),
            out,
            report,
        }
    }
}

/// An import whose report is read on another thread.
pub(super) struct Listening {
    pub(super) child: Child,
    workers: Vec<Reader>,
    report: JoinHandle<Vec<String>>,
}

impl Listening {
    /// Waits for its end, and for that of the processes that read its mail.
    pub(super) fn end(mut self) -> Ended {
        let out = read_out(&mut self.child);
        let status = self.child.wait().expect("it is waited for");
        let report = self.report.join().expect("it is UTF-8");
        for worker in self.workers {
            worker.end();
        }
        Ended {
            status,
            out,
            report,
        }
    }
}

fn read_out(child: &mut Child) -> String {
    let out = child.stdout.take().expect("a pipe");
    std::io::read_to_string(out).expect("it is UTF-8")
}

impl Ended {
    /// What its only line says of a source.
    #[track_caller]
    pub(super) fn summary(&self, name: &str) -> Summary {
        let counts = self
            .out
            .strip_prefix(&format!("{name}: "))
            .and_then(|rest| rest.strip_suffix('\n'))
            .filter(|counts| !counts.contains('\n'))
            .unwrap_or_else(|| panic!("no summary: {:?}, {:?}", self.out, self.report.last()));
        let count = |what: &str| {
            let part = counts.split(", ").find_map(|part| part.strip_prefix(what));
            part.map(|number| number.trim().parse().expect("a number"))
        };
        Summary {
            imported: count("imported").expect("it is counted"),
            known: count("already there").expect("it is counted"),
            rejected: count("rejected").expect("it is counted"),
            left_out: count("attachments left out").unwrap_or(0),
        }
    }
}

/// A program that imports a mailbox verbosely.
pub(super) fn verbose(program: &mut Command) -> Importing {
    Importing::begin(program.stdin(Stdio::null()))
}

/// What an import of a mailbox reports, if rows have the numbers of their places.
pub(super) fn report(mailbox: &Mailbox, name: &str) -> Vec<String> {
    let line = |(line, byte, cause): (u64, u64, String)| {
        format!("message-store: {name}: line {line}, byte {byte}: {cause}")
    };
    mailbox
        .rejected
        .iter()
        .map(|rejected| line((rejected.line, rejected.byte, cause(rejected.cause))))
        .collect()
}

fn cause(cause: Cause) -> String {
    match cause {
        Cause::BeforeFirst(bytes) => format!("{bytes} bytes before the first line `From …`"),
        Cause::NoHeaders => "no headers".into(),
        Cause::NoSender => "no sender".into(),
        Cause::TooLong => "longer than 32 MiB".into(),
        Cause::Contradicts(row) => {
            let id = row + 1;
            format!("another message, row #{id}, has its Message-ID or uid")
        }
    }
}
