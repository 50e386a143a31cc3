//! What must be true of the files, whatever befell the program that wrote them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::writer::{LINK, SWEPT, Target, Way, Writer, content};

/// What is found in a folder.
#[derive(Debug, Default)]
pub(crate) struct Aftermath {
    /// The number whose content each file has.
    files: BTreeMap<String, u64>,
    /// Temporary files that had been left.
    pub(crate) left: usize,
}

/// Looks at all that is in a folder, without the crate.
///
/// It says what is wrong: a content that is no number's, or is one's by half, or
/// a file that nobody wants.
pub(crate) fn look(folder: &Path) -> Result<Aftermath, String> {
    let mut aftermath = Aftermath::default();
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name == LINK && folder.join(&name).is_symlink() {
            continue;
        }
        if name.starts_with(".aio-files-") {
            aftermath.left += 1;
            continue;
        }
        let found = fs::read(folder.join(&name)).unwrap();
        let number = number_of(&found)
            .filter(|&number| found == content(number))
            .ok_or_else(|| format!("{name} is not whole: {} bytes", found.len()))?;
        let target = Target::of(number);
        // Without its link it is a file of the link's own name.
        if target.name(number) != name && (target, &*name) != (Target::Linked, LINK) {
            return Err(format!("{name} has the content of {number}"));
        }
        aftermath.files.insert(target.name(number), number);
    }
    Ok(aftermath)
}

fn number_of(found: &[u8]) -> Option<u64> {
    str::from_utf8(found.get(1..9)?).ok()?.parse().ok()
}

impl Aftermath {
    /// The acknowledged numbers that are neither there nor replaced by a later one.
    pub(crate) fn lost(&self, acks: &[u64]) -> Vec<u64> {
        let mut lost = acks.to_vec();
        lost.retain(|&number| {
            let there = self.files.get(&Target::of(number).name(number));
            there.is_none_or(|&there| there < number)
        });
        lost
    }
}

/// Everything acknowledged is there, and everything is whole. Gives how many
/// temporary files have been left.
pub(crate) fn check(folder: &Path, acks: &[u64]) -> Result<usize, String> {
    let aftermath = look(folder)?;
    let lost = aftermath.lost(acks);
    match lost.is_empty() {
        true => Ok(aftermath.left),
        false => Err(format!("acknowledged and lost: {lost:?}")),
    }
}

/// The next program sweeps away what has been left, and nothing else, and
/// replaces a file. It is another process, since this one's threads of the crate
/// don't see what is mounted for a power cut.
pub(crate) fn succeed(folder: &Path) {
    let before = look(folder).unwrap();
    let output = Writer::new(Way::Successor)
        .command(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let expected = format!("{SWEPT} {}\nack 0\n", before.left);
    assert!(
        output.status.success() && said == expected,
        "{said}, not {expected}: {output:?}"
    );
    let mut files = before.files;
    files.insert(Target::Plain.name(0), 0);
    let after = look(folder).unwrap();
    assert_eq!((after.files, after.left), (files, 0));
}
