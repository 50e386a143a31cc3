//! The page as a person has it: looked at, typed into, clicked.

use std::net::SocketAddr;
use std::path::PathBuf;

use chaos::watchdog;
use serde_json::{Value, json};

use super::chromium::Chromium;
use super::devtools::DevTools;

/// The open page of a server.
pub(super) struct Page {
    devtools: DevTools,
    session: String,
    _chromium: Chromium,
}

impl Page {
    /// Opens it in a Chromium of its own, in a window of a desk, and waits until
    /// it lists what there is and hears of what comes.
    pub(super) async fn open(program: PathBuf, addr: SocketAddr) -> Page {
        let chromium = Chromium::start(program);
        let mut devtools = DevTools::connect(&chromium.debugger).await;
        let target = json!({"url": "about:blank"});
        let target = devtools.call(None, "Target.createTarget", target).await;
        let target = json!({"targetId": target["targetId"], "flatten": true});
        let session = devtools.call(None, "Target.attachToTarget", target).await;
        let mut page = Page {
            devtools,
            session: session["sessionId"].as_str().expect("a session").to_owned(),
            _chromium: chromium,
        };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.call(&format!("{domain}.enable"), json!({})).await;
        }
        page.resize(1200, 900).await;
        let url = json!({"url": format!("http://{addr}/")});
        page.call("Page.navigate", url).await;
        page.until("document.querySelector('#connection')?.textContent === 'live'")
            .await;
        page
    }

    pub(super) async fn call(&mut self, method: &str, params: Value) -> Value {
        self.devtools
            .call(Some(&self.session), method, params)
            .await
    }

    /// Gives the window a size.
    pub(super) async fn resize(&mut self, width: u32, height: u32) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.call("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Runs JavaScript in the page, and returns its value, or that of its promise.
    pub(super) async fn value(&mut self, script: &str) -> Value {
        let params = json!({
            "expression": script, "awaitPromise": true, "returnByValue": true,
            "userGesture": true,
        });
        let mut done = self.call("Runtime.evaluate", params).await;
        assert_eq!(done["exceptionDetails"], Value::Null, "{script}");
        done["result"]["value"].take()
    }

    /// Waits until something is so, which can be only after the page has changed.
    pub(super) async fn until(&mut self, so: &str) {
        let script = format!(
            "new Promise((done) => {{
                const observer = new MutationObserver(check);
                const all = {{ attributes: true, characterData: true, childList: true, subtree: true }};
                observer.observe(document, all);
                function check() {{
                    if (!({so})) return;
                    observer.disconnect();
                    done();
                }}
                check();
            }})"
        );
        watchdog::future(so, self.value(&script)).await;
    }

    /// The texts of the elements that a selector finds.
    pub(super) async fn texts(&mut self, selector: &str) -> Vec<String> {
        let script =
            format!("[...document.querySelectorAll({selector:?})].map((e) => e.textContent)");
        serde_json::from_value(self.value(&script).await).expect("texts")
    }

    pub(super) async fn click(&mut self, selector: &str) {
        self.value(&format!("document.querySelector({selector:?}).click()"))
            .await;
    }

    /// Types into a field in place of what is there.
    pub(super) async fn fill(&mut self, selector: &str, text: &str) {
        self.value(&format!("document.querySelector({selector:?}).select()"))
            .await;
        match text {
            "" => {
                self.call("Input.dispatchKeyEvent", backspace("keyDown"))
                    .await
            }
            text => self.call("Input.insertText", json!({"text": text})).await,
        };
    }

    /// What the browser has complained of until now: errors of scripts, and
    /// requests that failed.
    pub(super) async fn complaints(&mut self) -> Vec<String> {
        // Whatever was told before the answer has come before it.
        self.value("0").await;
        let events = self.devtools.events.iter();
        let complaints = events.filter(|event| {
            let params = &event["params"];
            match event["method"].as_str() {
                Some("Runtime.exceptionThrown") => true,
                Some("Runtime.consoleAPICalled") => params["type"] == "error",
                Some("Log.entryAdded") => params["entry"]["level"] == "error",
                _ => false,
            }
        });
        complaints
            .map(|event| event["params"].to_string())
            .collect()
    }

    /// The addresses that the page has asked for until now.
    pub(super) fn requests(&self) -> Vec<&str> {
        let events = self.devtools.events.iter();
        let requests = events.filter(|event| event["method"] == "Network.requestWillBeSent");
        requests
            .filter_map(|event| event["params"]["request"]["url"].as_str())
            .collect()
    }

    /// The headers of the page itself.
    pub(super) fn headers(&self) -> &Value {
        let events = self.devtools.events.iter();
        let answer = events
            .map(|event| &event["params"])
            .find(|params| params["type"] == "Document" && params["response"]["status"] == 200);
        &answer.expect("an answer")["response"]["headers"]
    }

    /// Fails if the browser has complained, or has asked anybody but the server.
    pub(super) async fn is_well(&mut self, addr: SocketAddr) {
        assert_eq!(self.complaints().await, Vec::<String>::new());
        let server = format!("http://{addr}/");
        for url in self.requests() {
            assert!(
                url.starts_with(&server) || url.starts_with("data:"),
                "{url}"
            );
        }
    }

    /// A picture of what the window shows, as PNG.
    pub(super) async fn picture(&mut self) -> Vec<u8> {
        let picture = self.call("Page.captureScreenshot", json!({})).await;
        from_base64(picture["data"].as_str().expect("a picture"))
    }
}

fn backspace(kind: &str) -> Value {
    json!({"type": kind, "key": "Backspace", "code": "Backspace", "windowsVirtualKeyCode": 8})
}

fn from_base64(text: &str) -> Vec<u8> {
    let alphabet = ('A'..='Z')
        .chain('a'..='z')
        .chain('0'..='9')
        .chain(['+', '/']);
    let alphabet: Vec<char> = alphabet.collect();
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in text
        .chars()
        .filter_map(|c| alphabet.iter().position(|a| *a == c))
    {
        bits = bits << 6 | digit as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
