//! Names for everything a run reads: provenances of paths, and the table of structured files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::excerpt::Locator;
use crate::detect::{Detection, Detector, redact};
use crate::model::{
    Location, Origin, PathBase, Position, Positions, Provenance, Revision, Site, SourceId, Span,
};
use crate::source::git::Snapshot;
use crate::source::{FileError, Roots, read_within, yaml_paths};

/// The roots of a run, where their files are read from and what their paths are called in reports.
#[derive(Debug)]
pub(super) struct Scope<'g> {
    pub(super) roots: Roots,
    /// Masks the tokens in paths.
    pub(super) detector: &'g Detector,
    /// What stands in for the files of a root on disk, by root.
    pub(super) snapshots: BTreeMap<usize, (Snapshot<'g>, MakeOrigin)>,
}

/// Makes the origin of a file out of the id of its blob.
pub(super) type MakeOrigin = fn(Arc<Revision>) -> Origin;

impl Scope<'_> {
    /// A file of a root, as it lies on disk or in what stands in for it.
    pub(super) fn read(&self, root: usize, path: &str) -> Result<Vec<u8>, FileError> {
        match self.snapshots.get(&root) {
            Some((snapshot, _)) => snapshot.read(path),
            None => read_within(&self.roots.roots[root], path),
        }
    }

    /// The paths of a root that end in `.yml` or `.yaml`, sorted.
    pub(super) fn yaml_paths(&self, root: usize) -> Vec<Arc<str>> {
        match self.snapshots.get(&root) {
            Some((snapshot, _)) => snapshot.yaml_paths(),
            None => yaml_paths(&self.roots.roots[root]),
        }
    }

    /// The provenance of a file of a root that [`Scope::read`] gives.
    pub(super) fn provenance(&self, root: usize, path: &Arc<str>) -> Provenance {
        let origin = self.snapshots.get(&root).and_then(|(snapshot, origin)| {
            let object = snapshot.blob(path).ok()?.to_string().into();
            Some(origin(Arc::new(Revision {
                object,
                ..Revision::default()
            })))
        });
        Provenance {
            origin: origin.unwrap_or_default(),
            ..self.on_disk(root, path)
        }
    }

    /// The provenance of a file of a root as it lies on disk, with the tokens in its path masked.
    pub(super) fn on_disk(&self, root: usize, path: &Arc<str>) -> Provenance {
        Provenance {
            repository: self
                .roots
                .roots
                .get(root)
                .and_then(|root| root.label().cloned()),
            path: self.detector.masked(path).into(),
            base: PathBase::SourceRoot,
            origin: Origin::WorkTree,
            within: Vec::new(),
        }
    }
}

/// One CI file or inventory, with every token in it known.
#[derive(Debug)]
pub(super) struct Structured {
    pub(super) provenance: Provenance,
    /// The text as it lies on disk; it never leaves the engine.
    bytes: Vec<u8>,
    detections: Vec<Detection>,
    /// The text with every token masked, byte for byte: what `ci` and `inventory` read.
    pub(super) text: Arc<str>,
}

/// The structured files of a run, in the order in which they were first read.
#[derive(Debug, Default)]
pub(super) struct SourceTable {
    files: Vec<Structured>,
    ids: BTreeMap<Provenance, SourceId>,
}

impl SourceTable {
    /// The id of a file that was added before.
    pub(super) fn id(&self, provenance: &Provenance) -> Option<SourceId> {
        self.ids.get(provenance).copied()
    }

    /// Adds a file, with every token in it masked.
    ///
    /// # Errors
    ///
    /// The offset of the first byte that is no UTF-8.
    pub(super) fn add(
        &mut self,
        detector: &Detector,
        provenance: Provenance,
        bytes: Vec<u8>,
    ) -> Result<SourceId, usize> {
        let mut detections = Vec::new();
        detector.scan(&bytes, &mut detections);
        let text: Arc<str> = std::str::from_utf8(&redact(&bytes, &detections, b'x'))
            .map_err(|error| error.valid_up_to())?
            .into();
        let id = SourceId(u32::try_from(self.files.len()).expect("fewer than 2^32 files"));
        self.ids.insert(provenance.clone(), id);
        self.files.push(Structured {
            provenance,
            bytes,
            detections,
            text,
        });
        Ok(id)
    }

    /// The file with this id.
    pub(super) fn get(&self, id: SourceId) -> &Structured {
        &self.files[id.0 as usize]
    }

    /// The positions of `offsets`, each file walked once.
    pub(super) fn positions(
        &self,
        offsets: impl IntoIterator<Item = (SourceId, usize)>,
    ) -> BTreeMap<(SourceId, usize), Position> {
        let mut current: Option<(SourceId, Positions<'_>)> = None;
        let mut positions = BTreeMap::new();
        for (source, offset) in offsets.into_iter().collect::<BTreeSet<_>>() {
            let walked = match &mut current {
                Some((walked, positions)) if *walked == source => positions,
                _ => {
                    let start = Positions::new(&self.get(source).bytes);
                    &mut current.insert((source, start)).1
                }
            };
            positions.insert((source, offset), walked.at(offset));
        }
        positions
    }

    /// The paths of all files, as findings show them.
    pub(super) fn paths(&self) -> BTreeSet<(String, PathBase)> {
        self.files
            .iter()
            .map(|file| (file.provenance.display_path(), file.provenance.base))
            .collect()
    }

    /// The locations of `sites`, which come in ascending order, each file walked once.
    pub(super) fn locate_all<'s>(
        &self,
        sites: impl IntoIterator<Item = &'s Site>,
    ) -> BTreeMap<Site, Location> {
        let mut current: Option<(SourceId, Locator<'_>)> = None;
        let mut locations = BTreeMap::new();
        for site in sites {
            if current
                .as_ref()
                .is_none_or(|(source, _)| *source != site.source)
            {
                current = Some((site.source, self.locator(site.source)));
            }
            if let Some((_, locator)) = &mut current {
                locations.insert(site.clone(), self.place(locator, site));
            }
        }
        locations
    }

    fn locator(&self, source: SourceId) -> Locator<'_> {
        let file = self.get(source);
        Locator::new(&file.bytes, &file.detections)
    }

    fn place(&self, locator: &mut Locator<'_>, site: &Site) -> Location {
        let file = self.get(site.source);
        let end = site.span.end.min(file.bytes.len());
        let span = Span::new(site.span.start.min(end), end);
        let mut location = locator.locate(file.provenance.clone(), span);
        location.route.clone_from(&site.route);
        location
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_of_several_files_come_in_any_order() {
        let mut table = SourceTable::default();
        let mut add = |path: &str, text: &str| {
            let provenance = Provenance {
                path: path.into(),
                ..Provenance::default()
            };
            table
                .add(&Detector::new([]), provenance, text.into())
                .unwrap()
        };
        let (one, two) = (add("one", "a\nbc\n"), add("two", "\n\nd"));
        let asked = [(two, 2), (one, 3), (two, 0), (one, 0), (one, 3), (two, 99)];
        let positions = table.positions(asked);
        let at = |place| (positions[&place].line, positions[&place].column);
        assert_eq!(
            asked.map(at),
            [(3, 1), (2, 2), (1, 1), (1, 1), (2, 2), (3, 2)]
        );
    }
}
