//! Every sequence of events up to a length, against the rules said another way.

use super::*;

const MODES: [Mode; 2] = [Mode::Shared, Mode::Exclusive];

fn waits(mode: Mode) -> Want {
    Want {
        mode,
        patience: Patience::Waits,
    }
}

/// A line, and a second book of who waits and who holds.
#[derive(Clone, Default)]
struct Books {
    waiting: Vec<(u64, Mode)>,
    held: Vec<Mode>,
    /// Who had it, in order.
    had: Vec<u64>,
}

impl Books {
    fn may_have(&self, mode: Mode) -> bool {
        match mode {
            Mode::Shared => !self.held.contains(&Mode::Exclusive),
            Mode::Exclusive => self.held.is_empty(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Arrives(Mode),
    FirstLeaves,
    LastLeaves,
    OldestReleases,
}

/// Pursues as a thread does where no other process is in the way.
fn pursue(line: &mut Line, books: &mut Books) {
    assert!(line.begin());
    while let Some(number) = line.next() {
        let at = books.waiting.iter().position(|&(one, _)| one == number);
        assert_eq!(at, Some(0), "nobody overtakes");
        let (_, mode) = books.waiting.remove(0);
        assert!(books.may_have(mode), "{mode:?} beside {:?}", books.held);
        books.held.push(mode);
        books.had.push(number);
        line.granted(mode);
    }
    assert_eq!(line.end(), Some(Vec::new()));
}

#[test]
fn nobody_overtakes_and_nobody_waits_who_may_have_it() {
    let events = [
        Event::Arrives(Mode::Shared),
        Event::Arrives(Mode::Exclusive),
        Event::FirstLeaves,
        Event::LastLeaves,
        Event::OldestReleases,
    ];
    let mut sequences = 0;
    for code in 0..5_u32.pow(7) {
        let (mut line, mut books) = (Line::default(), Books::default());
        for at in 0..7 {
            let event = events[(code / 5_u32.pow(at) % 5) as usize];
            let number = u64::from(at);
            let worth_it = match event {
                Event::Arrives(mode) => {
                    books.waiting.push((number, mode));
                    line.arrive(number, waits(mode))
                }
                Event::FirstLeaves if !books.waiting.is_empty() => {
                    line.leave(books.waiting.remove(0).0)
                }
                Event::LastLeaves if !books.waiting.is_empty() => {
                    let (number, _) = books.waiting.pop().unwrap();
                    line.leave(number)
                }
                Event::OldestReleases if !books.held.is_empty() => {
                    line.released(books.held.remove(0));
                    true
                }
                _ => false,
            };
            if worth_it {
                pursue(&mut line, &mut books);
            }
            // Whoever could have it has it: nobody forgot to try.
            if let Some(&(_, first)) = books.waiting.first() {
                assert!(!books.may_have(first), "{event:?} in {code}");
            }
            assert_eq!(
                line.is_over(),
                books.waiting.is_empty() && books.held.is_empty()
            );
        }
        assert!(books.had.is_sorted());
        sequences += 1;
    }
    println!("sequences={sequences}");
}

#[test]
fn pauses_double_up_to_the_longest_and_begin_anew_after_a_change() {
    let mut line = Line::default();
    let mut pauses = || {
        let mut seen = Vec::new();
        for _ in 0..9 {
            assert!(line.begin());
            let number = line.next().unwrap_or(1);
            seen.push(line.refused(number, waits(Mode::Exclusive)).as_millis());
            assert_eq!(line.end(), Some(Vec::new()));
        }
        line.next();
        line.granted(Mode::Exclusive);
        line.released(Mode::Exclusive);
        seen
    };
    let expected = [1, 2, 4, 8, 16, 32, 50, 50, 50];
    assert_eq!(pauses(), expected);
    assert_eq!(pauses(), expected);
}

#[test]
fn what_changes_during_a_pursuit_is_looked_at_before_it_ends() {
    for mode in MODES {
        let mut line = Line::default();
        assert!(line.arrive(1, waits(mode)));
        assert!(line.begin());
        assert_eq!(line.next(), Some(1));
        // A second thread finds one at work, and leaves it to that.
        assert!(!line.begin());
        line.refused(1, waits(mode));
        assert_eq!(line.end(), None);
        assert_eq!(line.next(), Some(1));
        line.granted(mode);
        assert_eq!(line.end(), Some(Vec::new()));
    }
}

#[test]
fn those_without_patience_are_out_when_a_pursuit_ends() {
    let once = Want {
        mode: Mode::Exclusive,
        patience: Patience::None,
    };
    let mut line = Line::default();
    line.arrive(1, waits(Mode::Exclusive));
    line.begin();
    line.next();
    line.granted(Mode::Exclusive);
    line.end();
    line.arrive(2, waits(Mode::Exclusive));
    assert!(!line.arrive(3, waits(Mode::Exclusive)), "2 is before it");
    assert!(line.arrive(4, once), "it must be told");
    assert!(line.begin());
    assert_eq!(line.next(), None);
    assert_eq!(line.end(), Some(vec![4]));
    line.released(Mode::Exclusive);
    line.begin();
    assert_eq!(line.next(), Some(2));
}
