//! The cut harness, on a sound ledger and on broken ones.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use chaos::Trace;
use chaos::cuts::{self, Cut, Fate, Moment, Report};
use tokio::sync::Mutex;

use crate::subjects::{Ledger, OnDrop};
use crate::{block_on, caught};

/// For what must hang.
const SHORT: std::time::Duration = std::time::Duration::from_millis(300);

/// All or nothing, and nothing open.
async fn whole(ledger: Ledger, cut: Cut) {
    // A leaked guard can't roll back; a real connection does so when the next operation comes.
    if cut.fate == Fate::Leak && !cut.completed {
        return;
    }
    let rows = ledger.read().await;
    assert!(
        rows.is_empty() || rows == [1, 2],
        "half a transaction: {rows:?}"
    );
    if cut.completed {
        assert_eq!(rows, [1, 2], "completed, and not there");
    }
    ledger.put_one().await;
    assert_eq!(ledger.read().await.last(), Some(&9));
    ledger.close();
}

async fn cut_ledger(on_drop: OnDrop) -> Report {
    cuts::every("Ledger::put_both")
        .world(async || Ledger::open(on_drop))
        .beside(|ledger| {
            let ledger = ledger.clone();
            async move {
                ledger.read().await;
            }
        })
        .at_gate(|ledger| ledger.gate.clone())
        .run(async |ledger| ledger.put_both().await, whole)
        .await
}

#[test]
fn a_sound_ledger_passes() {
    chaos::alone!();
    let report = block_on(async {
        // A leaked world keeps nothing: the harness leaks only the future.
        let before = Trace::take();
        let report = cut_ledger(OnDrop::RollsBack).await;
        before.assert_same().await;
        report
    });
    // 5 at the gate and 5 before the first poll; a reply that is quick enough costs no poll.
    assert!(report.cuts >= 10, "{report}");
    assert_eq!(report.at_gates, 5);
}

#[test]
fn a_sound_ledger_passes_on_worker_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let report = runtime.block_on(
        cuts::every("Ledger::put_both, spawned")
            .world(async || Ledger::open(OnDrop::RollsBack))
            .at_gate(|ledger| ledger.gate.clone())
            .run_spawned(
                |ledger: Ledger| async move { ledger.put_both().await },
                whole,
            ),
    );
    assert!(report.cuts >= 10, "{report}");
}

#[test]
fn a_transaction_that_is_not_rolled_back_is_caught() {
    let said = caught(|| {
        block_on(cut_ledger(OnDrop::Forgets));
    });
    assert!(said.contains("half a transaction"), "{said}");
}

/// The polls of a reply from a thread are two, however long it takes.
#[test]
fn polls_count_wake_ups_and_not_time() {
    let report = block_on(
        cuts::every("Ledger::read")
            .world(async || Ledger::open(OnDrop::RollsBack))
            .run(
                async |ledger| {
                    ledger.read().await;
                },
                async |_, cut| {
                    assert!(cut.polls <= 2, "{cut:?}");
                    if cut.moment == Moment::Woken && cut.fate != Fate::Snooze {
                        assert!(cut.polls <= 1 || cut.completed, "{cut:?}");
                    }
                },
            ),
    );
    assert!(report.polls <= 2, "{report:?}");
}

#[test]
fn each_fate_does_what_it_says() {
    struct Bell(Arc<std::sync::atomic::AtomicU32>);
    impl Drop for Bell {
        fn drop(&mut self) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
    let report = block_on(
        cuts::every("a yield")
            .world(async || Arc::new(std::sync::atomic::AtomicU32::new(0)))
            .run(
                async |drops| {
                    let _bell = Bell(Arc::clone(drops));
                    tokio::task::yield_now().await;
                },
                async |drops, cut| {
                    let drops = drops.load(std::sync::atomic::Ordering::Relaxed);
                    let begun = cut.completed || cut.polls > 0;
                    let leaked = cut.fate == Fate::Leak && !cut.completed;
                    assert_eq!(drops, u32::from(begun && !leaked), "{cut:?}");
                },
            ),
    );
    // Before the first poll, after it, and at its wake-up: 3 moments, 5 fates.
    assert_eq!((report.cuts, report.polls), (15, 2), "{report:?}");
}

#[test]
fn an_operation_that_is_never_cut_is_caught() {
    let said = caught(|| {
        block_on(
            cuts::every("nothing left")
                .world(async || ())
                .except(Fate::Drop, "to leave nothing")
                .except(Fate::Abort, "to leave nothing")
                .except(Fate::Timeout, "to leave nothing")
                .except(Fate::Snooze, "to leave nothing")
                .except(Fate::Leak, "to leave nothing")
                .run(async |()| {}, async |(), _| {}),
        );
    });
    assert!(said.contains("nothing left was never cut"), "{said}");
}

#[test]
fn a_gate_that_is_not_on_the_way_is_caught() {
    let said = caught(|| {
        block_on(
            cuts::every("Ledger::read")
                .world(async || Ledger::open(OnDrop::RollsBack))
                .at_gate(|ledger| ledger.gate.clone())
                .run(
                    async |ledger| {
                        ledger.read().await;
                    },
                    async |_, _| {},
                ),
        );
    });
    assert!(said.contains("without coming to gate \"put\""), "{said}");
}

/// The world whose operation writes a temporary file and removes it at its end.
struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    fn new() -> Self {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("chaos-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self { folder }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// Removes its file when dropped, in the sound variant.
struct TempFile(PathBuf);

impl Drop for TempFile {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

async fn cut_temporary(removes: bool) -> Report {
    cuts::every("a temporary file")
        .world(async || Scratch::new())
        .except(Fate::Leak, "a forgotten guard leaves its file, and says so")
        .run(
            async move |scratch| {
                let path = scratch.folder.join("temporary");
                fs::write(&path, "x").unwrap();
                let file = TempFile(path);
                if removes {
                    tokio::task::yield_now().await;
                } else {
                    let file = std::mem::ManuallyDrop::new(file);
                    tokio::task::yield_now().await;
                    fs::remove_file(&file.0).unwrap();
                }
            },
            async |scratch, cut| {
                let left = fs::read_dir(&scratch.folder).unwrap().count();
                assert_eq!(left, 0, "a stray file after {cut:?}");
            },
        )
        .await
}

#[test]
fn a_stray_file_is_caught() {
    assert_eq!(block_on(cut_temporary(true)).cuts, 12);
    let said = caught(|| {
        block_on(cut_temporary(false));
    });
    assert!(said.contains("a stray file"), "{said}");
}

/// An operation that keeps a lock across an await, and a second that needs it.
async fn cut_lock(may_wait: bool) -> Report {
    let second = |lock: &Arc<Mutex<u32>>| {
        let lock = Arc::clone(lock);
        async move {
            *lock.lock().await += 1;
        }
    };
    let cuts = cuts::every("a lock across an await")
        .world(async || Arc::new(Mutex::new(0)))
        .except(Fate::Leak, "a forgotten guard keeps its lock for ever");
    let cuts = if may_wait {
        cuts.behind(second)
    } else {
        cuts.beside(second).within(SHORT)
    };
    cuts.run(
        async |lock| {
            let mut number = lock.lock().await;
            tokio::task::yield_now().await;
            *number += 1;
        },
        async |lock, cut| {
            let number = *lock.lock().await;
            let seconds = u32::from(cut.fate == Fate::Snooze && cut.polls < 2);
            assert!(number >= seconds, "{cut:?}: {number}");
        },
    )
    .await
}

#[test]
fn a_second_operation_may_wait_for_the_snoozed_one() {
    assert_eq!(block_on(cut_lock(true)).cuts, 12);
}

#[test]
fn a_snooze_deadlock_is_caught() {
    let said = caught(|| {
        block_on(cut_lock(false));
    });
    assert!(
        said.contains("it waits for a future that nobody polls"),
        "{said}"
    );
}

/// It has registered no waker, so nothing but a spurious poll would end it.
#[test]
fn an_operation_that_is_never_woken_is_caught() {
    let said = caught(|| {
        block_on(
            cuts::every("a mute")
                .world(async || false)
                .within(SHORT)
                .run(
                    async |polled| {
                        std::future::poll_fn(|_| {
                            if std::mem::replace(polled, true) {
                                std::task::Poll::Ready(())
                            } else {
                                std::task::Poll::Pending
                            }
                        })
                        .await;
                    },
                    async |_, _| {},
                ),
        );
    });
    assert!(
        said.contains("a mute cut by") && said.contains("hung"),
        "{said}"
    );
}

#[test]
fn a_check_that_hangs_is_caught() {
    let said = caught(|| {
        block_on(cuts::every("a yield").world(async || ()).within(SHORT).run(
            async |()| tokio::task::yield_now().await,
            async |(), _| std::future::pending().await,
        ));
    });
    assert!(said.contains("the check of a yield"), "{said}");
}

#[test]
fn an_endless_operation_is_caught() {
    let said = caught(|| {
        block_on(
            cuts::every("an endless one")
                .world(async || ())
                .except(Fate::Snooze, "it has no end to be resumed to")
                .run(
                    async |()| {
                        loop {
                            tokio::task::yield_now().await;
                        }
                    },
                    async |(), _| {},
                ),
        );
    });
    assert!(said.contains("not complete after 250 polls"), "{said}");
}

/// On the threads of a runtime a broken subject is caught just as well.
#[test]
fn a_broken_subject_is_caught_on_worker_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let said = caught(|| {
        runtime.block_on(
            cuts::every("Ledger::put_both, spawned")
                .world(async || Ledger::open(OnDrop::Forgets))
                .at_gate(|ledger| ledger.gate.clone())
                .run_spawned(
                    |ledger: Ledger| async move { ledger.put_both().await },
                    whole,
                ),
        );
    });
    assert!(said.contains("half a transaction"), "{said}");
}

/// An operation that starts a thread and leaves it running when it is cut.
#[test]
fn a_thread_left_by_a_cut_is_caught() {
    chaos::alone!();
    let said = caught(|| {
        block_on(async {
            let before = Trace::take();
            cuts::every("a thread for each call")
                .world(async || {
                    let (end, wait) = std::sync::mpsc::channel::<()>();
                    (end, Some(wait))
                })
                .run(
                    async |(end, wait)| {
                        let wait = wait.take().unwrap();
                        let (begin, begun) = std::sync::mpsc::channel();
                        std::thread::Builder::new()
                            .name("left-behind".into())
                            .spawn(move || {
                                // It has its parent's name until it runs.
                                begin.send(()).unwrap();
                                wait.recv().ok();
                            })
                            .unwrap();
                        begun.recv().unwrap();
                        tokio::task::yield_now().await;
                        end.send(()).unwrap();
                    },
                    async move |world, cut| {
                        // A thread that was told to end is given its time.
                        let limit = if cut.completed {
                            chaos::watchdog::LIMIT
                        } else {
                            SHORT
                        };
                        before.assert_same_within(limit).await;
                        drop(world);
                    },
                )
                .await;
        });
    });
    assert!(said.contains("thread left-behind"), "{said}");
}

/// Has a task answer, which can only happen once the harness lets the runtime go on.
async fn ask_a_task(answered: &Arc<std::sync::atomic::AtomicBool>) {
    let (reply, answer) = tokio::sync::oneshot::channel();
    let answered = Arc::clone(answered);
    tokio::spawn(async move {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        answered.store(true, std::sync::atomic::Ordering::Relaxed);
        reply.send(()).ok();
    });
    answer.await.unwrap();
}

#[test]
fn the_moments_before_and_after_the_wake_up_differ() {
    block_on(
        cuts::every("ask a task")
            .world(async || Arc::new(std::sync::atomic::AtomicBool::new(false)))
            .run(
                async |answered| ask_a_task(answered).await,
                async |answered, cut| {
                    let answered = answered.load(std::sync::atomic::Ordering::Relaxed);
                    match (cut.completed, cut.moment) {
                        (false, Moment::Woken) | (true, _) => assert!(answered, "{cut:?}"),
                        // The task of the other fates may be given a turn.
                        (false, _) if cut.fate == Fate::Drop => assert!(!answered, "{cut:?}"),
                        (false, _) => {}
                    }
                },
            ),
    );
}

/// The task around the operation is woken for other reasons all the time.
#[test]
fn spurious_polls_of_the_task_are_not_passed_on() {
    let report = block_on(async {
        let (ended, mut end) = tokio::sync::oneshot::channel::<()>();
        let noise = async {
            while end.try_recv() == Err(tokio::sync::oneshot::error::TryRecvError::Empty) {
                tokio::task::yield_now().await;
            }
        };
        let harness = async {
            let report = cuts::every("ask a task, in noise")
                .world(async || Arc::new(std::sync::atomic::AtomicBool::new(false)))
                .run(async |answered| ask_a_task(answered).await, async |_, _| {})
                .await;
            ended.send(()).unwrap();
            report
        };
        tokio::join!(harness, noise).0
    });
    // 5 before the first poll, 5 after it, 5 at the wake-up.
    assert_eq!((report.cuts, report.polls), (15, 2), "{report:?}");
}
