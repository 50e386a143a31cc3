//! What the programs are fed with.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::SORTED;

/// A source that is always ready: the bare loop over it is what an adaptor costs
/// nothing over. It says how much is left, and spends no budget.
#[derive(Clone, Debug)]
pub struct Ready {
    next: u64,
    end: u64,
    shift: u32,
}

impl Ready {
    /// The numbers from 0 to below `n`.
    pub fn new(n: usize) -> Ready {
        Ready {
            next: 0,
            end: n as u64,
            shift: 0,
        }
    }

    /// As many, each twice.
    pub fn in_pairs(n: usize) -> Ready {
        Ready {
            shift: 1,
            ..Ready::new(n)
        }
    }
}

impl Stream for Ready {
    type Item = u64;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u64>> {
        if self.next == self.end {
            return Poll::Ready(None);
        }
        self.next += 1;
        Poll::Ready(Some((self.next - 1) >> self.shift))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.end - self.next) as usize;
        (left, Some(left))
    }
}

/// The same source, each number beside itself.
#[derive(Clone, Debug)]
pub struct Pairs(Ready);

impl Pairs {
    pub fn new(n: usize) -> Pairs {
        Pairs(Ready::new(n))
    }
}

impl Stream for Pairs {
    type Item = (u64, u64);

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<(u64, u64)>> {
        let number = Pin::new(&mut self.0).poll_next(cx);
        number.map(|number| number.map(|number| (number, number)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// One of many streams of which one alone has something to say.
#[derive(Debug)]
pub enum Silent {
    Talks(Ready),
    Waits,
}

impl Silent {
    /// So many streams; the one in the middle gives `n` numbers.
    pub fn but_one(streams: usize, n: usize) -> Vec<Silent> {
        (0..streams)
            .map(|number| match number == streams / 2 {
                true => Silent::Talks(Ready::new(n)),
                false => Silent::Waits,
            })
            .collect()
    }
}

impl Stream for Silent {
    type Item = u64;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u64>> {
        match &mut *self {
            Silent::Talks(ready) => Pin::new(ready).poll_next(cx),
            Silent::Waits => Poll::Pending,
        }
    }
}

/// The numbers that the chain of adaptors is fed with: many zeros among them.
pub fn numbers(n: usize) -> impl Iterator<Item = u64> {
    (0..n as u64).map(|i| if i % 16 < 8 { 0 } else { i % 7 })
}

/// Ascending streams of `n` numbers in all.
pub fn sorted(n: usize) -> Vec<Vec<u64>> {
    let mut streams = vec![Vec::new(); SORTED];
    let mut value = 0_u64;
    let mut dice = 1_u64;
    for _ in 0..n {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        value += dice >> 62;
        streams[(dice >> 33) as usize % SORTED].push(value);
    }
    streams
}
