//! Every kind of runtime, several at once, none any more; and the auto traits.

use aio_sqlite::builders::{
    Batch, Begin, BeginSavepoint, Call, Connect, Execute, ExecuteMany, ExecuteScript,
    ExecuteStream, Open, Query, Read, Write,
};
use aio_sqlite::transaction::Receipt;
use aio_sqlite::{
    Connection, Database, Done, Error, Params, Row, Rows, Savepoint, Session, Transaction,
};
use futures_util::future::join_all;
use tokio::runtime::Builder;

use crate::world::{numbers, two_rows};

chaos::auto_traits! {
    Connection: Send, Sync, Unpin;
    Database: Send, Sync, Unpin;
    Open: Send, Sync, Unpin;
    Batch<'static>: Send, Sync, Unpin;
    Write<fn()>: Send, Sync, Unpin;
    Read<fn()>: Send, Sync, Unpin;
    Receipt: Send, Sync, Unpin;
    Session: Send, Sync, Unpin;
    Transaction: Send, Sync, Unpin;
    Savepoint<'static>: Send, Sync, Unpin;
    Row: Send, Sync, Unpin;
    Rows<'static>: Send, !Sync, Unpin;
    Rows<'static, std::rc::Rc<u8>>: Send, !Sync, Unpin;
    Params: Send, Sync, Unpin;
    Done: Send, Sync, Unpin;
    Error: Send, Sync, Unpin;
    Connect: Send, Sync, Unpin;
    aio_sqlite::migrate::Migrations: Send, Sync, Unpin;
    Execute<'static>: Send, Sync, Unpin;
    ExecuteScript<'static>: Send, Sync, Unpin;
    ExecuteMany<'static, Vec<Params>>: Send, Sync, Unpin;
    ExecuteStream<'static, Vec<Params>>: Send, Sync, Unpin;
    Query<'static>: Send, Sync, Unpin;
    Begin<'static>: Send, Sync, Unpin;
    BeginSavepoint<'static>: Send, Sync, Unpin;
    Call<'static, fn()>: Send, Sync, Unpin;
}

/// Every future of the crate can be spawned.
#[tokio::test]
async fn futures_are_send() {
    use chaos::assert_send as send;
    use std::future::IntoFuture;
    let db = two_rows().await;
    drop(send(aio_sqlite::connect(":memory:").into_future()));
    drop(send(aio_sqlite::connect(":memory:").with(
        async |db| -> aio_sqlite::Result<_> { db.close().await },
    )));
    drop(send(db.execute("", ()).into_future()));
    drop(send(db.execute_many("", vec![()]).into_future()));
    drop(send(
        db.execute_stream("", futures_util::stream::empty::<()>())
            .into_future(),
    ));
    drop(send(db.execute_script("").into_future()));
    drop(send(db.query("", ()).into_future()));
    drop(send(db.query("", ()).one()));
    drop(send(db.query("", ()).optional()));
    drop(send(db.query("", ()).stream().next()));
    drop(send(db.begin().into_future()));
    drop(send(db.begin().with(async |tx| -> aio_sqlite::Result<_> {
        tx.savepoint().await?.commit().await
    })));
    drop(send(db.call(|_| Ok(())).into_future()));
    drop(send(db.batch().execute("", ()).into_future()));
    drop(send(db.begin().await.unwrap().receipt().outcome()));
    drop(send(db.close()));
    drop(send(aio_sqlite::open(":memory:").into_future()));
    drop(send(aio_sqlite::open(":memory:").with(
        async |db| -> aio_sqlite::Result<_> { db.close().await },
    )));
    let db = aio_sqlite::open(":memory:").await.unwrap();
    drop(send(db.write(|_| Ok(())).into_future()));
    drop(send(db.read(|_| Ok(())).into_future()));
    drop(send(db.query("", ()).stream().next()));
    drop(send(db.begin().into_future()));
    drop(send(db.call(|_| Ok(())).into_future()));
    drop(send(db.close()));
}

#[test]
fn one_handle_serves_several_runtimes() {
    let current = || Builder::new_current_thread().build().unwrap();
    let db = current().block_on(two_rows()); // that runtime has gone by now
    let threads: Vec<_> = (0..4)
        .map(|k| {
            let db = db.clone();
            std::thread::spawn(move || {
                let runtime = match k % 2 {
                    0 => current(),
                    _ => Builder::new_multi_thread()
                        .worker_threads(2)
                        .build()
                        .unwrap(),
                };
                runtime.block_on(join_all((0..100).map(|n| {
                    let db = db.clone();
                    async move {
                        let sql = "INSERT INTO t VALUES (?1)";
                        db.execute(sql, [100 * (k + 1) + n]).await.unwrap();
                    }
                })));
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let rows = current().block_on(numbers(&db));
    assert_eq!(rows.len(), 402);
}

#[test]
fn a_runtime_that_is_shut_down_under_way_harms_nobody() {
    let outer = Builder::new_current_thread().build().unwrap();
    let db = outer.block_on(two_rows());
    for _ in 0..20 {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        for n in 0..50 {
            let db = db.clone();
            runtime.spawn(async move {
                let tx = db.begin().await?;
                tx.execute("INSERT INTO t VALUES (?1)", [n]).await?;
                tx.query(crate::world::ENDLESS, ()).await?;
                tx.commit().await
            });
        }
        runtime.shutdown_background();
        let rows = outer.block_on(chaos::watchdog::future("after a shutdown", numbers(&db)));
        assert_eq!(rows, [1, 2]);
    }
}

#[test]
fn without_any_runtime_a_plain_executor_will_do() {
    futures_executor_block_on(async {
        let db = two_rows().await;
        assert_eq!(numbers(&db).await, [1, 2]);
        db.begin().await.unwrap().commit().await.unwrap();
        let slow = db
            .query(crate::world::ENDLESS, ())
            .timeout(std::time::Duration::from_millis(10))
            .await;
        assert!(matches!(slow, Err(Error::TimedOut { .. })));
    });
}

/// The smallest executor: polls when it is woken, parks otherwise.
fn futures_executor_block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut cx = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut cx) {
            std::task::Poll::Ready(value) => return value,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}
