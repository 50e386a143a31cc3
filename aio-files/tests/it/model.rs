//! A file against a model in memory: random operations, all kinds of buffers.

use std::fs;
use std::io::{ErrorKind, IoSlice, IoSliceMut, SeekFrom};

use aio_files::open::Open;
use aio_files::{File, open};

use crate::folder::Folder;

/// A small generator of numbers, the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        let len = self.below(most + 1);
        (0..len).map(|_| self.below(256) as u8).collect()
    }
}

/// What a file should hold, and where it should be.
struct Model {
    content: Vec<u8>,
    position: usize,
    appends: bool,
}

impl Model {
    fn write(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.appends {
            self.position = self.content.len();
        }
        let end = self.position + bytes.len();
        if self.content.len() < end {
            self.content.resize(end, 0);
        }
        self.content[self.position..end].copy_from_slice(bytes);
        self.position = end;
    }

    fn at(&self, at: u64, len: usize) -> &[u8] {
        let from = self.content.get(at as usize..).unwrap_or_default();
        &from[..len.min(from.len())]
    }

    fn rest(&self) -> &[u8] {
        self.content.get(self.position..).unwrap_or_default()
    }

    fn seek(&mut self, to: SeekFrom) -> Option<u64> {
        let to = match to {
            SeekFrom::Start(to) => i64::try_from(to).ok()?,
            SeekFrom::Current(by) => self.position as i64 + by,
            SeekFrom::End(by) => self.content.len() as i64 + by,
        };
        self.position = usize::try_from(to).ok()?;
        Some(to as u64)
    }
}

async fn step(file: &mut File, model: &mut Model, random: &mut Random) -> String {
    match random.below(18) {
        0 | 1 => {
            let bytes = random.bytes(100);
            file.write_all(&bytes).await.unwrap();
            model.write(&bytes);
            format!("write {}", bytes.len())
        }
        2 | 3 => {
            // In an append file the position is known only once it is written.
            if model.appends {
                file.flush().await.unwrap();
            }
            let mut into = vec![0; random.below(100) as usize];
            let read = file.read(&mut into).await.unwrap();
            assert!(
                read > 0 || into.is_empty() || model.rest().is_empty(),
                "read too little"
            );
            assert_eq!(into[..read], model.rest()[..read]);
            model.position += read;
            format!("read {read} of {}", into.len())
        }
        4 => {
            let to = match random.below(3) {
                0 => SeekFrom::Start(random.below(300)),
                1 => SeekFrom::Current(random.below(200) as i64 - 100),
                _ => SeekFrom::End(random.below(200) as i64 - 150),
            };
            let before = model.position;
            match (file.seek(to).await, model.seek(to)) {
                (Ok(position), expected) => assert_eq!(Some(position), expected),
                (Err(error), None) => {
                    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
                    model.position = before;
                }
                (Err(error), Some(_)) => panic!("{to:?}: {error}"),
            }
            format!("{to:?}")
        }
        5 => {
            let len = random.below(300);
            file.set_len(len).await.unwrap();
            model.content.resize(len as usize, 0);
            format!("set_len {len}")
        }
        6 => {
            let waiting = file.fill_buf().await.unwrap();
            assert_eq!(waiting, &model.rest()[..waiting.len()]);
            assert!(!waiting.is_empty() || model.rest().is_empty());
            let amount = random.below(waiting.len() as u64 + 1) as usize;
            file.consume(amount);
            model.position += amount;
            format!("consume {amount}")
        }
        7 => {
            let mut into = b"kept".to_vec();
            let read = file.read_to_end(&mut into).await.unwrap();
            assert_eq!(&into[..4], b"kept");
            assert_eq!(&into[4..], model.rest());
            model.position += read;
            format!("read_to_end {read}")
        }
        8 => {
            let len = file.metadata().await.unwrap().len();
            assert_eq!(len, model.content.len() as u64, "a length that lies");
            "metadata".to_owned()
        }
        9 => {
            let position = file.stream_position().await.unwrap();
            assert_eq!(position, model.position as u64);
            "stream_position".to_owned()
        }
        10 => {
            let (one, two) = (random.bytes(60), random.bytes(60));
            let parts = [IoSlice::new(&one), IoSlice::new(&two)];
            let written = file.write_vectored(&parts).await.unwrap();
            let all = [&one[..], &two].concat();
            assert!(written > 0 || all.is_empty());
            model.write(&all[..written]);
            format!("write_vectored {written} of {}", all.len())
        }
        11 => {
            // In an append file the position is known only once it is written.
            file.stream_position().await.unwrap();
            let (mut one, mut two) = ([0; 20], [0; 40]);
            let mut into = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
            let read = file.read_vectored(&mut into).await.unwrap();
            assert!(read > 0 || model.rest().is_empty());
            assert_eq!([&one[..], &two].concat()[..read], model.rest()[..read]);
            model.position += read;
            format!("read_vectored {read}")
        }
        12 => {
            file.stream_position().await.unwrap();
            let mut line = b"kept".to_vec();
            let delimiter = random.below(256) as u8;
            let read = file.read_until(delimiter, &mut line).await.unwrap();
            let rest = model.rest();
            let end = rest.iter().position(|&byte| byte == delimiter);
            assert_eq!(line[4..], rest[..end.map_or(rest.len(), |end| end + 1)]);
            model.position += read;
            format!("read_until {read}")
        }
        13 => {
            file.stream_position().await.unwrap();
            let mut into = vec![0; random.below(60) as usize];
            let read = file.read_exact(&mut into).await;
            match model.rest().get(..into.len()) {
                Some(expected) => assert_eq!((read.unwrap(), &into[..]), (into.len(), expected)),
                None if into.is_empty() => assert_eq!(read.unwrap(), 0),
                None => {
                    assert_eq!(read.unwrap_err().kind(), ErrorKind::UnexpectedEof);
                    model.position = model.position.max(model.content.len());
                }
            }
            if !into.is_empty() && model.rest().len() >= into.len() {
                model.position += into.len();
            }
            format!("read_exact {}", into.len())
        }
        _ => addressed(file, model, random).await,
    }
}

/// What leaves the position alone, or keeps it through another handle.
async fn addressed(file: &mut File, model: &mut Model, random: &mut Random) -> String {
    let at = random.below(350);
    match random.below(4) {
        0 => {
            let mut into = vec![0; random.below(200) as usize];
            let read = file.read_at(&mut into, at).await.unwrap();
            assert_eq!(into[..read], *model.at(at, into.len()));
            let exact = file.read_exact_at(&mut into, at).await;
            assert_eq!(exact.is_ok(), read == into.len());
            format!("read_at {read} of {} at {at}", into.len())
        }
        1 => {
            let ranges: Vec<_> = (0..random.below(6))
                .map(|_| {
                    let start = random.below(350);
                    start..start + random.below(90)
                })
                .collect();
            let parts = file.read_ranges(&ranges).await.unwrap();
            assert_eq!(parts.len(), ranges.len());
            for (part, range) in parts.iter().zip(&ranges) {
                let len = (range.end - range.start) as usize;
                assert_eq!(part, model.at(range.start, len), "{range:?}");
            }
            format!("read_ranges {ranges:?}")
        }
        2 => {
            let bytes = random.bytes(80);
            let written = file.write_all_at(&bytes, at).await;
            if model.appends {
                assert_eq!(written.unwrap_err().kind(), ErrorKind::InvalidInput);
            } else {
                written.unwrap();
                let position = model.position;
                model.position = at as usize;
                model.write(&bytes);
                model.position = position;
            }
            format!("write_all_at {} at {at}", bytes.len())
        }
        _ => {
            let clone = file.try_clone().await.unwrap();
            std::mem::replace(file, clone).close().await.unwrap();
            "try_clone".to_owned()
        }
    }
}

#[tokio::test]
async fn random_operations_do_what_the_model_does() {
    random_operations(&Folder::new(), Open::clone).await;
}

#[tokio::test]
async fn random_operations_by_jobs_alone() {
    random_operations(&Folder::new(), |open| open.clone().no_cached_reads()).await;
}

#[tokio::test]
async fn random_operations_where_the_page_cache_cant_be_asked() {
    random_operations(&Folder::below("/dev/shm".as_ref()), Open::clone).await;
}

async fn random_operations(folder: &Folder, choose: impl Fn(&Open) -> Open) {
    for buffer in [0, 1, 7, 64, 256 * 1024] {
        for appends in [false, true] {
            for seed in 1..=40 {
                let mut random = Random(u64::wrapping_mul(seed, 0x9E37_79B9_7F4A_7C15));
                let content = random.bytes(200);
                let path = folder.with("model", &content);
                let mut model = Model {
                    position: if appends { content.len() } else { 0 },
                    content,
                    appends,
                };
                let builder = choose(&open(&path).read_write().buffer(buffer));
                let mut file = match appends {
                    true => builder.append().await.unwrap(),
                    false => builder.await.unwrap(),
                };
                let mut steps = vec![format!("buffer {buffer}, appends {appends}, seed {seed}")];
                for _ in 0..40 {
                    // Printed by the test's failure: which steps led to it.
                    let told = Told(&steps);
                    let step = step(&mut file, &mut model, &mut random).await;
                    drop(told);
                    steps.push(step);
                }
                file.close().await.unwrap();
                assert!(fs::read(&path).unwrap() == model.content, "{steps:?}");
            }
        }
    }
}

/// Says what was done before a panic.
struct Told<'a>(&'a [String]);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("after {:?}", self.0);
        }
    }
}

#[tokio::test]
async fn a_long_file_comes_back_byte_for_byte_by_every_way_of_reading() {
    let folder = Folder::new();
    let mut random = Random(7);
    let content: Vec<u8> = (0..3_000_000).map(|_| random.below(256) as u8).collect();
    let path = folder.file("long");
    for buffer in [0, 4096, 256 * 1024] {
        let mut file = open(&path).mode("w").buffer(buffer).await.unwrap();
        for piece in content.chunks(100_003) {
            file.write_all(piece).await.unwrap();
        }
        file.close().await.unwrap();
        assert!(fs::read(&path).unwrap() == content);

        let mut file = open(&path).buffer(buffer).await.unwrap();
        let mut all = Vec::new();
        let mut piece = vec![0; 70_001];
        loop {
            match file.read(&mut piece).await.unwrap() {
                0 => break,
                read => all.extend_from_slice(&piece[..read]),
            }
        }
        assert!(all == content);
        file.seek(SeekFrom::Start(0)).await.unwrap();
        all.clear();
        assert_eq!(file.read_to_end(&mut all).await.unwrap(), content.len());
        assert!(all == content);
    }
}

#[tokio::test]
async fn text_that_is_not_utf8_says_where_and_stays_readable() {
    let folder = Folder::new();
    let path = folder.with("text", b"ab\xC3\xA9\xFFcd");
    let mut file = open(&path).await.unwrap();
    assert_eq!(file.read(&mut [0; 2]).await.unwrap(), 2);
    let mut text = String::from("kept");
    let error = file.read_to_string(&mut text).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(
        error.to_string(),
        format!("read {}: not UTF-8 at byte 4", path.display())
    );
    assert_eq!(text, "kept");
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, b"\xC3\xA9\xFFcd");
}

#[tokio::test]
async fn positions_that_no_file_has_are_refused_at_once() {
    let folder = Folder::new();
    let path = folder.with("x", "0123456789");
    let mut file = open(&path).read_write().await.unwrap();
    file.seek(SeekFrom::Start(4)).await.unwrap();
    for to in [
        SeekFrom::Start(u64::MAX),
        SeekFrom::Start(1 << 63),
        SeekFrom::Current(-5),
        SeekFrom::Current(i64::MAX),
        SeekFrom::Current(i64::MIN),
        SeekFrom::End(-11),
    ] {
        let error = file.seek(to).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{to:?}");
        assert_eq!(crate::folder::inside(&error).0, "seek");
    }
    let mut rest = String::new();
    file.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "456789", "it stayed where it was");
}
