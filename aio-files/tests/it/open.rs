//! The builder: modes, mode strings, errors of opening.

use std::fs;
use std::io::{ErrorKind, SeekFrom};

use aio_files::open;

use crate::folder::{Folder, inside};

/// What a mode makes of a missing and of a present file, and what it then allows.
#[derive(Debug, PartialEq, Eq)]
struct Behaviour {
    missing: Result<(), ErrorKind>,
    present: Result<(), ErrorKind>,
    /// Of a file with `old` in it, after opening and writing `N`, if that is allowed.
    content: &'static str,
    reads: bool,
    writes: bool,
}

const R: Behaviour = Behaviour {
    missing: Err(ErrorKind::NotFound),
    present: Ok(()),
    content: "old",
    reads: true,
    writes: false,
};
const W: Behaviour = Behaviour {
    missing: Ok(()),
    present: Ok(()),
    content: "N",
    reads: false,
    writes: true,
};
const A: Behaviour = Behaviour {
    content: "oldN",
    ..W
};
const X: Behaviour = Behaviour {
    present: Err(ErrorKind::AlreadyExists),
    content: "old",
    ..W
};

async fn behaviour(builder: impl Fn(&std::path::Path) -> aio_files::open::Open) -> Behaviour {
    let folder = Folder::new();
    let missing = builder(&folder.file("missing")).await;
    let path = folder.with("present", "old");
    let present = builder(&path).await;
    let missing_kind = missing.as_ref().map(drop).map_err(std::io::Error::kind);
    let present_kind = present.as_ref().map(drop).map_err(std::io::Error::kind);
    let (mut reads, mut writes) = (false, false);
    if let Ok(mut file) = present {
        writes = file.write_all(b"N").await.is_ok();
        file.seek(SeekFrom::Start(0)).await.unwrap();
        reads = file.read(&mut [0; 8]).await.is_ok();
        file.close().await.unwrap();
    } else if let Ok(mut file) = missing {
        writes = file.write_all(b"N").await.is_ok();
        reads = file.read(&mut [0; 8]).await.is_ok();
        file.close().await.unwrap();
    }
    let content = match fs::read_to_string(&path).unwrap().as_str() {
        "old" => "old",
        "N" => "N",
        "oldN" => "oldN",
        "Nld" => "Nld",
        other => panic!("{other:?}"),
    };
    Behaviour {
        missing: missing_kind,
        present: present_kind,
        content,
        reads,
        writes,
    }
}

#[tokio::test]
async fn every_mode_string_does_what_it_does_in_python() {
    let both = |behaviour: Behaviour| Behaviour {
        reads: true,
        writes: true,
        ..behaviour
    };
    let expected = [
        ("r", R),
        ("w", W),
        ("a", A),
        ("x", X),
        (
            "r+",
            Behaviour {
                content: "Nld",
                ..both(R)
            },
        ),
        ("w+", both(W)),
        ("a+", both(A)),
        ("x+", both(X)),
    ];
    for (mode, expected) in expected {
        let (verb, plus) = mode.split_at(1);
        let forms = [
            mode.to_owned(),
            format!("{verb}b{plus}"),
            format!("{verb}{plus}b"),
            format!("b{verb}{plus}"),
            format!("{verb}t{plus}"),
            format!("{plus}{verb}t"),
        ];
        for form in forms {
            assert_eq!(
                behaviour(|path| open(path).mode(&form)).await,
                expected,
                "{form}"
            );
        }
    }
}

#[tokio::test]
async fn every_option_does_what_it_says() {
    assert_eq!(behaviour(|path| open(path)).await, R);
    let only = Behaviour {
        content: "Nld",
        ..W
    };
    let there = |behaviour| Behaviour {
        missing: Err(ErrorKind::NotFound),
        ..behaviour
    };
    assert_eq!(behaviour(|path| open(path).write()).await, there(only));
    assert_eq!(
        behaviour(|path| open(path).write().truncate()).await,
        there(W)
    );
    assert_eq!(
        behaviour(|path| open(path).write().create().truncate()).await,
        W
    );
    assert_eq!(behaviour(|path| open(path).append()).await, there(A));
    assert_eq!(behaviour(|path| open(path).append().create()).await, A);
    assert_eq!(behaviour(|path| open(path).write().create_new()).await, X);
    let both = Behaviour {
        reads: true,
        ..there(A)
    };
    assert_eq!(
        behaviour(|path| open(path).read_write().append()).await,
        both
    );
    assert_eq!(
        behaviour(|path| open(path).append().read_write()).await,
        both
    );
    // A mode string replaces what was said before it.
    assert_eq!(
        behaviour(|path| open(path).append().create().mode("r")).await,
        R
    );
    assert_eq!(behaviour(|path| open(path).mode("zz").mode("r")).await, R);
}

#[tokio::test]
async fn a_bad_mode_string_is_named_and_nothing_is_opened() {
    let folder = Folder::new();
    let path = folder.file("x");
    for bad in [
        "", "b", "+", "rw", "wr", "rr", "wx", "r++", "rbt", "tb", "rbb", "U", "w ", "é", "W",
    ] {
        let error = open(&path).mode(bad).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad:?}");
        let said = error.to_string();
        let expected = format!("open {}: invalid mode {bad:?}", path.display());
        assert!(said.starts_with(&expected), "{said}");
    }
    assert!(!path.exists());
}

#[tokio::test]
async fn options_that_contradict_each_other_are_an_error_with_the_path() {
    let folder = Folder::new();
    let path = folder.with("x", "old");
    for builder in [
        open(&path).create(),
        open(&path).truncate(),
        open(&path).append().truncate(),
    ] {
        let error = builder.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(inside(&error).1, path);
    }
    assert_eq!(fs::read(&path).unwrap(), b"old");
}

#[tokio::test]
async fn errors_name_the_verb_and_the_path_and_keep_kind_and_code() {
    let folder = Folder::new();
    let missing = folder.file("no/such");
    let error = open(&missing).await.unwrap_err();
    let plain = fs::File::open(&missing).unwrap_err();
    assert_eq!(error.kind(), plain.kind());
    assert_eq!(
        inside(&error),
        ("open", missing.clone(), plain.raw_os_error())
    );
    assert_eq!(
        error.to_string(),
        format!("open {}: {plain}", missing.display())
    );
    let source = std::error::Error::source(&error).unwrap();
    let cause = source.downcast_ref::<std::io::Error>().unwrap();
    assert_eq!(cause.raw_os_error(), plain.raw_os_error());

    // A folder opens for reading, as it does in std, and can't be read.
    let mut opened = open(folder.path()).await.unwrap();
    let error = opened.read(&mut [0; 8]).await.unwrap_err();
    let plain = std::io::Read::read(&mut fs::File::open(folder.path()).unwrap(), &mut [0; 8]);
    let plain = plain.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IsADirectory);
    assert_eq!(
        inside(&error),
        ("read", folder.path().to_owned(), plain.raw_os_error())
    );
    let error = opened.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IsADirectory);
    // A reading error isn't for ever.
    opened.sync_all().await.unwrap();
    opened.close().await.unwrap();

    let error = open(folder.path()).write().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IsADirectory);
    assert_eq!(inside(&error).0, "open");
    let nul = open("a\0b").await.unwrap_err();
    assert_eq!(
        (nul.kind(), inside(&nul).0),
        (ErrorKind::InvalidInput, "open")
    );
}

#[tokio::test]
async fn a_builder_is_inert_and_can_be_used_twice() {
    let folder = Folder::new();
    let path = folder.file("x");
    let builder = open(&path).mode("w");
    let future = builder.clone().into_future();
    drop(future);
    assert!(!path.exists());
    builder.clone().await.unwrap().close().await.unwrap();
    assert!(path.exists());
    builder.await.unwrap().close().await.unwrap();
}
