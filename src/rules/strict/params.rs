//! Params of checks: kept as they are written until the check reads them as its own type.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_yaml::{Mapping, Value};

use super::explain;

/// The params of a check as the rule file gives them.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(transparent)]
pub struct Params(Mapping);

impl Params {
    /// Reads the params as the check's own type; missing keys take their defaults.
    ///
    /// `T` should deny unknown fields and default the missing ones.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ParamError> {
        let error = match serde_yaml::from_value(Value::Mapping(self.0.clone())) {
            Ok(params) => return Ok(params),
            Err(error) => error.to_string(),
        };
        let (message, mend) = explain::words(&error);
        Err(ParamError {
            key: self.culprit::<T>(&error),
            message,
            mend,
        })
    }

    /// The key without which reading succeeds, or fails for another reason. Values read without their
    /// text have no place, so this is how the key is known.
    fn culprit<T: DeserializeOwned>(&self, error: &str) -> Option<String> {
        self.0.keys().find_map(|key| {
            let mut rest = self.0.clone();
            rest.remove(key);
            let same = serde_yaml::from_value::<T>(Value::Mapping(rest))
                .is_err_and(|other| other.to_string() == error);
            if same {
                None
            } else {
                key.as_str().map(str::to_owned)
            }
        })
    }

    /// These params with the values of `overrides` in place of their own.
    #[must_use]
    pub fn merged(&self, overrides: &Self) -> Self {
        let mut merged = self.0.clone();
        for (key, value) in &overrides.0 {
            merged.insert(key.clone(), value.clone());
        }
        Self(merged)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The params as YAML, a key a line; empty where there are none.
impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return Ok(());
        }
        let text = serde_yaml::to_string(&self.0).map_err(|_| fmt::Error)?;
        f.write_str(text.trim_end())
    }
}

/// Why params do not fit a check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParamError {
    /// The param that is wrong, where it is one.
    pub key: Option<String>,
    /// What is wrong: lower-case start, no full stop.
    pub message: String,
    /// What to do about it.
    pub mend: Option<String>,
}

impl ParamError {
    /// The value of `key` has the right type, and is wrong all the same.
    pub fn at(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            key: Some(key.into()),
            message: message.into(),
            mend: None,
        }
    }

    /// The params are wrong together.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            key: None,
            message: message.into(),
            mend: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
    struct Window {
        max_days: u32,
        words: Vec<String>,
    }

    impl Default for Window {
        fn default() -> Self {
            Self {
                max_days: 180,
                words: Vec::new(),
            }
        }
    }

    fn params(text: &str) -> Params {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn missing_params_take_their_defaults() {
        assert_eq!(Params::default().read::<Window>().unwrap().max_days, 180);
        assert_eq!(
            params("{max-days: 9}").read::<Window>().unwrap().max_days,
            9
        );
    }

    #[test]
    fn an_unknown_param_is_named_with_what_was_meant() {
        let error = params("{words: [], max-day: 9}")
            .read::<Window>()
            .unwrap_err();
        assert_eq!(error.key.as_deref(), Some("max-day"));
        assert_eq!(error.message, "unknown key `max-day`");
        assert_eq!(error.mend.as_deref(), Some("did you mean `max-days`?"));
    }

    #[test]
    fn a_wrong_type_names_its_param() {
        let error = params("{words: [], max-days: soon}")
            .read::<Window>()
            .unwrap_err();
        assert_eq!(error.key.as_deref(), Some("max-days"));
        assert_eq!(
            error.message,
            "expected a whole number, found string \"soon\""
        );
    }

    #[test]
    fn overrides_replace_single_params() {
        let merged = params("{max-days: 1, words: [a]}").merged(&params("{max-days: 2}"));
        assert_eq!(
            merged.read::<Window>().unwrap(),
            Window {
                max_days: 2,
                words: vec!["a".to_owned()]
            }
        );
    }

    #[test]
    fn params_are_a_mapping() {
        assert!(serde_yaml::from_str::<Params>("[a]").is_err());
        assert!(serde_yaml::from_str::<Params>("{a: 1, a: 2}").is_err());
        assert!(params("{}").is_empty());
    }
}
