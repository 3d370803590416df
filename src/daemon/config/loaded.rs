//! Reading all sources, once or again.

use super::{
    Config, ConfigError, DEFAULT_FILE, File, Sources, environment, file,
    layer::{Layer, Text},
    named_files::{self, NamedFiles},
    options, pairs,
    problem::{Origin, Problem},
};
use figment::Figment;
use std::path::{Path, PathBuf};

/// Keys that say what is served. Without them the defaults would be, which nobody means who had set
/// them before.
const WHAT_IS_SERVED: [&str; 2] = ["amqp.uris", "amqp.queue"];

/// A good configuration, and what is to be known of it beside its values.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    /// The files that it names.
    pub(crate) named_files: NamedFiles,
    /// Settings that do nothing where they stand, one line each.
    pub(crate) remarks: Vec<String>,
    /// The path of the file, or that there is none, for the log.
    pub(crate) file: String,
    trail: Trail,
}

/// What the next reading is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Trail {
    /// `None` if there is no file.
    file: Option<FileTrail>,
    /// Which of [`WHAT_IS_SERVED`] are set.
    set: [bool; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileTrail {
    /// Whether it sets anything.
    sets: bool,
    /// Whether its last line has an end.
    ends: bool,
    /// Whether it is the one that the package installs.
    is_shipped: bool,
}

impl Loaded {
    /// Reads all sources.
    ///
    /// # Errors
    /// Every mistake in every source.
    pub(crate) fn read(sources: Sources) -> Result<Self, ConfigError> {
        Self::read_after(sources, None)
    }

    /// Reads all sources again. A file that is gone, empty or half-written since is a mistake.
    ///
    /// # Errors
    /// Every mistake in every source.
    pub(crate) fn read_again(&self, sources: Sources) -> Result<Self, ConfigError> {
        Self::read_after(sources, Some(&self.trail))
    }

    fn read_after(sources: Sources, before: Option<&Trail>) -> Result<Self, ConfigError> {
        let Sources { file, environment, options } = sources;
        let path = file.path().to_owned();
        let file = match &file {
            File::Default => file::read_if_present(&path),
            File::Explicit(_) => file::read(&path),
        };
        let credentials = environment.iter().find(|(name, _)| name == "CREDENTIALS_DIRECTORY");
        let credentials = credentials.map(|(_, path)| PathBuf::from(path));
        let credentials = credentials.filter(|path| !path.as_os_str().is_empty());
        let in_force = in_force(&path, &file);
        let layers = [file, environment::read(environment), options::read(&options)];
        let trail = Trail::of(&layers);
        let lost = before.map_or_else(Vec::new, |before| before.lost(&trail, &path));
        Self::merge(layers, credentials.as_deref(), lost, trail, in_force)
    }

    /// Merges layers, the strongest last, over the defaults (which are those of the structs).
    /// Then reads the files that they name, some of them in systemd's directory of credentials.
    fn merge(
        layers: [Layer; 3],
        credentials: Option<&Path>,
        lost: Vec<Problem>,
        trail: Trail,
        file: String,
    ) -> Result<Self, ConfigError> {
        let merged = layers.iter().fold(Figment::new(), Figment::merge);
        let mut remarks = Vec::new();
        let mut named_files = NamedFiles::default();
        let (config, further) = match merged.extract::<Config>() {
            Ok(mut config) => {
                let own_passwords = named_files::have_passwords(&config);
                let (files, mut further) = named_files::read(&mut config, &layers, credentials);
                further.extend(pairs::contradictions(&config, &layers));
                remarks = pairs::remarks(&config, &files, own_passwords, &layers);
                named_files = files;
                (Some(config), further)
            }
            // Cannot happen: every value was checked. figment's message might repeat a password.
            Err(error) => (None, vec![Problem::internal(&error.path.join("."))]),
        };
        let problems = layers.into_iter().flat_map(Layer::into_problems);
        let problems: Vec<_> = problems.chain(further).chain(lost).collect();
        match config {
            Some(config) if problems.is_empty() => {
                let remarks = remarks.iter().map(ToString::to_string).collect();
                Ok(Self { config, named_files, remarks, file, trail })
            }
            _ => Err(ConfigError::new(problems)),
        }
    }
}

fn in_force(path: &Path, file: &Layer) -> String {
    if file.text.is_none() {
        return format!("none ({DEFAULT_FILE} is missing)");
    }
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.display().to_string()
}

impl Trail {
    fn of(layers: &[Layer; 3]) -> Self {
        let file = &layers[0];
        let trail = |text: Text| FileTrail {
            sets: file.sets_anything(),
            ends: text.ends_in_line_break,
            is_shipped: text.is_shipped,
        };
        let is_set = |key: &&str| layers.iter().any(|layer| layer.mentions(key));
        Self { file: file.text.map(trail), set: WHAT_IS_SERVED.each_ref().map(is_set) }
    }

    /// What was there before and is no more. People take settings out on purpose, but not all of
    /// them at once, nor those that say what is served.
    fn lost(&self, now: &Self, path: &Path) -> Vec<Problem> {
        let of_file = |message: &str| {
            let origin = Origin::File { path: path.into(), line: None };
            vec![Problem::new(origin, message)]
        };
        match (self.file, now.file) {
            (_, Some(FileTrail { is_shipped: true, .. })) => return Vec::new(), // whole, and meant
            (Some(_), None) => {
                return of_file("it is gone; put it back, or restart the daemon to do without it");
            }
            (Some(FileTrail { sets: true, .. }), Some(FileTrail { sets: false, .. })) => {
                return of_file(
                    "it sets nothing any more; is it half-written? if that is meant, write one \
                     default out, such as amqp.prefetch = 64, or restart the daemon",
                );
            }
            (Some(FileTrail { ends: true, .. }), Some(FileTrail { ends: false, .. })) => {
                return of_file(
                    "its last line has no end any more; is it half-written? put a line break there",
                );
            }
            _ => {}
        }
        let keys = WHAT_IS_SERVED.iter().zip(self.set.iter().zip(now.set));
        let gone = keys.filter(|(_, (before, now))| **before && !now);
        gone.map(|(key, _)| {
            let origin = Origin::File { path: path.into(), line: None };
            let message = "it was set and is no more; is the file half-written? set it, if only to \
                 the default, or restart the daemon";
            Problem::of_key(origin, key, message)
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_gone_is_a_mistake_unless_there_was_none() {
        let there = FileTrail { sets: false, ends: true, is_shipped: false };
        let with = Trail { file: Some(there), set: [false; 2] };
        let without = Trail { file: None, set: [false; 2] };
        let path = Path::new(DEFAULT_FILE);
        let lost = with.lost(&without, path);
        assert!(lost[0].to_string().contains("it is gone; put it back"), "{lost:?}");
        assert_eq!(without.lost(&without, path), []);
        assert_eq!(without.lost(&with, path), []);
    }
}
