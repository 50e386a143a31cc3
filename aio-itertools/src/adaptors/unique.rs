use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::limit::Limit;
use crate::size_hint::ENDED;

/// Gives each item once: those that came before are dropped, wherever they were.
///
/// A copy of every distinct item is kept, so the memory grows with them: for a
/// stream without end say how many to [`remember`](Unique::remember), or use
/// [`dedup`](crate::adaptors::dedup()), which compares neighbours only.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::unique, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut letters = unique(iter("ABACB".chars()));
/// assert_eq!(next(&mut letters).await, Some('A'));
/// assert_eq!(next(&mut letters).await, Some('B'));
/// assert_eq!(next(&mut letters).await, Some('C'));
/// assert_eq!(next(&mut letters).await, None);
/// # }
/// ```
#[doc(alias = "unique_everseen")]
#[doc(alias = "distinct")]
pub fn unique<S>(stream: S) -> Unique<S>
where
    S: Stream,
    S::Item: Hash + Eq + Clone,
{
    Unique::new(stream, Itself)
}

/// Gives the first item of each key, wherever the others are.
///
/// `key` is called once an item. Keys are kept and items aren't, so these needn't
/// be cloned. [`remember`](Unique::remember) bounds how many keys are kept.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::unique_by_key, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let words = iter(["apple", "bean", "avocado"]);
/// let mut initials = unique_by_key(words, |word| word.chars().next());
/// assert_eq!(next(&mut initials).await, Some("apple"));
/// assert_eq!(next(&mut initials).await, Some("bean"));
/// assert_eq!(next(&mut initials).await, None);
/// # }
/// ```
#[doc(alias = "unique_everseen")]
pub fn unique_by_key<S, F, K>(stream: S, key: F) -> UniqueByKey<S, F, K>
where
    S: Stream,
    F: FnMut(&S::Item) -> K,
    K: Hash + Eq,
{
    Unique::new(stream, KeyOf(key))
}

/// The stream of [`unique_by_key`](crate::adaptors::unique_by_key()).
pub type UniqueByKey<S, F, K> = Unique<S, KeyOf<F>, K>;

/// An item is its own key, and is cloned only to be kept.
#[derive(Clone, Copy, Debug)]
pub struct Itself;

/// A function gives the key of an item.
#[derive(Clone, Copy)]
pub struct KeyOf<F>(F);

impl<F> fmt::Debug for KeyOf<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyOf").finish_non_exhaustive()
    }
}

/// What the items are told apart by.
pub trait Rule<T, K> {
    /// Gives the key of an item if it isn't known.
    fn new_key(&mut self, item: &T, is_known: impl FnOnce(&K) -> bool) -> Option<K>;
}

impl<T: Clone> Rule<T, T> for Itself {
    fn new_key(&mut self, item: &T, is_known: impl FnOnce(&T) -> bool) -> Option<T> {
        (!is_known(item)).then(|| item.clone())
    }
}

impl<T, F: FnMut(&T) -> K, K> Rule<T, K> for KeyOf<F> {
    fn new_key(&mut self, item: &T, is_known: impl FnOnce(&K) -> bool) -> Option<K> {
        let key = (self.0)(item);
        (!is_known(&key)).then_some(key)
    }
}

/// The keys of the items that were given.
enum Known<K> {
    All(HashSet<K>),
    Last(Latest<K>),
}

impl<K> Known<K> {
    fn len(&self) -> usize {
        match self {
            Self::All(keys) => keys.len(),
            Self::Last(latest) => latest.numbers.len(),
        }
    }
}

impl<K: Hash + Eq> Known<K> {
    fn contains(&self, key: &K) -> bool {
        match self {
            Self::All(keys) => keys.contains(key),
            Self::Last(latest) => latest.contains(key),
        }
    }

    fn insert(&mut self, key: K) {
        match self {
            Self::All(keys) => drop(keys.insert(key)),
            Self::Last(latest) => latest.insert(key),
        }
    }
}

/// The keys given last, each with its number in the order in which they were.
///
/// Keys that are too old stay until there are as many as are remembered. So
/// forgetting costs little, and needs no queue with a copy of every key.
struct Latest<K> {
    numbers: HashMap<K, u64>,
    given: u64,
    limit: usize,
}

impl<K: Hash + Eq> Latest<K> {
    fn contains(&self, key: &K) -> bool {
        let number = self.numbers.get(key);
        number.is_some_and(|number| self.given - number < self.limit as u64)
    }

    fn insert(&mut self, key: K) {
        self.given += 1;
        if self.numbers.len() >= self.limit.saturating_mul(2) {
            let (given, limit) = (self.given, self.limit as u64);
            self.numbers.retain(|_, number| given - *number < limit);
        }
        self.numbers.insert(key, self.given);
    }
}

pin_project! {
    /// The stream of [`unique`](crate::adaptors::unique()) and of
    /// [`unique_by_key`](crate::adaptors::unique_by_key()).
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | every distinct key, or at most twice as many as `remember` says |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | from one for all items to one for each |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct Unique<S: Stream, R = Itself, K = <S as Stream>::Item> {
        #[pin]
        stream: S,
        rule: R,
        known: Known<K>,
        pace: Pace,
    }
}

impl<S: Stream, R, K> Unique<S, R, K> {
    fn new(stream: S, rule: R) -> Self {
        Self {
            stream,
            rule,
            known: Known::All(HashSet::new()),
            pace: Pace::new(),
        }
    }

    /// Remembers the keys of the last `keys` items given, and no others.
    ///
    /// It bounds the memory of a stream without end. An item whose key was
    /// forgotten is given again. An item that is dropped doesn't make its key
    /// last longer. Call it before the stream is polled: the keys so far are
    /// forgotten.
    ///
    /// # Panics
    ///
    /// If `keys` is the `usize` zero: see [`Limit`].
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut letters = iter("ABACA".chars()).unique().remember(2);
    /// for letter in ['A', 'B', 'C', 'A'] {
    ///     assert_eq!(next(&mut letters).await, Some(letter));
    /// }
    /// # }
    /// ```
    #[track_caller]
    pub fn remember(self, keys: impl Limit) -> Self {
        let latest = Latest {
            numbers: HashMap::new(),
            given: 0,
            limit: keys.at_least_one("the number of keys").get(),
        };
        Self {
            known: Known::Last(latest),
            ..self
        }
    }

    /// Gives back the source. No item is held.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S, R, K> Stream for Unique<S, R, K>
where
    S: Stream,
    R: Rule<S::Item, K>,
    K: Hash + Eq,
{
    type Item = S::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        loop {
            if !ready!(this.pace.poll_more(cx)) {
                return Poll::Ready(None);
            }
            let Some(item) = ready!(this.stream.as_mut().poll_next(cx)) else {
                this.pace.end();
                return Poll::Ready(None);
            };
            let known = &mut *this.known;
            if let Some(key) = this.rule.new_key(&item, |key| known.contains(key)) {
                known.insert(key);
                return Poll::Ready(Some(item));
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.pace.has_ended() {
            return ENDED;
        }
        let (least, most) = self.stream.size_hint();
        // The first item is given for sure, and any other may repeat it.
        let sure = usize::from(self.known.len() == 0);
        (least.min(sure), most)
    }
}

impl<S, R, K> FusedStream for Unique<S, R, K>
where
    S: Stream,
    R: Rule<S::Item, K>,
    K: Hash + Eq,
{
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: Stream + fmt::Debug, R, K> fmt::Debug for Unique<S, R, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unique")
            .field("stream", &self.stream)
            .field("keys", &self.known.len())
            .field("done", &self.pace.has_ended())
            .finish_non_exhaustive()
    }
}
