use proptest::prelude::*;

use super::*;

type Mail = Inbox<&'static str>;

fn run(call: CallId, number: u64) -> Down {
    Down::Run {
        call,
        task: 0,
        number,
        announce: Announce::No,
    }
}

fn inbox_of(calls: &[CallId]) -> Mail {
    let mut inbox = Mail::new();
    for (number, &call) in (1..).zip(calls) {
        let effect = inbox.obey(run(call, number), Bytes::new()).unwrap();
        assert_eq!(effect, Effect::None);
    }
    inbox
}

fn tell(inbox: &mut Mail, down: Down) -> Effect<&'static str> {
    inbox.obey(down, Bytes::new()).unwrap()
}

fn begin(inbox: &mut Mail) -> CallId {
    match inbox.next(usize::MAX, || "reins") {
        Next::Begin(waiting) => waiting.call,
        other => panic!("{other:?}"),
    }
}

fn wrong(inbox: &mut Mail, down: Down) -> String {
    inbox.obey(down, Bytes::new()).unwrap_err()
}

#[test]
fn calls_begin_in_order_as_many_as_there_are_places() {
    let mut inbox = inbox_of(&[7, 8, 9]);
    assert_eq!(inbox.next(0, || "reins"), Next::Full);
    assert_eq!(begin(&mut inbox), 7);
    assert_eq!(inbox.next(1, || "reins"), Next::Full);
    assert_eq!(begin(&mut inbox), 8);
    assert_eq!(inbox.finish(7), More::Yes);
    assert!(matches!(inbox.next(2, || "reins"), Next::Begin(_)));
    assert_eq!(inbox.next(9, || "reins"), Next::Empty);
    inbox.answering(8);
    assert_eq!(inbox.finish(9), More::No);
    let _ = tell(&mut inbox, run(10, 4));
    let place_kept = inbox.next(1, || "reins");
    assert_eq!(place_kept, Next::Full, "an answer is still being sent");
    assert_eq!(inbox.finish(8), More::Yes);
    assert_eq!(begin(&mut inbox), 10);
}

#[test]
fn what_the_parent_gets_wrong_is_named() {
    let said = wrong(
        &mut inbox_of(&[]),
        Down::Hello {
            protocol: 2,
            table: 0,
            setup: crate::setup::Setup::default(),
        },
    );
    assert_eq!(said, "the parent greeted twice");

    let mut inbox = inbox_of(&[5]);
    let said = wrong(&mut inbox, run(6, 1));
    assert_eq!(said, "the parent counts its deliveries 1, 1");
    let said = wrong(&mut inbox, run(5, 2));
    assert_eq!(said, "the parent delivered call 5 twice");
    let said = wrong(&mut inbox, Down::Piece { call: 6 });
    assert_eq!(said, "pieces of call 6 have no end");
    let said = wrong(&mut inbox, Down::Credit { call: 5, items: 1 });
    assert_eq!(said, "the parent took items of call 5, which has not begun");
}

#[test]
fn a_cancellation_finds_its_call_wherever_it_is() {
    let mut inbox = inbox_of(&[1, 2, 3]);
    assert_eq!(begin(&mut inbox), 1);
    let cancel = |inbox: &mut Mail, call| tell(inbox, Down::Cancel { call });
    assert_eq!(cancel(&mut inbox, 2), Effect::Cancelled(2));
    assert_eq!(cancel(&mut inbox, 2), Effect::None, "it is answered");
    assert_eq!(inbox.rein(1, |_| {}), Cancelled::No);
    assert_eq!(cancel(&mut inbox, 1), Effect::Stop("reins"));
    assert_eq!(inbox.rein(1, |reins| *reins = "others"), Cancelled::Yes);
    assert_eq!(cancel(&mut inbox, 1), Effect::Stop("others"));
    assert_eq!(inbox.answering(1), Cancelled::Yes);
    assert_eq!(inbox.cancelled(1), Cancelled::Yes, "and still is");
    inbox.answered(1);
    assert_eq!(cancel(&mut inbox, 1), Effect::None, "they are crossing");
    assert_eq!(inbox.finish(1), More::Yes);
    assert_eq!(cancel(&mut inbox, 1), Effect::None, "they crossed");
    assert_eq!(begin(&mut inbox), 3);
}

#[test]
fn a_call_that_is_cancelled_while_it_is_answered_has_stopped() {
    let mut inbox = inbox_of(&[1]);
    assert_eq!(begin(&mut inbox), 1);
    assert_eq!(inbox.answering(1), Cancelled::No);
    assert_eq!(inbox.cancelled(1), Cancelled::No);
    let cancel = Down::Cancel { call: 1 };
    assert_eq!(tell(&mut inbox, cancel.clone()), Effect::Stopped(1));
    assert_eq!(tell(&mut inbox, cancel), Effect::None, "it is said once");
    assert_eq!(inbox.cancelled(1), Cancelled::Yes);
    assert!(!inbox.is_retired(), "it is to be answered all the same");
}

#[test]
fn credit_goes_to_the_call_that_runs() {
    let mut inbox = inbox_of(&[1]);
    assert_eq!(begin(&mut inbox), 1);
    let credit = |items| Down::Credit { call: 1, items };
    assert_eq!(tell(&mut inbox, credit(3)), Effect::Credit("reins", 3));
    assert_eq!(inbox.finish(1), More::No);
    assert_eq!(tell(&mut inbox, credit(2)), Effect::None, "they crossed");
}

#[test]
fn the_youngest_are_given_back_and_only_what_has_not_begun() {
    let mut inbox = inbox_of(&[1, 2, 3, 4, 5]);
    assert_eq!(begin(&mut inbox), 1);
    let back = |inbox: &mut Mail, most| tell(inbox, Down::Return { most });
    assert_eq!(back(&mut inbox, 2), Effect::Returned(vec![5, 4]));
    assert_eq!(begin(&mut inbox), 2);
    assert_eq!(back(&mut inbox, u32::MAX), Effect::Returned(vec![3]));
    assert_eq!(back(&mut inbox, 1), Effect::Returned(vec![]));
    // It may come again.
    assert_eq!(tell(&mut inbox, run(5, 6)), Effect::None);
    assert_eq!(begin(&mut inbox), 5);
}

#[test]
fn a_worker_is_retired_when_every_call_is_answered() {
    let mut inbox = inbox_of(&[1, 2]);
    assert_eq!(tell(&mut inbox, Down::Retire), Effect::None);
    assert_eq!(begin(&mut inbox), 1);
    assert_eq!(
        tell(&mut inbox, Down::Cancel { call: 2 }),
        Effect::Cancelled(2)
    );
    assert_eq!(inbox.next(9, || "reins"), Next::Empty);
    inbox.answering(1);
    assert!(!inbox.is_retired());
    assert_eq!(inbox.finish(1), More::Yes);
    assert_eq!(inbox.next(0, || "reins"), Next::Retired);
}

#[derive(Debug, Clone)]
enum Step {
    Run,
    Cancel(usize),
    Return(u32),
    Begin(usize),
    Finish(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Run),
        1 => (0..20_usize).prop_map(Step::Cancel),
        1 => (0..4_u32).prop_map(Step::Return),
        2 => (0..5_usize).prop_map(Step::Begin),
        2 => (0..5_usize).prop_map(Step::Finish),
    ]
}

proptest! {
    /// Whatever happens, each call comes to exactly one end.
    #[test]
    fn every_call_is_answered_or_given_back_exactly_once(
        steps in proptest::collection::vec(any_step(), 0..200)
    ) {
        let (mut inbox, mut delivered) = (Mail::new(), 0);
        let (mut running, mut ended) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Run => {
                    delivered += 1;
                    let _ = tell(&mut inbox, run(delivered - 1, delivered));
                }
                Step::Cancel(call) => match tell(&mut inbox, Down::Cancel { call: call as CallId }) {
                    Effect::Cancelled(call) => ended.push(call),
                    Effect::Stop(_) => prop_assert!(running.contains(&(call as CallId))),
                    other => prop_assert_eq!(other, Effect::None),
                },
                Step::Return(most) => match tell(&mut inbox, Down::Return { most }) {
                    Effect::Returned(calls) => {
                        prop_assert!(calls.len() <= most as usize);
                        ended.extend(calls);
                    }
                    other => prop_assert!(false, "{other:?}"),
                },
                Step::Begin(places) => match inbox.next(places, || "reins") {
                    Next::Begin(waiting) => {
                        prop_assert!(running.len() < places);
                        running.push(waiting.call);
                    }
                    Next::Full => prop_assert!(running.len() >= places),
                    other => prop_assert_eq!(other, Next::Empty),
                },
                Step::Finish(which) if which < running.len() => {
                    let call = running.swap_remove(which);
                    inbox.finish(call);
                    ended.push(call);
                }
                Step::Finish(_) => {}
            }
        }
        let _ = tell(&mut inbox, Down::Retire);
        for call in running {
            inbox.finish(call);
            ended.push(call);
        }
        while let Next::Begin(waiting) = inbox.next(1, || "reins") {
            inbox.finish(waiting.call);
            ended.push(waiting.call);
        }
        prop_assert_eq!(inbox.next(1, || "reins"), Next::Retired);
        ended.sort_unstable();
        prop_assert_eq!(ended, (0..delivered).collect::<Vec<_>>());
    }
}
