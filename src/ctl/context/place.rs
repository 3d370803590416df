//! Where the contexts are, and which of them is in use.

use super::file::{Contexts, FileError, parse};
use crate::files;
use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs,
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process,
};

/// Where they are.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The contexts.
    pub(super) file: PathBuf,
    /// The name of the one in use.
    in_use: PathBuf,
}

impl Place {
    /// Where the environment says.
    pub(super) fn find() -> Result<Self, FileError> {
        Self::within(env::var_os("XDG_CONFIG_HOME"), env::var_os("HOME"))
    }

    /// As the XDG Base Directory Specification has it: a relative path counts as none.
    fn within(config: Option<OsString>, home: Option<OsString>) -> Result<Self, FileError> {
        let config = config.map(PathBuf::from).filter(|path| path.is_absolute());
        let home = home.map(PathBuf::from).filter(|path| path.is_absolute());
        let config = config.or_else(|| Some(home?.join(".config"))).ok_or(FileError::Homeless)?;
        let folder = config.join("fibrpc");
        Ok(Self { file: folder.join("fibrpcctl.toml"), in_use: folder.join("fibrpcctl.context") })
    }

    /// The contexts; none where there is no file.
    pub(super) fn contexts(&self) -> Result<Contexts, FileError> {
        let found = match files::read_bytes(&self.file) {
            Ok(bytes) => parse(&self.file, &bytes)?,
            Err(error) if is_missing(&error) => BTreeMap::new(),
            Err(source) => return Err(FileError::Read { path: self.file.clone(), source }),
        };
        Ok(Contexts { path: self.file.clone(), found })
    }

    /// What `context use` said.
    pub(super) fn in_use(&self) -> Result<Option<String>, FileError> {
        let path = &self.in_use;
        let name = match files::read_bytes(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).trim().to_owned(),
            Err(error) if is_missing(&error) => return Ok(None),
            Err(source) => return Err(FileError::Read { path: path.clone(), source }),
        };
        Ok(Some(name).filter(|name| !name.is_empty()))
    }

    /// What names the one in use.
    pub(super) fn in_use_name(&self) -> String {
        self.in_use.display().to_string()
    }

    /// Has a context used from now on, or none: whole or not at all.
    pub(super) fn use_from_now_on(&self, name: Option<&str>) -> Result<(), FileError> {
        let path = &self.in_use;
        let written = match name {
            Some(name) => replace(path, format!("{name}\n").as_bytes()),
            None => match fs::remove_file(path) {
                Err(error) if !is_missing(&error) => Err(error),
                _ => Ok(()),
            },
        };
        written.map_err(|source| FileError::Write { path: path.clone(), source })
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Writes a file anew: whoever reads it meanwhile gets what it was before.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mode = fs::metadata(path).map_or(0o600, |old| old.permissions().mode() & 0o777);
    let new = path.with_extension(format!("context.{}", process::id()));
    let write = || {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&new)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_that_of_the_specification() {
        let path = |config: &str, home: &str| {
            let place = Place::within(Some(config.into()), Some(home.into()));
            place.map(|place| place.file.display().to_string()).map_err(|error| error.to_string())
        };
        assert_eq!(path("/x", "/h").unwrap(), "/x/fibrpc/fibrpcctl.toml");
        for config in ["", "relative"] {
            assert_eq!(path(config, "/h").unwrap(), "/h/.config/fibrpc/fibrpcctl.toml");
        }
        assert!(path("", "").unwrap_err().contains("set XDG_CONFIG_HOME or HOME"));
    }
}
