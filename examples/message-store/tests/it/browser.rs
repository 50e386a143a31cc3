//! The page of `serve` in a real browser: Chromium without a window.

mod chromium; // the program
mod devtools; // its debugger
mod page; // the page in it

use std::env;
use std::path::Path;
use std::time::Duration;

use chaos::watchdog;
use serde_json::json;

use crate::folder::Folder;
use crate::runtime::{aside, block_on};
use crate::server::Server;
use page::Page;

/// How long a test may take that scrolls through a hundred thousand messages. Nextest
/// ends a test after three minutes.
const LONG: Duration = Duration::from_secs(170);

/// Runs a test with the page of a folder's store, and fails if the page has done
/// anything that the browser complains of.
#[track_caller]
fn with_page(folder: &Folder, test: impl AsyncFnOnce(&mut Page)) {
    let Some(program) = chromium::find() else {
        return chaos::skip::because("no Chromium on the path");
    };
    let server = Server::start(folder);
    let addr = server.addr;
    run(async {
        let mut page = Page::open(program, addr).await;
        test(&mut page).await;
        page.is_well(addr).await;
    });
    server.terminate();
}

fn run(test: impl Future<Output = ()>) {
    block_on(watchdog::future_within(LONG, "a test of the page", test));
}

/// Sends a message in another process.
fn send(folder: &Folder, from: &str, to: &str, text: &str) {
    aside(|| folder.send(from, to, text));
}

/// Stores so many messages at once, from another process.
fn store(folder: &Folder, count: usize, text: &str) {
    aside(|| {
        folder.sql(
            "messages.db",
            &format!(
                "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count})
                 INSERT INTO messages(sender, recipient, body) SELECT 'Bob', 'all', '{text} ' || n FROM n"
            ),
        );
    });
}

#[test]
fn the_page_lists_what_is_there_and_shows_by_itself_what_another_process_sends() {
    let folder = Folder::new();
    folder.send("Bob", "Alice", "I need your help.");
    with_page(&folder, async |page| {
        assert_eq!(page.texts(".body").await, ["I need your help."]);
        assert_eq!(page.texts("#list-note").await, ["No older messages."]);

        send(&folder, "Alice", "Bob", "On my way.");
        page.until("document.querySelectorAll('.message').length === 2")
            .await;
        assert_eq!(
            page.texts(".body").await,
            ["On my way.", "I need your help."]
        );
        assert_eq!(page.texts(".sender").await, ["Alice", "Bob"]);
        page.until("document.querySelector('#news').textContent === '1 new message'")
            .await;

        let policy = page.headers()["content-security-policy"].as_str();
        let policy = policy.expect("a policy");
        assert!(
            policy.contains("default-src 'none'; script-src 'self'"),
            "{policy}"
        );
    });
}

#[test]
fn a_page_without_messages_says_so_until_the_first_comes() {
    let folder = Folder::new();
    with_page(&folder, async |page| {
        assert_eq!(page.texts("#list-note").await, ["No messages yet."]);
        send(&folder, "Bob", "Alice", "Hello");
        page.until("document.querySelectorAll('.message').length === 1")
            .await;
        assert_eq!(page.texts("#list-note").await, ["No older messages."]);
    });
}

#[test]
fn searching_narrows_the_list_as_one_types_and_marks_the_words() {
    let folder = Folder::new();
    let far = format!("{} harbour lamps", "not here ".repeat(200));
    for text in ["The lamp is broken.", "Nothing to see.", &far] {
        folder.send("Bob", "Alice", text);
    }
    with_page(&folder, async |page| {
        page.fill("#words", "lam").await;
        page.until("document.querySelectorAll('#found .message').length === 2")
            .await;
        assert_eq!(page.texts("#results-note").await, ["2 messages found."]);
        let mut marked = page.texts("#found mark").await;
        marked.sort();
        // Also the one that is far down in its text.
        assert_eq!(marked, ["lamp", "lamps"]);
        assert_eq!(page.value("list.hidden").await, true);

        page.fill("#words", "lamp zebra").await;
        page.until("document.querySelector('#results-note').textContent === 'Nothing found.'")
            .await;
        assert!(page.texts("#found .message").await.is_empty());

        page.fill("#words", "").await;
        page.until("!list.hidden").await;
        assert_eq!(page.texts("#sheets .message").await.len(), 3);
    });
}

#[test]
fn html_in_a_message_is_text() {
    const HTML: &str = "<script>window.ran = 1</script><img src=x onerror='window.ran = 1'>";
    let folder = Folder::new();
    let args = [
        "send",
        "--from",
        HTML,
        "--to",
        HTML,
        "--subject",
        HTML,
        "--",
        HTML,
    ];
    folder.run(&args).ok();
    with_page(&folder, async |page| {
        aside(|| folder.run(&args).ok());
        page.until("document.querySelectorAll('.message').length === 2")
            .await;
        page.fill("#words", "script").await;
        page.until("document.querySelectorAll('#found .message').length === 2")
            .await;
        for part in [".sender", ".recipient", ".subject", ".body"] {
            assert_eq!(page.texts(part).await, [HTML; 4], "{part}");
        }
        let made = "document.querySelectorAll('main script, main img').length";
        assert_eq!(page.value(made).await, 0);
        assert_eq!(page.value("typeof window.ran").await, "undefined");
    });
}

#[test]
fn no_name_looks_like_another_by_turning_round() {
    let folder = Folder::new();
    folder.send("\u{202e}ecilA", "\u{2067}boB", "hi");
    with_page(&folder, async |page| {
        assert_eq!(page.texts(".sender").await, ["\u{fffd}ecilA"]);
        assert_eq!(page.texts(".recipient").await, ["\u{fffd}boB"]);
    });
}

#[test]
fn the_form_sends_and_keeps_what_was_typed_if_it_is_refused() {
    let folder = Folder::new();
    let Some(program) = chromium::find() else {
        return chaos::skip::because("no Chromium on the path");
    };
    let server = Server::start(&folder);
    run(async {
        let mut page = Page::open(program, server.addr).await;
        page.fill("#sender", "Bob").await;
        page.fill("#recipient", "Alice").await;
        page.fill("#subject", "Help").await;
        page.fill("#body", "one\ntwo").await;
        page.click(".send").await;
        page.until("document.querySelectorAll('.message').length === 1")
            .await;
        page.until("!document.querySelector('.send').disabled")
            .await;
        let typed = "['sender', 'recipient', 'subject', 'body'].map((id) => document.getElementById(id).value)";
        assert_eq!(page.value(typed).await, json!(["Bob", "Alice", "", ""]));
        assert_eq!(page.texts(".subject").await, ["Help"]);
        assert_eq!(page.complaints().await, Vec::<String>::new());

        page.value("document.getElementById('body').value = 'long '.repeat(300_000)")
            .await;
        page.click(".send").await;
        page.until("!refusal.hidden").await;
        assert_eq!(
            page.texts("#refusal").await,
            ["The body is longer than 1048576 bytes."]
        );
        page.until("!document.querySelector('.send').disabled")
            .await;
        let kept = "document.getElementById('body').value.length";
        assert_eq!(page.value(kept).await, 1_500_000);
        // The browser complains of the answer, and of nothing else.
        let complaints = page.complaints().await;
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert!(complaints[0].contains("413"), "{complaints:?}");
    });
    let listed = folder.run(&["list", "--json"]).ok();
    assert_eq!(listed.lines().count(), 1);
    assert!(
        listed.contains(r#""subject":"Help","body":"one\ntwo""#),
        "{listed}"
    );
    server.terminate();
}

#[test]
fn a_long_message_is_shown_whole_when_one_asks_for_it() {
    let folder = Folder::new();
    // The server cuts the second one, and the page the first.
    let texts = ["a word ".repeat(200), "a word ".repeat(3_000)];
    for text in &texts {
        folder.send("Bob", "Alice", &format!("{text}end"));
    }
    with_page(&folder, async |page| {
        for text in page.texts(".body").await {
            assert!(text.len() < 700 && text.ends_with(" …"), "{text}");
        }
        page.click(".message:nth-child(1) .more").await;
        page.click(".message:nth-child(2) .more").await;
        page.until("document.querySelectorAll('.more:not([hidden])').length === 0")
            .await;
        let [first, second] = &texts;
        let shown = page.texts(".body").await;
        assert_eq!(shown, [format!("{second}end"), format!("{first}end")]);
    });
}

#[test]
fn a_hundred_thousand_messages_scroll_by_and_the_page_stays_small() {
    let folder = Folder::new();
    folder.fill(100_000);
    with_page(&folder, async |page| {
        // A small window, since this is a test of the list and not of painting.
        page.resize(640, 400).await;
        // Scrolls on whenever older messages have come.
        let most = "new Promise((done) => {
            let most = 0;
            const note = document.querySelector('#list-note');
            const observer = new MutationObserver(scroll);
            observer.observe(note, { childList: true });
            function scroll() {
                most = Math.max(most, document.getElementsByClassName('message').length);
                // It is empty when older messages have come.
                if (note.textContent === '') scrollTo(0, document.documentElement.scrollHeight);
                if (note.textContent !== 'No older messages.') return;
                observer.disconnect();
                done(most);
            }
            scroll();
        })";
        let most = page.value(most).await.as_u64().expect("a number");
        assert!((1..=2_000).contains(&most), "{most} rows at once");
        assert_eq!(
            page.texts(".message:last-child .body")
                .await
                .last()
                .expect("a row"),
            "text 1"
        );

        page.value("scrollTo(0, 0)").await;
        page.until("document.querySelector('.message .body')?.textContent === 'text 100000'")
            .await;
        // Somewhere in between, where the rows had been given up.
        page.value("document.querySelectorAll('.sheet')[125].scrollIntoView()")
            .await;
        page.until("document.querySelectorAll('.sheet')[125].firstChild?.dataset.id === '50000'")
            .await;
        let rows = page
            .value("document.getElementsByClassName('message').length")
            .await;
        assert!(rows.as_u64().is_some_and(|rows| rows <= 2_000), "{rows}");
    });
}

#[test]
fn new_messages_wait_while_one_reads_further_down() {
    let folder = Folder::new();
    folder.fill(600);
    with_page(&folder, async |page| {
        page.value("document.querySelectorAll('.message')[399].scrollIntoView()")
            .await;
        page.until("document.querySelectorAll('.sheet').length === 2")
            .await;
        store(&folder, 2, "new");
        page.until("!waiting.hidden && waiting.textContent === '2 new messages'")
            .await;
        assert!(!page.texts(".body").await.contains(&"new 2".to_owned()));
        page.click("#waiting").await;
        page.until("waiting.hidden").await;
        page.until("document.querySelector('.body')?.textContent === 'new 2'")
            .await;
        assert_eq!(page.value("scrollY").await, 0);
    });
}

#[test]
fn many_messages_at_once_are_all_there() {
    let folder = Folder::new();
    with_page(&folder, async |page| {
        store(&folder, 5_000, "burst");
        page.until("document.querySelector('.body')?.textContent === 'burst 5000'")
            .await;
        let ids = "[...document.querySelectorAll('.message')].map((row) => Number(row.dataset.id))";
        let ids: Vec<u64> = serde_json::from_value(page.value(ids).await).expect("numbers");
        assert!(ids.len() >= 400, "{ids:?}");
        assert!(ids.windows(2).all(|two| two[0] == two[1] + 1), "{ids:?}");
    });
}

#[test]
fn a_page_whose_server_dies_says_so_and_goes_on_without_loss_when_it_is_back() {
    let folder = Folder::new();
    folder.send("Bob", "Alice", "before");
    let Some(program) = chromium::find() else {
        return chaos::skip::because("no Chromium on the path");
    };
    // At an address of its own: no other test takes the port meanwhile.
    let server = Server::start_at(&folder, "127.0.0.3:0");
    let addr = server.addr;
    run(async {
        let mut page = Page::open(program, addr).await;
        drop(server);
        page.until("connection.textContent === 'reconnecting'")
            .await;
        page.fill("#words", "while").await;
        page.until("document.querySelector('#results-note button')")
            .await;
        let note = page.texts("#results-note").await;
        assert_eq!(note, ["The server can't be reached. Try again"]);
        send(&folder, "Alice", "Bob", "while it was away");

        let server = aside(|| Server::start_at(&folder, &addr.to_string()));
        page.until("connection.textContent === 'live'").await;
        // The search is tried again by itself.
        page.until("document.querySelector('#found mark')?.textContent === 'while'")
            .await;
        page.fill("#words", "").await;
        page.until("!list.hidden").await;
        send(&folder, "Alice", "Bob", "after");
        page.until("document.querySelector('.body')?.textContent === 'after'")
            .await;
        let texts = page.texts("#sheets .body").await;
        assert_eq!(texts, ["after", "while it was away", "before"]);
        // The browser complains of the requests that failed, and of nothing else.
        for complaint in page.complaints().await {
            assert!(complaint.contains("net::ERR_"), "{complaint}");
        }
        aside(|| server.terminate());
    });
}

/// With `MESSAGE_STORE_PICTURES=FOLDER` it leaves pictures of the page there. The one in
/// the documentation is `page.png`, of this command in the folder of the repository (a
/// test runs in that of its package, so the path is a whole one):
///
/// ```text
/// MESSAGE_STORE_PICTURES=$PWD/examples/message-store/docs cargo test -p message-store --test it the_page_fits
/// ```
#[test]
fn the_page_fits_a_desk_and_a_phone_in_light_and_in_dark() {
    let folder = Folder::new();
    folder.run(&[]).ok();
    folder.sql("messages.db", include_str!("browser/messages.sql"));
    with_page(&folder, async |page| {
        let windows = [
            ("page", "light", 1200, 840),
            ("page-dark", "dark", 1200, 840),
            ("page-phone", "light", 360, 740),
            ("page-small", "dark", 320, 568),
        ];
        for (name, scheme, width, height) in windows {
            page.resize(width, height).await;
            let scheme = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
            page.call("Emulation.setEmulatedMedia", scheme).await;
            let wider =
                "document.documentElement.scrollWidth - document.documentElement.clientWidth";
            assert_eq!(page.value(wider).await, 0, "{name}");
            let picture = page.picture().await;
            assert!(picture.starts_with(b"\x89PNG"), "{name}");
            if let Some(pictures) = env::var_os("MESSAGE_STORE_PICTURES") {
                let path = Path::new(&pictures).join(format!("{name}.png"));
                std::fs::write(path, picture).expect("a picture is written");
            }
        }
    });
}
