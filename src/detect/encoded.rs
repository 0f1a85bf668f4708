//! From a hit in an encoded text to the tokens in it: a stretch around the hit is decoded and looked at as
//! a text of its own.

use super::context::of_pair;
use super::encoding::{Decoded, Dense, Encoding, Escapes, Sign, Stretches, embedded};
use super::needles::Hit;
use super::{Detection, Detector, split};
use crate::model::{Charset, Span};
use crate::rules::Context;

/// How far before its mark the escapes of a routable token are looked for: they stand in its prefix.
const MARK_REACH: usize = 512;

/// The walk over one text.
#[derive(Debug)]
pub(super) struct Pass<'t> {
    pub(super) text: &'t [u8],
    /// How many encodings deep it still goes.
    depth: usize,
    charset: Charset,
    stretches: Stretches,
}

impl<'t> Pass<'t> {
    pub(super) fn new(text: &'t [u8], depth: usize, charset: Charset) -> Self {
        Self {
            text,
            depth,
            charset,
            stretches: Stretches::default(),
        }
    }
}

impl Detector {
    /// Adds the tokens in the encoded text that the needle at `hit` is a part of.
    pub(super) fn at_sign(
        &self,
        pass: &mut Pass<'_>,
        sign: &Sign,
        hit: Hit,
        detections: &mut Vec<Detection>,
    ) {
        if pass.depth == 0 {
            return;
        }
        match sign {
            Sign::Dense(clue) => {
                if let Some(group) = clue.group(pass.text, hit.start) {
                    self.at_group(pass, clue.dense, group, detections);
                }
            }
            Sign::Escapes(pair) => {
                if let Some(start) = pair.start(pass.text, hit.start) {
                    self.at_escape(pass, pair.family, start, detections);
                }
            }
            Sign::Utf16 => {
                if !pass.stretches.cover(Encoding::Utf16, false, hit.start) {
                    let decoded = embedded(pass.text, hit.start, pass.charset);
                    pass.stretches.add(&decoded, false, hit.start);
                    self.look_into(pass, &decoded, detections);
                }
            }
        }
    }

    /// Adds the tokens around the group of characters at `group`: in the lines of a folded text, else in
    /// the run of this line. That may begin with something else, of which the last character is a separator that
    /// base64 has too: whatever that decodes to, it ends in no character of a word.
    fn at_group(
        &self,
        pass: &mut Pass<'_>,
        dense: Dense,
        group: usize,
        detections: &mut Vec<Detection>,
    ) {
        let text = pass.text;
        for folds in [true, false] {
            if pass.stretches.cover(dense.encoding(), folds, group) {
                continue;
            }
            let known = detections.len();
            let (decoded, is_folded) = dense.read(text, group, folds);
            pass.stretches.add(&decoded, folds, group);
            self.look_into(pass, &decoded, detections);
            if detections.len() > known {
                return;
            }
            if !is_folded {
                break;
            }
        }
    }

    /// Adds the tokens of which characters are escaped, with the escape at `at` in or before one.
    fn at_escape(
        &self,
        pass: &mut Pass<'_>,
        family: Escapes,
        at: usize,
        detections: &mut Vec<Detection>,
    ) {
        if pass.stretches.cover(family.encoding(), false, at) {
            return;
        }
        let decoded = family.decode(pass.text, at);
        pass.stretches.add(&decoded, false, at);
        self.look_into(pass, &decoded, detections);
    }

    /// The token in base64 of a user and a password that begins at `value`.
    pub(super) fn at_basic(
        &self,
        pass: &Pass<'_>,
        value: usize,
        context: Context,
    ) -> Option<Detection> {
        if pass.depth == 0 {
            return None;
        }
        let decoded = Dense::Base64.read_from(pass.text, value);
        let password = of_pair(&decoded.text)?;
        let found = self.placed(&decoded.text, password, context)?;
        (!decoded.may_be_cut(found.span)).then(|| found.encoded(&decoded))
    }

    /// Adds the tokens that begin like the text at `start`, where the text then goes on escaped.
    pub(super) fn at_escaped_prefix(
        &self,
        pass: &mut Pass<'_>,
        start: usize,
        detections: &mut Vec<Detection>,
    ) {
        if pass.depth == 0 {
            return;
        }
        let mut end = start + split::part_length(&pass.text[start..]);
        // Behind the name of a parameter its value.
        if pass.text.get(end) == Some(&b'=') {
            end += 1 + split::part_length(&pass.text[end + 1..]);
        }
        let Some(family) = pass.text.get(end).and_then(|byte| Escapes::of(*byte)) else {
            return;
        };
        // An escaped quotation mark or line end ends a token.
        let goes_on = family.read(&pass.text[end..]).is_some_and(|(_, scalar)| {
            let goes_on = |byte| super::alphabet::is_word(byte) || b".=%\\&".contains(&byte);
            // The first byte of such a character.
            let is_first = family == Escapes::Percent && matches!(scalar, 0xC2 | 0xE2 | 0xEF);
            is_first || split::is_hidden(scalar) || u8::try_from(scalar).is_ok_and(goes_on)
        });
        if goes_on {
            self.at_escape(pass, family, end, detections);
        }
    }

    /// Adds the token with the mark at `stop`, of which characters before the mark are escaped.
    pub(super) fn at_escaped_mark(
        &self,
        pass: &mut Pass<'_>,
        stop: usize,
        detections: &mut Vec<Detection>,
    ) {
        if pass.depth == 0 {
            return;
        }
        let before = &pass.text[stop.saturating_sub(MARK_REACH)..stop];
        for family in [Escapes::Percent, Escapes::Backslash, Escapes::Html] {
            let is_escape = |at: &usize| family.read(&before[*at..]).is_some();
            if let Some(last) = memchr::memrchr_iter(family.introducer(), before).find(is_escape) {
                let at = stop - before.len() + last;
                self.at_escape(pass, family, at, detections);
            }
        }
    }

    /// Adds the tokens in a decoded stretch.
    fn look_into(&self, pass: &Pass<'_>, decoded: &Decoded, detections: &mut Vec<Detection>) {
        let mut inner = Vec::new();
        self.scan_text(&decoded.text, pass.depth - 1, &mut inner);
        detections.extend(
            inner
                .into_iter()
                .filter(|found| !decoded.may_be_cut(found.span) && decoded.is_encoded(found.span))
                .map(|found| found.encoded(decoded)),
        );
    }
}

impl Detection {
    /// The same token where it stands in the text that `decoded` was made of.
    pub(super) fn encoded(mut self, decoded: &Decoded) -> Self {
        let Span { start, end } = decoded.source(self.span);
        self.span = Span::new(start, end);
        self.public = 0;
        self.encodings.insert(0, decoded.encoding);
        self
    }
}
