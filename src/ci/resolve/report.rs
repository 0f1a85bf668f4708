//! What resolution has to say besides its result: problems, each once, and gaps.

use std::collections::HashSet;

use crate::ci::{CiProblem, ConfigKind};
use crate::model::{Gap, ProblemClass, ProblemLevel, Site};
use crate::yaml::Budget;

/// Values that merging, extending and referencing may produce for one configuration and its child
/// pipelines. A thousand jobs under a hundred global variables take a tenth of it.
const NODE_BUDGET: usize = 1_000_000;

/// Bytes of script text over all jobs of a configuration.
const SCRIPT_BUDGET: usize = 32 << 20;

/// Steps that matching the patterns of `include` may take, which is a second or two. Fifty patterns of six
/// tokens that are each tried on twenty thousand paths of sixty bytes take a third of it.
const PATTERN_STEPS: usize = 1_000_000_000;

/// What a script item counts besides its text.
const SCRIPT_ITEM_COST: usize = 128;

pub(super) struct Report {
    pub(super) problems: Vec<CiProblem>,
    pub(super) gaps: Vec<Gap>,
    /// The configuration is a part of one: what it lacks may stand in the file that includes it.
    fragment: bool,
    /// How often something was lost that a job asked for.
    pub(super) losses: usize,
    pub(super) nodes: Budget,
    pub(super) pattern_steps: Budget,
    script_bytes: Budget,
    seen: HashSet<(Site, String)>,
    exhausted: bool,
}

impl Report {
    pub(super) fn new(kind: ConfigKind) -> Self {
        Self {
            fragment: kind == ConfigKind::Fragment,
            problems: Vec::new(),
            gaps: Vec::new(),
            losses: 0,
            nodes: Budget::new(NODE_BUDGET),
            pattern_steps: Budget::new(PATTERN_STEPS),
            script_bytes: Budget::new(SCRIPT_BUDGET),
            seen: HashSet::new(),
            exhausted: false,
        }
    }

    pub(super) fn problem(
        &mut self,
        level: ProblemLevel,
        class: ProblemClass,
        site: Site,
        message: String,
        mend: Option<&str>,
    ) {
        let (source, span) = (site.source, site.span);
        if self.seen.insert((site, message.clone())) {
            self.problems.push(CiProblem {
                level,
                class,
                source,
                span,
                message,
                mend: mend.map(str::to_owned),
            });
        }
    }

    pub(super) fn error(&mut self, class: ProblemClass, site: Site, message: String) {
        self.problem(ProblemLevel::Error, class, site, message, None);
    }

    /// Something that other files may have: an error only where all files are known.
    pub(super) fn missing(&mut self, site: Site, message: String) {
        self.losses += 1;
        let (level, mend) = if self.fragment {
            let mend = "it may stand in a file that includes this one";
            (ProblemLevel::Note, Some(mend))
        } else if self.gaps.is_empty() {
            (ProblemLevel::Error, None)
        } else {
            let mend = "it may come with an include that lies outside of what was scanned";
            (ProblemLevel::Note, Some(mend))
        };
        self.problem(level, ProblemClass::CiResolution, site, message, mend);
    }

    pub(super) fn gap(&mut self, what: String, site: Site) {
        if self.seen.insert((site.clone(), what.clone())) {
            self.gaps.push(Gap { what, site });
        }
    }

    /// Takes room for one script item; `None` when it is used up.
    pub(super) fn spend_script(&mut self, text: &str) -> Option<()> {
        self.script_bytes.spend(text.len() + SCRIPT_ITEM_COST)
    }

    /// A pattern of `include` was not followed because the steps for all of them are used up.
    pub(super) fn slow_pattern(&mut self, site: Site) {
        self.losses += 1;
        let message = "the patterns of `include` take too long to be matched with all files";
        self.error(ProblemClass::Limit, site, message.to_owned());
    }

    /// Tells once that a budget is used up.
    pub(super) fn exhausted(&mut self, site: Site) {
        self.losses += 1;
        if !self.exhausted {
            self.exhausted = true;
            self.error(
                ProblemClass::Limit,
                site,
                "the configuration grows too large when its merges, bases and references are resolved"
                    .to_owned(),
            );
        }
    }
}

/// The start of a name for messages: a hostile one may be as long as its file and stand everywhere.
pub(super) fn short(name: &str) -> &str {
    const LENGTH: usize = 120;
    let cut = name.char_indices().nth(LENGTH);
    cut.map_or(name, |(at, _)| &name[..at])
}
