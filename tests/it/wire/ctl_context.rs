//! `fibrpcctl context`: named brokers, and what is stronger than they.

use crate::support::{
    broker,
    program::{Daemon, Ran},
};
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// A home with a file of contexts.
struct Home(TempDir);

impl Home {
    fn with(contexts: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        fs::create_dir(home.folder()).unwrap();
        fs::write(home.folder().join("fibrpcctl.toml"), contexts).unwrap();
        home
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("fibrpc")
    }

    /// Runs `fibrpcctl` with these variables and no others.
    fn ctl(&self, args: &[&str], variables: &[(&str, &str)]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fibrpcctl"));
        command.env_clear().env("XDG_CONFIG_HOME", self.0.path()).args(args);
        command.envs(variables.iter().copied()).stdin(Stdio::null());
        command.output().unwrap().into()
    }

    fn shown(&self, args: &[&str], variables: &[(&str, &str)]) -> Value {
        let ran = self.ctl(&[&["--json", "context", "show"], args].concat(), variables);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
        serde_json::from_str(&ran.stdout).unwrap()
    }
}

#[test]
fn an_option_comes_before_a_variable_before_the_context_before_the_default() {
    let home = Home::with(
        "[context.all]\nuri = 'amqps://c@h/%2f'\nqueue = 'c'\ntimeout = '3s'\nwait = true\n\
         password_file = 'c'\nca_file = 'c'\ncert_file = 'c'\nkey_file = 'c'\n\
         [context.files]\npassword_file = 'c'\nca_file = '/c'\ncert_file = 'c'\nkey_file = 'c'\n\
         [context.wait]\nwait = true\n",
    );
    let beside = home.folder().join("c").display().to_string();
    let beside = Value::from(beside);
    for (name, option, variable, of_context, default) in [
        (
            "uri",
            "amqp://o@h:5672/%2F",
            "amqp://v@h:5672/%2F",
            "amqps://c@h:5671/%2F".into(),
            Some("amqp://guest@127.0.0.1:5672/%2F"),
        ),
        ("queue", "o", "v", "c".into(), Some("rpc_queue")),
        ("timeout", "1s", "2s", "3s".into(), Some("10s")),
        ("password_file", "o", "v", beside.clone(), None),
        ("ca_file", "o", "v", beside.clone(), None),
        ("cert_file", "o", "v", beside.clone(), None),
        ("key_file", "o", "v", beside, None),
    ] {
        let options = [&format!("--{}", name.replace('_', "-")), option];
        let variables = [(&*format!("FIBRPCCTL_{}", name.to_uppercase()), variable)];
        let context = ["--context", "all"];
        let is = |args: &[&str], variables: &[(&str, &str)], from: &str, value: Option<Value>| {
            let shown = home.shown(args, variables);
            let says = (&shown[name]["value"], &shown[name]["from"]);
            let from = value.as_ref().map_or(Value::Null, |_| from.into());
            assert_eq!(says, (&value.unwrap_or_default(), &from), "{name} {args:?}");
        };
        is(&[options, context].concat(), &variables, "option", Some(option.into()));
        is(&context, &variables, "variable", Some(variable.into()));
        is(&context, &[], "context", Some(of_context));
        is(&[], &[], "default", default.map(Value::from));
    }
    for (args, variables, value, from) in [
        (&["--context", "wait"][..], &[][..], true, "context"),
        (&["--context", "wait", "--no-wait"], &[], false, "option"),
        (&["--context", "wait"], &[("FIBRPCCTL_WAIT", "0")], false, "variable"),
        (&["--wait"], &[("FIBRPCCTL_WAIT", "0")], true, "option"),
        (&[], &[("FIBRPCCTL_CONTEXT", "wait")], true, "context"),
        (&["--context", "files"], &[("FIBRPCCTL_CONTEXT", "wait")], false, "default"),
        (&["--context", ""], &[("FIBRPCCTL_CONTEXT", "wait")], false, "default"),
    ] {
        let shown = home.shown(args, variables);
        let says = (&shown["wait"]["value"], &shown["wait"]["from"]);
        assert_eq!(says, (&value.into(), &from.into()), "{args:?}");
    }
    // Who names a context is told what is stronger than it.
    let variables = [("FIBRPCCTL_URI", "amqp://127.0.0.1:1"), ("FIBRPCCTL_CONTEXT", "all")];
    let says = "FIBRPCCTL_URI is set, and stronger than uri of the context";
    for (args, is_told) in [(&["--context", "all", "ping"][..], true), (&["ping"], false)] {
        let ran = home.ctl(args, &variables);
        assert_eq!(ran.stderr.contains(says), is_told, "{ran:?}");
    }
    // Another broker is not to get the password of this one.
    let shown = home.shown(&["--context", "all", "--uri", "amqp://u@elsewhere"], &[]);
    assert_eq!((&shown["password_file"], &shown["ca_file"]), (&Value::Null, &Value::Null));
    let uri = [("FIBRPCCTL_URI", "amqp://u:s3cret@elsewhere")];
    let shown = home.shown(&["--context", "files"], &uri);
    assert_eq!(shown["password_file"], Value::Null);
    assert!(!shown.to_string().contains("s3cret"), "{shown}");
}

#[test]
fn a_context_is_used_until_another_one_is() {
    let text = "# a comment\n[context.one]\nqueue = 'first'\n\n[context.two]\nuri = 'amqp://h'\n";
    let home = Home::with(text);
    let list = |args: &[&str]| home.ctl(&[&["context", "ls"], args].concat(), &[]).stdout;
    assert_eq!(list(&[]), "  one  first\n  two  amqp://guest@h:5672/%2F\n");
    for (name, queue, mark) in [("one", "first", "* one"), ("two", "rpc_queue", "* two")] {
        let ran = home.ctl(&["context", "use", name], &[]);
        assert_eq!((ran.code, ran.stdout + &ran.stderr), (Some(0), String::new()));
        assert!(list(&[]).contains(mark), "{}", list(&[]));
        assert_eq!(home.shown(&[], &[])["queue"]["value"], queue);
    }
    let other = home.ctl(&["context", "show", "one"], &[]).stdout;
    assert!(other.starts_with("context: one\nuri: amqp://guest@127.0.0.1"), "{other}");
    assert!(other.contains("queue: first (context)\ntimeout: 10s (default)"), "{other}");
    assert!(list(&["--json"]).contains(r#""in_use":true,"name":"two""#), "{}", list(&["--json"]));

    let file = home.folder().join("fibrpcctl.context");
    let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
    assert_eq!((fs::read_to_string(&file).unwrap().as_str(), mode(&file)), ("two\n", 0o600));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    home.ctl(&["context", "use", "one"], &[]);
    assert_eq!((fs::read_to_string(&file).unwrap().as_str(), mode(&file)), ("one\n", 0o640));
    let hint = home.ctl(&["context", "use", "two"], &[("FIBRPCCTL_CONTEXT", "one")]).stderr;
    assert!(hint.contains("hint: FIBRPCCTL_CONTEXT is set"), "{hint}");

    assert_eq!(home.ctl(&["context", "use", "--none"], &[]).code, Some(0));
    assert_eq!(home.shown(&[], &[])["context"], Value::Null);
    let left: Vec<_> = fs::read_dir(home.folder()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(fs::read_to_string(home.folder().join("fibrpcctl.toml")).unwrap(), text);
}

#[test]
fn a_context_that_is_not_there_or_not_sound_is_told_with_its_place() {
    let home = Home::with("[context.staging]\nqueue = 'q'\n[context.b]\n");
    let file = home.folder().join("fibrpcctl.toml");
    for (args, variables, by) in [
        (&["--context", "stagin", "ping"][..], &[][..], "--context"),
        (&["ping"], &[("FIBRPCCTL_CONTEXT", "stagin")], "FIBRPCCTL_CONTEXT"),
        (&["context", "use", "stagin"], &[], "context use"),
        (&["context", "show", "stagin"], &[], "context show"),
    ] {
        let ran = home.ctl(args, variables);
        let says = format!(
            "fibrpcctl: {by}: there is no context \"stagin\" in {}; did you mean staging?\n",
            file.display()
        );
        assert_eq!((ran.code, ran.stderr), (Some(2), says), "{args:?}");
    }
    assert_eq!(home.ctl(&["context", "use", "staging"], &[]).code, Some(0));
    fs::write(&file, "[context.b]\nquue = 'q'\nuri = 'amqp://u:s3cret@h'\n").unwrap();
    let ran = home.ctl(&["ping"], &[]);
    assert_eq!((ran.code, ran.stderr.lines().count()), (Some(2), 2), "{ran:?}");
    let line = |number| format!("fibrpcctl: {}:{number}: context.b.", file.display());
    assert!(ran.stderr.starts_with(&line(2)) && ran.stderr.contains(&line(3)), "{ran:?}");
    assert!(ran.stderr.contains("did you mean queue?"), "{ran:?}");
    assert!(ran.stderr.contains("password_file") && !ran.stderr.contains("s3cret"), "{ran:?}");
    fs::write(&file, "[context.b]\n").unwrap();
    let ran = home.ctl(&["ping"], &[]);
    assert!(ran.stderr.contains("fibrpcctl.context: there is no context \"staging\""), "{ran:?}");
    // Without a context nothing is read.
    fs::write(&file, "[").unwrap();
    assert_eq!(home.ctl(&["--context", "", "context", "show"], &[]).code, Some(0));
    fs::remove_dir_all(home.folder()).unwrap();
    let ran = home.ctl(&["context", "ls"], &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{ran:?}");
    assert!(ran.stderr.contains(&format!("no context in {}", file.display())), "{ran:?}");
}

#[test]
fn calls_are_made_in_a_context() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[("amqp.queue", "numbers")]);
    let uri = vhost.uri().replace("guest:guest", "guest");
    let home = Home::with(&format!(
        "[context.here]\nuri = '{uri}'\nqueue = 'numbers'\npassword_file = 'secret'\nformat = 'json'\n"
    ));
    let call =
        |args: &[&str]| home.ctl(&[&["call", "30", "--context", "here"], args].concat(), &[]);
    let ran = call(&[]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("password_file of the context here: cannot read"), "{ran:?}");
    let secret = home.folder().join("secret");
    let mode = |mode| fs::set_permissions(&secret, fs::Permissions::from_mode(mode)).unwrap();
    fs::write(&secret, "wrong\n").unwrap();
    mode(0o600);
    let ran = call(&["--retries", "9"]);
    assert!(ran.code == Some(6) && ran.stdout.contains("\"LOGIN_REFUSED\""), "{ran:?}");
    let screen = home.ctl(&["--context", "here", "--format", "plain", "status"], &[]);
    assert!(screen.stdout.starts_with("broker   refuses the login\n"), "{screen:?}");
    fs::write(&secret, "guest\n").unwrap();
    let ran = call(&[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    mode(0o644);
    let says = format!(
        "fibrpcctl: warning: password_file of the context here: others may read {} (mode 0644); \
         chmod 600 it\n",
        secret.display()
    );
    let told = call(&[]);
    assert_eq!((told.code, told.stderr), (Some(0), says));
    assert!(ran.stdout.contains(r#""result":"832040""#), "{ran:?}");
    assert_eq!(call(&["--format", "plain"]).stdout, "832040\n");
}
