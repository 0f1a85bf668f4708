//! Typed YAML read strictly: unknown keys and wrong types are errors with file, line, text and mend.
//!
//! Rule files, the configuration and hand-written lists share it, so that all of them fail in the
//! same clear way. It knows the shape of none of them.

mod explain;
mod params;
mod place;
mod suggest;

use std::fmt;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

pub use params::{ParamError, Params};
pub use place::{Place, locate_items, locate_key, locate_value};
pub use suggest::suggest;

/// The most bytes that a file which people write may have.
const MAX_FILE: u64 = 1 << 20;
/// The most brackets that may be open at once; the parser's time grows with their square.
const MAX_OPEN: usize = 256;
/// The most characters of a line that an error shows.
const MAX_SHOWN: usize = 200;

/// Why a file that people write could not be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrictError {
    /// The file, or the name of a built-in one.
    pub file: PathBuf,
    /// 1-based; `None` where the whole file is meant.
    pub line: Option<u64>,
    /// 1-based, in Unicode scalar values.
    pub column: Option<u64>,
    /// The offending line as it stands in the file; of a very long one, the beginning.
    pub text: Option<Box<str>>,
    /// What is wrong: lower-case start, no full stop.
    pub message: String,
    /// What to do about it.
    pub mend: Option<String>,
}

impl StrictError {
    /// An error of the whole file.
    pub fn of_file(file: &Path, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            column: None,
            text: None,
            message: message.into(),
            mend: None,
        }
    }

    /// An error at `place` of `text`, which is the file's.
    pub fn at(file: &Path, text: &str, place: Place, message: impl Into<String>) -> Self {
        let line = usize::try_from(place.line - 1)
            .ok()
            .and_then(|before| text.lines().nth(before))
            .map(|line| match line.char_indices().nth(MAX_SHOWN) {
                Some((end, _)) => format!("{}…", &line[..end]).into(),
                None => line.into(),
            });
        Self {
            line: Some(place.line),
            column: Some(place.column),
            text: line,
            ..Self::of_file(file, message)
        }
    }

    /// An error at the value that `path` leads to, as [`locate_value`] finds it. Where the path ends
    /// early, the last key that exists is meant.
    pub fn at_value(file: &Path, text: &str, path: &[&str], message: impl Into<String>) -> Self {
        let found = locate_value(text, path).or_else(|| nearest_key(text, path));
        Self::at_maybe(file, text, found, message)
    }

    /// The same, at the key itself.
    pub fn at_key(file: &Path, text: &str, path: &[&str], message: impl Into<String>) -> Self {
        Self::at_maybe(file, text, nearest_key(text, path), message)
    }

    fn at_maybe(file: &Path, text: &str, place: Option<Place>, message: impl Into<String>) -> Self {
        match place {
            Some(place) => Self::at(file, text, place, message),
            None => Self::of_file(file, message),
        }
    }

    /// The params under `path` do not fit their check.
    pub fn of_params(file: &Path, text: &str, path: &[&str], error: &ParamError) -> Self {
        let mut path = path.to_vec();
        path.extend(error.key.as_deref());
        let message = match &error.key {
            Some(key) if !error.message.contains(&format!("`{key}`")) => {
                format!("`{key}`: {}", error.message)
            }
            _ => error.message.clone(),
        };
        Self {
            mend: error.mend.clone(),
            ..Self::at_key(file, text, &path, message)
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }
}

fn nearest_key(text: &str, path: &[&str]) -> Option<Place> {
    (1..=path.len())
        .rev()
        .find_map(|len| locate_key(text, &path[..len]))
}

impl fmt::Display for StrictError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        write!(f, ": {}", self.message)?;
        if let Some(text) = &self.text {
            write!(f, "\n  | {}", text.trim_end())?;
        }
        if let Some(mend) = &self.mend {
            write!(f, "\n  = help: {mend}")?;
        }
        Ok(())
    }
}

impl std::error::Error for StrictError {}

/// Reads `text`, the contents of `file`, as a `T`.
///
/// `T` should deny unknown fields; the error then names the key that comes nearest.
pub fn read<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T, StrictError> {
    if let Some(before) = nested_too_deep(text) {
        let place = Place::at_end_of(before);
        let message = format!("more than {MAX_OPEN} brackets are open here");
        return Err(StrictError::at(file, text, place, message).with_mend("nest less"));
    }
    serde_yaml::from_str(text).map_err(|error| explain::explain(file, text, &error))
}

/// What stands before the bracket that is one too many. Brackets inside of strings count too: no honest
/// file has so many that nothing closes.
fn nested_too_deep(text: &str) -> Option<&str> {
    let mut open = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > MAX_OPEN {
            return Some(&text[..at]);
        }
    }
    None
}

/// The text of a file that people write: regular, UTF-8, of a sane size.
///
/// Fifos, sockets and devices are refused without being opened, so that none can make the program wait.
pub fn read_file(file: &Path) -> Result<String, StrictError> {
    read_file_of(file, MAX_FILE)
}

/// The same for a file that may have up to `most` bytes.
pub fn read_file_of(file: &Path, most: u64) -> Result<String, StrictError> {
    let unreadable = |error: std::io::Error| {
        StrictError::of_file(file, format!("cannot be read: {error}"))
            .with_mend("check the path and its permissions")
    };
    let metadata = fs::metadata(file).map_err(unreadable)?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() {
            "a folder"
        } else {
            "a special file"
        };
        return Err(StrictError::of_file(
            file,
            format!("is {what}, where a regular file is meant"),
        ));
    }
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() as u64 > most {
        return Err(
            StrictError::of_file(file, format!("is larger than {} MiB", most >> 20))
                .with_mend("split the file"),
        );
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..valid]);
        StrictError::at(
            file,
            "",
            Place::at_end_of(&before),
            "a byte that is no UTF-8",
        )
        .with_mend("save the file as UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_file_line_column_text_and_mend() {
        let error = StrictError::at_value(
            Path::new("rules/some.yml"),
            "id: some\ntitle: wrong.\n",
            &["title"],
            "the title ends in a full stop",
        )
        .with_mend("drop it");
        assert_eq!(
            error.to_string(),
            "rules/some.yml:2:8: the title ends in a full stop\n  | title: wrong.\n  = help: drop it"
        );
    }

    #[test]
    fn a_very_long_line_is_cut() {
        let text = format!("title: {}\n", "é".repeat(1000));
        let error = StrictError::at_key(Path::new("f"), &text, &["title"], "too long");
        assert_eq!(error.text.unwrap().chars().count(), MAX_SHOWN + 1);
    }

    #[test]
    fn wrong_params_are_shown_at_their_key() {
        let text = "rules:\n  some:\n    params: {max: 0}\n";
        let path = ["rules", "some", "params"];
        let of = |error| StrictError::of_params(Path::new("f"), text, &path, &error).to_string();
        assert_eq!(
            of(ParamError::at("max", "must be at least 1")),
            "f:3:14: `max`: must be at least 1\n  |     params: {max: 0}"
        );
        assert!(of(ParamError::new("nothing to look for")).starts_with("f:3:5: nothing"));
    }

    #[test]
    fn a_path_that_ends_early_means_its_last_key() {
        let text = "a:\n  b: 1\n";
        let error = StrictError::at_value(Path::new("f"), text, &["a", "c", "d"], "absent");
        assert_eq!((error.line, error.column), (Some(1), Some(1)));
        let error = StrictError::at_value(Path::new("f"), text, &["z"], "absent");
        assert_eq!(error.line, None);
    }

    #[test]
    fn reads_only_regular_utf8_files() {
        let folder = tempfile::tempdir().unwrap();
        let message = |path: &Path| read_file(path).unwrap_err().to_string();

        assert!(message(&folder.path().join("absent")).contains("cannot be read"));
        assert!(message(folder.path()).contains("is a folder"));

        let file = folder.path().join("latin1");
        fs::write(&file, b"id: x\nwhy: \xe9").unwrap();
        assert!(message(&file).contains("latin1:2:6: a byte that is no UTF-8"));

        fs::write(&file, "id: é").unwrap();
        assert_eq!(read_file(&file).unwrap(), "id: é");

        let huge = fs::File::create(&file).unwrap();
        huge.set_len(MAX_FILE + 1).unwrap();
        assert!(message(&file).contains("is larger than 1 MiB"));
    }

    #[cfg(unix)]
    #[test]
    fn refuses_a_special_file_without_waiting_for_it() {
        let error = read_file(Path::new("/dev/zero")).unwrap_err();
        assert!(error.message.contains("special file"));
    }
}
