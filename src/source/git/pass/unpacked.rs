//! The loose objects of one folder.

use std::path::{Path, PathBuf};
use std::{fs, io};

use gix_hash::{ObjectId, oid};
use gix_object::Kind;

use super::{ObjectVisitor, Portions, Selection, Tally};
use crate::source::git::files::list;
use crate::source::git::loose;
use crate::source::git::objects::{Decoder, Objects};

/// Loose objects of one folder to be read.
pub(super) struct LooseWork<'p> {
    pub(super) folder: &'p Path,
    pub(super) ids: Vec<ObjectId>,
    pub(super) objects: &'p Objects,
    pub(super) selection: Selection<'p>,
    /// See [`Part::whole`](super::Part::whole).
    pub(super) whole: bool,
    pub(super) portions: Portions,
}

impl LooseWork<'_> {
    pub(super) fn run<V: ObjectVisitor>(&self, visitor: &mut V, tally: &mut Tally) {
        let mut decoder = Decoder::default();
        while let Some(portion) = self.portions.take() {
            for id in &self.ids[portion] {
                if self.selection.takes(id) {
                    self.object(id, &mut decoder, visitor, tally);
                }
            }
        }
    }

    fn object<V: ObjectVisitor>(
        &self,
        id: &oid,
        decoder: &mut Decoder,
        visitor: &mut V,
        tally: &mut Tally,
    ) {
        // Another copy may be whole where this one is not.
        let mut is_own = true;
        let found = match loose::find(self.folder, id, decoder) {
            Err(error) => match self.objects.find(id, decoder) {
                Ok(Some(object)) => {
                    is_own = false;
                    Ok(Some(object.kind))
                }
                _ => Err(error),
            },
            found => found,
        };
        match found {
            Ok(Some(kind)) if self.selection.kinds.contains(&kind) => {
                tally.objects += 1;
                tally.bytes += decoder.object.len() as u64;
                // Commits and tags are small, and the graph needs them.
                if self.whole && is_own && matches!(kind, Kind::Blob | Kind::Tree) {
                    let hashed = gix_object::compute_hash(id.kind(), kind, &decoder.object);
                    if hashed.is_ok_and(|hashed| *hashed == *id) {
                        let size = decoder.object.len() as u64;
                        tally.loose.push((id.to_owned(), size));
                    }
                }
                let trace = visitor.trace(kind, &decoder.object, None);
                visitor.visit(kind, id, &decoder.object, &trace);
            }
            Ok(_) => {}
            Err(error) => tally.broken.push((id.to_owned(), error.to_string())),
        }
    }
}

/// The ids of the loose objects below `folder` that no pack and no folder before it has, in order.
/// Other files are passed over: Git itself leaves temporary ones behind.
pub(in crate::source::git) fn loose_ids(
    folder: &Path,
    objects: &Objects,
) -> io::Result<Vec<ObjectId>> {
    let earlier: Vec<_> = objects
        .folders
        .iter()
        .take_while(|other| *other != folder)
        .collect();
    let mut ids = Vec::new();
    for sub in list(folder)? {
        let Some(first) = hex_name(&sub, 2) else {
            continue;
        };
        for file in list(&sub)? {
            let Some(rest) = hex_name(&file, objects.format.len_in_hex() - 2) else {
                continue;
            };
            let Ok(id) = ObjectId::from_hex(format!("{first}{rest}").as_bytes()) else {
                continue;
            };
            let is_packed = objects.packs.iter().any(|pack| pack.contains(&id));
            let is_known = |folder: &&PathBuf| {
                fs::metadata(loose::path(folder, &id)).is_ok_and(|file| file.is_file())
            };
            if !is_packed && !earlier.iter().any(is_known) {
                ids.push(id);
            }
        }
    }
    Ok(ids)
}

fn hex_name(path: &Path, length: usize) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    let is_hex = name
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (name.len() == length && is_hex).then_some(name)
}
