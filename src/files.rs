//! Small files that the settings name: read with a bound, and no contents in any message.

use std::{
    fs,
    io::{self, ErrorKind, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// No file that a setting names is larger; /dev/zero is.
const MAX_BYTES: u64 = 1 << 20;

/// Why a file is of no use, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("cannot read {}: {}", path.display(), reason(source))]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "cannot read the file that holds the password: {}; its name is not shown, in case it is the \
         password itself; name the file by its absolute path", reason(.0)
    )]
    Hidden(#[source] io::Error),
    #[error("cannot use {}: {why}; expected {expected}", path.display())]
    Use { path: PathBuf, why: &'static str, expected: &'static str },
}

/// The contents of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    read_bytes(path).map_err(|source| FileError::Read { path: path.to_owned(), source })
}

/// The contents, without the invisible mark that some editors put before UTF-8.
pub(crate) fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(ErrorKind::FileTooLarge.into());
    }
    match bytes.as_slice() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=0xff, ..] | [1..=0xff, 0, ..] => {
            Err(io::Error::new(ErrorKind::InvalidData, "it is UTF-16 text; save it as UTF-8"))
        }
        [0xef, 0xbb, 0xbf, text @ ..] => Ok(text.to_vec()),
        _ => Ok(bytes),
    }
}

/// Whether a text is meant as a path, and not, say, as a password.
pub(crate) fn is_clearly_a_path(path: &Path) -> bool {
    ["/", "./", "../", "%d/"]
        .iter()
        .any(|start| path.as_os_str().as_encoded_bytes().starts_with(start.as_bytes()))
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

/// The password in a file: its only line, without the line's end and empty lines after it.
pub(crate) fn password(path: &Path) -> Result<String, FileError> {
    const LINE: &str = "one line with the password";
    let refused = |why, expected| FileError::Use { path: path.to_owned(), why, expected };
    let bytes = read(path).map_err(|error| match error {
        FileError::Read { source, .. } if !is_clearly_a_path(path) => FileError::Hidden(source),
        error => error,
    })?;
    let text = String::from_utf8(bytes).map_err(|_| refused("it is not UTF-8 text", LINE))?;
    let line = text.trim_end_matches(['\n', '\r']);
    if line.is_empty() {
        return Err(refused("it is empty", LINE));
    }
    if line.contains('\0') {
        return Err(refused("it holds a NUL character", LINE));
    }
    if line.contains(['\n', '\r']) {
        return Err(refused("it has more than one line", "only the password"));
    }
    Ok(line.to_owned())
}

/// What is to be said of a file with a password that others may use, too. Group members may read one
/// that belongs to root: so a service has its password from an administrator.
pub(crate) fn exposed(path: &Path) -> Option<String> {
    // What these show are no files of somebody's; systemd hands over its credentials with a mask.
    let apart = ["/proc", "/dev", "/run/credentials"];
    if apart.iter().any(|folder| path.starts_with(folder)) {
        return None;
    }
    let file = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let mode = file.mode() & 0o777;
    let private = if file.uid() == 0 { 0o740 } else { 0o700 };
    let advice = || format!("others may read {} (mode {mode:04o}); chmod 600 it", path.display());
    (mode & !private != 0).then(advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, chown};

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
        for text in
            ["päss word", "päss word\n", "päss word\r\n", "päss word\n\n", "\u{feff}päss word"]
        {
            assert_eq!(of(text.as_bytes()).unwrap(), "päss word");
        }
        assert_eq!(of(b" x ").unwrap(), " x ", "white space may be part of it");
    }

    #[test]
    fn a_file_that_others_may_read_is_exposed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path();
        let said = |mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            exposed(path)
        };
        assert_eq!((said(0o600), said(0o400)), (None, None));
        let says = format!("others may read {} (mode 0644); chmod 600 it", path.display());
        assert_eq!(said(0o644), Some(says));
        for mode in [0o604, 0o620, 0o660] {
            assert!(said(mode).is_some(), "{mode:o}");
        }
        let of_root = fs::metadata(path).unwrap().uid() == 0;
        assert_eq!(said(0o640).is_none(), of_root);
        if of_root {
            chown(path, Some(1), None).unwrap();
            assert!(said(0o640).is_some());
        }
        assert_eq!(exposed(Path::new("/proc/self/status")), None);
        assert_eq!(
            (exposed(Path::new("/dev/null")), exposed(path.parent().unwrap())),
            (None, None)
        );
    }

    #[test]
    fn no_password_and_no_secret_shown() {
        let empty = "it is empty; expected one line with the password";
        assert_eq!(of(b"").unwrap_err(), empty);
        assert_eq!(of(b"\n").unwrap_err(), empty);
        let several = "it has more than one line; expected only the password";
        assert_eq!(of(b"secret\nsecret\n").unwrap_err(), several);
        let nul = "it holds a NUL character; expected one line with the password";
        assert_eq!(of(b"secret\0").unwrap_err(), nul);
        for (encoding, text) in
            [("BE", &b"\xfe\xff\0s"[..]), ("LE", b"\xff\xfes\0"), ("LE", b"s\0e\0")]
        {
            let wide = of(text).unwrap_err();
            assert_eq!(wide, "cannot read FILE: it is UTF-16 text; save it as UTF-8", "{encoding}");
        }
        let binary = "it is not UTF-8 text; expected one line with the password";
        assert_eq!(of(b"secret\xff").unwrap_err(), binary);
        let itself = password(Path::new("hunter2")).unwrap_err();
        assert!(!format!("{itself} {itself:?}").contains("hunter2"), "{itself:?}");
        let missing = password(Path::new("/nonexistent/x")).unwrap_err().to_string();
        assert_eq!(missing, "cannot read /nonexistent/x: no such file");
        assert_eq!(
            password(Path::new("/")).unwrap_err().to_string(),
            "cannot read /: it is a directory; name a file"
        );
    }
}
