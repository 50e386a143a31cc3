//! The order of operations by path.
//!
//! A place in the order belongs to the work and not to the future that waits
//! for it: whoever is over starts those that have waited for it. So a future
//! that is dropped, or forgotten, blocks nobody.
//!
//! Work that changes a path waits for the earlier changes of that path, and so
//! does work that reads it; nobody waits for reads. A path is compared as it is
//! written, without asking the kernel: a relative one is taken for an absolute
//! one that ends with it, since waiting for too much does no harm.

use std::collections::BTreeMap;
use std::mem;
use std::ops::Bound;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

/// What work does to the paths that it claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Reads,
    Changes,
}

/// A path that work reads or changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    path: Arc<Path>,
    kind: Kind,
    extent: Extent,
    /// `Reads` in work that changes only its other paths.
    effect: Option<Effect>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Absolute,
    Relative,
    /// Relative, with `..` in front.
    Climbing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Alone,
    /// All that is below it as well.
    Below,
}

impl Claim {
    /// The path alone.
    pub(crate) fn on(path: &Path) -> Self {
        let mut plain = PathBuf::new();
        let mut climbing = false;
        for component in path.components() {
            match component {
                Component::CurDir => {}
                // `a/../b` and `b` are one even where `a` is a link: that only
                // waits for more than it must.
                Component::ParentDir => climbing |= !plain.pop() && !plain.has_root(),
                component => plain.push(component),
            }
        }
        Self {
            kind: match plain.has_root() {
                true => Kind::Absolute,
                false if climbing => Kind::Climbing,
                false => Kind::Relative,
            },
            path: plain.into(),
            extent: Extent::Alone,
            effect: None,
        }
    }

    /// The path and everything below it.
    pub(crate) fn below(path: &Path) -> Self {
        Self {
            extent: Extent::Below,
            ..Self::on(path)
        }
    }

    /// Of work that changes its other paths, and this one not: nobody waits for it.
    pub(crate) fn only_read(self) -> Self {
        Self {
            effect: Some(Effect::Reads),
            ..self
        }
    }

    fn meets(&self, other: &Self) -> bool {
        if self.kind == other.kind && self.kind != Kind::Climbing {
            self.path == other.path
                || (self.extent == Extent::Below && other.path.starts_with(&self.path))
                || (other.extent == Extent::Below && self.path.starts_with(&other.path))
        } else {
            // Where a relative path starts, only the kernel knows.
            self.extent == Extent::Below
                || other.extent == Extent::Below
                || self.path.ends_with(&other.path)
                || other.path.ends_with(&self.path)
        }
    }

    fn class(&self) -> Class {
        match self.kind {
            Kind::Absolute => Class::Absolute,
            Kind::Relative => Class::Relative,
            Kind::Climbing => Class::Odd,
        }
    }

    /// True if it is on this path and on all that is below.
    fn covers(&self, path: &Path) -> bool {
        self.extent == Extent::Below && *self.path == *path
    }
}

/// What a claim is looked up by: those of the first two classes meet within the
/// class only what is on their own path, or above or below it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Absolute,
    Relative,
    Odd,
}

/// Begins the work, by handing it to a thread, once it is its turn.
type Start = Box<dyn FnOnce(Ticket) + Send>;

struct Entry {
    claims: Vec<Claim>,
    /// How many it still has to wait for.
    behind: usize,
    followers: Vec<u64>,
    /// Gone when it has begun.
    start: Option<Start>,
    effect: Effect,
}

impl Entry {
    fn covers(&self, path: &Path) -> bool {
        self.claims.iter().any(|claim| claim.covers(path))
    }
}

/// All work that isn't over, by its number in the order of arrival.
#[derive(Default)]
struct Turnstile {
    next: u64,
    entries: BTreeMap<u64, Entry>,
    /// The changes on a path, those of which a newcomer must wait for. What is
    /// below a path comes behind it, before all else.
    changes: BTreeMap<Arc<Path>, Vec<u64>>,
    /// How many claims of each class the changes have.
    classes: [usize; 3],
    /// How many of them are on all that is below.
    covering: usize,
}

static TURNSTILE: LazyLock<Mutex<Turnstile>> = LazyLock::new(Mutex::default);

fn turnstile() -> MutexGuard<'static, Turnstile> {
    TURNSTILE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place in the order, left when it is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// `None` for reads that had nobody to wait for.
    number: Option<u64>,
}

/// Calls `start` once all earlier changes that `claims` meet are over: now, or on
/// the thread of the last of them. It must only hand over.
pub(crate) fn enter(
    claims: Vec<Claim>,
    effect: Effect,
    start: impl FnOnce(Ticket) + Send + 'static,
) {
    let mut turnstile = turnstile();
    let earlier = turnstile.earlier(&claims);
    if earlier.is_empty() && effect == Effect::Reads {
        drop(turnstile);
        return start(Ticket { number: None });
    }
    let waits = !earlier.is_empty();
    let (now, later): (Option<_>, Option<Start>) = match waits {
        true => (None, Some(Box::new(start))),
        false => (Some(start), None),
    };
    let number = turnstile.add(claims, effect, earlier, later, Waits::ForAll);
    drop(turnstile);
    if let Some(start) = now {
        start(Ticket {
            number: Some(number),
        });
    }
}

/// Takes a place for work that has begun already: what a dropped file leaves.
pub(crate) fn begun(claim: Option<Claim>) -> Ticket {
    let claims = claim.into_iter().collect();
    let number = turnstile().add(claims, Effect::Changes, Vec::new(), None, Waits::ForNone);
    Ticket {
        number: Some(number),
    }
}

/// Calls `start` once everything is over that has been entered before.
pub(crate) fn after_all(start: impl FnOnce(Ticket) + Send + 'static) {
    let mut turnstile = turnstile();
    let earlier: Vec<u64> = turnstile.changing().collect();
    if earlier.is_empty() {
        drop(turnstile);
        return start(Ticket { number: None });
    }
    let start: Option<Start> = Some(Box::new(start));
    turnstile.add(Vec::new(), Effect::Reads, earlier, start, Waits::ForAll);
}

/// True if nothing goes on that anybody would have to wait for.
pub(crate) fn is_clear() -> bool {
    turnstile().classes == [0; 3]
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// For every earlier change of its paths: who waits for it, waits for those.
    ForAll,
    ForNone,
}

impl Turnstile {
    fn changing(&self) -> impl Iterator<Item = u64> {
        let changing =
            |(&number, entry): (&u64, &Entry)| (entry.effect == Effect::Changes).then_some(number);
        self.entries.iter().filter_map(changing)
    }

    /// The changes that a newcomer with these claims must wait for.
    fn earlier(&self, claims: &[Claim]) -> Vec<u64> {
        let [absolute, relative, odd] = self.classes;
        if absolute + relative + odd == 0 {
            return Vec::new();
        }
        let looked_up = odd == 0
            && claims.iter().all(|claim| match claim.class() {
                Class::Absolute => relative == 0,
                Class::Relative => absolute == 0,
                Class::Odd => false,
            });
        let mut earlier: Vec<u64> = if looked_up {
            claims.iter().flat_map(|claim| self.met(claim)).collect()
        } else {
            let meets = |number: &u64| {
                let theirs = &self.entries[number].claims;
                claims
                    .iter()
                    .any(|claim| theirs.iter().any(|other| claim.meets(other)))
            };
            self.changing().filter(meets).collect()
        };
        earlier.sort_unstable();
        earlier.dedup();
        earlier
    }

    /// The changes that a claim meets, if there are none but of its class.
    fn met(&self, claim: &Claim) -> Vec<u64> {
        let on = |path: &Path| self.changes.get(path).into_iter().flatten().copied();
        let mut met: Vec<u64> = on(&claim.path).collect();
        if self.covering > 0 {
            for above in claim.path.ancestors().skip(1) {
                met.extend(on(above).filter(|number| self.entries[number].covers(above)));
            }
        }
        if claim.extent == Extent::Below {
            let behind = (Bound::Excluded(&*claim.path), Bound::Unbounded);
            let below = self
                .changes
                .range::<Path, _>(behind)
                .take_while(|(path, _)| path.starts_with(&claim.path));
            met.extend(below.flat_map(|(_, numbers)| numbers));
        }
        met
    }

    fn add(
        &mut self,
        mut claims: Vec<Claim>,
        effect: Effect,
        earlier: Vec<u64>,
        start: Option<Start>,
        waits: Waits,
    ) -> u64 {
        let number = self.next;
        self.next += 1;
        claims.retain(|claim| claim.effect != Some(Effect::Reads));
        if effect == Effect::Changes {
            for claim in &claims {
                self.classes[claim.class() as usize] += 1;
                self.covering += usize::from(claim.extent == Extent::Below);
                let changes = self.changes.entry(Arc::clone(&claim.path)).or_default();
                if waits == Waits::ForAll {
                    // Else a thousand writes of one path would know each other. Who
                    // meets one of the earlier here, meets this one.
                    changes.retain(|number| {
                        earlier.binary_search(number).is_err()
                            || (claim.extent == Extent::Alone
                                && self.entries[number].covers(&claim.path))
                    });
                }
                changes.push(number);
            }
        }
        for one in &earlier {
            if let Some(entry) = self.entries.get_mut(one) {
                entry.followers.push(number);
            }
        }
        let entry = Entry {
            claims,
            behind: earlier.len(),
            followers: Vec::new(),
            start,
            effect,
        };
        self.entries.insert(number, entry);
        number
    }

    /// Removes what is over and gives what can begin.
    fn leave(&mut self, number: u64) -> Vec<(Start, u64)> {
        let Some(over) = self.entries.remove(&number) else {
            return Vec::new();
        };
        if over.effect == Effect::Changes {
            for claim in &over.claims {
                self.classes[claim.class() as usize] -= 1;
                self.covering -= usize::from(claim.extent == Extent::Below);
                if let Some(changes) = self.changes.get_mut(&claim.path) {
                    changes.retain(|&other| other != number);
                    if changes.is_empty() {
                        self.changes.remove(&claim.path);
                    }
                }
            }
        }
        let mut ready = Vec::new();
        for follower in over.followers {
            if let Some(entry) = self.entries.get_mut(&follower) {
                entry.behind -= 1;
                if entry.behind == 0 {
                    ready.extend(entry.start.take().map(|start| (start, follower)));
                }
            }
        }
        ready
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let Some(number) = mem::take(&mut self.number) else {
            return;
        };
        // Started without the lock: it hands over, which may run anything.
        let ready = turnstile().leave(number);
        for (start, number) in ready {
            start(Ticket {
                number: Some(number),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use proptest::collection::vec;
    use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

    use super::{BTreeMap, Claim, Effect, Path, Start, Ticket, Turnstile, Waits};

    fn meet(one: &str, other: &str) -> bool {
        let (one, other) = (Claim::on(Path::new(one)), Claim::on(Path::new(other)));
        assert_eq!(one.meets(&other), other.meets(&one));
        one.meets(&other)
    }

    #[test]
    fn a_path_is_one_however_it_is_spelt() {
        assert!(meet("/a/b", "/a/./b/"));
        assert!(meet("/a/b", "/a/c/../b"));
        assert!(meet("/../a", "/a"));
        assert!(meet("a/b", "./a//b"));
        assert!(!meet("/a/b", "/a/c"));
        assert!(!meet("a", "b/a"));
    }

    #[test]
    fn where_a_relative_path_starts_is_unknown() {
        assert!(meet("b/c", "/a/b/c"));
        assert!(!meet("b/c", "/a/c"));
        assert!(meet("../b/c", "c"));
        assert!(meet("../c", "/a/b/c"));
        assert!(!meet("../d", "/a/b/c"));
    }

    #[test]
    fn a_claim_may_be_on_all_that_is_below() {
        let below = Claim::below(Path::new("/a"));
        for (path, meets) in [("/a", true), ("/a/b/c", true), ("/ab", false), ("/", false)] {
            let claim = Claim::on(Path::new(path));
            assert_eq!(below.meets(&claim), meets, "{path}");
            assert_eq!(claim.meets(&below), meets, "{path}");
        }
        assert!(below.meets(&Claim::below(Path::new("/"))));
    }

    fn claim() -> impl Strategy<Value = Claim> {
        let path = prop_oneof![
            3 => prop_oneof![Just("/a"), Just("/b"), Just("/a/b"), Just("/a/b/c")],
            1 => prop_oneof![Just("a"), Just("b"), Just("a/b"), Just("../b")],
        ];
        (path, 0..8).prop_map(|(path, extent)| match extent {
            0 | 2 => Claim::below(Path::new(path)),
            1 => Claim::on(Path::new(path)).only_read(),
            _ => Claim::on(Path::new(path)),
        })
    }

    fn effect() -> impl Strategy<Value = Effect> {
        prop_oneof![
            Just(Effect::Changes),
            Just(Effect::Changes),
            Just(Effect::Reads)
        ]
    }

    /// What happens next.
    #[derive(Clone, Debug)]
    enum Event {
        Enter(Vec<Claim>, Effect),
        Begun(Claim),
        /// One of those that have begun is over.
        Over(usize),
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let event = prop_oneof![
            4 => (vec(claim(), 1..3), effect()).prop_map(|(claims, effect)| Event::Enter(claims, effect)),
            1 => claim().prop_map(Event::Begun),
            3 => any::<usize>().prop_map(Event::Over),
        ];
        vec(event, 1..60)
    }

    /// What the rule looks at.
    struct Model {
        claims: Vec<Claim>,
        effect: Effect,
        waits: Waits,
    }

    proptest! {
        #[test]
        fn work_begins_exactly_when_no_earlier_change_of_its_paths_goes_on(events in events()) {
            let (begins, begun) = mpsc::channel();
            let mut turnstile = Turnstile::default();
            let mut going_on: BTreeMap<u64, Model> = BTreeMap::new();
            let mut running: Vec<u64> = Vec::new();
            // All of it ends, so that everything must have begun.
            let ends = std::iter::repeat_n(Event::Over(0), 60);
            for event in events.into_iter().chain(ends) {
                match event {
                    Event::Enter(claims, effect) => {
                        let number = turnstile.next;
                        let earlier = turnstile.earlier(&claims);
                        if earlier.is_empty() {
                            turnstile.add(claims.clone(), effect, earlier, None, Waits::ForAll);
                            begins.send(number).unwrap();
                        } else {
                            let begins = begins.clone();
                            let start: Start = Box::new(move |_| begins.send(number).unwrap());
                            turnstile.add(claims.clone(), effect, earlier, Some(start), Waits::ForAll);
                        }
                        going_on.insert(number, Model { claims, effect, waits: Waits::ForAll });
                    }
                    Event::Begun(claim) => {
                        let claims = vec![claim];
                        let number = turnstile.add(claims.clone(), Effect::Changes, Vec::new(), None, Waits::ForNone);
                        going_on.insert(number, Model { claims, effect: Effect::Changes, waits: Waits::ForNone });
                        running.push(number);
                    }
                    Event::Over(which) if !running.is_empty() => {
                        let number = running.swap_remove(which % running.len());
                        going_on.remove(&number);
                        for (start, _) in turnstile.leave(number) {
                            start(Ticket { number: None });
                        }
                    }
                    Event::Over(_) => {}
                }
                running.extend(begun.try_iter());
                for (number, model) in &going_on {
                    let held = going_on.range(..number).any(|(_, earlier)| {
                        let meets = |claim: &Claim| {
                            claim.effect.is_none() && model.claims.iter().any(|own| own.meets(claim))
                        };
                        earlier.effect == Effect::Changes && earlier.claims.iter().any(meets)
                    });
                    // A file that is dropped has begun whatever goes on.
                    let begun = !held || model.waits == Waits::ForNone;
                    assert_eq!(running.contains(number), begun, "{number}");
                }
            }
            assert!(going_on.is_empty() && turnstile.entries.is_empty());
            assert!(turnstile.changes.is_empty());
            assert_eq!(turnstile.classes, [0; 3]);
            assert_eq!(turnstile.covering, 0);
        }
    }

    #[test]
    fn thousands_that_wait_for_each_other_know_only_their_neighbours() {
        let mut turnstile = Turnstile::default();
        let wait = |turnstile: &mut Turnstile, claims: Vec<Claim>| {
            let earlier = turnstile.earlier(&claims);
            let start: Start = Box::new(|_| {});
            turnstile.add(claims, Effect::Changes, earlier, Some(start), Waits::ForAll);
        };
        let name = |number: u32| format!("/a/{number}");
        for number in 0..20_000 {
            // Renames onto one path, and writes of others.
            let from = Claim::below(Path::new(&name(number)));
            wait(&mut turnstile, vec![from, Claim::below(Path::new("/b"))]);
            wait(&mut turnstile, vec![Claim::on(Path::new(&name(number)))]);
        }
        let known: usize = turnstile
            .entries
            .values()
            .map(|entry| entry.followers.len())
            .sum();
        assert_eq!(known, 19_999 + 20_000);
    }
}
