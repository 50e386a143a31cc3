//! async-walkdir: a stream of entries, which has no settings. Only names are asked
//! for: the type of an entry would be another hop, which ours and walkdir save.

use std::sync::Arc;

use async_walkdir::WalkDir;
use futures_util::StreamExt;
use work::{Work, measure_task, of_name};

fn main() {
    measure_task(once);
}

async fn once(work: Arc<Work>, n: usize) -> u64 {
    let mut sum = 0_u64;
    let mut entries = match work.kind.as_str() {
        "walk" => WalkDir::new(&work.path),
        _ => work.unasked(),
    };
    for _ in 0..n {
        let entry = entries.next().await;
        let entry = entry.expect("enough entries").expect("an entry");
        sum = sum.wrapping_add(of_name(entry.file_name().as_encoded_bytes()));
    }
    sum
}
