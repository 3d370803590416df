//! Small files that the settings name: read with a bound, and no contents in any message.

use std::{
    fs,
    io::{self, ErrorKind, Read as _},
    path::{Path, PathBuf},
};

/// No file that a setting names is larger; /dev/zero is.
const MAX_BYTES: u64 = 1 << 20;

/// Why a file is of no use, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("cannot read {}: {}", path.display(), reason(source))]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot use {}: {why}; expected {expected}", path.display())]
    Use { path: PathBuf, why: &'static str, expected: &'static str },
}

/// The contents of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    read_bytes(path).map_err(|source| FileError::Read { path: path.to_owned(), source })
}

pub(crate) fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// Why a file cannot be read.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file".to_owned(),
        ErrorKind::PermissionDenied => {
            "permission denied; make it readable for the user that runs the program".to_owned()
        }
        ErrorKind::IsADirectory => "it is a directory; name a file".to_owned(),
        ErrorKind::FileTooLarge => "it is larger than 1 MiB".to_owned(),
        _ => error.to_string(),
    }
}

/// The password in a file: its only line, without the line's end.
pub(crate) fn password(path: &Path) -> Result<String, FileError> {
    const LINE: &str = "one line with the password";
    let refused = |why, expected| FileError::Use { path: path.to_owned(), why, expected };
    let text = String::from_utf8(read(path)?).map_err(|_| refused("it is not UTF-8 text", LINE))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(refused("it is empty", LINE));
    }
    if line.contains(['\n', '\r', '\0']) {
        return Err(refused("it has more than one line", "only the password"));
    }
    Ok(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Result<String, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        password(file.path()).map_err(|error| {
            let message = error.to_string();
            message.replace(file.path().to_str().unwrap(), "FILE").replace("cannot use FILE: ", "")
        })
    }

    #[test]
    fn a_password_is_one_line_without_its_end() {
        for text in ["päss word", "päss word\n", "päss word\r\n"] {
            assert_eq!(of(text.as_bytes()).unwrap(), "päss word");
        }
        assert_eq!(of(b" x ").unwrap(), " x ", "white space may be part of it");
    }

    #[test]
    fn no_password_and_no_secret_shown() {
        let empty = "it is empty; expected one line with the password";
        assert_eq!(of(b"").unwrap_err(), empty);
        assert_eq!(of(b"\n").unwrap_err(), empty);
        let several = "it has more than one line; expected only the password";
        assert_eq!(of(b"secret\nsecret\n").unwrap_err(), several);
        assert_eq!(of(b"secret\0").unwrap_err(), several);
        let binary = "it is not UTF-8 text; expected one line with the password";
        assert_eq!(of(b"secret\xff").unwrap_err(), binary);
        let missing = password(Path::new("/nonexistent/x")).unwrap_err().to_string();
        assert_eq!(missing, "cannot read /nonexistent/x: no such file");
        assert_eq!(
            password(Path::new("/")).unwrap_err().to_string(),
            "cannot read /: it is a directory; name a file"
        );
    }
}
