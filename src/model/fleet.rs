//! The reports of several repositories, and the part of them that one machine makes.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::finding::Severity;
use super::report::Report;
use super::{Finding, UnknownWord};

/// From which severity on findings make a run fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOn {
    /// From this one.
    Severity(Severity),
    /// From none.
    Never,
}

impl FailOn {
    /// Whether a finding of `severity` makes a run fail.
    pub fn reached_by(self, severity: Severity) -> bool {
        matches!(self, Self::Severity(lowest) if severity >= lowest)
    }

    /// The one that more findings reach.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        match (self, other) {
            (Self::Severity(one), Self::Severity(other)) => Self::Severity(one.min(other)),
            (Self::Never, other) => other,
            (one, Self::Never) => one,
        }
    }

    /// The word in options, files and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Severity(severity) => severity.as_str(),
            Self::Never => "never",
        }
    }
}

impl Default for FailOn {
    fn default() -> Self {
        Self::Severity(Severity::Medium)
    }
}

impl FromStr for FailOn {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "never" => Ok(Self::Never),
            severity => severity.parse().map(Self::Severity),
        }
    }
}

/// What a repository says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionControl {
    /// The address of the remote `origin`, without credentials.
    pub uri: Option<String>,
    /// The commit that HEAD stands at, in hexadecimal digits.
    pub revision: Option<String>,
    /// The branch that HEAD names.
    pub branch: Option<String>,
}

/// The report of one repository of several, or of what stands where one was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its path relative to the list or folder that named it: what shards go by.
    pub name: Arc<str>,
    /// Where it comes from and where it stands.
    pub version_control: VersionControl,
    /// From which severity on its findings make a run fail where no option says so.
    pub fail_on: FailOn,
    /// What a scan of this repository alone reports.
    pub report: Report,
}

/// The reports of several repositories.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    /// Which parts of the whole these are; `None` for the whole.
    pub shards: Option<Shards>,
    /// Sorted by name.
    pub members: Vec<Member>,
}

impl Fleet {
    /// Whether everything asked for was read.
    pub fn is_complete(&self) -> bool {
        self.members
            .iter()
            .all(|member| member.report.is_complete())
    }

    /// Findings that nothing hides.
    pub fn active(&self) -> impl Iterator<Item = &Finding> {
        self.members
            .iter()
            .flat_map(|member| member.report.active())
    }
}

/// One machine's part of many repositories: `2/4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    total: u32,
}

impl Shard {
    /// The most parts.
    pub const MAX: u32 = 10_000;

    /// Part `index` of `total`, from 1 on.
    ///
    /// # Errors
    ///
    /// Where there is no such part.
    pub fn new(index: u32, total: u32) -> Result<Self, ShardError> {
        if total == 0 || total > Self::MAX {
            return Err(ShardError::Total(total));
        }
        if index == 0 || index > total {
            return Err(ShardError::Index { index, total });
        }
        Ok(Self { index, total })
    }

    /// Whether the repository of this name belongs to the part. It follows from the name alone, so
    /// that further repositories move none from one part to another.
    pub fn holds(self, name: &str) -> bool {
        let hash = Sha256::digest(name);
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        u64::from_be_bytes(first) % u64::from(self.total) == u64::from(self.index - 1)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.total)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let malformed = || ShardError::Malformed(text.to_owned());
        let (index, total) = text.split_once('/').ok_or_else(malformed)?;
        let number = |digits: &str| {
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|_| plain).ok_or_else(malformed)
        };
        Self::new(number(index)?, number(total)?)
    }
}

/// Why something is no part of a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// Not of the form.
    #[error("`{0}` is no shard; write I/N, for example 2/4")]
    Malformed(String),
    /// None or too many.
    #[error("{0} shards: there are at least 1 and at most {max}", max = Shard::MAX)]
    Total(u32),
    /// Outside of the whole.
    #[error("there is no shard {index} of {total}: they are numbered from 1 to {total}")]
    Index {
        /// As given.
        index: u32,
        /// How many there are.
        total: u32,
    },
    /// Parts of two wholes.
    #[error("shards of {0} and shards of {1} are no parts of the same whole")]
    Mixed(u32, u32),
}

/// Which parts of a whole a fleet holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shards {
    /// How many there are.
    pub total: u32,
    /// Those that were scanned, from 1 on.
    pub scanned: BTreeSet<u32>,
}

impl Shards {
    /// The numbers of those that were not scanned.
    pub fn missing(&self) -> impl Iterator<Item = u32> {
        (1..=self.total).filter(|index| !self.scanned.contains(index))
    }
}

impl Shards {
    /// All parts that `parts` hold; `None` for the whole, of which each `None` is one already.
    ///
    /// # Errors
    ///
    /// Where they are not parts of the same whole.
    pub fn join(parts: impl IntoIterator<Item = Option<Self>>) -> Result<Option<Self>, ShardError> {
        let mut joined: Option<Self> = None;
        for part in parts.into_iter().flatten() {
            // `total` and `scanned` may come from a report.
            for index in &part.scanned {
                Shard::new(*index, part.total)?;
            }
            match &mut joined {
                None => joined = Some(part),
                Some(joined) if joined.total == part.total => joined.scanned.extend(part.scanned),
                Some(joined) => return Err(ShardError::Mixed(joined.total, part.total)),
            }
        }
        Ok(joined.filter(|joined| joined.missing().next().is_some()))
    }
}

impl From<Shard> for Shards {
    fn from(shard: Shard) -> Self {
        Self {
            total: shard.total,
            scanned: BTreeSet::from([shard.index]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_read_and_refused_in_words() {
        assert_eq!("2/4".parse::<Shard>(), Shard::new(2, 4));
        assert_eq!("2/4".parse::<Shard>().unwrap().to_string(), "2/4");
        let told = |text: &str| text.parse::<Shard>().unwrap_err().to_string();
        for text in [
            "",
            "2",
            "a/b",
            "1/",
            "/2",
            "+1/2",
            "1/2/3",
            "-1/2",
            "1/99999999999",
        ] {
            assert!(told(text).contains("write I/N"), "{text}: {}", told(text));
        }
        assert_eq!(
            told("0/4"),
            "there is no shard 0 of 4: they are numbered from 1 to 4"
        );
        assert_eq!(
            told("5/4"),
            "there is no shard 5 of 4: they are numbered from 1 to 4"
        );
        assert_eq!(
            told("1/0"),
            "0 shards: there are at least 1 and at most 10000"
        );
        assert_eq!(
            told("1/10001"),
            "10001 shards: there are at least 1 and at most 10000"
        );
    }

    #[test]
    fn every_name_is_in_one_shard_and_stays_there() {
        for total in 1..=7 {
            for number in 0..200 {
                let name = format!("team-{number}/app");
                let held = (1..=total)
                    .filter(|index| Shard::new(*index, total).unwrap().holds(&name))
                    .count();
                assert_eq!(held, 1, "{name} of {total}");
            }
        }
        // Known places: another release must not move a repository to another machine.
        let place = |name| {
            (1..=4)
                .find(|index| Shard::new(*index, 4).unwrap().holds(name))
                .unwrap()
        };
        assert_eq!(
            ["acme/shop", "acme/site", "ops", "."].map(place),
            [2, 2, 2, 3]
        );
    }

    #[test]
    fn shards_are_spread_evenly() {
        let mut sizes = [0_u32; 8];
        for number in 0..8000 {
            let name = format!("group/project-{number}.git");
            let at = (0..8)
                .find(|at| Shard::new(at + 1, 8).unwrap().holds(&name))
                .unwrap();
            sizes[at as usize] += 1;
        }
        assert!(
            sizes.iter().all(|size| (850..1150).contains(size)),
            "{sizes:?}"
        );
    }

    #[test]
    fn missing_shards_are_named() {
        let shards = Shards {
            total: 5,
            scanned: [1, 4].into(),
        };
        assert_eq!(shards.missing().collect::<Vec<_>>(), [2, 3, 5]);
        let part = |text: &str| Some(Shards::from(text.parse::<Shard>().unwrap()));
        let joined = Shards::join([part("3/3"), None, part("1/3")])
            .unwrap()
            .unwrap();
        assert_eq!(joined.missing().collect::<Vec<_>>(), [2]);
        assert_eq!(Shards::join([Some(joined), part("2/3")]), Ok(None));
        assert_eq!(Shards::join([None, None]), Ok(None));
        assert_eq!(
            Shards::join([part("1/2"), part("2/3")]),
            Err(ShardError::Mixed(2, 3))
        );
        let odd = Shards {
            total: u32::MAX,
            scanned: [1].into(),
        };
        assert!(Shards::join([Some(odd)]).is_err());
    }
}
