use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use crate::{Work, measure};

/// The whole program of a peer: runs `once` as a task of the runtime, as an
/// application would. `block_on` of a multi-thread runtime runs on a thread that
/// is none of its workers.
pub fn measure_task<F>(once: impl Fn(Arc<Work>, usize) -> F)
where
    F: Future<Output = u64> + Send + 'static,
{
    let work = Arc::new(Work::from_arguments());
    let runtime = runtime(&work.runtime);
    measure(&work, |n| {
        let task = runtime.spawn(once(Arc::clone(&work), n));
        runtime.block_on(task).expect("no task panics")
    });
}

fn runtime(name: &str) -> Runtime {
    let mut builder = match name {
        "current-thread" => Builder::new_current_thread(),
        "multi-thread" => Builder::new_multi_thread(),
        other => panic!("no runtime {other}"),
    };
    builder.worker_threads(2).build().expect("a runtime")
}
