//! Every form of every built-in detector behind each of its prefixes, and tokens of them.

use glpatrol::detect::specimen::{Modifier, Specimen, SplitMix64, make};
use glpatrol::model::{RuleId, TokenKind};
use glpatrol::rules::{Alphabet, Body, Context, Form, RuleBody, RuleSet, Segment};

use super::carriers::{ANY, BARE, Carrier, of_context};
use super::encodings::Planted;

/// The seed of the whole corpus.
const SEED: u64 = 20_261_126;

/// A form behind one prefix.
#[derive(Clone, Debug)]
pub(super) struct Sort {
    pub(super) rule: RuleId,
    kind: TokenKind,
    pub(super) form: Form,
    prefix: String,
}

impl Sort {
    /// Every form behind each of its prefixes, and those with a checksum behind others too.
    pub(super) fn all(rules: &RuleSet) -> Vec<Self> {
        let mut sorts = Vec::new();
        for rule in rules {
            let RuleBody::Detector(detector) = &rule.body else {
                continue;
            };
            for form in &detector.forms {
                let kind = *form.kinds.first().unwrap_or(&detector.kinds[0]);
                let mut prefixes = form.prefixes.clone();
                if prefixes.is_empty() {
                    prefixes.push(String::new());
                }
                if kind == TokenKind::PersonalAccessToken && form.body == Body::RoutableV1 {
                    prefixes.extend(["acme-", "Acme_Prod.", "ACME-glpat-", ""].map(str::to_owned));
                }
                sorts.extend(prefixes.into_iter().map(|prefix| Self {
                    rule: rule.id.clone(),
                    kind,
                    form: form.clone(),
                    prefix,
                }));
            }
        }
        sorts
    }

    /// Names it in messages and tables.
    pub(super) fn name(&self) -> String {
        let Self {
            kind, form, prefix, ..
        } = self;
        format!("{}/{}@{prefix}", kind.as_str(), form.name)
    }

    /// A token of this sort; another one for each `place`.
    pub(super) fn token(&self, place: &str) -> Specimen {
        let name = format!("{} {place}", self.name());
        let mut random = SplitMix64::named(SEED, &name);
        make(self.kind, &self.form, &self.prefix, None, &mut random).unwrap()
    }

    /// The token and what has to stand around it wherever it is found.
    pub(super) fn value(&self, place: &str) -> (Specimen, Planted) {
        let specimen = self.token(place);
        let planted = Planted {
            text: specimen.text.clone().into_bytes(),
            token: specimen.token.start..specimen.token.end,
        };
        let (before, after) = self.frame();
        (specimen, planted.between(before, after))
    }

    /// What has to stand around a token of this sort.
    fn frame(&self) -> (&'static str, &'static str) {
        if self.form.context == Some(Context::MailAddress) {
            ("incoming+acme-web-shop-20-", "-issue@incoming.git.example")
        } else if self.prefix == "feed_token=" {
            ("https://git.example/a/b.atom?", "&state=opened")
        } else if self.prefix == "_gitlab_session=" {
            ("sidebar=open; ", "; theme=dark")
        } else {
            ("", "")
        }
    }

    /// What has to stand around a token, with one that is spoilt; `None` where the form cannot be.
    pub(super) fn spoilt(&self, modifier: Modifier, random: &mut SplitMix64) -> Option<String> {
        let specimen = make(self.kind, &self.form, &self.prefix, Some(modifier), random).ok()?;
        let (before, after) = self.frame();
        Some(format!("{before}{}{after}", specimen.text))
    }

    /// Whether something has to stand around a token.
    pub(super) fn needs_frame(&self) -> bool {
        self.frame() != ("", "")
    }

    /// The prefix.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether a token that is cut short or runs on is of another length than any.
    pub(super) fn has_one_length(&self) -> bool {
        match &self.form.body {
            Body::Segments(segments) => {
                matches!(segments.last(), Some(Segment::Run { min, max, .. }) if min == max)
            }
            _ => true,
        }
    }

    /// The length of the body, where it is nothing but what `Devise.friendly_token` makes.
    pub(super) fn friendly_length(&self) -> Option<usize> {
        match &self.form.body {
            Body::Segments(segments) => match segments[..] {
                [
                    Segment::Run {
                        alphabet: Alphabet::Friendly,
                        min,
                        ..
                    },
                ] => Some(min),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a token may stand anywhere, with nothing but boundaries around it.
    pub(super) fn is_free(&self) -> bool {
        !self.form.context.is_some_and(Context::is_place)
    }

    /// The files that a token of this sort leaks in.
    pub(super) fn carriers(&self) -> Vec<Carrier> {
        match self.form.context {
            Some(context) => of_context(context).to_vec(),
            None if self.needs_frame() => ANY.to_vec(),
            None => [ANY, BARE].concat(),
        }
    }
}
