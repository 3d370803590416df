//! Answers that a program gives: its standard input is the body, its standard output the answer.
//!
//! Each runs in a process group of its own, which is killed with all that is in it when the program
//! is over, when its time is up, and when nobody wants the answer any more. A thread for each
//! starts it and waits for its end; what goes in and out is seen to by whoever wants the answer.

use super::request::Request;
use crate::{
    threads,
    wire::{Failure, Header, Status},
};
use bytes::Bytes;
use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid},
};
use std::{
    env,
    ffi::{OsStr, OsString},
    io::{self, ErrorKind},
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStringExt as _, process::CommandExt as _, process::ExitStatusExt as _},
    },
    process::{self, Child, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{net::unix::pipe, sync::oneshot, time::timeout};

/// What the names of our variables start with. Those that we were started with ourselves are not
/// handed on: they would be taken for the request's.
const PREFIX: &str = "FIBRPC_";

/// Most bytes of an error that a program writes in place of an answer.
const MAX_REASON: usize = 1 << 10;

/// A program that is to be run.
pub(super) struct Command {
    /// As the shell takes it.
    pub(super) line: OsString,
    pub(super) input: Bytes,
    pub(super) variables: Vec<(String, OsString)>,
    pub(super) limit: Duration,
    pub(super) max_output: usize,
}

/// What a request says, as variables. Of several with one name the first counts.
pub(super) fn variables(request: &Request, queue: &str) -> Vec<(String, OsString)> {
    let mut variables: Vec<(String, OsString)> = Vec::new();
    let mut put = |name: &str, value: OsString| {
        let name = variable(name);
        // No variable can hold a NUL.
        if !value.as_encoded_bytes().contains(&0) && !variables.iter().any(|(had, _)| *had == name)
        {
            variables.push((name, value));
        }
    };
    put("queue", queue.into());
    put("redelivered", if request.redelivered { "true" } else { "false" }.into());
    if let Some(id) = request.envelope.reply_id() {
        put("correlation-id", OsString::from_vec(id.to_vec())); // not necessarily text
    }
    for (name, text) in request.said.texts() {
        if let Some(text) = text {
            put(name, text.into());
        }
    }
    for (name, number) in request.said.numbers() {
        if let Some(number) = number {
            put(name, number.to_string().into());
        }
    }
    for (name, value) in &request.said.headers {
        put(&format!("header-{name}"), of_header(value));
    }
    variables
}

/// The name of a variable: capitals, digits and underscores.
fn variable(name: &str) -> String {
    let plain = |ch: char| if ch.is_ascii_alphanumeric() { ch.to_ascii_uppercase() } else { '_' };
    PREFIX.chars().chain(name.chars().map(plain)).collect()
}

fn of_header(header: &Header) -> OsString {
    match header {
        Header::Text(text) => text.into(),
        Header::Bytes(bytes) => OsString::from_vec(bytes.clone()),
        Header::Integer(number) => number.to_string().into(),
        Header::Float(number) => number.to_string().into(),
        Header::Bool(truth) => truth.to_string().into(),
        Header::Timestamp(seconds) => seconds.to_string().into(),
        _ => OsString::new(),
    }
}

impl Command {
    /// Runs it to its end; what it has written, if it ends well.
    pub(super) async fn run(self) -> Result<Vec<u8>, Failure> {
        let limit = self.limit;
        if limit.is_zero() {
            return Err(late("the time that the request gave was over before the command began"));
        }
        match timeout(limit, self.exchange()).await {
            Ok(result) => result,
            Err(_) => Err(late(&format!("the command was killed: it took more than {limit:?}"))),
        }
    }

    async fn exchange(self) -> Result<Vec<u8>, Failure> {
        let (sender, started) = oneshot::channel();
        let (line, variables) = (self.line, self.variables);
        let keep = move || keep(&line, &variables, sender);
        threads::start("command".to_owned(), keep).map_err(|error| cannot_start(&error))?;
        let started = started.await.map_err(|_| internal("the thread for the command failed"))?;
        let mut running = started.map_err(|error| cannot_start(&error))?;
        let (input, output) = (running.input.take(), running.output.take());
        let written = async {
            let Some(input) = input else { return Ok(()) };
            write(pipe::Sender::from_owned_fd(input)?, &self.input).await
        };
        let read = async {
            let Some(output) = output else { return Ok(Vec::new()) };
            read(pipe::Receiver::from_owned_fd(output)?, self.max_output).await
        };
        let ((), output) = tokio::try_join!(written, read).map_err(|error| {
            internal(&format!("cannot exchange data with the command: {error}"))
        })?;
        if output.len() > self.max_output {
            let most = self.max_output;
            let why = format!("the command was killed: it writes more than {most} bytes");
            return Err(Failure::new(Status::ResourceExhausted, why));
        }
        let status = (&mut running.ended).await;
        let status = status.map_err(|_| internal("nobody saw how the command ended"))?;
        if status.success() { Ok(output) } else { Err(internal(&reason(&output, status))) }
    }
}

/// What a program says of its failure, or else how it ended.
fn reason(output: &[u8], status: ExitStatus) -> String {
    let text = String::from_utf8_lossy(output);
    let text = text.trim();
    let end = text.floor_char_boundary(MAX_REASON);
    match (text.get(..end).filter(|text| !text.is_empty()), status.code(), status.signal()) {
        (Some(text), ..) => text.to_owned(),
        (None, Some(code), _) => format!("the command ended with exit status {code}"),
        (None, _, Some(signal)) => format!("the command was ended by signal {signal}"),
        (None, None, None) => format!("the command ended: {status}"),
    }
}

fn internal(why: &str) -> Failure {
    Failure::new(Status::Internal, why)
}

fn cannot_start(error: &io::Error) -> Failure {
    internal(&format!("the command cannot be started: {error}"))
}

fn late(why: &str) -> Failure {
    Failure::new(Status::DeadlineExceeded, why)
}

/// A program that runs. Dropping this kills it.
struct Running {
    input: Option<OwnedFd>,
    output: Option<OwnedFd>,
    ended: oneshot::Receiver<ExitStatus>,
    group: Group,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.group.kill();
    }
}

/// A process group, for as long as its first process is not gone: then its number may be another's.
#[derive(Clone)]
struct Group(Arc<Mutex<Option<Pid>>>);

impl Group {
    fn kill(&self) {
        let group = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pid) = *group {
            let _ = kill_process_group(pid, Signal::KILL); // all of it may have ended by itself
        }
    }

    /// Kills what is left of it, and lets it go.
    fn bury(&self, child: &mut Child) -> io::Result<ExitStatus> {
        self.kill();
        let mut group = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *group = None;
        child.wait() // it has ended, so this does not wait
    }
}

/// Starts a program and waits for its end: the work of a thread.
fn keep(
    line: &OsStr,
    variables: &[(String, OsString)],
    started: oneshot::Sender<io::Result<Running>>,
) {
    let (end, ended) = oneshot::channel();
    let (mut child, pid) = match start(line, variables) {
        Ok(found) => found,
        Err(error) => return drop(started.send(Err(error))),
    };
    let group = Group(Arc::new(Mutex::new(Some(pid))));
    let running = Running {
        input: child.stdin.take().map(OwnedFd::from),
        output: child.stdout.take().map(OwnedFd::from),
        ended,
        group: group.clone(),
    };
    drop(started.send(Ok(running))); // if nobody wants it any more, it is killed by that
    // Its end is waited for without taking note of it, so that its number stays its own.
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(pid), options), Err(Errno::INTR)) {}
    if let Ok(status) = group.bury(&mut child) {
        let _ = end.send(status); // nobody may want to know
    }
}

fn start(line: &OsStr, variables: &[(String, OsString)]) -> io::Result<(Child, Pid)> {
    let mut shell = process::Command::new("/bin/sh");
    shell.arg("-c").arg(line).stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
    for (name, _) in env::vars_os() {
        if name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            shell.env_remove(name);
        }
    }
    shell.envs(variables.iter().map(|(name, value)| (name, value)));
    let mut child = shell.spawn()?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let Some(pid) = pid else {
        let _ = child.kill();
        return Err(io::Error::other("it has no process id"));
    };
    Ok((child, pid))
}

/// Writes all, unless the program does not want it all.
async fn write(input: pipe::Sender, mut rest: &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        input.writable().await?;
        match input.try_write(rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads to the end, or something more than so many bytes.
async fn read(output: pipe::Receiver, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    while bytes.len() <= most {
        output.readable().await?;
        match output.try_read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => bytes.extend_from_slice(chunk.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Read as _, os::fd::AsRawFd as _, thread};

    const LONG: Duration = Duration::from_mins(1);

    async fn run(command: &str, input: &str, limit: Duration) -> Result<String, Failure> {
        let command = Command {
            line: command.into(),
            input: Bytes::copy_from_slice(input.as_bytes()),
            variables: vec![("FIBRPC_TYPE".to_owned(), "verb".into())],
            limit,
            max_output: 1 << 20,
        };
        command.run().await.map(|output| String::from_utf8(output).unwrap())
    }

    #[tokio::test]
    async fn a_program_gets_the_body_and_gives_the_answer() {
        assert_eq!(run("tr a-z A-Z", "abc", LONG).await.unwrap(), "ABC");
        assert_eq!(run("echo $FIBRPC_TYPE", "", LONG).await.unwrap(), "verb\n");
        // More than pipes hold, both ways, and a program that does not read.
        let long = "x".repeat(1 << 20);
        assert_eq!(run("cat", &long, LONG).await.unwrap().len(), long.len());
        assert_eq!(run("echo 1", &long, LONG).await.unwrap(), "1\n");
    }

    #[tokio::test]
    async fn a_failure_says_why() {
        for (command, status, message) in [
            ("exit 3", Status::Internal, "the command ended with exit status 3"),
            ("echo no such order; exit 1", Status::Internal, "no such order"),
            ("kill -9 $$", Status::Internal, "the command was ended by signal 9"),
            (
                "yes",
                Status::ResourceExhausted,
                "the command was killed: it writes more than 1048576",
            ),
        ] {
            let failure = run(command, "", LONG).await.unwrap_err();
            assert_eq!(failure.status, status, "{failure}");
            assert!(failure.message.starts_with(message), "{failure}");
        }
        let failure = run("echo 1", "", Duration::ZERO).await.unwrap_err();
        assert_eq!(failure.status, Status::DeadlineExceeded);
    }

    #[tokio::test]
    async fn what_takes_too_long_is_killed_with_its_children() {
        // The pipe of the test ends when nobody holds it any more.
        let (mut held, holder) = io::pipe().unwrap();
        let path = format!("/proc/{}/fd/{}", process::id(), holder.as_raw_fd());
        let command =
            format!("exec 3>{path}; echo >&3; (tail -f /dev/null >&3) & tail -f /dev/null >&3");
        let failure = run(&command, "", Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(failure.status, Status::DeadlineExceeded);
        drop(holder);
        let (sender, read) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let mut all = String::new();
            sender.send(held.read_to_string(&mut all).map(|_| all).unwrap())
        });
        let all = read.recv_timeout(LONG).expect("nobody holds the pipe any more");
        assert_eq!(all, "\n", "it ran");
    }

    #[test]
    fn names_of_variables_are_plain() {
        assert_eq!(variable("content-type"), "FIBRPC_CONTENT_TYPE");
        assert_eq!(variable("header-x-t\u{e4}nant; id"), "FIBRPC_HEADER_X_T_NANT__ID");
    }
}
