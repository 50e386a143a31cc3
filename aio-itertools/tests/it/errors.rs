//! A source that errs, at every position: an error is lost nowhere, and what ends
//! at the first gives it after all that came before.

use std::future::ready;

use aio_itertools::adaptors::{chain, zip};
use aio_itertools::asyncio::{as_generated, merge};
use aio_itertools::{iter, merge_sorted, prelude::*, try_gather};

type Item = Result<u32, String>;

const ITEMS: u32 = 6;

/// The numbers from 0, but for one that is an error.
fn with_an_error_at(position: u32) -> Vec<Item> {
    (0..ITEMS)
        .map(|n| match n == position {
            true => Err(format!("no {n}")),
            false => Ok(n),
        })
        .collect()
}

#[tokio::test]
async fn an_error_is_an_item_like_another() {
    for position in 0..ITEMS {
        let items = with_an_error_at(position);
        let source = || iter(items.clone());
        assert_eq!(source().list().await, items);
        let batches: Vec<_> = items.chunks(4).map(<[Item]>::to_vec).collect();
        assert_eq!(source().batched(4).list().await, batches);
        let pairs: Vec<_> = items
            .windows(2)
            .map(|pair| (pair[0].clone(), pair[1].clone()))
            .collect();
        assert_eq!(source().pairwise().list().await, pairs);
        assert_eq!(source().dedup().list().await, items);
        assert_eq!(
            source().islice(position as usize..).list().await,
            items[position as usize..]
        );
        assert_eq!(
            source().takewhile(Result::is_ok).list().await,
            items[..position as usize]
        );
        assert_eq!(
            source().take_while_inclusive(Result::is_ok).list().await,
            items[..=position as usize]
        );
        assert_eq!(
            source().dropwhile(Result::is_ok).list().await,
            items[position as usize..]
        );
        assert_eq!(
            source().filterfalse(Result::is_ok).list().await,
            items[position as usize..][..1]
        );
        let runs = source().chunk_by(Result::is_ok).list().await;
        assert_eq!(
            runs.into_iter()
                .flat_map(|(_, run)| run)
                .collect::<Vec<_>>(),
            items
        );
        let zipped = zip((source(), iter(0..))).list().await;
        assert!(zipped.into_iter().map(|(item, _)| item).eq(items.clone()));
        let twice = chain([source(), source()]).list().await;
        assert_eq!(twice, [items.clone(), items.clone()].concat());
        let merged = merge_sorted([source()]).by(|_, _| std::cmp::Ordering::Equal);
        assert_eq!(merged.list().await, items);
        let mapped = source().pipeline().map_concurrent(3, ready).list().await;
        assert_eq!(mapped, items);
        let [branch] = source().tee(aio_itertools::lag::unbounded());
        assert_eq!(branch.list().await, items);
    }
}

#[tokio::test]
async fn what_ends_at_the_first_gives_what_came_before() {
    for position in 0..ITEMS {
        let items = with_an_error_at(position);
        let failure = &items[position as usize];
        let until = &items[..=position as usize];
        assert_eq!(as_generated([iter(items.clone())]).list().await, until);
        assert_eq!(merge([iter(items.clone())]).fail_fast().list().await, until);
        let gathered = try_gather(items.clone().into_iter().map(ready)).await;
        assert_eq!(gathered.err(), failure.clone().err());

        let mut seen = Vec::new();
        let done = iter(items.clone())
            .pipeline()
            .try_for_each(|item| ready(item.map(|n| seen.push(n))))
            .await;
        assert_eq!(done.err(), failure.clone().err());
        assert!(seen.into_iter().eq(0..position));
    }
}

#[tokio::test]
async fn what_collects_errors_gives_all_that_is_no_error() {
    for position in 0..ITEMS {
        let one = with_an_error_at(position);
        let other = with_an_error_at(0);
        let collected = merge([iter(one), iter(other)])
            .collect_errors()
            .list()
            .await;
        let (oks, errors): (Vec<_>, Vec<_>) = collected.into_iter().partition(Result::is_ok);
        assert!(oks.into_iter().map(Result::unwrap).eq(0..position));
        let mut all: Vec<_> = errors.into_iter().flat_map(Result::unwrap_err).collect();
        all.sort_unstable();
        let mut expected = vec!["no 0".to_owned(), format!("no {position}")];
        expected.sort_unstable();
        assert_eq!(all, expected);
    }
}
