//! `fibrpcctl context`, and the context that every other command runs in.

mod file;
mod place;

use self::{file::FileError, place::Place};
use super::output::Output;
use crate::{
    broker_uri::BrokerUri,
    cli::{
        ContextArgs, ContextCommand, ContextSettings, CtlArgs, CtlCommand, CtlOptions, Origin,
        OutputFormat, SETTINGS,
    },
    exit::Exit,
    text::escaped,
    threads,
};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, env, io, path::Path, time::Duration};
use tokio::time::timeout;

/// The variable that is stronger than `context use`.
const VARIABLE: &str = "FIBRPCCTL_CONTEXT";

/// Why there is no context.
#[derive(Debug, thiserror::Error)]
enum ContextError {
    #[error("{0}")]
    File(#[from] FileError),
    #[error("the contexts: not read within {0:?}")]
    Slow(Duration),
    #[error("cannot read the contexts: {0}")]
    Thread(io::Error),
}

impl ContextError {
    fn tell(&self, output: &Output) -> Exit {
        for line in self.to_string().lines() {
            output.tell().complain(line);
        }
        self.exit()
    }

    /// How the program is to end.
    fn exit(&self) -> Exit {
        match self {
            Self::File(FileError::Write { .. }) | Self::Thread(_) => Exit::Failure,
            Self::File(_) => Exit::Usage,
            Self::Slow(_) => Exit::TimedOut,
        }
    }
}

/// Gives the arguments what the context says; or why not, in lines, and how the program is to end.
pub(super) async fn apply(args: &mut CtlArgs, output: &mut Output) -> Result<(), (String, Exit)> {
    let (by, name) = match &args.command {
        CtlCommand::Completions { .. } => return Ok(()),
        CtlCommand::Context(ContextArgs { command }) => match command {
            ContextCommand::Show { name: Some(name) } => ("context show", Some(name.clone())),
            ContextCommand::Show { name: None } => (args.options.context_by(), None),
            _ => return Ok(()),
        },
        _ => (args.options.context_by(), None),
    };
    let mut options = args.options.clone();
    options.context = name.or(options.context);
    let limit = options.timeout;
    let in_force = on_a_thread(limit, move || in_force(options, by)).await;
    let (options, outdone) = in_force.map_err(|error| (error.to_string(), error.exit()))?;
    // Who names a context on the command line may not think of what the environment says.
    if options.origin("context") == Origin::Option
        && !matches!(args.command, CtlCommand::Context(_))
    {
        for name in outdone {
            let variable = format!("FIBRPCCTL_{}", name.to_uppercase());
            output.hint(&format!("{variable} is set, and stronger than {name} of the context"));
        }
    }
    args.options = options;
    output.set_format(args.options.format());
    Ok(())
}

/// Files may be far away.
async fn on_a_thread<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, ContextError> {
    match timeout(limit, threads::run("contexts", work)).await {
        Ok(Ok(result)) => Ok(result?),
        Ok(Err(error)) => Err(ContextError::Thread(error)),
        Err(_) => Err(ContextError::Slow(limit)),
    }
}

/// The options with what the context says that they name, or else that `context use` has named; and
/// of which of its settings variables say something else.
fn in_force(
    mut options: CtlOptions,
    by: &'static str,
) -> Result<(CtlOptions, Vec<&'static str>), FileError> {
    let (place, name, by) = match options.context.take() {
        Some(name) if name.is_empty() => return Ok((options, Vec::new())),
        Some(name) => (Place::find()?, name, by.to_owned()),
        None => {
            // Whoever has no home uses no context.
            let Ok(place) = Place::find() else { return Ok((options, Vec::new())) };
            let Some(name) = place.in_use()? else { return Ok((options, Vec::new())) };
            let by = place.in_use_name();
            (place, name, by)
        }
    };
    let contexts = place.contexts()?;
    let settings = contexts.get(&name, &by)?;
    let is_outdone =
        |setting: &&str| options.origin(setting) == Origin::Variable && settings.has(setting);
    let outdone = SETTINGS.into_iter().filter(is_outdone).collect();
    Ok((options.within(&name, settings.clone()), outdone))
}

/// Runs `context`.
pub(super) async fn run(args: &ContextArgs, options: &CtlOptions, output: &mut Output) -> Exit {
    let limit = options.timeout;
    let done = match &args.command {
        ContextCommand::Ls => {
            let chosen = options.context.clone();
            on_a_thread(limit, || listed(chosen)).await.map(|list| list.print(output))
        }
        ContextCommand::Use { name, .. } => {
            let name = name.clone();
            on_a_thread(limit, move || use_from_now_on(name.as_deref())).await.map(|()| {
                if env::var_os(VARIABLE).is_some_and(|value| !value.is_empty()) {
                    output.tell().hint(&format!("{VARIABLE} is set, and stronger"));
                }
            })
        }
        ContextCommand::Show { name } => {
            show(options, name.is_some(), output);
            Ok(())
        }
    };
    done.map_or_else(|error| error.tell(output), |()| Exit::Ok)
}

fn use_from_now_on(name: Option<&str>) -> Result<(), FileError> {
    let place = Place::find()?;
    if let Some(name) = name {
        place.contexts()?.get(name, "context use")?;
    }
    place.use_from_now_on(name)
}

/// All contexts.
struct List {
    place: Place,
    found: BTreeMap<String, ContextSettings>,
    in_use: Option<String>,
}

fn listed(chosen: Option<String>) -> Result<List, FileError> {
    let place = Place::find()?;
    let in_use = match chosen {
        Some(name) => Some(name),
        None => place.in_use()?,
    };
    Ok(List { found: place.contexts()?.found, in_use, place })
}

impl List {
    fn print(self, output: &mut Output) {
        if self.found.is_empty() {
            let file = self.place.file.display();
            output.tell().complain(&format!("there is no context in {file}"));
            output.tell().hint("fibrpcctl context -h shows how to write one");
        }
        let width = self.found.keys().map(|name| name.chars().count()).max().unwrap_or(0);
        for (name, settings) in &self.found {
            let is_in_use = self.in_use.as_ref() == Some(name);
            let mut object = object(settings);
            if output.is_json() {
                object.insert("name".into(), name.as_str().into());
                object.insert("in_use".into(), is_in_use.into());
                output.json(object);
                continue;
            }
            let mut line = format!("{} {name:width$}", if is_in_use { '*' } else { ' ' });
            for key in ["uri", "queue"] {
                if let Some(text) = object.get(key).and_then(Value::as_str) {
                    line.extend(["  ", text]);
                }
            }
            output.line(escaped(line.trim_end()).as_bytes());
        }
    }
}

/// Prints the settings in force, or those of a context that is `asked` for, and where each comes
/// from.
fn show(options: &CtlOptions, asked: bool, output: &mut Output) {
    let mut settings = object(&options.settings());
    let context = options.context.as_deref();
    if output.is_json() {
        for (name, value) in &mut settings {
            let from = options.origin(name).name();
            *value = Map::from_iter([("value".into(), value.take()), ("from".into(), from.into())])
                .into();
        }
        settings.insert("context".into(), context.into());
        return output.json(settings);
    }
    let named_by = match (context, options.origin("context")) {
        (None, _) => "",
        _ if asked => "",
        (Some(_), Origin::Option) => " (option)",
        (Some(_), Origin::Variable) => " (FIBRPCCTL_CONTEXT)",
        (Some(_), _) => " (context use)",
    };
    let name = context.unwrap_or("none");
    output.line(escaped(&format!("context: {name}{named_by}")).as_bytes());
    for name in SETTINGS {
        if let Some(value) = settings.get(name) {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let from = match options.origin(name) {
                Origin::Variable => format!("FIBRPCCTL_{}", name.to_uppercase()),
                origin => origin.name().to_owned(),
            };
            output.line(escaped(&format!("{name}: {value} ({from})")).as_bytes());
        }
    }
}

/// What is set, by the names of the file, and without a password.
fn object(settings: &ContextSettings) -> Map<String, Value> {
    let uri = settings.uri.as_ref().map(|uri| match uri.as_str().parse::<BrokerUri>() {
        Ok(uri) => uri.to_string(),
        Err(error) => format!("not usable: {error}"),
    });
    let path = |path: &Option<_>| path.as_deref().map(|path: &Path| path.display().to_string());
    let format = settings.format.map(|format| match format {
        OutputFormat::Plain => "plain",
        OutputFormat::Json => "json",
    });
    let timeout = settings.timeout.map(|limit| humantime::format_duration(limit).to_string());
    let values: [Option<Value>; SETTINGS.len()] = [
        uri.map(Into::into),
        settings.queue.as_deref().map(Into::into),
        timeout.map(Into::into),
        settings.wait.map(Into::into),
        path(&settings.password_file).map(Into::into),
        path(&settings.ca_file).map(Into::into),
        path(&settings.cert_file).map(Into::into),
        path(&settings.key_file).map(Into::into),
        format.map(Into::into),
    ];
    let named = SETTINGS.into_iter().zip(values);
    named.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
