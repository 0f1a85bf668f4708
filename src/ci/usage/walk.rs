//! Goes through the shells of a job, command by command, and records what each does.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use super::environment::{BlockEnd, Environment, Value};
use super::git::{self, GitState};
use super::powershell::{self, CmdletCall};
use super::request::{Request, is_gitlab_header, userinfo};
use super::text::{Text, View};
use super::{Draft, Place, clients, dump, registry, url};
use crate::ci::job::{Job, Phase, ScriptItem};
use crate::ci::shell::{AssignedValue, Block, Command, Invocation, Item, Script, Word, lex};
use crate::model::{
    Confidence, Credential, Disclosure, DisclosureKind, Facts, Mechanism, Operation, Site, Span,
    TokenUse, Transport,
};

/// How deep functions may call each other; deeper ones are read on their own.
const MAX_CALLS: usize = 8;

/// A script item with its commands.
struct Unit<'j> {
    item: &'j ScriptItem,
    script: Script,
}

/// The body of a function, met but perhaps not called yet.
struct Function {
    unit: usize,
    body: Range<usize>,
    read: bool,
}

pub(super) struct Walk<'j, 'f> {
    pub(super) job: &'j Job,
    pub(super) facts: &'f mut Facts,
    pub(super) environment: Environment<'j>,
    git: GitState,
    functions: BTreeMap<Box<str>, Function>,
    /// Headers of `PowerShell` tables, by variable.
    pub(super) tables: BTreeMap<Box<str>, Vec<Text>>,
    calls: usize,
}

impl<'j, 'f> Walk<'j, 'f> {
    pub(super) fn new(job: &'j Job, facts: &'f mut Facts) -> Self {
        Self {
            job,
            facts,
            environment: Environment::new(job),
            git: GitState::default(),
            functions: BTreeMap::new(),
            tables: BTreeMap::new(),
            calls: 0,
        }
    }

    pub(super) fn run(mut self) {
        self.job_variables();
        for phase in [Phase::PreGetSources, Phase::Main, Phase::After] {
            self.shell(phase);
        }
    }

    fn shell(&mut self, phase: Phase) {
        self.environment.reset();
        self.functions.clear();
        self.tables.clear();
        let units: Vec<Unit<'j>> = self
            .job
            .scripts
            .iter()
            .filter(|item| item.phase == phase)
            .map(|item| Unit {
                item,
                script: lex(&item.text),
            })
            .collect();
        let units: Rc<[Unit<'j>]> = units.into();
        for (index, unit) in units.iter().enumerate() {
            self.items(&units, index, 0..unit.script.items.len());
        }
        // Functions that nothing here calls may be called by what the job sources.
        loop {
            let unread: Vec<Box<str>> = self
                .functions
                .iter()
                .filter(|(_, function)| !function.read)
                .map(|(name, _)| name.clone())
                .collect();
            if unread.is_empty() {
                break;
            }
            for name in unread {
                self.call(&units, &name);
            }
        }
    }

    fn items(&mut self, units: &Rc<[Unit<'j>]>, unit: usize, range: Range<usize>) {
        let items = &units[unit].script.items;
        let mut index = range.start;
        while index < range.end {
            match &items[index] {
                Item::Open(Block::Function(name)) => {
                    let end = matching_close(items, index, range.end);
                    let function = Function {
                        unit,
                        body: index + 1..end,
                        read: false,
                    };
                    // One of two branches may define it: what the other one does counts as well.
                    self.call(units, name);
                    self.functions.insert(name.clone(), function);
                    index = end;
                }
                Item::Open(block) => self.environment.enter(match block {
                    Block::Subshell => BlockEnd::Forget,
                    Block::Conditional => BlockEnd::Doubt,
                    Block::Group | Block::Function(_) => BlockEnd::Keep,
                }),
                Item::Alternative => self.environment.alternative(),
                Item::Close => self.environment.leave(),
                Item::Command(command) => self.command(units, unit, index, command),
            }
            index += 1;
        }
    }

    /// Reads the body of a function once, where it is called first.
    fn call(&mut self, units: &Rc<[Unit<'j>]>, name: &str) -> bool {
        if self.calls >= MAX_CALLS {
            return false;
        }
        let Some(function) = self.functions.get_mut(name) else {
            return false;
        };
        if std::mem::replace(&mut function.read, true) {
            return true;
        }
        let (unit, body) = (function.unit, function.body.clone());
        self.calls += 1;
        self.items(units, unit, body);
        self.calls -= 1;
        true
    }

    fn command(&mut self, units: &Rc<[Unit<'j>]>, unit: usize, at: usize, command: &Command) {
        let Unit { item, script } = &units[unit];
        let invocation = Invocation::of(command);
        let environment = invocation.map_or(&[][..], |invocation| invocation.environment);
        // `A=b command` and `env A=b command` set it for that command alone.
        let prefixes = !environment.is_empty()
            || !(command.words.is_empty() || command.assignments.is_empty());
        if prefixes {
            self.environment.enter(BlockEnd::Forget);
        }
        for assignment in &command.assignments {
            let alone = !prefixes && command.assignments.len() == 1;
            let entry = if alone { command.span } else { assignment.span };
            let name = &*assignment.name;
            let before = assignment.appends.then(|| self.environment.lookup(name));
            match &assignment.value {
                AssignedValue::Word(word) => self.assign(name, word, entry, item, script),
                AssignedValue::List(words) => {
                    let elements = self.environment.expand_all(words, script);
                    self.environment.set(name, Value::List(elements.into()));
                }
                AssignedValue::Unknown => self.environment.set(name, Value::Computed(None)),
            }
            if let Some(before) = before {
                self.environment.prepend(name, before);
            }
        }
        for word in environment {
            if let Some((name, value)) = word.split_assignment() {
                self.assign(name, &value, word.span, item, script);
            }
        }
        if !self.powershell_assignment(command, item, script)
            && let Some(invocation) = invocation
        {
            self.invocation(units, unit, at, command, &invocation);
        }
        if prefixes {
            self.environment.leave();
        }
    }

    fn invocation(
        &mut self,
        units: &Rc<[Unit<'j>]>,
        unit: usize,
        at: usize,
        command: &Command,
        invocation: &Invocation<'_>,
    ) {
        let Unit { item, script } = &units[unit];
        if let Some(shown) = dump::environment(invocation) {
            let disclosure = Disclosure {
                kind: DisclosureKind::Environment(shown.into()),
                sink: dump::sink(script, at),
                job: Some(Arc::clone(&self.job.name)),
                site: item.site(words_span(command)),
                confidence: self.confidence(false),
            };
            self.facts.disclosures.push(disclosure);
            return;
        }
        // The name may come from a variable: `CURL="curl -sS"`, `$CURL …`.
        let mut texts = self
            .environment
            .expand_all(std::slice::from_ref(invocation.program), script);
        if texts.is_empty() {
            return;
        }
        let program = texts.remove(0);
        let Some(name) = program.view().literal() else {
            texts.extend(self.environment.expand_all(invocation.arguments, script));
            self.unknown_program(item, &texts, true);
            return;
        };
        let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let name = name.strip_suffix(".exe").unwrap_or(name);
        if self.call(units, name) {
            texts.extend(self.environment.expand_all(invocation.arguments, script));
            self.unknown_program(item, &texts, true);
            return;
        }
        match name {
            "export" | "declare" | "local" | "readonly" | "typeset" => {
                let alone = invocation.arguments.len() == 1;
                for word in invocation.arguments {
                    if let Some((name, value)) = word.split_assignment() {
                        let entry = if alone { command.span } else { word.span };
                        self.assign(name, &value, entry, item, script);
                    }
                }
                return;
            }
            "unset" | "read" | "mapfile" | "readarray" => {
                for word in invocation.arguments {
                    if let Some(name) = word.literal().filter(|name| !name.starts_with('-')) {
                        self.environment.set(&name, Value::Computed(None));
                    }
                }
                return;
            }
            _ if powershell::is_request(name) => {
                self.cmdlet(invocation.arguments, item, script);
                return;
            }
            _ => {}
        }
        texts.extend(self.environment.expand_all(invocation.arguments, script));
        let mut drafts = Vec::new();
        match name {
            "curl" => {
                let stdin = self.standard_input(command, script);
                let mut request = clients::curl(&texts);
                // `curl --header @-` takes its headers from standard input.
                if request
                    .headers
                    .iter()
                    .any(|word| word.literal() == Some("@-"))
                {
                    request.headers.extend(stdin.as_ref().map(Text::view));
                }
                request.uses(&mut drafts);
            }
            "wget" => clients::wget(&texts).uses(&mut drafts),
            "http" | "https" | "xh" => clients::httpie(&texts).uses(&mut drafts),
            "git" => {
                self.git(item, &texts);
                return;
            }
            _ if registry::is_tool(name) => {
                let stdin = self.standard_input(command, script);
                match registry::login(name, &texts, stdin.as_ref()) {
                    Some(draft) => drafts.push(draft),
                    None => self.unknown_program(item, &texts, registry::runs_another(&texts)),
                }
            }
            _ => {
                let sends = !matches!(
                    name,
                    "echo" | "printf" | "grep" | "sed" | "awk" | "[" | "[[" | "test" | "cat"
                );
                self.unknown_program(item, &texts, sends);
            }
        }
        self.record(item, drafts);
    }

    /// A command that no model fits: a function around curl, a package tool with an index URL, a program
    /// that runs another.
    fn unknown_program(&mut self, item: &ScriptItem, texts: &[Text], sends: bool) {
        let mut drafts = Vec::new();
        if sends && texts.iter().any(is_gitlab_header) {
            clients::unknown(texts).uses(&mut drafts);
        } else if sends && let Some(login) = registry::login_behind(texts) {
            drafts.push(login);
        } else {
            for text in texts {
                let Some(url) = embedded_url(text) else {
                    continue;
                };
                if sends {
                    drafts.extend(query_credentials(url));
                }
                let user = url::parse(url).and_then(|url| userinfo(&url));
                drafts.extend(user.filter(|draft| draft.credential != Credential::Literal));
            }
        }
        self.record(item, drafts);
    }

    fn git(&mut self, item: &ScriptItem, texts: &[Text]) {
        let mut call = git::git(texts);
        if let Some((place, by)) = call.switches_off {
            let place = match place {
                Place::Here(span) => Place::There(item.site(span)),
                there @ Place::There(_) => there,
            };
            self.git.unverified = Some((place, by));
        }
        let unverified = self
            .switched_by("GIT_SSL_NO_VERIFY", |value| {
                !matches!(value, "" | "0" | "false")
            })
            .or_else(|| self.git.unverified.clone());
        for draft in &mut call.drafts {
            draft.unverified = draft.unverified.take().or_else(|| unverified.clone());
        }
        let first = self.facts.uses.len();
        self.record(item, call.drafts);
        let added: Vec<usize> = (first..self.facts.uses.len()).collect();
        if let Some(name) = call.sets_remote {
            self.git.set_remote(name, added);
        }
        if let Some(name) = call.pushes_to {
            for index in self.git.take_remote(&name) {
                self.push_through(index);
            }
        }
    }

    /// A push through a remote writes with the credential in the remote's URL.
    fn push_through(&mut self, index: usize) {
        let Some(known) = self.facts.uses.get_mut(index) else {
            return;
        };
        match known.operation {
            Operation::GitRemote => known.operation = Operation::GitWrite,
            // Cloned, and then pushed from, as it seems: the folder is not followed.
            Operation::GitRead => {
                let mut pushed = known.clone();
                pushed.operation = Operation::GitWrite;
                pushed.confidence = lowered(pushed.confidence);
                self.facts.uses.push(pushed);
            }
            _ => {}
        }
    }

    pub(super) fn cmdlet(&mut self, words: &[Word], item: &ScriptItem, script: &Script) {
        let tables = std::mem::take(&mut self.tables);
        let known = |name: &str| tables.get(name).cloned().unwrap_or_default();
        let call = CmdletCall::read(words, script, &mut self.environment, &known);
        self.tables = tables;
        let mut drafts = Vec::new();
        call.request().uses(&mut drafts);
        self.record(item, drafts);
    }

    /// The text that comes on standard input, where a command says it in so many words.
    fn standard_input(&mut self, command: &Command, script: &Script) -> Option<Text> {
        if let Some(here) = command.here.first() {
            return Some(self.environment.expand(here, script));
        }
        let Item::Command(feeder) = script.items.get(command.fed_by?)? else {
            return None;
        };
        if let Some(here) = feeder.here.first() {
            return Some(self.environment.expand(here, script));
        }
        let invocation = Invocation::of(feeder)?;
        if !matches!(
            invocation.name()?.as_str(),
            "echo" | "printf" | "write-output"
        ) {
            return None;
        }
        let mut texts = self.environment.expand_all(invocation.arguments, script);
        let varies = texts
            .iter()
            .position(|text| text.view().literal().is_none());
        let chosen = varies.or_else(|| texts.len().checked_sub(1))?;
        Some(texts.swap_remove(chosen))
    }

    pub(super) fn record(&mut self, item: &ScriptItem, drafts: Vec<Draft>) {
        for draft in drafts {
            let use_ = self.token_use(draft, &|span| item.site(span));
            self.facts.uses.push(use_);
        }
    }

    pub(super) fn token_use(&self, draft: Draft, site: &dyn Fn(Span) -> Site) -> TokenUse {
        let (unverified, unverified_by) = match draft.unverified {
            Some((Place::Here(span), by)) => (Some(site(span)), Some(by)),
            Some((Place::There(place), by)) => (Some(place), Some(by)),
            None => (None, None),
        };
        let mut confidence = self.confidence(draft.doubtful);
        if draft.credential == Credential::Opaque && self.job.incomplete {
            confidence = Confidence::Low;
        }
        TokenUse {
            credential: draft.credential,
            mechanism: draft.mechanism,
            operation: draft.operation,
            host: draft.host,
            transport: Transport {
                cleartext: draft.cleartext,
                unverified,
                unverified_by,
            },
            job: Some(Arc::clone(&self.job.name)),
            site: site(draft.span),
            url: draft.url.map(site),
            confidence,
        }
    }

    fn confidence(&self, doubtful: bool) -> Confidence {
        match (self.job.incomplete, doubtful) {
            (false, false) => Confidence::High,
            (true, true) => Confidence::Low,
            _ => Confidence::Medium,
        }
    }
}

const fn lowered(confidence: Confidence) -> Confidence {
    match confidence {
        Confidence::High => Confidence::Medium,
        Confidence::Medium | Confidence::Low => Confidence::Low,
    }
}

/// A URL somewhere in a word: `--index-url=https://user:$TOKEN@host/simple`.
fn embedded_url(text: &Text) -> Option<View<'_>> {
    let whole = text.view();
    let start = match whole.find("://") {
        Some(colon) => {
            let before = whole.before(colon).as_str();
            let scheme = before.bytes().rev().take_while(u8::is_ascii_alphabetic);
            before.len() - scheme.count()
        }
        // `$CI_API_V4_URL/…?…`; without a query it may be `$USER@$HOST` and anything else.
        None if whole.as_str().starts_with('$') && whole.find("?").is_some() => 0,
        None => return None,
    };
    let rest = whole.after(start);
    let end = [" ", "\n", "\t", "\"", "'", "<", ">", ","]
        .iter()
        .filter_map(|stop| rest.find(stop))
        .min();
    Some(rest.before(end.unwrap_or(rest.len())))
}

/// What a URL carries behind its `?`, sent by a program that is not known.
fn query_credentials(url: View<'_>) -> impl Iterator<Item = Draft> {
    let request = Request {
        urls: vec![url],
        doubtful: true,
        ..Request::default()
    };
    let mut drafts = Vec::new();
    request.uses(&mut drafts);
    drafts.into_iter().filter(|draft| {
        matches!(draft.mechanism, Mechanism::QueryParameter(_))
            && draft.credential != Credential::Literal
    })
}

fn words_span(command: &Command) -> Span {
    match (command.words.first(), command.words.last()) {
        (Some(first), Some(last)) => Span::new(first.span.start, last.span.end),
        _ => command.span,
    }
}

/// The index of the `Close` that belongs to the `Open` at `open`.
fn matching_close(items: &[Item], open: usize, end: usize) -> usize {
    let mut depth = 0_usize;
    for (index, item) in items.iter().enumerate().take(end).skip(open) {
        match item {
            Item::Open(_) => depth += 1,
            Item::Close => {
                depth -= 1;
                if depth == 0 {
                    return index;
                }
            }
            Item::Command(_) | Item::Alternative => {}
        }
    }
    end
}
