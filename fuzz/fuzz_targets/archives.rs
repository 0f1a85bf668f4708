//! Any bytes as an archive: what is packed in them is told in order, within its limits, and a text is the
//! same whatever the size of its windows.

#![no_main]

use glpatrol::model::Window;
use glpatrol::source::{
    ArchiveLimits, Part, Text, TextProblem, TextReader, TextVisitor, WindowSize,
};
use libfuzzer_sys::fuzz_target;

const LIMITS: ArchiveLimits = ArchiveLimits {
    depth: 4,
    free_bytes: 1 << 20,
    ratio: 20,
    members: 200,
};

/// Keeps what it is given, and sees that it comes in order.
struct Keeper {
    /// Bytes that came of each text that is open.
    open: Vec<usize>,
    /// What was told, the bytes of the text itself apart.
    told: Vec<(usize, String)>,
    text: Vec<u8>,
    unpacked: usize,
    members: u64,
    is_damaged: bool,
}

impl TextVisitor for Keeper {
    fn window(&mut self, depth: usize, window: Window<'_>) {
        assert!(depth < self.open.len());
        let own = &window.bytes[window.own.start..window.own.end];
        assert_eq!(window.offset + window.own.start, self.open[depth]);
        self.open[depth] += own.len();
        if depth == 0 {
            self.text.extend_from_slice(own);
        } else {
            self.unpacked += own.len();
        }
    }

    fn enter(&mut self, part: Part<'_>) {
        self.open.push(0);
        assert!(self.open.len() <= LIMITS.depth + 1);
        self.members += 1;
        self.told.push((self.open.len(), format!("{part:?}")));
    }

    fn leave(&mut self) {
        assert!(self.open.pop().is_some() && !self.open.is_empty());
    }

    fn problem(&mut self, depth: usize, problem: TextProblem) {
        assert!(depth < self.open.len());
        assert!(!problem.message.is_empty());
        self.is_damaged = true;
    }
}

fn read(bytes: &[u8], windows: usize, text: Text<'_>) -> Keeper {
    let mut keeper = Keeper {
        open: vec![0],
        told: Vec::new(),
        text: Vec::new(),
        unpacked: 0,
        members: 0,
        is_damaged: false,
    };
    let size = WindowSize {
        bytes: windows,
        margin: 64,
    };
    TextReader::new(size, LIMITS).read(text, &mut keeper);
    assert_eq!(keeper.open.len(), 1);
    assert_eq!(keeper.text, bytes);
    // A stream is stopped at the end of a window, and what compresses twice is counted at both depths.
    let most = usize::try_from(LIMITS.free_bytes + LIMITS.ratio * bytes.len() as u64).unwrap();
    assert!(keeper.unpacked <= most + LIMITS.depth * windows.max(1 << 16));
    assert!(keeper.members <= LIMITS.members + LIMITS.depth as u64);
    keeper
}

fuzz_target!(|bytes: &[u8]| {
    let large = read(bytes, 4 << 20, Text::Whole(bytes));
    let small = read(bytes, 4096, Text::Whole(bytes));
    // Where the damage is met depends on how much is asked for at once.
    if !large.is_damaged && !small.is_damaged {
        assert_eq!(large.told, small.told);
    }
    read(bytes, 4096, Text::Stream(&mut &bytes[..]));
});
