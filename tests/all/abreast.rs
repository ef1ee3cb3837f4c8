//! Work on many things at a time, with the answers in the order of the questions.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// What `work` makes of each of `items`, on as many threads as there are processors.
pub(crate) fn abreast<T: Sync, A: Send>(items: &[T], work: impl Fn(&T) -> A + Sync) -> Vec<A> {
    let next = AtomicUsize::new(0);
    let labour = || {
        let mut answers = Vec::new();
        while let Some((index, item)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            items.get(index).map(|item| (index, item))
        } {
            answers.push((index, work(item)));
        }
        answers
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut answers: Vec<(usize, A)> = thread::scope(|scope| {
        let labourers: Vec<_> = (0..threads).map(|_| scope.spawn(labour)).collect();
        labourers.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, answer)| answer).collect()
}
