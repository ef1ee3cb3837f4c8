//! How far the reading has come, for whoever waits at a terminal.

use std::{
    io::{IsTerminal, stderr},
    sync::OnceLock,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Work that takes no longer is done in silence.
const PATIENCE: Duration = Duration::from_secs(1);

/// A bar on standard error that goes away when dropped.
pub(super) struct Progress {
    start: Instant,
    bar: OnceLock<ProgressBar>,
}

impl Progress {
    /// A bar that appears if the work turns out to take time; `None` if nobody would see it.
    pub(super) fn new() -> Option<Self> {
        stderr().is_terminal().then(|| Progress {
            start: Instant::now(),
            bar: OnceLock::new(),
        })
    }

    /// So many octets were read, of so many if that is known.
    pub(super) fn show(&self, read: u64, of: Option<u64>) {
        let taken = self.start.elapsed();
        if taken >= PATIENCE {
            self.bar.get_or_init(|| bar(of).with_elapsed(taken)).set_position(read);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

fn bar(of: Option<u64>) -> ProgressBar {
    let (bar, template) = match of {
        Some(of) => (ProgressBar::new(of), OF_MANY),
        None => (ProgressBar::no_length(), OF_UNKNOWN),
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style)
}

const OF_MANY: &str = "{bar:40} {bytes} of {total_bytes}, {eta} left";
const OF_UNKNOWN: &str = "{spinner} {bytes} read in {elapsed}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_sound() {
        assert!(ProgressStyle::with_template(OF_MANY).is_ok());
        assert!(ProgressStyle::with_template(OF_UNKNOWN).is_ok());
    }

    #[test]
    fn short_work_shows_no_bar() {
        let progress = Progress {
            start: Instant::now(),
            bar: OnceLock::new(),
        };
        progress.show(1, Some(2));
        assert!(progress.bar.get().is_none());
    }
}
