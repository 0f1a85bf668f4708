//! Work that is done side by side.

use std::panic::resume_unwind;
use std::thread;

/// Does `work` with each of `parts` on a thread of its own, and gives the results in their order. A panic of one
/// of them goes on here.
pub(super) fn on_threads<P: Send, R: Send>(
    parts: impl IntoIterator<Item = P>,
    work: impl Fn(P) -> R + Sync,
) -> Vec<R> {
    let work = &work;
    thread::scope(|scope| {
        let parts = parts.into_iter();
        let threads: Vec<_> = parts.map(|part| scope.spawn(move || work(part))).collect();
        let results = threads.into_iter().map(thread::ScopedJoinHandle::join);
        results
            .map(|result| result.unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}
