//! A line on standard error that tells how far a run has come.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use glpatrol::engine::Progress;
use indicatif::{HumanBytes, HumanCount, ProgressBar};

/// Short runs end before anything is drawn.
const FIRST_DRAW: Duration = Duration::from_millis(300);
const REDRAW: Duration = Duration::from_millis(100);

/// Runs `work`, and shows its progress meanwhile if `shown`.
pub(crate) fn with_progress<T>(shown: bool, work: impl FnOnce(&Progress) -> T) -> T {
    let progress = Progress::default();
    if !shown {
        return work(&progress);
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let painter = scope.spawn(|| paint(&progress, &done));
        let result = work(&progress);
        done.store(true, Ordering::Release);
        painter.thread().unpark();
        result
    })
}

fn paint(progress: &Progress, done: &AtomicBool) {
    thread::park_timeout(FIRST_DRAW);
    if done.load(Ordering::Acquire) {
        return;
    }
    let spinner = ProgressBar::new_spinner();
    while !done.load(Ordering::Acquire) {
        let files = HumanCount(progress.files.load(Ordering::Relaxed));
        let bytes = HumanBytes(progress.bytes.load(Ordering::Relaxed));
        let done = HumanCount(progress.repositories.load(Ordering::Relaxed));
        let message = match progress.of_repositories.load(Ordering::Relaxed) {
            0 => format!("{files} files, {bytes} searched"),
            all => {
                let all = HumanCount(all);
                format!("{done} of {all} repositories, {files} files, {bytes} searched")
            }
        };
        spinner.set_message(message);
        spinner.tick();
        thread::park_timeout(REDRAW);
    }
    spinner.finish_and_clear();
}
