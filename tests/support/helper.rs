//! Programs that tests need beside them, and their output.

use super::PATIENCE;
use std::{
    io::{self, BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Instant,
};

/// A running program, killed when dropped. What it has said is shown if the test fails.
#[derive(Debug)]
pub(crate) struct Helper {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Helper {
    /// Starts it and waits for a line of its output, standard or error, that contains `sign`.
    ///
    /// # Panics
    ///
    /// If it ends before, or prints no such line; the message holds its output.
    pub(crate) fn start(command: Command, sign: &str) -> Self {
        Self::try_start(command, sign).unwrap_or_else(|complaint| panic!("{complaint}"))
    }

    /// The same; the error is the message.
    pub(crate) fn try_start(mut command: Command, sign: &str) -> Result<Self, String> {
        let (output, input) = io::pipe().unwrap();
        command.stdin(Stdio::null()).stdout(input.try_clone().unwrap()).stderr(input);
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|error| {
            format!("cannot run {name}: {error}; packaging/dev/install-deps.sh test installs it")
        })?;
        drop(command); // it has the other end of the pipe as well
        let said = Arc::default();
        let mut helper = Self { child, said: Arc::clone(&said) };
        let (sender, lines) = mpsc::channel();
        // Reads on to the end, so that the pipe does not fill up.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                said.lock().unwrap().extend([&line, "\n"]);
                let _ = sender.send(line); // an error: nobody waits any more
            }
        });
        let deadline = Instant::now() + PATIENCE;
        loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(sign) => return Ok(helper),
                Ok(_) => {}
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    return Err(format!(
                        "{name} does not say {sign:?}; it says:\n{}",
                        helper.said()
                    ));
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    let status = helper.child.wait().unwrap();
                    return Err(format!("{name} ended, {status}; it said:\n{}", helper.said()));
                }
            }
        }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("what the helper said:\n{}", self.said());
        }
    }
}
