//! What is at the other ends of `fibrpcctl`: readers that are slow, have enough or do not read at
//! all, input that is no text, servers that are no friends, and signals.

use crate::support::{
    PATIENCE, broker,
    lapin_caller::QUEUE,
    program::{Daemon, Ran, ctl_command},
    raw_amqp::RawConnection,
};
use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Waits for a program to end, whoever reads what it prints.
fn exit_code(mut child: Child) -> Option<i32> {
    let (sender, ended) = mpsc::channel();
    let pid = child.id();
    thread::spawn(move || sender.send(child.wait().unwrap().code()));
    ended.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        signal(pid, "KILL");
        panic!("it hangs");
    })
}

fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap();
    assert!(status.success());
}

/// Writes lines for as long as somebody takes them.
fn feed(child: &mut Child, lines: impl Iterator<Item = String> + Send + 'static) {
    let mut stdin = child.stdin.take().unwrap();
    thread::spawn(move || {
        for line in lines {
            if writeln!(stdin, "{line}").is_err() {
                break;
            }
        }
    });
}

#[test]
fn a_slow_reader_gets_every_answer_and_holds_up_nothing_but_further_calls() {
    const CALLS: usize = 1500;
    /// Enough for the calls under way, also on a machine that is busy with other tests.
    const TIMEOUT: Duration = Duration::from_secs(10);
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    let mut command = ctl_command(&vhost.uri(), &["--timeout", "10s", "call", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    feed(&mut child, (0..CALLS).map(|n| (100_000 + n).to_string()));
    // The calls that are under way, answered all.
    daemon.wait_for_metric("fibrpcd_acks_total", 256);
    thread::park_timeout(TIMEOUT + Duration::from_millis(500));
    let answered = daemon.metric("fibrpcd_acks_total");
    assert!(answered < 1000, "{answered} answers are kept in memory");
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let lines = ran.stdout.lines().collect::<Vec<_>>();
    assert_eq!(lines.len(), CALLS);
    assert!(lines.iter().all(|line| line.len() > 20_000), "digits and nothing else");
}

#[test]
fn a_reader_that_has_enough_ends_the_program() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let mut command = ctl_command(&vhost.uri(), &["call", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    feed(&mut child, (0..).map(|n| (n % 90).to_string()));
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(first, "0\n");
    assert_eq!(exit_code(child), Some(1));
}

#[test]
fn an_output_that_cannot_be_written_is_told() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    for command in [&["call", "30"][..], &["info"], &["completions", "bash"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut command = ctl_command(&vhost.uri(), command);
        let ran = Ran::from(command.stdout(full).stderr(Stdio::piped()).output().unwrap());
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("cannot write standard output: No space left"), "{ran:?}");
    }
}

#[test]
fn messages_that_nobody_reads_hold_up_nothing() {
    const CALLS: usize = 3000; // more messages than a pipe holds
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let mut command = ctl_command(&vhost.uri(), &["call", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _unread = child.stderr.take();
    feed(&mut child, (0..CALLS).flat_map(|_| ["no number".to_owned(), "30".to_owned()]));
    let mut answers = String::new();
    child.stdout.take().unwrap().read_to_string(&mut answers).unwrap();
    assert_eq!(answers.lines().filter(|line| *line == "832040").count(), CALLS);
    assert_eq!(exit_code(child), Some(3));
}

#[test]
fn input_that_is_no_text_is_told_with_its_place() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let mut command = ctl_command(&vhost.uri(), &["call", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"\xef\xbb\xbf30\n\xff\xfe\n31\n").unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), "832040\n1346269\n"), "{ran:?}");
    let says = "fibrpcctl: line 2 of standard input is not text in UTF-8\nfibrpcctl: hint: ";
    assert!(ran.stderr.starts_with(says) && ran.stderr.lines().count() == 2, "{ran:?}");
    let directory = File::open("/").unwrap();
    let ran =
        Ran::from(ctl_command(&vhost.uri(), &["call", "-"]).stdin(directory).output().unwrap());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("cannot read standard input: Is a directory"), "{ran:?}");
}

#[test]
fn a_file_that_is_never_written_ends_a_call_at_its_timeout() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("password");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut command = ctl_command("amqp://127.0.0.1:1", &["--timeout", "200ms", "--password-file"]);
    let ran = Ran::from(command.arg(&pipe).arg("ping").output().unwrap());
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.stderr.contains("not read within 200ms"), "{ran:?}");
}

#[test]
fn what_a_server_says_does_not_drive_the_terminal() {
    let vhost = broker::shared().vhost();
    let mut server = RawConnection::connect(&vhost.uri());
    server.serve(QUEUE.as_bytes());
    let mut ran = |format: &str, command: &[&str], answer: &[u8]| {
        let mut command = ctl_command(&vhost.uri(), &[&["--format", format], command].concat());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let request = server.message();
        let (id, reply_to) = (request.correlation_id.unwrap(), request.reply_to.unwrap());
        server.reply(&reply_to, &id, answer);
        Ran::from(child.wait_with_output().unwrap())
    };
    let evil = "\u{1b}[2J\u{9b}31m\u{202e}\r1";
    let info = format!("{{\"a{}\":1}}", "\\u001b[2J");
    for ran in [
        ran("plain", &["call", "30"], evil.as_bytes()),
        ran("json", &["call", "30"], evil.as_bytes()),
        ran("plain", &["ping"], evil.as_bytes()),
        ran("json", &["ping"], evil.as_bytes()),
        ran("plain", &["info"], info.as_bytes()),
        ran("json", &["info"], info.as_bytes()),
    ] {
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let printed = format!("{}{}", ran.stdout, ran.stderr);
        let driven =
            printed.contains(|ch: char| (ch.is_control() && ch != '\n') || ch == '\u{202e}');
        assert!(!driven, "{ran:?}");
        assert_eq!(printed.lines().count(), 1, "{ran:?}");
    }
}

/// A call that is not answered, with the program that makes it.
fn waiting(server: &mut RawConnection, mut command: Command) -> Child {
    let child = command.stdin(Stdio::piped()).spawn().unwrap();
    server.message();
    child
}

#[test]
fn signals_end_the_program_at_once() {
    let vhost = broker::shared().vhost();
    let mut server = RawConnection::connect(&vhost.uri());
    server.serve(QUEUE.as_bytes());
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let child =
            waiting(&mut server, ctl_command(&vhost.uri(), &["--timeout", "1h", "call", "30"]));
        signal(child.id(), name);
        assert_eq!(exit_code(child), Some(code), "{name}");
    }
    drop(server);
    // While a file that it needs is not there yet.
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("password");
    assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let password = ["--timeout", "1h", "--password-file", gate.to_str().unwrap()];
    let mut command =
        ctl_command("amqp://ada@127.0.0.1:1", &[&password, &["call", "30"][..]].concat());
    let child = command.spawn().unwrap();
    let _writer = File::options().write(true).open(&gate).unwrap(); // it reads
    signal(child.id(), "INT");
    assert_eq!(exit_code(child), Some(130));
    // Of a series it is told how far it came.
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    let mut command = ctl_command(&vhost.uri(), &["call", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut open = child.stdin.take().unwrap();
    writeln!(open, "30\n31").unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0; 15]).unwrap();
    signal(child.id(), "INT");
    let ran: Ran = child.wait_with_output().unwrap().into();
    let says = "fibrpcctl: interrupted: 2 answered, 0 failed\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(130), says), "{ran:?}");
    // While standard output is not read, and standard input is open.
    let mut command = ctl_command(&vhost.uri(), &["call", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (_unread, mut stdin) = (child.stdout.take(), child.stdin.take().unwrap());
    (0..256).for_each(|_| writeln!(stdin, "100000").unwrap());
    daemon.wait_for_metric("fibrpcd_acks_total", 258);
    signal(child.id(), "TERM");
    assert_eq!(exit_code(child), Some(143));
}

/// As in a container: the system has no default actions for process 1. It takes root to try it.
#[test]
fn signals_end_process_1() {
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        eprintln!("left out: only root may make a process 1");
        return;
    }
    let vhost = broker::shared().vhost();
    let mut server = RawConnection::connect(&vhost.uri());
    server.serve(QUEUE.as_bytes());
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--kill-child", env!("CARGO_BIN_EXE_fibrpcctl")]);
        command.args(["--uri", &vhost.uri(), "--timeout", "1h", "call", "30"]);
        let child = waiting(&mut server, command);
        let path = format!("/proc/{0}/task/{0}/children", child.id());
        let first = fs::read_to_string(path).unwrap();
        signal(first.trim().parse().unwrap(), name);
        assert_eq!(exit_code(child), Some(code), "{name}");
    }
}
