//! EIO and ENOSPC from every file-changing system call of the program, once and
//! for ever; interruptions, and writes that write less than they were told.

use std::collections::BTreeMap;
use std::path::Path;

use chaos::acks;
use chaos::inject::{Errno, Fate, Kind, Run, Span};
use libtest_mimic::Trial;

use crate::aftermath::{check, succeed};
use crate::trial;
use crate::writer::{FAILED, LINK, Target, Way, Writer};

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
        trial("failing::interruptions_are_nobodys_error", || {
            let unharmed = |run: &Run| {
                matches!(
                    run.hit.as_ref().map(|hit| hit.fate),
                    Some(Fate::Injected(_))
                )
            };
            unnoticed(
                |writer, folder, point| {
                    let victim = writer.victim(folder);
                    victim.fail_from(point, Errno::INTR, Span::Once).run()
                },
                unharmed,
            );
        }),
        trial("failing::short_writes_are_written_on", || {
            unnoticed(
                |writer, folder, point| writer.victim(folder).short_at(point).run(),
                |run| matches!(run.hit.as_ref().map(|hit| hit.fate), Some(Fate::Short(_))),
            );
        }),
        trial("failing::without_renameat2_nothing_is_clobbered", by_link),
        trial("failing::a_deaf_acknowledgement_is_caught", deaf_is_caught),
    ]
}

/// What came of one program that failed at each of its points.
#[derive(Default)]
struct Campaign {
    faults: usize,
    acks: usize,
    /// How often each verb was in an error.
    verbs: BTreeMap<String, usize>,
    /// The first thing that was wrong.
    wrong: Option<String>,
}

fn campaign(writer: Writer, errno: Errno, span: Span) -> Campaign {
    let mut campaign = Campaign::default();
    for point in 1.. {
        let folder = chaos::scratch::folder();
        // It hangs if it has not ended after 30 s, which is a panic here.
        let victim = writer.victim(folder.path());
        let run = victim.fail_from(point, errno, span).run();
        assert!(
            run.status.success() && run.stderr.is_empty(),
            "{errno} at {point}: {run:?}"
        );
        let acks = acks::read(&run.stdout);
        campaign.acks += acks.len();
        let checked = check(folder.path(), &acks)
            .and_then(|left| swept_itself(left, span, &run))
            .and_then(|()| {
                for (verb, number) in verbs(&run, folder.path(), errno)? {
                    *campaign.verbs.entry(verb).or_default() += number;
                }
                Ok(())
            });
        if let Err(wrong) = checked {
            campaign.wrong = Some(format!("{errno} at {point}, {:?}: {wrong}", run.hit));
            break;
        }
        succeed(folder.path());
        if run.hit.is_none() {
            break;
        }
        campaign.faults = point;
    }
    campaign
}

/// A program that lives leaves no temporary file, unless it may not remove it.
fn swept_itself(left: usize, span: Span, run: &Run) -> Result<(), String> {
    let may_leave = match &run.hit {
        Some(hit) => span == Span::ForEver || hit.kind == Kind::Remove,
        None => false,
    };
    match left == 0 || may_leave {
        true => Ok(()),
        false => Err(format!("{left} temporary files were left by the living")),
    }
}

/// Every error has a verb, the code that was given, and a path that says which
/// file was to be replaced or could not be removed.
fn verbs(run: &Run, folder: &Path, errno: Errno) -> Result<BTreeMap<String, usize>, String> {
    let mut verbs = BTreeMap::new();
    let stdout = String::from_utf8_lossy(&run.stdout);
    for said in stdout.lines().filter_map(|line| line.strip_prefix(FAILED)) {
        let parts: Vec<&str> = said.trim().split('|').collect();
        let [verb, code, path] = parts[..] else {
            return Err(format!("an error that says {said:?}"));
        };
        let path = Path::new(path);
        let known = path.parent() == Some(folder)
            && path.file_name().is_some_and(|name| {
                let name = name.to_string_lossy();
                let temporary = verb == "remove" && name.starts_with(".aio-files-");
                let plain = *name == *Target::Plain.name(0) || *name == *LINK;
                temporary || plain || name.starts_with("new-")
            });
        if code != errno.raw_os_error().to_string() || !known {
            return Err(format!("an error that says {said:?}"));
        }
        *verbs.entry(verb.to_owned()).or_default() += 1;
    }
    Ok(verbs)
}

fn nothing_false(errno: Errno, span: Span) {
    let campaign = campaign(Writer::new(Way::Right), errno, span);
    println!(
        "faults={} acks={} lost=0 torn=0 errors={:?} {span:?}: {errno}",
        campaign.faults, campaign.acks, campaign.verbs
    );
    assert_eq!(campaign.wrong, None);
    assert!(campaign.faults >= 7 * 6 && campaign.acks > 0);
    let mut expected = vec!["chmod", "replace", "sync", "sync folder of", "write"];
    if span == Span::ForEver {
        // What can't be removed either is told of by `drained`.
        expected.insert(1, "remove");
    }
    let verbs: Vec<&str> = campaign.verbs.keys().map(String::as_str).collect();
    assert_eq!(verbs, expected);
}

fn deaf_is_caught() {
    let wrong = campaign(Writer::new(Way::Deaf), Errno::NOSPC, Span::ForEver)
        .wrong
        .expect("an acknowledgement of what failed");
    assert!(wrong.contains("acknowledged and lost"), "{wrong}");
}

/// Faults at which a program goes on as if there were none.
fn unnoticed(run: fn(Writer, &Path, usize) -> Run, hit: fn(&Run) -> bool) {
    let writer = Writer::new(Way::Right);
    let mut faults = 0;
    for point in 1.. {
        let folder = chaos::scratch::folder();
        let run = run(writer, folder.path(), point);
        assert!(run.stderr.is_empty(), "at {point}: {run:?}");
        let acks = acks::read(&run.stdout);
        assert_eq!(acks, [1, 2, 3, 4, 5, 6], "at {point}: {:?}", run.hit);
        assert_eq!(check(folder.path(), &acks), Ok(0));
        faults += usize::from(hit(&run));
        if run.hit.is_none() {
            break;
        }
    }
    println!("faults={faults} lost=0");
    assert!(faults >= 3 * 6);
}

/// A file system that can't rename without clobbering can link.
fn by_link() {
    let writer = Writer::new(Way::Right);
    let folder = chaos::scratch::folder();
    let whole = writer.victim(folder.path()).run();
    let renames: Vec<usize> = whole
        .trace
        .iter()
        .filter(|call| call.kind == Kind::Rename && call.is_of("new-5"))
        .filter_map(|call| call.point)
        .collect();
    let [point] = renames[..] else {
        panic!("{renames:?}");
    };
    let folder = chaos::scratch::folder();
    let run = writer
        .victim(folder.path())
        .fail_from(point, Errno::INVAL, Span::Once)
        .run();
    let acks = acks::read(&run.stdout);
    assert_eq!(acks, [1, 2, 3, 4, 5, 6]);
    assert_eq!(check(folder.path(), &acks), Ok(0));
    let linked = |call: &&chaos::inject::Call| call.kind == Kind::Link && call.is_of("new-5");
    assert_eq!(run.trace.iter().filter(linked).count(), 1);
}
