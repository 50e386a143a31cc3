//! A `File` against std, which is the limit underneath it.
//!
//! Each round does every job with both, in turns, and checks what they give; the
//! median of the ratios is printed, std's time by ours, so that 1 is level.
//! `cargo bench -p aio-files --bench file -- --short` is one small round.

use std::fmt;
use std::fs;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;

const BUFFER: usize = 256 * 1024;

struct Sizes {
    writes: usize,
    reads: usize,
    read_len: usize,
    rounds: usize,
}

fn main() -> io::Result<()> {
    let sizes = match std::env::args().any(|argument| argument == "--short") {
        true => Sizes {
            writes: 20_000,
            reads: 2_000,
            read_len: 4 << 20,
            rounds: 1,
        },
        false => Sizes {
            writes: 1_000_000,
            reads: 200_000,
            read_len: 1 << 30,
            rounds: 7,
        },
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let source = folder.path().join("source");
    fs::write(&source, pattern(sizes.read_len))?;
    let [ours, stds] = ["ours", "stds"].map(|name| folder.path().join(name));
    let mut table = Table::default();
    for round in 0..sizes.rounds {
        table.row(
            "writes of 100 B",
            round,
            || write_std(&stds, sizes.writes),
            || runtime.block_on(write_ours(&ours, sizes.writes)),
        )?;
        assert!(fs::read(&ours)? == fs::read(&stds)?, "what was written");
        fs::remove_file(&ours)?;
        fs::remove_file(&stds)?;
        table.row(
            "4 KiB at random",
            round,
            || random_std(&source, &sizes),
            || runtime.block_on(random_ours(&source, &sizes)),
        )?;
        table.row(
            "256 KiB in sequence",
            round,
            || sequence_std(&source),
            || runtime.block_on(sequence_ours(&source)),
        )?;
    }
    print!("{table}");
    Ok(())
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8)
        .collect()
}

/// Runs it, with its time, and keeps its answer from being optimised away.
fn timed(run: impl FnOnce() -> io::Result<u64>) -> io::Result<(Duration, u64)> {
    let start = Instant::now();
    let answer = std::hint::black_box(run()?);
    Ok((start.elapsed(), answer))
}

fn record(number: usize) -> [u8; 100] {
    [number as u8; 100]
}

fn write_std(path: &Path, writes: usize) -> io::Result<u64> {
    let mut file = BufWriter::with_capacity(BUFFER, fs::File::create(path)?);
    for number in 0..writes {
        file.write_all(&record(number))?;
    }
    file.flush()?;
    Ok(0)
}

async fn write_ours(path: &Path, writes: usize) -> io::Result<u64> {
    let mut file = aio_files::open(path).mode("w").await?;
    for number in 0..writes {
        file.write_all(&record(number)).await?;
    }
    file.close().await?;
    Ok(0)
}

fn offsets(sizes: &Sizes) -> impl Iterator<Item = u64> {
    let pages = (sizes.read_len / 4096) as u64;
    let mut seed = 1_u64;
    (0..sizes.reads).map(move |_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % pages * 4096
    })
}

fn random_std(path: &Path, sizes: &Sizes) -> io::Result<u64> {
    let file = fs::File::open(path)?;
    let mut page = [0; 4096];
    let mut sum = 0;
    for offset in offsets(sizes) {
        file.read_exact_at(&mut page, offset)?;
        sum += u64::from(page[7]);
    }
    Ok(sum)
}

async fn random_ours(path: &Path, sizes: &Sizes) -> io::Result<u64> {
    let mut file = aio_files::open(path).await?;
    let mut page = [0; 4096];
    let mut sum = 0;
    for offset in offsets(sizes) {
        file.read_exact_at(&mut page, offset).await?;
        sum += u64::from(page[7]);
    }
    Ok(sum)
}

fn sequence_std(path: &Path) -> io::Result<u64> {
    let mut file = fs::File::open(path)?;
    let mut buffer = vec![0; BUFFER];
    let mut sum = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(sum),
            read => sum += read as u64 + u64::from(buffer[read - 1]),
        }
    }
}

async fn sequence_ours(path: &Path) -> io::Result<u64> {
    let mut file = aio_files::open(path).await?;
    let mut buffer = vec![0; BUFFER];
    let mut sum = 0;
    loop {
        match AsyncReadExt::read(&mut file, &mut buffer).await? {
            0 => return Ok(sum),
            read => sum += read as u64 + u64::from(buffer[read - 1]),
        }
    }
}

/// The times of each job, std's and ours.
#[derive(Default)]
struct Table(Vec<(&'static str, Vec<(Duration, Duration)>)>);

impl Table {
    /// Does a job by both, and who goes first changes with each round.
    fn row(
        &mut self,
        job: &'static str,
        round: usize,
        std: impl FnOnce() -> io::Result<u64>,
        ours: impl FnOnce() -> io::Result<u64>,
    ) -> io::Result<()> {
        let (stds, ours) = match round % 2 {
            0 => (timed(std)?, timed(ours)?),
            _ => {
                let ours = timed(ours)?;
                (timed(std)?, ours)
            }
        };
        assert_eq!(stds.1, ours.1, "{job}: the answers differ");
        let times = (stds.0, ours.0);
        match self.0.iter_mut().find(|(name, _)| *name == job) {
            Some((_, all)) => all.push(times),
            None => self.0.push((job, vec![times])),
        }
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (job, times) in &self.0 {
            let median = |of: &dyn Fn(&(Duration, Duration)) -> f64| {
                let mut all: Vec<_> = times.iter().map(of).collect();
                all.sort_by(f64::total_cmp);
                (all[0], all[all.len() / 2], all[all.len() - 1])
            };
            let (least, middle, most) = median(&|(s, o)| s.as_secs_f64() / o.as_secs_f64());
            let (_, std, _) = median(&|(s, _)| s.as_secs_f64() * 1e3);
            let (_, our, _) = median(&|(_, o)| o.as_secs_f64() * 1e3);
            writeln!(
                f,
                "{job:20} std {std:7.1} ms   ours {our:7.1} ms   std/ours {middle:.2} ({least:.2} to {most:.2})"
            )?;
        }
        Ok(())
    }
}
