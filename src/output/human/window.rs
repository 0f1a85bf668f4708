//! The part of an excerpt that is drawn: as many lines and columns as there is room for.
//!
//! An excerpt is made without knowing who looks at it. Here it is made harmless for terminals and
//! cut to size around the highlight, which keeps pointing at the same characters.

use crate::model::{Excerpt, Span};
use crate::output::sanitize;

/// Lines that are drawn at most; an excerpt may hold a whole entry of an inventory.
const MAX_LINES: usize = 9;
/// Lines kept before the first highlighted one when an excerpt has too many.
const LINES_BEFORE: usize = 2;
/// Columns kept beside the highlight of a line that is cut.
const MARGIN: usize = 4;
const TAB: &str = "    ";

/// Harmless text of a limited size with a highlight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Lines that fit the width; they end in a line feed but for the last.
    pub(super) text: String,
    /// Line number of the first line.
    pub(super) first_line: u64,
    /// Bytes of `text`.
    pub(super) highlight: Span,
}

/// Row and column of a character in the grid.
#[derive(Clone, Copy, Default)]
struct Cell {
    row: usize,
    column: usize,
}

impl Window {
    /// The part of `excerpt` that fits into `width` columns; `cut` stands where a line goes on.
    pub(super) fn new(excerpt: &Excerpt, width: usize, cut: char) -> Self {
        let (mut rows, mut start, mut end) = grid(excerpt);
        if excerpt.skipped_columns > 0 {
            rows[0].insert(0, cut);
            start.column += usize::from(start.row == 0);
            end.column += usize::from(end.row == 0);
        }
        let top = if rows.len() > MAX_LINES {
            start.row.saturating_sub(LINES_BEFORE)
        } else {
            0
        };
        let bottom = (top + MAX_LINES).min(rows.len());
        let left_of_start = left(&rows[start.row], start, end, width);
        let mut window = Self {
            text: String::new(),
            first_line: excerpt.first_line + top as u64,
            highlight: Span::default(),
        };
        for (row, cells) in rows.iter().enumerate().take(bottom).skip(top) {
            if row > top {
                window.text.push('\n');
            }
            let left = if row == start.row { left_of_start } else { 0 };
            let right = (left + width).min(cells.len());
            for column in left..=right {
                let here = window.text.len();
                if row == start.row && column <= start.column {
                    window.highlight.start = here;
                }
                if row < end.row || (row == end.row && column <= end.column) {
                    window.highlight.end = here;
                }
                if column == right {
                    break;
                }
                let goes_on =
                    (column == left && left > 0) || (column + 1 == right && right < cells.len());
                window.text.push(if goes_on { cut } else { cells[column] });
            }
        }
        window.highlight.end = window.highlight.end.max(window.highlight.start);
        window
    }
}

/// The first column to draw of the row in which the highlight starts.
fn left(row: &[char], start: Cell, end: Cell, width: usize) -> usize {
    let last = if start.row == end.row {
        end.column
    } else {
        row.len()
    };
    if last <= width {
        0
    } else if last - start.column + 2 * MARGIN <= width {
        (last + MARGIN).min(row.len()) - width
    } else {
        start.column.saturating_sub(MARGIN)
    }
}

/// The excerpt as rows of harmless characters, and the highlight in them.
fn grid(excerpt: &Excerpt) -> (Vec<Vec<char>>, Cell, Cell) {
    // The mark is no character of the text and takes no column.
    let text = excerpt
        .text
        .strip_prefix('\u{feff}')
        .filter(|_| excerpt.first_line == 1);
    let dropped = if text.is_some() {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let text = text.unwrap_or(&excerpt.text);

    let mut rows = vec![Vec::new()];
    let mut start = None;
    let mut end = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let at = at + dropped;
        let here = here(&rows);
        if at >= excerpt.highlight.start {
            start.get_or_insert(here);
        }
        if at >= excerpt.highlight.end {
            end.get_or_insert(here);
        }
        let row = rows.last_mut().expect("there is always a row");
        match c {
            '\n' => rows.push(Vec::new()),
            '\r' if chars.peek().is_none_or(|(_, next)| *next == '\n') => {}
            '\t' => row.extend(TAB.chars()),
            c if sanitize::is_hazard(c) => row.extend(c.escape_unicode()),
            c => row.push(c),
        }
    }
    let last = here(&rows);
    let start = start.unwrap_or(last);
    (rows, start, end.unwrap_or(last))
}

fn here(rows: &[Vec<char>]) -> Cell {
    Cell {
        row: rows.len() - 1,
        column: rows.last().map_or(0, Vec::len),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn excerpt(text: &str, what: &str) -> Excerpt {
        let start = text.find(what).unwrap();
        Excerpt {
            text: text.to_owned(),
            first_line: 10,
            skipped_columns: 0,
            highlight: Span::new(start, start + what.len()),
        }
    }

    fn lit(window: &Window) -> &str {
        &window.text[window.highlight.start..window.highlight.end]
    }

    #[test]
    fn a_small_excerpt_stays_as_it_is() {
        let window = Window::new(&excerpt("one\ntwo\nthree", "two"), 80, '…');
        assert_eq!(window.text, "one\ntwo\nthree");
        assert_eq!(window.first_line, 10);
        assert_eq!(lit(&window), "two");
    }

    #[test]
    fn the_highlight_follows_characters_that_grow_or_go() {
        let window = Window::new(
            &excerpt("\t\u{1b}[1m\rx\r\nkey: v\u{202e}al\r", "v\u{202e}al"),
            80,
            '…',
        );
        assert_eq!(window.text, "    \\u{1b}[1m\\u{d}x\nkey: v\\u{202e}al");
        assert_eq!(lit(&window), "v\\u{202e}al");
    }

    #[test]
    fn a_byte_order_mark_is_not_shown() {
        let mut excerpt = excerpt("\u{feff}token: x", "token");
        excerpt.first_line = 1;
        let window = Window::new(&excerpt, 80, '…');
        assert_eq!(window.text, "token: x");
        assert_eq!(lit(&window), "token");
    }

    #[test]
    fn a_long_line_is_cut_on_both_sides_of_the_highlight() {
        let line = format!("{}SECRET{}", "a".repeat(200), "b".repeat(200));
        let window = Window::new(&excerpt(&line, "SECRET"), 40, '…');
        assert_eq!(window.text.chars().count(), 40);
        assert!(window.text.starts_with("…a") && window.text.ends_with("b…"));
        assert_eq!(lit(&window), "SECRET");
    }

    #[test]
    fn a_highlight_wider_than_the_window_is_cut() {
        let line = format!("k={}", "*".repeat(500));
        let window = Window::new(&excerpt(&line, &"*".repeat(500)), 40, '>');
        assert!(window.text.ends_with("*>"));
        assert!(lit(&window).len() > 20);
        assert_eq!(window.highlight.end, window.text.len());
    }

    #[test]
    fn lines_cut_before_show_it() {
        let mut cut = excerpt("tail SECRET", "SECRET");
        cut.skipped_columns = 7;
        let window = Window::new(&cut, 80, '…');
        assert_eq!(window.text, "…tail SECRET");
        assert_eq!(lit(&window), "SECRET");
    }

    #[test]
    fn many_lines_become_few_that_hold_the_start() {
        let text: Vec<_> = (0..100).map(|number| format!("line {number}")).collect();
        let window = Window::new(&excerpt(&text.join("\n"), "line 50"), 80, '…');
        assert_eq!(window.text.lines().count(), MAX_LINES);
        assert!(window.text.starts_with("line 48\n"));
        assert_eq!(window.first_line, 58);
        assert_eq!(lit(&window), "line 50");
    }

    #[test]
    fn a_highlight_over_lines_ends_on_its_last_one() {
        let window = Window::new(
            &excerpt("a: |\n  one\n  two\nb", "|\n  one\n  two"),
            80,
            '…',
        );
        assert_eq!(lit(&window), "|\n  one\n  two");
    }

    proptest! {
        #[test]
        fn any_excerpt_gives_harmless_lines_that_fit(
            text in "(\\PC|[\\t\\r\\n\u{1b}\u{202e}]){0,200}",
            start in 0usize..300,
            len in 0usize..300,
            skipped_columns in 0u64..3,
            width in 1usize..60,
        ) {
            let excerpt = Excerpt { text, first_line: 1, skipped_columns, highlight: Span::new(start, start + len) };
            let window = Window::new(&excerpt, width, '…');
            prop_assert!(window.text.lines().count() <= MAX_LINES);
            prop_assert!(window.text.lines().all(|line| line.chars().count() <= width));
            prop_assert!(!window.text.chars().any(sanitize::is_hazard));
            prop_assert!(window.text.get(window.highlight.start..window.highlight.end).is_some());
        }
    }
}
