//! `fibrpcctl serve` as a process.
#![allow(dead_code, reason = "a test crate need not use all of this")]

use super::{PATIENCE, program::ctl_command};
use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

/// A running stub, killed when dropped. All that it has said is shown if the test fails.
#[derive(Debug)]
pub(crate) struct Stub {
    child: Child,
    lines: mpsc::Receiver<String>,
    said: String,
    /// What was said and not waited for yet: its two outputs have no order between them.
    fresh: Vec<String>,
}

impl Stub {
    /// Starts it, and waits until it serves.
    pub(crate) fn serving(uri: &str, args: &[&str]) -> Self {
        let mut stub = Self::start(uri, args);
        stub.wait_for("serving ");
        stub
    }

    pub(crate) fn start(uri: &str, args: &[&str]) -> Self {
        Self::run(&mut ctl_command(uri, &[&["serve"], args].concat()))
    }

    /// Starts it by this command.
    pub(crate) fn run(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        read(child.stdout.take().unwrap(), sender.clone());
        read(child.stderr.take().unwrap(), sender);
        Self { child, lines, said: String::new(), fresh: Vec::new() }
    }

    /// Waits for a line of either of its outputs that contains this, and was not waited for before.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        if let Some(at) = self.fresh.iter().position(|line| line.contains(text)) {
            return self.fresh.remove(at);
        }
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|why| panic!("no {text:?}: {why}"));
            self.said.push_str(&line);
            self.said.push('\n');
            if line.contains(text) {
                return line;
            }
            self.fresh.push(line);
        }
    }

    /// Sends a signal, by the name `kill` knows.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(status.success(), "kill -s {name}");
    }

    /// Waits for its end; the exit code, and all that it has said.
    pub(crate) fn wait(&mut self) -> (Option<i32>, String) {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.said.push_str(&line);
                    self.said.push('\n');
                }
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("the stub hangs"),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        (self.child.wait().unwrap().code(), self.said.clone())
    }

    /// SIGTERM, and then the same.
    pub(crate) fn terminate(&mut self) -> (Option<i32>, String) {
        self.signal("TERM");
        self.wait()
    }
}

fn read(output: impl Read + Send + 'static, lines: mpsc::Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = lines.send(line); // an error: the test is over
        }
    });
}

impl Drop for Stub {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            self.said.extend(self.lines.try_iter().map(|line| line + "\n"));
            eprintln!("what the stub said:\n{}", self.said);
        }
    }
}
