//! Several streams side by side: a tuple of different ones, or a list of equal ones.
//!
//! Each stream sits in a lane of its own, together with what it has given and
//! nobody has taken yet. So no poll order loses an item: what is ready stays in
//! its lane until all the others are.

use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::collected::Collected;
use crate::size_hint::{ENDED, SizeHint, plus};

/// Several streams to be taken side by side.
///
/// It is a tuple of two to eight streams of any types, whose items come as a
/// tuple, or an array or a `Vec` of streams of one type, whose items come as a
/// `Vec`. [`zip`](crate::adaptors::zip()) and [`product`](fn@crate::product)
/// take them; the trait can't be implemented elsewhere.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::zip, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut pairs = zip((iter(1..), iter("ab".chars())));
/// assert_eq!(next(&mut pairs).await, Some((1, 'a')));
///
/// let mut rows = zip(vec![iter(1..), iter(10..), iter(20..)]);
/// assert_eq!(next(&mut rows).await, Some(vec![1, 10, 20]));
/// # }
/// ```
pub trait Streams: Group {}

impl<G: Group> Streams for G {}

/// What a lane has after it was polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// All that it is polled for.
    Full,
    /// Its stream is pending.
    Waiting,
    /// Its stream has ended and there is nothing to give.
    Ended,
}

/// One lane. Polling a full one, or one whose stream has ended, changes nothing.
pub trait Lane {
    fn poll_fill(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Filled;

    /// How many items it holds and its stream still gives.
    fn size_hint(&self) -> SizeHint;
}

/// All lanes of a group.
pub trait Lanes {
    /// Polls one lane after the other, until `visit` breaks.
    fn poll_each(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        visit: impl FnMut(usize, Filled) -> ControlFlow<()>,
    ) -> ControlFlow<()>;

    fn hints(&self) -> impl Iterator<Item = SizeHint>;
}

/// Keeps the set of [`Streams`] closed and their lanes out of the public surface.
pub trait Group: Sized {
    /// The streams as they are given back: those of a list are in boxes by then.
    type Sources;
    /// One item of each.
    type Items;
    /// One item of each that has one.
    type Halves;
    /// All items of each.
    type Pools;
    /// A lane of each that holds one item.
    type Pairing: Lanes;
    /// A lane of each that holds all its items.
    type Pooling: Lanes;

    fn pairing(self) -> Self::Pairing;
    /// Takes one item of each: `None` unless all are full.
    fn take_items(lanes: Pin<&mut Self::Pairing>) -> Option<Self::Items>;
    fn take_halves(lanes: Pin<&mut Self::Pairing>) -> Self::Halves;
    fn unpair(lanes: Self::Pairing) -> (Self::Sources, Self::Halves);

    fn pooling(self) -> Self::Pooling;
    fn unpool(lanes: Self::Pooling) -> (Self::Sources, Self::Pools);
}

/// A group whose pools can be chosen from again and again.
pub trait Choose: Streams {
    /// A copy of the item at the given place of each pool.
    fn choose(lanes: &Self::Pooling, places: &[usize]) -> Self::Items;
    fn lengths(lanes: &Self::Pooling) -> Vec<usize>;
}

/// A group whose items are all of one type.
pub trait Alike: Streams {
    type Value: Clone;
    /// One item of each, all of them present.
    type Whole;

    fn fill(halves: Self::Halves, value: &Self::Value) -> Self::Whole;
}

pin_project! {
    /// The lane that holds one item: the half that waits for the others.
    pub struct Half<S: Stream> {
        #[pin]
        stream: S,
        ready: Option<S::Item>,
        ended: bool,
    }
}

impl<S: Stream> Half<S> {
    fn new(stream: S) -> Self {
        Self {
            stream,
            ready: None,
            ended: false,
        }
    }

    fn take(self: Pin<&mut Self>) -> Option<S::Item> {
        self.project().ready.take()
    }
}

impl<S: Stream> Lane for Half<S> {
    fn poll_fill(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Filled {
        let this = self.project();
        if this.ready.is_some() {
            return Filled::Full;
        }
        if *this.ended {
            return Filled::Ended;
        }
        match this.stream.poll_next(cx) {
            Poll::Ready(Some(item)) => {
                *this.ready = Some(item);
                Filled::Full
            }
            Poll::Ready(None) => {
                *this.ended = true;
                Filled::Ended
            }
            Poll::Pending => Filled::Waiting,
        }
    }

    fn size_hint(&self) -> SizeHint {
        let coming = match self.ended {
            true => ENDED,
            false => self.stream.size_hint(),
        };
        plus(coming, usize::from(self.ready.is_some()))
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for Half<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Half")
            .field("stream", &self.stream)
            .field("ready", &self.ready.is_some())
            .field("ended", &self.ended)
            .finish()
    }
}

/// As a lane a pool is full when it is complete, and ended if it is empty.
impl<S: Stream> Lane for Collected<S> {
    fn poll_fill(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Filled {
        match self.as_mut().poll_collect(cx) {
            Poll::Pending => Filled::Waiting,
            Poll::Ready(()) if self.items().is_empty() => Filled::Ended,
            Poll::Ready(()) => Filled::Full,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.hint()
    }
}

macro_rules! tuples_of {
    ($name:ident: $first:ident $first_field:ident $first_number:tt
        $(, $rest:ident $rest_field:ident $rest_number:tt)+) => {
        tuples_of!(@lanes $name:
            $first $first_field $first_number $(, $rest $rest_field $rest_number)+);

        impl<$first: Stream, $($rest: Stream<Item = $first::Item>),+> Alike
            for ($first, $($rest),+)
        where
            $first::Item: Clone,
        {
            type Value = $first::Item;
            type Whole = ($first::Item, $($rest::Item),+);

            fn fill(halves: Self::Halves, value: &$first::Item) -> Self::Whole {
                let ($first_field, $($rest_field),+) = halves;
                (
                    $first_field.unwrap_or_else(|| value.clone()),
                    $($rest_field.unwrap_or_else(|| value.clone())),+
                )
            }
        }
    };
    (@lanes $name:ident: $($stream:ident $field:ident $number:tt),+) => {
        pin_project! {
            #[derive(Debug)]
            pub struct $name<$($stream),+> {
                $(#[pin] $field: $stream,)+
            }
        }

        impl<$($stream: Lane),+> Lanes for $name<$($stream),+> {
            fn poll_each(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                mut visit: impl FnMut(usize, Filled) -> ControlFlow<()>,
            ) -> ControlFlow<()> {
                let this = self.project();
                $(visit($number, this.$field.poll_fill(cx))?;)+
                ControlFlow::Continue(())
            }

            fn hints(&self) -> impl Iterator<Item = SizeHint> {
                [$(self.$field.size_hint()),+].into_iter()
            }
        }

        impl<$($stream: Stream),+> Group for ($($stream),+) {
            type Sources = Self;
            type Items = ($($stream::Item),+);
            type Halves = ($(Option<$stream::Item>),+);
            type Pools = ($(Vec<$stream::Item>),+);
            type Pairing = $name<$(Half<$stream>),+>;
            type Pooling = $name<$(Collected<$stream>),+>;

            fn pairing(self) -> Self::Pairing {
                let ($($field),+) = self;
                $name { $($field: Half::new($field)),+ }
            }

            fn take_items(lanes: Pin<&mut Self::Pairing>) -> Option<Self::Items> {
                let lanes = lanes.project();
                Some(($(lanes.$field.take()?),+))
            }

            fn take_halves(lanes: Pin<&mut Self::Pairing>) -> Self::Halves {
                let lanes = lanes.project();
                ($(lanes.$field.take()),+)
            }

            fn unpair(lanes: Self::Pairing) -> (Self, Self::Halves) {
                (($(lanes.$field.stream),+), ($(lanes.$field.ready),+))
            }

            fn pooling(self) -> Self::Pooling {
                let ($($field),+) = self;
                $name { $($field: Collected::new($field)),+ }
            }

            fn unpool(lanes: Self::Pooling) -> (Self, Self::Pools) {
                $(let $field = lanes.$field.into_parts();)+
                (($($field.0),+), ($($field.1),+))
            }
        }

        impl<$($stream: Stream<Item: Clone>),+> Choose for ($($stream),+) {
            fn choose(lanes: &Self::Pooling, places: &[usize]) -> Self::Items {
                ($(lanes.$field.items()[places[$number]].clone()),+)
            }

            fn lengths(lanes: &Self::Pooling) -> Vec<usize> {
                vec![$(lanes.$field.items().len()),+]
            }
        }
    };
}

tuples_of!(Two: A a 0, B b 1);
tuples_of!(Three: A a 0, B b 1, C c 2);
tuples_of!(Four: A a 0, B b 1, C c 2, D d 3);
tuples_of!(Five: A a 0, B b 1, C c 2, D d 3, E e 4);
tuples_of!(Six: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5);
tuples_of!(Seven: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6);
tuples_of!(Eight: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7);

/// The lanes of a list. Each stream has a pinned box, so that the list can be moved.
#[derive(Debug)]
pub struct Many<L>(Vec<L>);

impl<L: Lane + Unpin> Lanes for Many<L> {
    fn poll_each(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut visit: impl FnMut(usize, Filled) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut lanes = self.0.iter_mut().enumerate();
        lanes.try_for_each(|(number, lane)| visit(number, Pin::new(lane).poll_fill(cx)))
    }

    fn hints(&self) -> impl Iterator<Item = SizeHint> {
        self.0.iter().map(Lane::size_hint)
    }
}

impl<S: Stream> Group for Vec<S> {
    type Sources = Vec<Pin<Box<S>>>;
    type Items = Vec<S::Item>;
    type Halves = Vec<Option<S::Item>>;
    type Pools = Vec<Vec<S::Item>>;
    type Pairing = Many<Half<Pin<Box<S>>>>;
    type Pooling = Many<Collected<Pin<Box<S>>>>;

    fn pairing(self) -> Self::Pairing {
        Many(self.into_iter().map(Box::pin).map(Half::new).collect())
    }

    fn take_items(mut lanes: Pin<&mut Self::Pairing>) -> Option<Self::Items> {
        lanes.0.iter_mut().map(|lane| lane.ready.take()).collect()
    }

    fn take_halves(mut lanes: Pin<&mut Self::Pairing>) -> Self::Halves {
        lanes.0.iter_mut().map(|lane| lane.ready.take()).collect()
    }

    fn unpair(lanes: Self::Pairing) -> (Self::Sources, Self::Halves) {
        let halves = lanes.0.into_iter();
        halves.map(|lane| (lane.stream, lane.ready)).unzip()
    }

    fn pooling(self) -> Self::Pooling {
        Many(self.into_iter().map(Box::pin).map(Collected::new).collect())
    }

    fn unpool(lanes: Self::Pooling) -> (Self::Sources, Self::Pools) {
        lanes.0.into_iter().map(Collected::into_parts).unzip()
    }
}

impl<S: Stream<Item: Clone>> Choose for Vec<S> {
    fn choose(lanes: &Self::Pooling, places: &[usize]) -> Self::Items {
        let pools = lanes.0.iter().zip(places);
        pools.map(|(pool, &at)| pool.items()[at].clone()).collect()
    }

    fn lengths(lanes: &Self::Pooling) -> Vec<usize> {
        lanes.0.iter().map(|pool| pool.items().len()).collect()
    }
}

impl<S: Stream<Item: Clone>> Alike for Vec<S> {
    type Value = S::Item;
    type Whole = Vec<S::Item>;

    fn fill(halves: Self::Halves, value: &S::Item) -> Self::Whole {
        let halves = halves.into_iter();
        halves
            .map(|half| half.unwrap_or_else(|| value.clone()))
            .collect()
    }
}

/// An array is a list: its items come as a `Vec`.
impl<S: Stream, const N: usize> Group for [S; N] {
    type Sources = Vec<Pin<Box<S>>>;
    type Items = Vec<S::Item>;
    type Halves = Vec<Option<S::Item>>;
    type Pools = Vec<Vec<S::Item>>;
    type Pairing = Many<Half<Pin<Box<S>>>>;
    type Pooling = Many<Collected<Pin<Box<S>>>>;

    fn pairing(self) -> Self::Pairing {
        Vec::from(self).pairing()
    }

    fn take_items(lanes: Pin<&mut Self::Pairing>) -> Option<Self::Items> {
        <Vec<S>>::take_items(lanes)
    }

    fn take_halves(lanes: Pin<&mut Self::Pairing>) -> Self::Halves {
        <Vec<S>>::take_halves(lanes)
    }

    fn unpair(lanes: Self::Pairing) -> (Self::Sources, Self::Halves) {
        <Vec<S>>::unpair(lanes)
    }

    fn pooling(self) -> Self::Pooling {
        Vec::from(self).pooling()
    }

    fn unpool(lanes: Self::Pooling) -> (Self::Sources, Self::Pools) {
        <Vec<S>>::unpool(lanes)
    }
}

impl<S: Stream<Item: Clone>, const N: usize> Choose for [S; N] {
    fn choose(lanes: &Self::Pooling, places: &[usize]) -> Self::Items {
        <Vec<S>>::choose(lanes, places)
    }

    fn lengths(lanes: &Self::Pooling) -> Vec<usize> {
        <Vec<S>>::lengths(lanes)
    }
}

impl<S: Stream<Item: Clone>, const N: usize> Alike for [S; N] {
    type Value = S::Item;
    type Whole = Vec<S::Item>;

    fn fill(halves: Self::Halves, value: &S::Item) -> Self::Whole {
        <Vec<S>>::fill(halves, value)
    }
}
