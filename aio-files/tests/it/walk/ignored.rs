//! What git leaves out, and globs: the ignore crate's own answer.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use aio_files::walk;
use ignore::WalkBuilder;
use ignore::overrides::OverrideBuilder;

use super::tree::{Dice, fifo};
use super::{all, assert_same, paths};
use crate::folder::{Folder, inside};

const NAMES: [&str; 10] = [
    "a", "b", "c.rs", "d.log", ".hidden", "target", "e.tmp", "x y", "#f", "!g",
];

const RULES: [&str; 24] = [
    "*.log",
    "!*.log",
    "/a",
    "a/",
    "target",
    "!target",
    "b/*",
    "!b/c.rs",
    "**/b",
    "a/**",
    "*.tmp",
    "\\#f",
    "\\!g",
    "# comment",
    "",
    "x y",
    "x\\ y ",
    "[ab]",
    "[",
    "!.hidden",
    ".*",
    "a/b",
    "/b/",
    "*",
];

/// Folders in folders in folders, with rules in some of them.
fn grow(folder: &Path, depth: usize, dice: &mut Dice) {
    fs::create_dir_all(folder).unwrap();
    for name in NAMES {
        let path = folder.join(name);
        match dice.below(4) {
            0 | 1 if depth < 2 => grow(&path, depth + 1, dice),
            2 => fs::write(&path, "").unwrap(),
            _ => {}
        }
    }
    let lines = |dice: &mut Dice| {
        let count = 1 + dice.below(4);
        let lines: Vec<&str> = (0..count).map(|_| *dice.one(&RULES)).collect();
        let start = *dice.one(&["", "\u{feff}"]);
        let end = *dice.one(&["\n", "\r\n"]);
        start.to_owned() + &lines.join(end)
    };
    for name in [".gitignore", ".ignore"] {
        if dice.below(4) == 0 {
            fs::write(folder.join(name), lines(dice)).unwrap();
        }
    }
    match dice.below(12) {
        0 => {
            fs::create_dir_all(folder.join(".git/info")).unwrap();
            fs::write(folder.join(".git/info/exclude"), lines(dice)).unwrap();
        }
        1 => fs::create_dir(folder.join(".jj")).unwrap(),
        _ => {}
    }
}

fn expected(root: &Path, hidden: bool, globs: &[&str], git: bool) -> Vec<PathBuf> {
    let mut overrides = OverrideBuilder::new(root);
    for glob in globs {
        overrides.add(glob).unwrap();
    }
    WalkBuilder::new(root)
        .standard_filters(git)
        .hidden(hidden)
        .overrides(overrides.build().unwrap())
        .filter_entry(move |entry| !git || entry.file_name() != ".git")
        .sort_by_file_name(|one, other| one.cmp(other))
        .build()
        .map(|entry| {
            let path = entry.unwrap().into_path();
            path.strip_prefix(root).unwrap().to_owned()
        })
        .collect()
}

#[tokio::test]
async fn the_same_entries_as_the_ignore_crate() {
    let globs: [&[&str]; 6] = [
        &[],
        &["*.rs"],
        &["!*.rs", "!target/"],
        &["*.log", "!b/*.log"],
        &["/a/**", "!/a/b"],
        &["d.log", "c.rs", "!.hidden"],
    ];
    let (mut found, mut left_out) = (0, 0);
    for seed in 0..25 {
        let folder = Folder::new();
        let mut dice = Dice(seed);
        grow(&folder.file("above"), 0, &mut dice);
        // The root has folders above it that have rules; in some, a repository's.
        if dice.below(2) == 0 {
            fs::create_dir_all(folder.file("above/.git")).unwrap();
        }
        let root = folder.file("above/a");
        if root.is_dir() {
            fs::remove_dir_all(&root).unwrap();
        } else if root.exists() {
            fs::remove_file(&root).unwrap();
        }
        grow(&root, 0, &mut dice);
        let everything = paths(&root, walk(&root)).await.len();
        for (hidden, git) in [(true, true), (false, true), (true, false)] {
            let globs = *dice.one(&globs);
            let mut walk = walk(&root).sorted();
            for glob in globs {
                walk = walk.glob(*glob);
            }
            if git {
                walk = walk.gitignore();
            }
            if hidden {
                walk = walk.skip_hidden();
            }
            let ours = paths(&root, walk.max_open(2)).await;
            let theirs = expected(&root, hidden, globs, git);
            assert_same(
                &ours,
                &theirs,
                &format!("seed {seed}, {globs:?}, hidden {hidden}, git {git}"),
            );
            found += ours.len();
            left_out += everything - ours.len();
        }
    }
    assert!(found > 1500 && left_out > 3000, "{found}, {left_out}");
    println!("found={found} left_out={left_out}");
}

#[tokio::test]
async fn the_folder_of_git_is_left_out_and_other_hidden_ones_are_given() {
    let folder = Folder::new();
    for path in [".git/objects", ".github/workflows", "src"] {
        fs::create_dir_all(folder.file(path)).unwrap();
    }
    folder.with(".gitignore", "*.o\nbuild/\n");
    folder.with("src/x.o", "");
    fs::create_dir(folder.file("build")).unwrap();
    let root = folder.path();
    let found = paths(root, walk(root).gitignore().min_depth(1).sorted()).await;
    let expected = [".github", ".github/workflows", ".gitignore", "src"].map(PathBuf::from);
    assert_eq!(found, expected);
    // What is named by a glob is wanted.
    let found = paths(root, walk(root).gitignore().glob("*.o").sorted()).await;
    assert!(found.contains(&"src/x.o".into()) && !found.contains(&".gitignore".into()));
    let everything = paths(root, walk(root)).await;
    assert!(everything.contains(&".git/objects".into()));
}

#[tokio::test]
async fn globs_know_the_root_however_it_is_spelled() {
    let folder = Folder::new();
    for path in ["a/b/x", "src/x", "z/x"] {
        fs::create_dir_all(folder.file(path)).unwrap();
        fs::write(folder.file(path).join("y.rs"), "").unwrap();
    }
    let expected = ["", "a", "a/b", "a/b/x", "src", "src/x", "src/x/y.rs"];
    for end in ["", "/", "//", "/.", "/./", "/a/.."] {
        let mut root = folder.path().as_os_str().to_owned();
        root.push(end);
        let root = PathBuf::from(root);
        let walk = walk(&root).sorted().glob("/src/x/*.rs").glob("!/z");
        assert_eq!(
            paths(&root, walk).await,
            expected.map(PathBuf::from),
            "{end}"
        );
    }
}

#[tokio::test]
async fn links_that_are_left_out_are_no_errors() {
    let folder = Folder::new();
    fs::create_dir(folder.file(".git")).unwrap();
    folder.with(".gitignore", "nowhere\nround/\n");
    symlink("missing", folder.file("nowhere")).unwrap();
    symlink(".", folder.file("round")).unwrap();
    let followed = walk(folder.path()).follow_links().min_depth(1);
    assert_eq!(all(followed.clone().glob("!.*")).await.len(), 2);
    let given = paths(folder.path(), followed.clone().gitignore()).await;
    assert_eq!(given, [PathBuf::from(".gitignore")]);
    let globs = followed.glob("!nowhere").glob("!round/").glob("!.git/");
    assert_eq!(paths(folder.path(), globs).await, given);
}

#[tokio::test]
async fn braces_mean_themselves_to_git_and_alternatives_to_others() {
    let folder = Folder::new();
    fs::create_dir(folder.file(".git")).unwrap();
    for name in ["a.js", "a.ts", "a.{js,ts}", "b.js", "c{", "c}", "d{", "[{"] {
        folder.with(name, "");
    }
    folder.with(".gitignore", "a.{js,ts}\nc[}{]\n\\[{\nd\\{\n");
    folder.with(".ignore", "b.{js,ts}\n");
    let walk = walk(folder.path())
        .min_depth(1)
        .sorted()
        .gitignore()
        .glob("!.*");
    assert_eq!(
        paths(folder.path(), walk).await,
        ["a.js", "a.ts"].map(PathBuf::from)
    );
}

#[tokio::test]
async fn a_glob_that_is_none_is_an_error_that_names_it() {
    let folder = Folder::new();
    for (glob, said) in [
        ("a[b", "a[b"),
        ("{a,b", "{a,b"),
        ("", "\"\""),
        ("!", "\"!\""),
        ("/", "\"/\""),
        (" ", "\" \""),
    ] {
        let items = all(walk(folder.path()).glob("*.rs").glob(glob)).await;
        assert_eq!(items.len(), 1);
        let error = items.into_iter().next().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(inside(&error).1, folder.path());
    }
    folder.with("#x", "");
    let found = paths(folder.path(), walk(folder.path()).glob("#x").min_depth(1)).await;
    assert_eq!(found, [PathBuf::from("#x")]);
}

#[tokio::test]
async fn ignore_files_that_are_something_else_are_passed_over_and_lead_nowhere() {
    let folder = Folder::new();
    let root = folder.file("root");
    fs::create_dir_all(root.join(".git")).unwrap();
    let names = ["a", "b", "c", "d", "e"].map(|name| root.join(name));
    for name in &names {
        fs::create_dir(name).unwrap();
        fs::write(name.join("x"), "").unwrap();
    }
    // A link to rules outside of the tree, a FIFO without a writer, a folder.
    let rules = folder.with("rules", "x\n");
    symlink(&rules, names[0].join(".gitignore")).unwrap();
    fifo(&names[1].join(".gitignore"));
    fs::create_dir(names[2].join(".gitignore")).unwrap();
    // Lines that aren't text, and that are no globs, between those that are.
    fs::write(names[3].join(".gitignore"), b"\xFF\xFF\n[\nx\n").unwrap();
    fs::File::create(names[4].join(".ignore"))
        .unwrap()
        .set_len((16 << 20) + 1)
        .unwrap();
    let walking = all(walk(&root).gitignore().sorted());
    let items = chaos::watchdog::future("a walk past a FIFO", walking).await;
    let (entries, errors): (Vec<_>, Vec<_>) = items.into_iter().partition(Result::is_ok);
    let given = |name: &Path| {
        let path = name.join("x");
        entries
            .iter()
            .any(|entry| entry.as_ref().unwrap().path() == path)
    };
    assert_eq!(
        names.each_ref().map(|name| given(name)),
        [true, true, true, false, true]
    );
    let errors: Vec<_> = errors.into_iter().map(Result::unwrap_err).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].kind(), ErrorKind::FileTooLarge);
    assert_eq!(inside(&errors[0]), ("read", names[4].join(".ignore"), None));
}
