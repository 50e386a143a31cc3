//! EIO and ENOSPC from every file-changing system call of the program, once and
//! for ever; interruptions, and writes that write less than they were told.

use chaos::acks;
use chaos::inject::{Errno, Fate, Span};
use libtest_mimic::Trial;

use crate::aftermath::{check, writes_again};
use crate::trial;
use crate::writer::{Progress, Runtime, Way, Writer, progress};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("failing::eio_once", || {
            nothing_false(Errno::IO, Span::Once);
        }),
        trial("failing::eio_for_ever", || {
            nothing_false(Errno::IO, Span::ForEver);
        }),
        trial("failing::enospc_once", || {
            nothing_false(Errno::NOSPC, Span::Once);
        }),
        trial("failing::enospc_for_ever", || {
            nothing_false(Errno::NOSPC, Span::ForEver);
        }),
        trial("failing::eintr_once", || {
            nothing_false(Errno::INTR, Span::Once);
        }),
        trial("failing::short_writes", short_writes),
        trial("failing::a_deaf_acknowledgement_is_caught", deaf_is_caught),
    ]
}

/// What came of one program that failed at each of its points.
#[derive(Default)]
struct Campaign {
    faults: usize,
    acks: usize,
    /// After how many of them the program wrote again, or had ended its writes before.
    wrote_on: usize,
    /// The first thing that was wrong.
    wrong: Option<String>,
}

fn campaign(writer: Writer, errno: Errno, span: Span) -> Campaign {
    let mut campaign = Campaign::default();
    for point in 1.. {
        let folder = chaos::scratch::folder();
        let path = folder.path().join("failing.db");
        // It hangs if it has not ended after 30 s, which is a panic here.
        let run = writer.victim(&path).fail_from(point, errno, span).run();
        let stderr = String::from_utf8_lossy(&run.stderr);
        assert!(
            run.status.success() && !stderr.contains("panicked"),
            "{errno} at {point}, {:?}: {stderr}",
            run.hit
        );
        let acks = acks::read(&run.stdout);
        campaign.acks += acks.len();
        if let Err(wrong) = check(&path, &acks) {
            campaign.wrong = Some(format!("{errno} at {point}, {:?}: {wrong}", run.hit));
            break;
        }
        writes_again(&path).unwrap_or_else(|error| panic!("{errno} at {point}: {error}"));
        if run.hit.is_none() {
            break;
        }
        campaign.faults = point;
        let progress = progress(&run.stdout);
        campaign.wrote_on += usize::from(progress == Progress::WroteOn);
        // When the disk is well again, so is the program that has a table.
        assert!(
            span == Span::ForEver || progress != Progress::Stopped,
            "{errno} at {point}, {:?}: {stderr}",
            run.hit
        );
    }
    campaign
}

fn nothing_false(errno: Errno, span: Span) {
    let campaign = campaign(Writer::new(Way::Right, Runtime::CurrentThread), errno, span);
    println!(
        "faults={} acks={} wrote_on={} lost=0 {span:?}: {errno}",
        campaign.faults, campaign.acks, campaign.wrote_on
    );
    assert_eq!(campaign.wrong, None);
    assert!(campaign.faults > 50 && campaign.acks > 0);
}

fn deaf_is_caught() {
    let writer = Writer::new(Way::Deaf, Runtime::CurrentThread);
    let wrong = campaign(writer, Errno::NOSPC, Span::ForEver)
        .wrong
        .expect("an acknowledgement of what failed");
    assert!(wrong.contains("acknowledged and lost"), "{wrong}");
}

/// A write that wrote less is written on, so nobody notices.
fn short_writes() {
    let writer = Writer::new(Way::Right, Runtime::CurrentThread);
    let mut faults = 0;
    for point in 1.. {
        let folder = chaos::scratch::folder();
        let path = folder.path().join("short.db");
        let run = writer.victim(&path).short_at(point).run();
        assert!(run.stderr.is_empty(), "short at {point}: {run:?}");
        let acks = acks::read(&run.stdout);
        assert_eq!(acks.len() as u64, writer.numbers().unwrap());
        check(&path, &acks).unwrap();
        match run.hit.map(|call| call.fate) {
            None => break,
            Some(Fate::Short(_)) => faults += 1,
            Some(_) => {}
        }
    }
    println!("faults={faults} lost=0");
    assert!(faults > 50);
}
