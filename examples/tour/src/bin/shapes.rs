//! cargo run -p tour --bin shapes
//!
//! Whatever the four crates do, it has the same three shapes. Awaited, it gives
//! the whole value: an awaitable. Streamed, it gives one piece after another in
//! bounded memory: an async iterator. And `.with(async |it| …)` lends a guard to
//! a body and sees it out, whichever way the body ends: an async context manager.

use std::convert::Infallible;
use std::fmt::Display;
use std::pin::pin;

use aio_itertools::prelude::*;
use aio_pool::{Never, Pool, TaskError};
use futures_util::{Stream, StreamExt};
use tour::{Failure, args};

/// Shows each crate's three shapes: awaited, iterated, and as a guard
#[derive(Debug, clap::Parser)]
struct Args {
    /// How many numbers each of them works on
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: u32,
}

fn main() -> Result<(), Failure> {
    // A worker of aio-pool is this program again, and stays in here.
    aio_pool::init();
    run(args::read())
}

#[tokio::main]
async fn run(Args { count }: Args) -> Result<(), Failure> {
    sqlite(count).await?;
    files(count).await?;
    itertools(count).await?;
    pool(count).await
}

aio_pool::task! {
    /// Runs in a process of its own there, and here like any function.
    async fn square(n: u32) -> u32 {
        n * n
    }
}

/// Each of them is a stream like any other, so one function takes them all.
async fn iterate<T: Display, E>(items: impl Stream<Item = Result<T, E>>) -> Result<(), E> {
    let mut items = pin!(items);
    print!("  iterated:");
    while let Some(item) = items.next().await {
        print!(" {}", item?);
    }
    println!();
    Ok(())
}

async fn sqlite(count: u32) -> Result<(), Failure> {
    println!("aio-sqlite:");
    let db = aio_sqlite::open(":memory:").await?;
    db.execute("CREATE TABLE squares(n)", ()).await?;
    // It commits if the body is Ok, and rolls back otherwise.
    db.begin()
        .with(async |tx| -> aio_sqlite::Result<()> {
            let squares = (1..=count).map(|n| [n * n]);
            tx.execute_many("INSERT INTO squares VALUES (?1)", squares)
                .await?;
            Ok(())
        })
        .await?;
    println!("  guard:    {count} rows in one transaction");
    let sum: i64 = db.query_as("SELECT sum(n) FROM squares", ()).one().await?;
    println!("  awaited:  their sum is {sum}");
    iterate(db.query_as::<i64>("SELECT n FROM squares", ()).stream()).await?;
    Ok(db.close().await?)
}

async fn files(count: u32) -> Result<(), Failure> {
    println!("\naio-files:");
    let folder = aio_files::temp_dir().await?;
    let path = folder.path().join("squares.txt");
    // The file is there as a whole when the body is Ok, and else not at all.
    aio_files::replace(&path)
        .with(async |file| -> std::io::Result<()> {
            for n in 1..=count {
                file.write_all(format!("{}\n", n * n).as_bytes()).await?;
            }
            Ok(())
        })
        .await?;
    println!("  guard:    {count} lines in one step");
    let text = aio_files::read_to_string(&path).await?;
    println!("  awaited:  {} bytes", text.len());
    iterate(aio_files::lines(&path).stream()).await?;
    Ok(folder.close().await?)
}

async fn itertools(count: u32) -> Result<(), Failure> {
    println!("\naio-itertools:");
    // No task outlives the group.
    let sum = aio_itertools::task_group()
        .with(async |group| -> Result<u32, Infallible> {
            let tasks = (1..=count).map(|n| group.spawn(async move { Ok(square(n).await) }));
            Ok(aio_itertools::gather(tasks).await.iter().flatten().sum())
        })
        .await?;
    println!("  guard:    {count} tasks in a group, and {sum} is the sum of their squares");
    let squares = aio_itertools::gather((1..=count).map(square)).await;
    println!("  awaited:  {} squares", squares.len());
    let totals = aio_itertools::iter(squares).accumulate(|a, b| a + b);
    Ok(iterate(totals.map(Ok::<u32, Infallible>)).await?)
}

async fn pool(count: u32) -> Result<(), Failure> {
    println!("\naio-pool:");
    // No process outlives the body.
    let processes = aio_pool::start().workers(2);
    let body = async |pool: &mut Pool| -> Result<(), TaskError<Never>> {
        println!("  guard:    {} processes", pool.pids().len());
        let square_there = pool.call::<square>(count).await?;
        println!("  awaited:  {square_there} from one of them");
        iterate(pool.map::<square>(1..=count).stream()).await
    };
    Ok(processes.with(body).await?)
}
