use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::size_hint::{ENDED, SizeHint};

/// Gives what `f` returns for each item of `stream`, a tuple whose fields are the
/// arguments of `f`.
///
/// A function of two parameters maps a stream of pairs as it is: `starmap(u64::pow)`.
/// Tuples have one to eight fields. A closure says the types of its parameters,
/// `|base: u64, exponent: u32| …`: they can't be inferred here.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::starmap, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut powers = starmap(iter([(2, 5), (3, 2)]), u64::pow);
/// assert_eq!(next(&mut powers).await, Some(32));
/// assert_eq!(next(&mut powers).await, Some(9));
/// assert_eq!(next(&mut powers).await, None);
///
/// let mut labels = starmap(iter([("a", 1)]), |name: &str, n: i32| format!("{name}{n}"));
/// assert_eq!(next(&mut labels).await, Some("a1".to_owned()));
/// # }
/// ```
#[doc(alias = "map")]
pub fn starmap<S, F>(stream: S, f: F) -> Starmap<S, F>
where
    S: Stream,
    F: TakesFields<S::Item>,
{
    Starmap {
        stream,
        f,
        pace: Pace::new(),
    }
}

/// A function whose arguments are the fields of a tuple of one to eight.
///
/// Every `FnMut` of that many parameters is one, and nothing else can be: it is
/// what [`starmap`](crate::adaptors::starmap()) takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` doesn't take the fields of `{Fields}` as its arguments",
    note = "the items must be tuples of 1 to 8 fields, and a closure must say the types of its parameters"
)]
pub trait TakesFields<Fields>: sealed::Sealed<Fields> {
    /// What the function returns.
    type Output;

    /// Calls the function.
    #[doc(hidden)]
    fn call_with(&mut self, fields: Fields) -> Self::Output;
}

/// Keeps the set of functions closed.
mod sealed {
    pub trait Sealed<Fields> {}
}

macro_rules! takes_fields {
    ($($field:ident)+) => {
        impl<Function, Output, $($field),+> sealed::Sealed<($($field,)+)> for Function
        where
            Function: FnMut($($field),+) -> Output,
        {
        }

        impl<Function, Output, $($field),+> TakesFields<($($field,)+)> for Function
        where
            Function: FnMut($($field),+) -> Output,
        {
            type Output = Output;

            #[inline]
            fn call_with(&mut self, fields: ($($field,)+)) -> Output {
                // The fields get the names of their types.
                #[allow(non_snake_case, reason = "one identifier serves as both")]
                let ($($field,)+) = fields;
                self($($field),+)
            }
        }
    };
}

takes_fields!(A);
takes_fields!(A B);
takes_fields!(A B C);
takes_fields!(A B C D);
takes_fields!(A B C D E);
takes_fields!(A B C D E G);
takes_fields!(A B C D E G H);
takes_fields!(A B C D E G H I);

pin_project! {
    /// The stream of [`starmap`](crate::adaptors::starmap()): what a function makes of
    /// the fields of each item.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | nothing is kept |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | exact when the source's is |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct Starmap<S, F> {
        #[pin]
        stream: S,
        f: F,
        pace: Pace,
    }
}

impl<S, F> Starmap<S, F> {
    /// Gives back the source with the tuples that were not taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut sums = iter([(1, 2), (3, 4)]).starmap(|a: i32, b: i32| a + b);
    /// assert_eq!(next(&mut sums).await, Some(3));
    /// assert_eq!(sums.into_inner().next().await, Some((3, 4)));
    /// # }
    /// ```
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S, F> Stream for Starmap<S, F>
where
    S: Stream,
    F: TakesFields<S::Item>,
{
    type Item = F::Output;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let this = self.project();
        if !ready!(this.pace.poll_more(cx)) {
            return Poll::Ready(None);
        }
        match ready!(this.stream.poll_next(cx)) {
            Some(fields) => Poll::Ready(Some(this.f.call_with(fields))),
            None => {
                this.pace.end();
                Poll::Ready(None)
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        if self.pace.has_ended() {
            return ENDED;
        }
        self.stream.size_hint()
    }
}

impl<S, F> FusedStream for Starmap<S, F>
where
    S: Stream,
    F: TakesFields<S::Item>,
{
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: fmt::Debug, F> fmt::Debug for Starmap<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Starmap")
            .field("stream", &self.stream)
            .field("done", &self.pace.has_ended())
            .finish_non_exhaustive()
    }
}
