//! Where a report goes while it comes to be: its attempts in order, in batches that are prepared side by side.

use std::io;

use super::{Attempt, Report};

/// Takes a report piece by piece, so that it need not be held as a whole.
pub trait Sink {
    /// Attempts that stand together, prepared.
    type Batch: Send;

    /// Prepares attempts, which stand together in the report; several threads may be at it at once.
    fn prepare(attempts: Vec<Attempt>) -> Self::Batch;

    /// Takes the report's beginning: all captures, and no attempt yet.
    ///
    /// # Errors
    /// If it cannot be written.
    fn begin(&mut self, report: &Report) -> io::Result<()>;

    /// Takes a batch; they come in order.
    ///
    /// # Errors
    /// If it cannot be written.
    fn take(&mut self, batch: Self::Batch) -> io::Result<()>;

    /// Takes the report's end: the patterns and the summary.
    ///
    /// # Errors
    /// If it cannot be written.
    fn end(&mut self, report: &Report) -> io::Result<()>;
}

/// Holds a report's attempts.
impl Sink for Vec<Attempt> {
    type Batch = Vec<Attempt>;

    fn prepare(attempts: Vec<Attempt>) -> Vec<Attempt> {
        attempts
    }

    fn begin(&mut self, _: &Report) -> io::Result<()> {
        Ok(())
    }

    fn take(&mut self, mut batch: Vec<Attempt>) -> io::Result<()> {
        self.append(&mut batch);
        Ok(())
    }

    fn end(&mut self, _: &Report) -> io::Result<()> {
        Ok(())
    }
}
