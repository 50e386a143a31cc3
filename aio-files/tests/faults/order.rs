//! SIGKILL keeps the page cache, so durability is proved at the system call: the
//! sync of a file has ended after its last byte was written and before it was
//! renamed, and the sync of its folder after that and before the acknowledgement.

use std::path::Path;

use chaos::acks;
use chaos::inject::{Call, Fate, Kind, Run};
use libtest_mimic::Trial;

use crate::trial;
use crate::writer::{Target, Way, Writer, mark};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("order::sync_rename_sync_acknowledgement", right),
        trial("order::an_early_acknowledgement_is_caught", || {
            caught(run(Way::Early), "before it was renamed");
        }),
        trial("order::a_folder_that_is_not_synced_is_caught", || {
            caught(run(Way::FolderUnsynced), "before the folder was synced");
        }),
        trial("order::a_sync_that_is_a_lie_is_caught", || {
            let folder = chaos::scratch::folder();
            let victim = Writer::new(Way::Right).victim(folder.path());
            caught(
                (victim.without_sync().run(), folder.path().to_owned()),
                "renamed before it was synced",
            );
        }),
    ]
}

type Ran = (Run, std::path::PathBuf);

fn run(way: Way) -> Ran {
    let folder = chaos::scratch::folder();
    let run = Writer::new(way).victim(folder.path()).run();
    assert!(run.status.success(), "{run:?}");
    (run, folder.path().to_owned())
}

fn caught((run, folder): Ran, problem: &str) {
    let said = ordered(&run, &folder).unwrap_err();
    assert!(said.contains(problem), "{said}");
}

/// Gives how many acknowledgements were looked at.
fn ordered(run: &Run, folder: &Path) -> Result<usize, String> {
    let mut seen = 0;
    for output in run.trace.iter().filter(|call| call.kind == Kind::Output) {
        for number in acks::read(&output.bytes) {
            one(&run.trace, output, number, folder)
                .map_err(|wrong| format!("{number} {wrong}\n{:#?}", run.trace))?;
            seen += 1;
        }
    }
    Ok(seen)
}

fn one(trace: &[Call], output: &Call, number: u64, folder: &Path) -> Result<(), String> {
    let target = folder.join(Target::of(number).name(number));
    let writes = |path: &Path| {
        trace
            .iter()
            .filter(|call| call.kind == Kind::Write && call.path == path)
            .collect::<Vec<_>>()
    };
    let rename = trace
        .iter()
        .filter(|call| call.kind == Kind::Rename && call.to.as_deref() == Some(&target))
        .filter(|call| call.begun < output.begun)
        .find(|call| {
            writes(&call.path)
                .first()
                .is_some_and(|write| write.bytes.starts_with(mark(number).as_bytes()))
        })
        .ok_or("was acknowledged before it was renamed")?;
    let written = writes(&rename.path).iter().map(|write| write.begun).max();
    let synced = |path: &Path, after: u64, before: u64| {
        trace.iter().any(|call| {
            call.kind == Kind::Sync
                && call.path == path
                && call.fate == Fate::Done
                && call.begun > after
                && call.ended.is_some_and(|ended| ended < before)
        })
    };
    if !synced(&rename.path, written.unwrap_or(0), rename.begun) {
        return Err("was renamed before it was synced".to_owned());
    }
    if !synced(folder, rename.begun, output.begun) {
        return Err("was acknowledged before the folder was synced".to_owned());
    }
    Ok(())
}

fn right() {
    let (run, folder) = run(Way::Right);
    let seen = ordered(&run, &folder).unwrap();
    println!("points={} acks={seen}", run.points);
    assert_eq!(seen, 6);
    // The first is the link, made by std on the thread that polls and prints.
    let (polls, worked): (Vec<&Call>, Vec<&Call>) = run
        .trace
        .iter()
        .partition(|call| call.kind == Kind::Output || call.point == Some(1));
    let polling = polls[0].thread;
    assert!(polls.iter().all(|call| call.thread == polling));
    assert!(worked.iter().all(|call| call.thread != polling));
    assert!(worked.len() > 40);
}
