//! Phase 2, inventories: reads the named and the discovered ones.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use super::scope::{Scope, SourceTable};
use crate::config::InventoryFile;
use crate::detect::Detector;
use crate::inventory::{Input, read};
use crate::model::{
    Facts, Origin, PathBase, Problem, ProblemClass, ProblemLevel, Provenance, TokenKind,
};
use crate::source::{SourceError, read_named};

/// What the inventories of a run say.
#[derive(Debug, Default)]
pub(super) struct Inventories {
    pub(super) facts: Facts,
    pub(super) problems: Vec<Problem>,
    pub(super) files: u64,
}

/// Reads `named` and then `discovered`, each file once.
///
/// # Errors
///
/// A named file that is absent or no regular file.
pub(super) fn inventories(
    scope: &Scope,
    table: &RefCell<SourceTable>,
    detector: &Detector,
    named: &[InventoryFile],
    discovered: &[(usize, Arc<str>)],
) -> Result<Inventories, SourceError> {
    let mut gathered = Inventories::default();
    let mut reader = Reader {
        table,
        detector,
        gathered: &mut gathered,
    };
    let mut seen = Vec::new();
    for file in named {
        let bytes = read_named(&file.path)?;
        let real = std::fs::canonicalize(&file.path).unwrap_or_else(|_| file.path.clone());
        if !seen.contains(&real) {
            let provenance = provenance(scope, &file.path, &real);
            seen.push(real);
            reader.read(provenance, bytes, file.kind);
        }
    }
    for (root, path) in discovered {
        let provenance = scope.provenance(*root, path);
        let file = scope.roots.roots[*root].dir().join(&**path);
        if seen.contains(&file) {
            continue;
        }
        match read_named(&file) {
            Ok(bytes) => reader.read(provenance, bytes, None),
            Err(error) => reader.gathered.problems.push(Problem {
                level: ProblemLevel::Error,
                class: ProblemClass::Unreadable,
                path: provenance.display_path(),
                base: provenance.base,
                position: None,
                message: error.to_string(),
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
    fn read(&mut self, provenance: Provenance, bytes: Vec<u8>, kind: Option<TokenKind>) {
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

/// Relative to a root that the file lies in, else to the working directory, else the name alone.
fn provenance(scope: &Scope, given: &Path, real: &Path) -> Provenance {
    if let Some((root, path)) = scope.roots.relative(real) {
        return scope.provenance(root, &path);
    }
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
        origin: Origin::WorkTree,
        ..Provenance::default()
    }
}
