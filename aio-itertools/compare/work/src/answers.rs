//! A sum over everything that was answered, in its order.

use std::future::poll_fn;
use std::pin::pin;

use futures_core::Stream;

/// What can be answered, as a number.
pub trait Answer {
    fn number(self) -> u64;
}

impl Answer for u64 {
    fn number(self) -> u64 {
        self
    }
}

impl<A: Answer, B: Answer> Answer for (A, B) {
    fn number(self) -> u64 {
        self.0.number() ^ self.1.number().rotate_left(13)
    }
}

impl Answer for [u64; 3] {
    fn number(self) -> u64 {
        self[0] ^ self[1].rotate_left(13) ^ self[2].rotate_left(29)
    }
}

impl Answer for Vec<u64> {
    fn number(self) -> u64 {
        let mut sum = InOrder::default();
        self.into_iter().for_each(|item| sum.add(item));
        sum.sum()
    }
}

/// A sum in which the order counts.
#[derive(Debug, Default)]
pub struct InOrder(u64);

impl InOrder {
    #[inline]
    pub fn add(&mut self, answer: impl Answer) {
        self.0 = self.0.rotate_left(5) ^ answer.number();
    }

    pub fn sum(&self) -> u64 {
        self.0
    }
}

/// Runs a stream to its end: the loop is the same for every program.
pub async fn sum<S: Stream<Item: Answer>>(stream: S) -> u64 {
    let mut stream = pin!(stream);
    let mut sum = InOrder::default();
    while let Some(item) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        sum.add(item);
    }
    sum.sum()
}

/// The same for what is in memory.
pub fn sum_all<A: Answer>(items: impl IntoIterator<Item = A>) -> u64 {
    let mut sum = InOrder::default();
    items.into_iter().for_each(|item| sum.add(item));
    sum.sum()
}
