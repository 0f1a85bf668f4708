//! The object database: packs and loose objects of a repository and of what it borrows from.

use std::io;
use std::path::{Path, PathBuf};

use gix_hash::{Kind as Format, ObjectId, oid};
use gix_object::Kind;

use super::buffer::Buffer;
use super::files::list;
use super::pack::Pack;
use super::pack_index::MultiIndex;
use super::{Defect, Repository, loose};
use crate::model::ProblemClass;

/// The most bytes of an object that is decoded. Git itself keeps files above this size whole
/// (`core.bigFileThreshold`) and never as deltas.
pub const MAX_OBJECT: u64 = 512 << 20;

/// How many objects are looked for at a time where there are many.
pub(super) const AHEAD: usize = 64;

/// Why an object that is there cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// It has more than [`MAX_OBJECT`] bytes, or says so.
    #[error("it has {size} bytes, more than are read of one object")]
    TooBig {
        /// What its header says.
        size: u64,
    },
    /// Damaged, or made to do damage.
    #[error("{0}")]
    Corrupt(&'static str),
    /// What the system says.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// What decoding needs from one object to the next: an inflater and buffers that are kept. One for
/// each thread.
#[derive(Default)]
pub struct Decoder {
    pub(super) inflate: gix_zlib::Inflate,
    pub(super) inflated: Buffer,
    pub(super) result: Buffer,
    pub(super) object: Buffer,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}

/// An object, in the buffer of the [`Decoder`] that it was decoded with.
#[derive(Clone, Copy, Debug)]
pub struct Object<'d> {
    /// Commit, tree, blob or tag.
    pub kind: Kind,
    /// Its content, without header.
    pub bytes: &'d [u8],
}

/// All objects that can be found by their ids; may be shared between threads.
#[derive(Debug)]
pub struct Objects {
    pub(super) format: Format,
    /// In the order in which objects are looked for.
    pub(super) packs: Vec<Pack>,
    /// Object folders, for loose objects.
    pub(super) folders: Vec<PathBuf>,
}

impl Objects {
    /// Opens all packs of `repository`; one that cannot be opened is a defect.
    pub(super) fn open(repository: &Repository, defects: &mut Vec<Defect>) -> Self {
        let format = repository.format();
        let mut packs = Vec::new();
        for folder in repository.object_folders() {
            let mut defect = |path: &Path, message: String| {
                defects.push(Defect {
                    class: ProblemClass::Pack,
                    path: repository.shown(path),
                    message,
                    mend: Some("`git fsck` says more; fetch the objects again"),
                });
            };
            let dir = folder.join("pack");
            let files = match list(&dir) {
                Ok(files) => files,
                Err(error) => {
                    defect(&dir, format!("not read: {error}"));
                    continue;
                }
            };
            let mut shared = None;
            for file in &files {
                match file.extension().and_then(|end| end.to_str()) {
                    Some("idx") => match Pack::open(file, format) {
                        Ok(pack) => packs.push(pack),
                        Err(message) => defect(&file.with_extension("pack"), message),
                    },
                    Some("pack") if files.binary_search(&file.with_extension("idx")).is_err() => {
                        let shared = shared.get_or_insert_with(|| MultiIndex::open(&dir, format));
                        match Pack::open_by(file, shared.as_ref(), format) {
                            Ok(pack) => packs.push(pack),
                            Err(message) => defect(file, message),
                        }
                    }
                    _ => {}
                }
            }
        }
        Self {
            format,
            packs,
            folders: repository.object_folders().to_vec(),
        }
    }

    /// The hash that names objects.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Reads what is needed to look for each of `ids`, of which there are up to [`AHEAD`], where they can lie in one
    /// pack alone. All at once they are waited for hardly longer than one is.
    pub(super) fn read_ahead(&self, ids: &[ObjectId]) {
        if let [pack] = self.packs.as_slice() {
            pack.index.read_ahead(ids);
        }
    }

    /// Whether there is an object of this id, whatever its state.
    pub fn contains(&self, id: &oid) -> bool {
        self.packs.iter().any(|pack| pack.contains(id))
            || self
                .folders
                .iter()
                .any(|folder| loose::path(folder, id).is_file())
    }

    /// The ids of all objects that begin with `digits`, in order.
    pub(super) fn with_prefix(&self, digits: &str) -> Vec<ObjectId> {
        let mut ids = Vec::new();
        for pack in &self.packs {
            pack.with_prefix(digits, &mut ids);
        }
        for folder in &self.folders {
            let (first, rest) = digits.split_at(2);
            let files = list(&folder.join(first)).unwrap_or_default();
            let names = files.iter().filter_map(|file| file.file_name()?.to_str());
            let found = names.filter(|name| name.starts_with(rest));
            ids.extend(
                found.filter_map(|name| {
                    ObjectId::from_hex(format!("{first}{name}").as_bytes()).ok()
                }),
            );
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The object `id`, `None` where there is none. Where one copy is damaged the others are tried.
    ///
    /// # Errors
    ///
    /// What is wrong with the last copy, if none can be read.
    pub fn find<'d>(
        &self,
        id: &oid,
        decoder: &'d mut Decoder,
    ) -> Result<Option<Object<'d>>, ObjectError> {
        let mut failure = None;
        let mut found = None;
        for pack in &self.packs {
            match pack.find(id, decoder) {
                Ok(None) => continue,
                Ok(kind) => found = kind,
                Err(error) => failure = Some(error),
            }
            if found.is_some() {
                break;
            }
        }
        if found.is_none() {
            for folder in &self.folders {
                match loose::find(folder, id, decoder) {
                    Ok(None) => continue,
                    Ok(kind) => found = kind,
                    Err(error) => failure = Some(error),
                }
                if found.is_some() {
                    break;
                }
            }
        }
        match (found, failure) {
            (Some(kind), _) => Ok(Some(Object {
                kind,
                bytes: &decoder.object,
            })),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(None),
        }
    }
}
