//! The victim of the controls: writes a file again and again, rightly or wrongly.
//!
//! `chaos-victim WAY FOLDER TIMES`: writes `FOLDER/value` so many times, each
//! time with the next number, and prints `ack N` after each.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// How often a value repeats its number: several blocks' worth, so that it can be torn.
const LENGTH: usize = 1_000;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [way, folder, times] = &arguments[..] else {
        return Err(io::Error::other("chaos-victim WAY FOLDER TIMES"));
    };
    let folder = Path::new(folder);
    let times: u64 = times.parse().map_err(io::Error::other)?;
    for number in 1..=times {
        write(way, folder, number)?;
    }
    Ok(())
}

fn write(way: &str, folder: &Path, number: u64) -> io::Result<()> {
    let value = format!("{number:>9} ").repeat(LENGTH);
    let (path, temporary) = (folder.join("value"), folder.join("value.tmp"));
    let acknowledge = || writeln!(io::stdout(), "ack {number}");
    match way {
        // The four steps of an atomic write that is there when it is acknowledged.
        "right" => {
            put(&temporary, &value)?.sync_all()?;
            fs::rename(&temporary, &path)?;
            File::open(folder)?.sync_all()?;
            acknowledge()
        }
        "no-sync" => {
            put(&temporary, &value)?;
            fs::rename(&temporary, &path)?;
            acknowledge()
        }
        "no-folder-sync" => {
            put(&temporary, &value)?.sync_all()?;
            fs::rename(&temporary, &path)?;
            acknowledge()
        }
        "no-rename" => {
            put(&path, &value)?.sync_all()?;
            File::open(folder)?.sync_all()?;
            acknowledge()
        }
        "early-ack" => {
            acknowledge()?;
            put(&temporary, &value)?.sync_all()?;
            fs::rename(&temporary, &path)?;
            File::open(folder)?.sync_all()
        }
        // The acknowledgement does not wait for the sync, which runs on a thread.
        "ack-beside-sync" => {
            let file = put(&temporary, &value)?;
            fs::rename(&temporary, &path)?;
            std::thread::scope(|scope| {
                let sync = scope.spawn(|| {
                    file.sync_all()
                        .and_then(|()| File::open(folder)?.sync_all())
                });
                acknowledge()?;
                sync.join()
                    .map_err(|_| io::Error::other("the sync panicked"))?
            })
        }
        // Answers Ok to a caller whose bytes are not there.
        "deaf" => {
            put(&temporary, &value)
                .and_then(|file| file.sync_all())
                .ok();
            fs::rename(&temporary, &path).ok();
            File::open(folder)?.sync_all().ok();
            acknowledge()
        }
        // Takes one `write` for all of it.
        "short" => {
            let mut file = File::create(&temporary)?;
            let written = file.write(value.as_bytes())?;
            assert!(written > 0);
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            File::open(folder)?.sync_all()?;
            acknowledge()
        }
        _ => Err(io::Error::other(format!("no way {way:?}"))),
    }
}

fn put(path: &Path, value: &str) -> io::Result<File> {
    let mut file = File::create(path)?;
    file.write_all(value.as_bytes())?;
    Ok(file)
}
