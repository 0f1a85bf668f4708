//! Phase 2, inventories: reads the named and the discovered ones.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::scope::{Scope, SourceTable};
use crate::config::InventoryFile;
use crate::detect::Detector;
use crate::inventory::{Input, read};
use crate::model::{
    Facts, PathBase, Problem, ProblemClass, ProblemLevel, Provenance, SourceId, TokenKind,
};
use crate::source::{SourceError, read_named};

/// What the inventories of a run say.
#[derive(Debug, Default)]
pub(super) struct Inventories {
    pub(super) facts: Facts,
    pub(super) problems: Vec<Problem>,
    /// Inventories that are judged; the others say what is known of the tokens of a CI configuration.
    pub(super) in_scope: BTreeSet<SourceId>,
    pub(super) files: u64,
}

/// The inventories that a run is to read.
pub(super) struct Sources<'s> {
    /// Named by options: judged wherever they lie.
    pub(super) asked: &'s [InventoryFile],
    /// Named by the configuration.
    pub(super) configured: &'s [InventoryFile],
    /// Found below the PATHs.
    pub(super) discovered: &'s [(usize, Arc<str>)],
    /// Whether a configured file that lies in a root is judged there.
    pub(super) is_judged: &'s dyn Fn(usize, &str) -> bool,
}

/// Reads the named inventories and then those that were found, each file once.
///
/// # Errors
///
/// A named file that is absent or no regular file.
pub(super) fn inventories(
    scope: &Scope<'_>,
    table: &RefCell<SourceTable>,
    detector: &Detector,
    sources: &Sources<'_>,
) -> Result<Inventories, SourceError> {
    let mut gathered = Inventories::default();
    let mut reader = Reader {
        table,
        detector,
        gathered: &mut gathered,
    };
    let mut seen = Vec::new();
    for (at, file) in sources.asked.iter().chain(sources.configured).enumerate() {
        let on_disk = read_named(&file.path)?;
        let real = std::fs::canonicalize(&file.path).unwrap_or_else(|_| file.path.clone());
        if seen.contains(&real) {
            continue;
        }
        let place = scope.roots.relative(&real);
        seen.push(real);
        let (provenance, bytes, judged) = match &place {
            Some((root, path)) => {
                let judged = (sources.is_judged)(*root, path);
                match scope.read(*root, path) {
                    Ok(bytes) => (scope.provenance(*root, path), bytes, judged),
                    Err(_) => (scope.on_disk(*root, path), on_disk, judged),
                }
            }
            None => (outside(&file.path), on_disk, scope.snapshots.is_empty()),
        };
        let judged = judged || at < sources.asked.len();
        reader.read(provenance, bytes, file.kind, judged);
    }
    for (root, path) in sources.discovered {
        let provenance = scope.provenance(*root, path);
        let file = scope.roots.roots[*root].dir().join(&**path);
        if seen.contains(&file) {
            continue;
        }
        match scope.read(*root, path) {
            Ok(bytes) => reader.read(provenance, bytes, None, true),
            Err(error) => reader.gathered.problems.push(Problem {
                level: ProblemLevel::Error,
                class: ProblemClass::Unreadable,
                path: provenance.display_path(),
                base: provenance.base,
                position: None,
                message: format!("the inventory {error}"),
                mend: None,
            }),
        }
    }
    Ok(gathered)
}

struct Reader<'a> {
    table: &'a RefCell<SourceTable>,
    detector: &'a Detector,
    gathered: &'a mut Inventories,
}

impl Reader<'_> {
    fn read(
        &mut self,
        provenance: Provenance,
        bytes: Vec<u8>,
        kind: Option<TokenKind>,
        judged: bool,
    ) {
        self.gathered.files += 1;
        let path = provenance.display_path();
        let base = provenance.base;
        let problem = |level, position, message, mend| Problem {
            level,
            class: ProblemClass::InventorySyntax,
            path: path.clone(),
            base,
            position,
            message,
            mend,
        };
        let added = self
            .table
            .borrow_mut()
            .add(self.detector, provenance, bytes);
        let source = match added {
            Ok(source) => source,
            Err(offset) => {
                let message = format!("byte {offset} is not UTF-8");
                let mend = Some("export the inventory as UTF-8".to_owned());
                self.gathered
                    .problems
                    .push(problem(ProblemLevel::Error, None, message, mend));
                return;
            }
        };
        if judged {
            self.gathered.in_scope.insert(source);
        }
        let table = self.table.borrow();
        let text = Arc::clone(&table.get(source).text);
        let inventory = read(&Input {
            source,
            path: &path,
            text: &text,
            kind,
        });
        self.gathered.facts.tokens.extend(inventory.tokens);
        self.gathered
            .facts
            .connections
            .extend(inventory.connections);
        let starts = inventory.problems.iter().map(|found| found.span.start);
        let positions = table.positions(starts.map(|start| (source, start)));
        self.gathered
            .problems
            .extend(inventory.problems.into_iter().map(|found| {
                let start = positions[&(source, found.span.start)];
                problem(found.level, Some(start), found.message, found.mend)
            }));
    }
}

/// The provenance of a file outside of every root: relative to the working directory, else the name
/// alone.
fn outside(given: &Path) -> Provenance {
    let real = std::fs::canonicalize(given).unwrap_or_else(|_| given.to_owned());
    let here = std::env::current_dir().and_then(std::fs::canonicalize).ok();
    if let Some(path) = here.and_then(|here| real.strip_prefix(here).ok().map(Path::to_owned)) {
        let path: Arc<str> = path.to_string_lossy().replace('\\', "/").into();
        return Provenance {
            path,
            ..Provenance::default()
        };
    }
    let name = given
        .file_name()
        .map_or_else(|| given.to_string_lossy(), |name| name.to_string_lossy());
    Provenance {
        path: name.into(),
        base: PathBase::Inventory,
        ..Provenance::default()
    }
}
