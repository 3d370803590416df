//! A headless Chromium, driven by `WebDriver` (<https://www.w3.org/TR/webdriver2/>).

use super::{PATIENCE, helper::Helper, port::Port};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// A browser with one window, closed when dropped.
#[derive(Debug)]
pub(crate) struct Browser {
    _driver: Helper,
    /// Where the driver listens.
    port: Port,
    session: String,
    /// The temporary directory of driver and browser, in which they leave some behind. Fields are
    /// dropped in order: it goes when nobody writes there any more.
    _temporary: TempDir,
}

impl Browser {
    /// Starts one, with a window as wide as a phone's.
    pub(crate) fn on_a_phone() -> Self {
        // Left to itself, the driver takes a port that is free by IPv6, and ends if it is not free
        // by IPv4 as well.
        let port = Port::hold();
        let temporary = tempfile::tempdir().unwrap();
        let mut driver = Command::new("chromedriver");
        driver.arg(format!("--port={}", port.number())).env("TMPDIR", temporary.path());
        let driver = Helper::start(driver, "was started successfully");
        let mut browser =
            Self { _driver: driver, port, session: String::new(), _temporary: temporary };
        let options = json!({
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu"],
            "mobileEmulation": {"deviceMetrics": {"width": 390, "height": 800, "pixelRatio": 2}},
        });
        let wanted =
            json!({"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}});
        let wanted = json!({"capabilities": {"alwaysMatch": wanted}});
        let session = browser.ask("POST", "/session", &wanted);
        browser.session = format!("/session/{}", session["sessionId"].as_str().unwrap());
        browser
    }

    pub(crate) fn go_to(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    /// Runs a script, which calls its argument with a result when it is done.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("execute/async", &json!({"script": script, "args": []}))
    }

    /// Presses the key Tab.
    pub(crate) fn tab(&self) {
        const TAB: char = '\u{E004}';
        let keys = ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": TAB}));
        let actions = json!([{"type": "key", "id": "keyboard", "actions": keys}]);
        self.post("actions", &json!({ "actions": actions }));
    }

    /// Prefers light or dark from now on.
    pub(crate) fn prefer(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        let emulate =
            json!({"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}});
        self.post("goog/cdp/execute", &emulate);
    }

    /// Makes the window as wide as this from now on, and as high as the page, a phone's or not.
    pub(crate) fn resize(&self, width: u32, mobile: bool) {
        const HEIGHT: &str =
            "arguments[0](Math.ceil(document.body.getBoundingClientRect().height))";
        let with_height = |height: &Value| {
            let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1,
                "mobile": mobile});
            let command = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics});
            self.post("goog/cdp/execute", &command);
        };
        with_height(&json!(800));
        with_height(&self.run(HEIGHT));
    }

    /// Writes what the window shows, as PNG.
    pub(crate) fn screenshot(&self, path: &Path) {
        let picture = self.ask("GET", &format!("{}/screenshot", self.session), &json!({}));
        let file = File::create(path).unwrap();
        let mut decoder =
            Command::new("base64").arg("-d").stdin(Stdio::piped()).stdout(file).spawn().unwrap();
        let mut stdin = decoder.stdin.take().unwrap();
        stdin.write_all(picture.as_str().unwrap().as_bytes()).unwrap();
        drop(stdin);
        assert!(decoder.wait().unwrap().success(), "base64");
    }

    /// What the browser complained of.
    pub(crate) fn complaints(&self) -> Vec<Value> {
        self.post("se/log", &json!({"type": "browser"})).as_array().unwrap().clone()
    }

    fn post(&self, command: &str, body: &Value) -> Value {
        self.ask("POST", &format!("{}/{command}", self.session), body)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.send(method, path, body).unwrap();
        assert!(status.starts_with("HTTP/1.1 200"), "{method} {path}: {status}{answer}");
        serde_json::from_str::<Value>(&answer).unwrap()["value"].take()
    }

    fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// The first line of the answer, and its body. The driver never closes a connection.
    fn send(&self, method: &str, path: &str, body: &Value) -> io::Result<(String, String)> {
        let (mut stream, body) = (TcpStream::connect(self.address())?, body.to_string());
        stream.set_read_timeout(Some(PATIENCE))?;
        let (address, length) = (self.address(), body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all((head + &body).as_bytes())?;
        let (mut stream, mut status, mut length) = (BufReader::new(stream), String::new(), 0);
        stream.read_line(&mut status)?;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(said) = line.to_lowercase().strip_prefix("content-length:") {
                length = said.trim().parse().map_err(io::Error::other)?;
            }
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer)?;
        Ok((status, String::from_utf8_lossy(&answer).into_owned()))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            // Ends the browser, which the death of its driver would not.
            let _ = self.send("DELETE", &self.session, &json!({}));
        }
    }
}
