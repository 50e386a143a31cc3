//! The store as the rest of the program uses it: the edges of its SQL.

use chaos::watchdog;
use message_store::incoming::{Added, Identity, Incoming};
use message_store::message::NewMessage;
use message_store::search::{Found, Piece};
use message_store::store::{Access, Filter, Listing, Store};

use crate::folder::Folder;

async fn store(folder: &Folder) -> Store {
    let path = folder.path("messages.db");
    Store::open(&path, Access::Create).await.expect("a store")
}

async fn all<T>(mut listing: Listing<T>) -> Vec<T> {
    let mut things = Vec::new();
    while let Some(thing) = watchdog::future("a listing", listing.next()).await {
        things.push(thing.expect("it can be read"));
    }
    things
}

fn named(name: &str, subject: Option<&str>, body: &str) -> Incoming {
    Incoming {
        identity: Identity::Named(name.into()),
        ..nameless(subject, body)
    }
}

fn nameless(subject: Option<&str>, body: &str) -> Incoming {
    let sent_at = Some("2025-03-01T12:00:00+01:00");
    Incoming {
        identity: Identity::of_content("Bob", "Alice", subject, body, sent_at),
        sender: "Bob".into(),
        recipient: "Alice".into(),
        subject: subject.map(str::to_owned),
        body: body.into(),
        sent_at: sent_at.map(str::to_owned),
    }
}

async fn add(store: &Store, messages: &[Incoming]) -> Vec<Added> {
    store.add(messages.to_vec()).await.expect("they are added")
}

#[tokio::test]
async fn a_name_is_one_message_and_an_empty_subject_is_none() {
    let folder = Folder::new();
    let store = store(&folder).await;
    let first = [
        named("a", None, "one"),
        named("b", Some(""), "one"),
        named("c", Some("help"), "one"),
    ];
    assert_eq!(add(&store, &first).await, [Added::New; 3]);
    assert_eq!(add(&store, &first).await, [Added::Known; 3]);
    let same = [named("a", Some(""), "one"), named("b", None, "one")];
    assert_eq!(add(&store, &same).await, [Added::Known; 2]);
    let others = [
        named("a", Some("help"), "one"),
        named("b", Some(" "), "one"),
        named("c", None, "one"),
        named("a", None, "two"),
        Incoming {
            sender: "Eve".into(),
            ..named("b", Some(""), "one")
        },
        Incoming {
            recipient: "Eve".into(),
            ..named("c", Some("help"), "one")
        },
    ];
    assert_eq!(
        add(&store, &others).await,
        [1, 2, 3, 1, 2, 3].map(Added::Contradicts)
    );
    let there = all(store.list(&Filter::default())).await;
    let there: Vec<_> = there
        .iter()
        .map(|message| (message.subject.as_deref(), message.body.as_str()))
        .collect();
    assert_eq!(there, [(None, "one"), (None, "one"), (Some("help"), "one")]);
    // A time is no part of what is compared: it may be the import's own.
    let undated = Incoming {
        sent_at: None,
        ..named("a", None, "one")
    };
    assert_eq!(add(&store, &[undated]).await, [Added::Known]);
}

#[tokio::test]
async fn equal_messages_of_one_file_are_counted_and_of_another_known_again() {
    let folder = Folder::new();
    let store = store(&folder).await;
    let three = [
        nameless(None, "hi"),
        nameless(None, "hi"),
        nameless(None, "hi"),
    ];
    store.begin_file().await.expect("a file");
    assert_eq!(add(&store, &three[..2]).await, [Added::New; 2]);
    // In the next batch they are counted on.
    assert_eq!(add(&store, &three[..1]).await, [Added::New]);
    store.begin_file().await.expect("another file");
    assert_eq!(add(&store, &three).await, [Added::Known; 3]);
    assert_eq!(add(&store, &three[..1]).await, [Added::New]);
    let stats = store.stats().await.expect("numbers");
    assert_eq!(stats.messages, 4);
    // No text passes for two.
    let near = [
        nameless(Some(""), "hi"),
        nameless(Some("h"), "i"),
        nameless(Some("hi"), ""),
    ];
    assert_eq!(add(&store, &near).await, [Added::New; 3]);
}

#[tokio::test]
async fn a_batch_that_fails_counts_nothing_and_stores_nothing() {
    let folder = Folder::new();
    let store = store(&folder).await;
    sql(
        &folder,
        "CREATE TRIGGER refuse BEFORE INSERT ON messages WHEN new.body = 'bad'
         BEGIN SELECT raise(ABORT, 'refused'); END",
    )
    .await;
    store.begin_file().await.expect("a file");
    let good = nameless(None, "hi");
    let batch = Vec::from([good.clone(), good.clone(), nameless(None, "bad")]);
    let error = store.add(batch).await.expect_err("it is refused");
    assert!(error.to_string().contains("refused"), "{error}");
    assert_eq!(store.stats().await.expect("numbers").messages, 0);
    // The same file once more: were the two counted, these were its third and
    // fourth.
    assert_eq!(add(&store, &[good.clone(), good]).await, [Added::New; 2]);
    let there = all(store.list(&Filter::default())).await;
    assert!(there[0].uid.ends_with(":1"), "{}", there[0].uid);
    assert!(there[1].uid.ends_with(":2"), "{}", there[1].uid);
}

/// Runs SQL of a test's own on the file of an open store.
async fn sql(folder: &Folder, script: &str) {
    let db = aio_sqlite::connect(folder.path("messages.db"));
    let db = db.await.expect("the file");
    db.execute_script(script).await.expect("the SQL is right");
    db.close().await.expect("it is closed");
}

#[tokio::test]
async fn a_time_is_kept_in_utc_and_none_makes_a_message_fail() {
    let folder = Folder::new();
    let store = store(&folder).await;
    let times = [
        ("2025-03-01T12:00:00.5+01:00", "2025-03-01T11:00:00.500Z"),
        ("2025-03-01", "2025-03-01T00:00:00.000Z"),
        ("0000-01-01T00:00:00+01:00", "0000-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"),
        ("9999-12-31T23:59:59-01:00", "now"),
        ("12025-03-01T12:00:00Z", "now"),
        ("2025-03-01T12:00:60Z", "now"),
        ("yesterday", "now"),
    ];
    let messages = times.map(|(time, _)| Incoming {
        sent_at: Some(time.into()),
        ..named(time, None, "hi")
    });
    assert_eq!(add(&store, &messages).await, [Added::New; 8]);
    let there = all(store.list(&Filter::default())).await;
    let now = all(store.list(&Filter {
        since: Some("1m".parse().expect("an age")),
        ..Filter::default()
    }));
    let now = now.await;
    for (message, (time, expected)) in there.iter().zip(times) {
        assert_eq!(message.sent_at.len(), 24, "{time}");
        match expected {
            "now" => assert!(now.contains(message), "{time}: {}", message.sent_at),
            expected => assert_eq!(message.sent_at, expected, "{time}"),
        }
    }
}

#[tokio::test]
async fn what_is_searched_as_it_is_typed_is_never_a_wrong_query() {
    let folder = Folder::new();
    let store = store(&folder).await;
    for (subject, body) in [
        (Some("Lunch"), "at the café-bar, 12:30"),
        (None, "I need your help."),
        (Some("help"), "needed"),
    ] {
        let new = NewMessage {
            subject: subject.map(str::to_owned),
            ..NewMessage::new("Bob", "Alice", body)
        };
        store.send(&new).await.expect("it is sent");
    }
    let long = "a".repeat(100_000);
    let many: String = (0..5_000).map(|n| format!("w{n} ")).collect();
    for (typed, found) in [
        ("", &[][..]),
        ("   \t\n", &[]),
        ("\0", &[]),
        ("-", &[]),
        ("!!! ?", &[]),
        ("\"", &[]),
        ("*", &[]),
        ("he", &[2, 3]),
        ("HELP", &[2, 3]),
        ("hel nee", &[2, 3]),
        // A sign beside a word is not there yet.
        ("help -", &[2, 3]),
        ("- help", &[2, 3]),
        ("help \"", &[2, 3]),
        ("help*", &[2, 3]),
        ("caf", &[1]),
        ("café-b", &[1]),
        ("cafe-x", &[]),
        ("12:3", &[1]),
        ("lunch bar", &[1]),
        ("help OR lunch", &[]),
        ("NOT help", &[]),
        ("subject:help", &[]),
        ("NEAR(help)", &[]),
        ("^help", &[2, 3]),
        ("{subject} : help", &[]),
        (&long, &[]),
        (&many, &[]),
    ] {
        let mut ids: Vec<_> = store
            .search_as_typed(typed, 10)
            .await
            .expect("no text is a wrong query")
            .found
            .into_iter()
            .map(|found| found.message.message.id)
            .collect();
        ids.sort_unstable();
        let typed: String = typed.chars().take(40).collect();
        assert_eq!(ids, found, "{typed:?}");
    }
}

#[tokio::test]
async fn the_best_of_many_are_those_of_the_whole_list_in_its_order() {
    let folder = Folder::new();
    store(&folder).await.close().await.expect("it closes");
    // Of different lengths, so that they rank differently, and some alike.
    let series = "INSERT INTO messages(sender, recipient, subject, body)
         WITH RECURSIVE n(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 3000)
         SELECT 'Bob', 'all', iif(n % 3, NULL, 'help'),
                'help ' || substr('one two three four five six seven', 1, n * 7 % 31) FROM n";
    sql(&folder, series).await;
    let store = store(&folder).await;
    let ids = async |limit| {
        let found = all(store.search("help", limit)).await;
        found
            .iter()
            .map(|found| found.message.id)
            .collect::<Vec<_>>()
    };
    let whole = ids(None).await;
    assert_eq!(whole.len(), 3000);
    for limit in [0, 1, 50, 2_999, 3_000, u32::MAX] {
        let best = &whole[..whole.len().min(limit as usize)];
        assert_eq!(ids(Some(limit)).await, best, "{limit}");
    }
    // As FTS5 itself ranks them.
    let path = folder.path("messages.db");
    let db = aio_sqlite::connect(path).await.expect("the file");
    let rank = "SELECT rowid FROM messages_fts('help') ORDER BY rank, rowid DESC";
    let mut ranked = db.query_as::<i64>(rank, ()).stream();
    for id in whole {
        assert_eq!(ranked.next().await.expect("as many").expect("a number"), id);
    }
}

#[tokio::test]
async fn what_is_found_is_told_apart_in_subject_and_text_whatever_they_say() {
    let folder = Folder::new();
    let store = store(&folder).await;
    let hostile = "<b>help</b> </script> \" ' help\nhelp \u{202e} help";
    let cut = "help \0 help";
    for (subject, body) in [
        (Some(hostile), hostile),
        (Some(""), "help"),
        (None, "help"),
        (Some(cut), cut),
        (Some("help"), "nothing"),
    ] {
        let new = NewMessage {
            subject: subject.map(str::to_owned),
            ..NewMessage::new("Bob", "Alice", body)
        };
        store.send(&new).await.expect("it is sent");
    }
    let mut found = all(store.search("help", None)).await;
    found.sort_by_key(|found| found.message.id);
    assert_eq!(found.len(), 5);
    let text = |pieces: &[Piece]| pieces.iter().map(Piece::text).collect::<String>();
    for Found {
        message,
        subject,
        body,
    } in &found
    {
        assert_eq!(text(subject), message.subject.clone().unwrap_or_default());
        assert_eq!(text(body), message.body);
    }
    let matches = |pieces: &[Piece]| {
        let is_match = |piece: &&Piece| matches!(piece, Piece::Match(text) if text == "help");
        pieces.iter().filter(is_match).count()
    };
    let counts: Vec<_> = found
        .iter()
        .map(|found| (matches(&found.subject), matches(&found.body)))
        .collect();
    assert_eq!(counts, [(4, 4), (0, 1), (0, 1), (0, 0), (1, 0)]);
}

#[tokio::test]
async fn a_listing_of_a_store_that_is_closed_ends_with_an_error() {
    let folder = Folder::new();
    folder_of_many(&folder).await;
    let store = store(&folder).await;
    let mut listings = [(); 5].map(|()| store.list(&Filter::default()));
    for listing in &mut listings {
        let first = listing.next().await.expect("a first").expect("a message");
        assert_eq!(first.id, 1);
    }
    let mut unread = store.list(&Filter::default());
    watchdog::future("closing", store.close())
        .await
        .expect("it closes");
    for listing in &mut listings {
        let end = async {
            loop {
                match listing.next().await {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => break error,
                    None => panic!("it passes for the whole list"),
                }
            }
        };
        watchdog::future("the end of a listing", end).await;
    }
    let error = unread.next().await.expect("an answer").expect_err("closed");
    assert!(error.to_string().contains("closed"), "{error}");
    let error = store.stats().await.expect_err("closed");
    assert!(error.to_string().contains("closed"), "{error}");
    watchdog::future("closing again", store.close())
        .await
        .expect("it is closed");
}

async fn folder_of_many(folder: &Folder) {
    store(folder).await.close().await.expect("it closes");
    let series = "INSERT INTO messages(sender, recipient, body)
         WITH RECURSIVE n(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 5000)
         SELECT 'Bob', 'all', n FROM n";
    sql(folder, series).await;
}

#[tokio::test]
async fn pages_of_a_list_have_each_message_once() {
    let folder = Folder::new();
    folder_of_many(&folder).await;
    let store = store(&folder).await;
    // Backwards from the newest, as a browser asks for them.
    let (mut before, mut pages, mut seen) = (None, 0, Vec::new());
    loop {
        let page = Filter {
            before,
            limit: Some(700),
            ..Filter::default()
        };
        let page = all(store.list(&page)).await;
        let Some(first) = page.first() else { break };
        before = Some(first.id);
        pages += 1;
        seen.splice(0..0, page.iter().map(|message| message.id));
    }
    assert_eq!(pages, 8);
    assert!(seen.into_iter().eq(1..=5000));
    for (after, before, limit, expected) in [
        (Some(4_990), None, None, 4_991..=5_000),
        (Some(4_990), Some(4_995), None, 4_991..=4_994),
        (Some(4_990), Some(4_995), Some(2), 4_993..=4_994),
        (Some(0), None, Some(3), 4_998..=5_000),
    ] {
        let filter = Filter {
            after,
            before,
            limit,
            ..Filter::default()
        };
        let ids = all(store.list(&filter)).await;
        assert!(ids.iter().map(|message| message.id).eq(expected));
    }
    for (after, before) in [(Some(5_000), None), (None, Some(1)), (Some(7), Some(8))] {
        let filter = Filter {
            after,
            before,
            ..Filter::default()
        };
        assert_eq!(all(store.list(&filter)).await, []);
    }
}

#[tokio::test]
async fn a_message_is_got_by_its_number() {
    let folder = Folder::new();
    let store = store(&folder).await;
    let new = NewMessage {
        subject: Some("it's".into()),
        ..NewMessage::new("Bob", "Alice", "one")
    };
    let id = store.send(&new).await.expect("it is sent");
    let message = store.get(id).await.expect("an answer").expect("a message");
    assert_eq!(message.subject, new.subject);
    assert_eq!(message.uid.len(), 32);
    for id in [0, -1, 2, i64::MAX, i64::MIN] {
        assert_eq!(store.get(id).await.expect("an answer"), None);
    }
}
