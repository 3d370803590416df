//! Manual pages and completions are those of the command lines and settings, and the unit for
//! instances that of the service.
//!
//! `make generated` writes them.

use super::usage;
use clap::{Arg, Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::{
    Man,
    roff::{Roff, bold, italic, roman},
};
use fibrpc::{
    cli::{CtlArgs, DaemonArgs},
    ctl::{Verdict, examples, verdict},
    daemon::config::{DEFAULT_FILE, KEYS},
    exit::CTL_CODES,
};
use std::{fs, path::Path};

#[test]
fn what_is_generated_is_current() {
    let write = std::env::var_os("FIBRPC_GENERATE").is_some();
    for (name, text) in generated() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&name);
        if write {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        } else {
            let is = fs::read_to_string(path).unwrap_or_default();
            assert!(is == text, "{name} is not current; run: make generated");
        }
    }
}

/// The names of the files, and what is in them.
fn generated() -> Vec<(String, String)> {
    let mut files = vec![
        ("packaging/man/fibrpcd.8".to_owned(), fibrpcd()),
        ("packaging/man/fibrpcctl.1".to_owned(), fibrpcctl()),
        ("packaging/man/fibrpcd.toml.5".to_owned(), fibrpcd_toml()),
        ("systemd/fibrpcd@.service".to_owned(), instance()),
        ("README.md".to_owned(), with("README.md", "exit codes", &exit_codes())),
    ];
    for name in ["docs/operations.md", "docs/configuration.md"] {
        files.push((name.to_owned(), with(name, "what a reload does", &reloads())));
    }
    let name = "docs/fibrpcctl.md";
    let document = with(name, "exit codes", &exit_codes());
    let document = with_in(&document, name, "errors", &errors());
    files.push((name.to_owned(), with_in(&document, name, "wrong usage", &usage::table())));
    for (name, mut command) in
        [("fibrpcd", DaemonArgs::command()), ("fibrpcctl", CtlArgs::command())]
    {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, name, &mut script);
            files.push((format!("packaging/completions/{name}.{shell}"), text(script)));
        }
    }
    files
}

/// The unit of an instance: that of the service, with names of its own.
fn instance() -> String {
    let service = concat!(env!("CARGO_MANIFEST_DIR"), "/systemd/fibrpcd.service");
    let service = fs::read_to_string(service).unwrap();
    let (_, body) = service.split_once("\n\n").unwrap();
    let body = body
        .replace("Fibonacci numbers over AMQP", "Fibonacci numbers over AMQP (%i)")
        .replace("/usr/bin/fibrpcd", "/usr/bin/fibrpcd --config /etc/fibrpcd/%i.toml")
        .replace("fibrpcd.amqp-password", "fibrpcd@%i.amqp-password");
    "# One of several fibrpcd(8): fibrpcd@NAME reads /etc/fibrpcd/NAME.toml, which has to set an http.listen of its own.\n\
     # Generated from fibrpcd.service by make generated. To change something: systemctl edit fibrpcd@\n\n"
        .to_owned()
        + &body
}

/// A document with what stands between its marks made anew.
fn with(name: &str, what: &str, made: &str) -> String {
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    with_in(&document, name, what, made)
}

fn with_in(document: &str, name: &str, what: &str, made: &str) -> String {
    let marks = [&*format!("<!-- {what}: make generated -->\n"), "<!-- end -->\n"];
    let (before, rest) = document.split_once(marks[0]).unwrap_or_else(|| panic!("{name}: {what}"));
    let (_, after) = rest.split_once(marks[1]).unwrap_or_else(|| panic!("{name}: end of {what}"));
    [before, marks[0], made, marks[1], after].concat()
}

/// What a reload does with each key.
fn reloads() -> String {
    let mut rows = "| a reload changes | keys |\n|---|---|\n".to_owned();
    let mut ways: Vec<String> = KEYS.iter().map(|key| key.on_reload.to_string()).collect();
    ways.sort();
    ways.dedup();
    for way in ways {
        let keys = KEYS.iter().filter(|key| key.on_reload.to_string() == way);
        let keys: Vec<_> = keys.map(|key| format!("`{}`", key.path)).collect();
        rows.extend(["| ", &way, " | ", &keys.join(", "), " |\n"]);
    }
    rows
}

/// The exit codes of `fibrpcctl`.
fn exit_codes() -> String {
    let rows = CTL_CODES.map(|(code, meaning)| format!("| {code} | {meaning} |\n"));
    "| exit code | meaning |\n|---|---|\n".to_owned() + &rows.concat()
}

/// Why a call of `fibrpcctl` has no answer, and what to do.
fn errors() -> String {
    let rows = examples().into_iter().map(|error| {
        let Verdict { status, exit, hint, .. } = verdict(&error);
        format!("| `{error}` | `{status}` | {} | {hint} |\n", exit as u8)
    });
    "| message | `status` | exit code | hint |\n|---|---|---|---|\n".to_owned()
        + &rows.collect::<String>()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// A page of a program, up to its options.
fn start(command: &Command, section: &str) -> Vec<u8> {
    let man = Man::new(command.clone()).section(section).manual("fibrpc");
    let mut page = Vec::new();
    man.render_title(&mut page).unwrap();
    man.render_name_section(&mut page).unwrap();
    man.render_synopsis_section(&mut page).unwrap();
    man.render_description_section(&mut page).unwrap();
    man.render_options_section(&mut page).unwrap();
    page
}

/// The text below the options, with its own line breaks.
fn notes(page: &mut Roff, command: &Command) {
    page.control("SH", ["NOTES"]).control("nf", []);
    for line in command.get_after_help().unwrap().to_string().lines() {
        page.text([roman(line)]);
    }
    page.control("fi", []);
}

fn see_also(page: &mut Roff, pages: &str) {
    page.control("SH", ["SEE ALSO"]).text([roman(pages)]);
}

fn fibrpcd() -> String {
    let command = DaemonArgs::command();
    let mut page = Roff::new();
    notes(&mut page, &command);
    page.control("SH", ["SIGNALS"]);
    for (signal, meaning) in [
        (
            "SIGTERM, SIGINT",
            "Stop: what runs is finished, what is not started goes back to the queue. A second one gives everything back at once.",
        ),
        (
            "SIGHUP",
            "Read the configuration again. An invalid one is rejected as a whole; the running one stays in force.",
        ),
    ] {
        page.control("TP", []).text([bold(signal)]).text([roman(meaning)]);
    }
    page.control("SH", ["FILES"]);
    for (file, meaning) in [
        (DEFAULT_FILE, "The configuration; see fibrpcd.toml(5)."),
        ("/etc/fibrpcd/NAME.toml", "That of the instance fibrpcd@NAME.service."),
        (
            "/etc/credstore/fibrpcd.amqp-password",
            "The AMQP password, on one line, readable for root only; systemd hands it to the service.",
        ),
        ("/etc/credstore/fibrpcd@NAME.amqp-password", "That of the instance fibrpcd@NAME.service."),
    ] {
        page.control("TP", []).text([italic(file)]).text([roman(meaning)]);
    }
    see_also(&mut page, "fibrpcctl(1), fibrpcd.toml(5), systemctl(1), rabbitmq-server(8)");
    text(start(&command, "8")) + &page.render()
}

fn fibrpcctl() -> String {
    let mut command = CtlArgs::command();
    command.build();
    let mut page = Roff::new();
    page.control("SH", ["COMMANDS"]);
    for sub in command.get_subcommands() {
        let arguments = sub.get_positionals().map(|argument| format!(" {argument}"));
        let mut about = sub.get_about().unwrap().to_string();
        for argument in sub.get_positionals() {
            about += &argument.get_help().map(|help| format!(". {help}")).unwrap_or_default();
        }
        let name = sub.get_name().to_owned();
        page.control("TP", []);
        page.text([bold(name), roman(arguments.collect::<String>())]);
        page.text([roman(about + ".")]);
        // Those of every command stand above.
        let options = sub.get_opts().chain(sub.get_arguments().filter(|arg| is_flag(arg)));
        let own = options.filter(|option| !option.is_global_set() && option.get_id() != "help");
        page.control("RS", []);
        for option in own {
            let names = [option.get_short().map(|name| format!("-{name}"))]
                .into_iter()
                .chain([option.get_long().map(|name| format!("--{name}"))]);
            let names = names.flatten().collect::<Vec<_>>().join(", ");
            let value = option.get_value_names().filter(|_| option.get_action().takes_values());
            let value = value.map(|names| format!(" {}", names[0])).unwrap_or_default();
            let help = option.get_long_help().or(option.get_help());
            let help = help.map(|help| help.to_string().replace("\n\n", ". "));
            let help = help.unwrap_or_default().trim_end_matches('.').to_owned();
            let variable = option.get_env().map(|name| format!(" [env: {}]", name.display()));
            page.control("TP", []);
            page.text([bold(names), italic(value)]);
            page.text([roman(help + "." + &variable.unwrap_or_default())]);
        }
        for below in sub.get_subcommands() {
            let values = below.get_positionals().map(|value| format!(" [{}]", value.get_id()));
            let about = below.get_about().unwrap().to_string();
            page.control("TP", []);
            page.text([bold(below.get_name()), roman(values.collect::<String>())]);
            page.text([roman(about + ".")]);
        }
        if let Some(more) = sub.get_after_help() {
            page.control("nf", []);
            for line in more.to_string().lines() {
                page.text([roman(line)]);
            }
            page.control("fi", []);
        }
        page.control("RE", []);
    }
    page.control("SH", ["ENVIRONMENT"]);
    page.text([roman(
        "An option is stronger, and a context or a default weaker. An empty one is not set.",
    )]);
    for argument in command.get_arguments() {
        if let (Some(name), Some(option)) = (argument.get_env(), argument.get_long()) {
            let meaning = format!("The same as --{option}.");
            page.control("TP", []).text([bold(name.to_str().unwrap())]).text([roman(meaning)]);
        }
    }
    for (name, meaning) in [
        ("NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM", "Whether there are colours; see --color."),
        ("XDG_CONFIG_HOME", "Where the contexts are, instead of ~/.config."),
    ] {
        page.control("TP", []).text([bold(name)]).text([roman(meaning)]);
    }
    page.control("SH", ["FILES"]);
    for (file, meaning) in [
        ("~/.config/fibrpc/fibrpcctl.toml", "The contexts."),
        (
            "~/.config/fibrpc/fibrpcctl.context",
            "The name of the one in use; written by context use.",
        ),
    ] {
        page.control("TP", []).text([italic(file)]).text([roman(meaning)]);
    }
    notes(&mut page, &command);
    see_also(&mut page, "fibrpcd(8)");
    text(start(&command, "1")) + &page.render()
}

fn is_flag(argument: &Arg) -> bool {
    !argument.is_positional() && !argument.get_action().takes_values()
}

fn fibrpcd_toml() -> String {
    let mut page = Roff::new();
    let source = format!("fibrpcd {}", fibrpc::VERSION);
    page.control("TH", ["fibrpcd.toml", "5", "", source.as_str(), "fibrpc"]);
    page.control("SH", ["NAME"]).text([roman("fibrpcd.toml - configuration of fibrpcd")]);
    page.control("SH", ["SYNOPSIS"]).text([italic(DEFAULT_FILE)]);
    page.control("SH", ["DESCRIPTION"]);
    page.text([roman(
        "A TOML file with one table for each section. Every key has a default, so none is needed. \
         Stronger than the file are variables (FIBRPCD_AMQP__PREFETCH=1), and stronger still \
         options (--set amqp.prefetch=1). Unknown keys and wrong values are refused.",
    )]);
    let mut section = "";
    for key in KEYS {
        if key.section() != section {
            section = key.section();
            page.control("SH", [format!("[{section}]").as_str()]);
        }
        page.control("TP", []).text([bold(key.name())]);
        page.text([roman(key.doc), roman(format!(" Expects {}.", key.kind.expectation()))]);
        page.text([roman(format!("A reload: {}.", key.on_reload))]);
        if let Some(default) = key.default {
            page.text([roman(format!("Default: {default}"))]);
        }
    }
    page.control("SH", ["EXAMPLE"]).control("nf", []);
    for line in ["[amqp]", r#"uris = ["amqps://fib@mq1.example", "amqps://fib@mq2.example"]"#] {
        page.text([roman(line)]);
    }
    page.control("fi", []);
    see_also(&mut page, "fibrpcd(8)");
    page.render()
}
