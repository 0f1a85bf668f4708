//! The file that is being read, and what went wrong so far.

use super::InventoryProblem;
use crate::model::{ProblemLevel, Site, SourceId, Span};

/// More problems than this are counted and not told one by one.
const MAX_PROBLEMS: usize = 1000;

/// One file on its way to an inventory.
#[derive(Debug)]
pub(super) struct Reading {
    source: SourceId,
    problems: Vec<InventoryProblem>,
    /// Problems beyond [`MAX_PROBLEMS`]: how many, and the worst level of them.
    untold: Option<(usize, ProblemLevel)>,
}

impl Reading {
    pub(super) const fn new(source: SourceId) -> Self {
        Self {
            source,
            problems: Vec::new(),
            untold: None,
        }
    }

    pub(super) const fn site(&self, span: Span) -> Site {
        Site::new(self.source, span)
    }

    /// Something was not read.
    pub(super) fn error(
        &mut self,
        span: Span,
        message: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.add(InventoryProblem {
            level: ProblemLevel::Error,
            span,
            message: message.into(),
            mend: Some(mend.into()),
        });
    }

    /// Something is worth a word.
    pub(super) fn note(&mut self, span: Span, message: impl Into<String>, mend: Option<String>) {
        self.add(InventoryProblem {
            level: ProblemLevel::Note,
            span,
            message: message.into(),
            mend,
        });
    }

    fn add(&mut self, problem: InventoryProblem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        } else {
            let (count, worst) = self.untold.get_or_insert((0, problem.level));
            *count += 1;
            // Errors come first in the order of levels.
            *worst = problem.level.min(*worst);
        }
    }

    /// What went wrong, in the order of the file.
    pub(super) fn into_problems(self) -> Vec<InventoryProblem> {
        let mut problems = self.problems;
        problems.sort_by_key(|problem| problem.span);
        if let Some((count, level)) = self.untold {
            problems.push(InventoryProblem {
                level,
                span: Span::default(),
                message: format!("{count} more problems of this file are not told"),
                mend: None,
            });
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_capped_and_an_error_among_the_rest_still_counts() {
        let mut reading = Reading::new(SourceId(0));
        for at in 0..MAX_PROBLEMS + 5 {
            reading.note(Span::new(at, at), "a note", None);
        }
        reading.error(Span::new(1, 1), "an error", "mend it");
        let problems = reading.into_problems();
        assert_eq!(problems.len(), MAX_PROBLEMS + 1);
        let last = problems.last().unwrap();
        assert_eq!(last.message, "6 more problems of this file are not told");
        assert_eq!(last.level, ProblemLevel::Error);
    }

    #[test]
    fn problems_come_in_the_order_of_the_file() {
        let mut reading = Reading::new(SourceId(0));
        reading.error(Span::new(9, 9), "later", "mend it");
        reading.note(Span::new(1, 1), "earlier", None);
        let problems = reading.into_problems();
        assert_eq!(problems[0].message, "earlier");
    }
}
