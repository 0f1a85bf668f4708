//! `extends`: jobs laid on top of other jobs.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::report::short;
use super::value::{Data, Entry, Mapping, Place, Value};
use super::{Names, Resolver};
use crate::model::ProblemClass;

/// Levels of `extends` that GitLab follows: an entry with more than ten descendants may not extend
/// anything itself (gitlabhq/gitlabhq `lib/gitlab/ci/config/extendable/entry.rb`).
const MAX_LEVELS: usize = 11;

/// A configuration in which no `extends` is left.
pub(super) struct Extended {
    pub(super) config: Rc<Mapping>,
    /// Names that an `extends` holds.
    pub(super) bases: Names,
    /// Jobs that miss something of what they extend.
    pub(super) incomplete: Names,
}

/// How far the work on one entry is.
enum State {
    Open,
    Done(Done),
}

#[derive(Clone)]
struct Done {
    mapping: Rc<Mapping>,
    levels: usize,
    complete: bool,
}

/// An entry whose bases are being resolved.
struct Frame {
    name: Arc<str>,
    place: Place,
    own: Rc<Mapping>,
    bases: Vec<(Arc<str>, Place)>,
    next: usize,
    done: Done,
}

impl Resolver<'_> {
    /// Applies `extends` everywhere.
    pub(super) fn extend(&mut self, config: &Rc<Mapping>) -> Extended {
        let mut states = HashMap::new();
        let mut bases = HashSet::new();
        for entry in config.iter() {
            self.extend_entry(config, entry, &mut states, &mut bases);
        }
        let mut extended = Mapping::default();
        let mut incomplete = HashSet::new();
        for entry in config.iter() {
            let mut entry = entry.clone();
            if let Some(State::Done(done)) = states.get(&entry.key) {
                entry.value.data = Data::Mapping(Rc::clone(&done.mapping));
                if !done.complete {
                    incomplete.insert(Arc::clone(&entry.key));
                }
            }
            extended.insert(entry);
        }
        Extended {
            config: Rc::new(extended),
            bases,
            incomplete,
        }
    }

    /// Resolves one entry and, before it, everything it extends. The stack is explicit: a chain may be
    /// as long as the file.
    fn extend_entry(
        &mut self,
        config: &Rc<Mapping>,
        entry: &Entry,
        states: &mut HashMap<Arc<str>, State>,
        bases: &mut Names,
    ) {
        let mut stack = Vec::new();
        self.enter(entry, states, bases, &mut stack);
        while let Some(frame) = stack.last_mut() {
            let Some((base, place)) = frame.bases.get(frame.next).cloned() else {
                let frame = stack.pop().expect("it was the last one");
                let done = self.leave(&frame);
                states.insert(frame.name, State::Done(done));
                continue;
            };
            let found = config.entry(&base);
            match (states.get(&base), found) {
                (Some(State::Done(done)), _) => {
                    let done = done.clone();
                    frame.next += 1;
                    frame.done.levels = frame.done.levels.max(done.levels + 1);
                    frame.done.complete &= done.complete;
                    let below = Rc::clone(&frame.done.mapping);
                    frame.done.mapping = self.merge(&below, &done.mapping, place);
                }
                (Some(State::Open), _) => {
                    frame.next += 1;
                    frame.done.complete = false;
                    let message = format!(
                        "`{}` extends `{}` in a circle",
                        short(&frame.name),
                        short(&base)
                    );
                    self.report
                        .error(ProblemClass::CiResolution, self.files.site(place), message);
                }
                (None, Some(entry)) if entry.value.as_mapping().is_some() => {
                    self.enter(entry, states, bases, &mut stack);
                }
                (None, found) => {
                    frame.next += 1;
                    frame.done.complete = false;
                    let site = self.files.site(place);
                    match found {
                        None => {
                            let message = format!(
                                "`{}` extends `{}`, which does not exist",
                                short(&frame.name),
                                short(&base)
                            );
                            self.report.missing(site, message);
                        }
                        Some(entry) => {
                            let noun = entry.value.noun();
                            let message = format!(
                                "`{}` extends `{}`, which is {noun}",
                                short(&frame.name),
                                short(&base)
                            );
                            self.report.error(ProblemClass::CiResolution, site, message);
                        }
                    }
                }
            }
        }
    }

    fn enter(
        &mut self,
        entry: &Entry,
        states: &mut HashMap<Arc<str>, State>,
        bases: &mut Names,
        stack: &mut Vec<Frame>,
    ) {
        let Some(own) = entry.value.as_mapping() else {
            return;
        };
        if states.contains_key(&entry.key) {
            return;
        }
        let mut frame = Frame {
            name: Arc::clone(&entry.key),
            place: entry.key_place,
            own: Rc::clone(own),
            bases: Vec::new(),
            next: 0,
            done: Done {
                mapping: Rc::default(),
                levels: 0,
                complete: true,
            },
        };
        if let Some(extends) = own.get("extends") {
            for base in extends.as_list() {
                if let Some(name) = base.as_str() {
                    bases.insert(Arc::clone(name));
                    frame.bases.push((Arc::clone(name), base.place));
                } else {
                    frame.done.complete = false;
                    let message = format!("`extends` takes names, this is {}", base.noun());
                    self.report.error(
                        ProblemClass::CiResolution,
                        self.files.site(base.place),
                        message,
                    );
                }
            }
        }
        states.insert(Arc::clone(&entry.key), State::Open);
        stack.push(frame);
    }

    /// Lays an entry on top of its bases.
    fn leave(&mut self, frame: &Frame) -> Done {
        let mut done = frame.done.clone();
        if frame.own.get("extends").is_none() {
            done.mapping = Rc::clone(&frame.own);
            return done;
        }
        done.mapping = self.merge(&done.mapping, &frame.own.without("extends"), frame.place);
        if done.levels > MAX_LEVELS {
            let message = format!(
                "`{}` extends through more than {MAX_LEVELS} levels",
                short(&frame.name)
            );
            self.report.error(
                ProblemClass::CiResolution,
                self.files.site(frame.place),
                message,
            );
            done.complete = false;
        }
        done
    }
}

/// Whether this is something that could be extended or run.
pub(super) fn is_job(name: &str, value: &Value) -> bool {
    !super::is_global_keyword(name) && value.as_mapping().is_some()
}
