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

use std::collections::{BTreeMap, HashMap};
use std::mem;
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
        }
    }

    /// The path and everything below it.
    pub(crate) fn below(path: &Path) -> Self {
        Self {
            extent: Extent::Below,
            ..Self::on(path)
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
        match (self.kind, self.extent) {
            (Kind::Absolute, Extent::Alone) => Class::Absolute,
            (Kind::Relative, Extent::Alone) => Class::Relative,
            _ => Class::Odd,
        }
    }
}

/// What a claim is looked up by: those of the first two classes meet only their
/// equals within the class.
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

/// All work that isn't over, by its number in the order of arrival.
#[derive(Default)]
struct Turnstile {
    next: u64,
    entries: BTreeMap<u64, Entry>,
    /// The changes on a path, those of which a newcomer must wait for.
    changes: HashMap<Arc<Path>, Vec<u64>>,
    /// How many claims of each class the changes have.
    classes: [usize; 3],
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
            let changes = claims
                .iter()
                .filter_map(|claim| self.changes.get(&claim.path));
            changes.flatten().copied().collect()
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

    fn add(
        &mut self,
        claims: Vec<Claim>,
        effect: Effect,
        earlier: Vec<u64>,
        start: Option<Start>,
        waits: Waits,
    ) -> u64 {
        let number = self.next;
        self.next += 1;
        if effect == Effect::Changes {
            for claim in &claims {
                self.classes[claim.class() as usize] += 1;
                let changes = self.changes.entry(Arc::clone(&claim.path)).or_default();
                if waits == Waits::ForAll && claim.class() != Class::Odd {
                    // Else a thousand writes of one path would know each other.
                    changes.retain(|number| !earlier.contains(number));
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
