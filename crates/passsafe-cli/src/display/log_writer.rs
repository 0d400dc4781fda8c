//! Log lines for a standard error that is not the terminal: a file, a pipe, a log collector.
//!
//! A thread writes them, because a full pipe blocks its writer. A few texts wait for that
//! thread; the others wait in the model, which bounds them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::os::streams::note;

/// Texts that wait for a reader.
const MOST_WAITING: usize = 8;

/// The channel to the thread.
pub(super) struct LogWriter {
    texts: Sender<String>,
    waiting: Arc<AtomicUsize>,
    written: Receiver<()>,
}

impl LogWriter {
    pub(super) fn start() -> io::Result<Self> {
        Self::start_with(note)
    }

    fn start_with(write: impl Fn(&str) + Send + 'static) -> io::Result<Self> {
        let (texts, waiting_texts) = channel::<String>();
        let (all_written, written) = channel::<()>();
        let waiting = Arc::<AtomicUsize>::default();
        let count = waiting.clone();
        thread::Builder::new().spawn(move || {
            for text in waiting_texts {
                write(&text);
                count.fetch_sub(1, Ordering::Relaxed);
            }
            drop(all_written);
        })?;
        Ok(Self { texts, waiting, written })
    }

    /// Whether one more text may wait.
    pub(super) fn takes_output(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) < MOST_WAITING
    }

    /// Hands `text` on, without waiting for it to be read.
    pub(super) fn write(&self, text: String) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // The thread cannot end before this does.
        let _received = self.texts.send(text);
    }

    /// Waits until all is written, but no longer than that.
    pub(super) fn finish(self, patience: Duration) {
        drop(self.texts);
        // No value is ever sent: the thread ends the wait by dropping its end.
        let _or_timeout = self.written.recv_timeout(patience);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_that_is_not_read_takes_a_few_texts_and_blocks_no_caller() {
        let (read, is_read) = channel::<()>();
        let (sender, written) = channel();
        let lines = LogWriter::start_with(move |text| {
            sender.send(text.to_owned()).unwrap();
            // As a full pipe would.
            let _reader_gone = is_read.recv();
        })
        .unwrap();
        let mut taken = 0;
        while lines.takes_output() {
            lines.write(taken.to_string());
            taken += 1;
        }
        assert_eq!(taken, MOST_WAITING);
        assert_eq!(written.recv().unwrap(), "0");
        drop(read);
        lines.finish(Duration::from_secs(60));
        assert_eq!(written.into_iter().last().unwrap(), "7");
    }

    #[test]
    fn the_end_does_not_wait_for_a_reader() {
        let (_read, is_read) = channel::<()>();
        let lines = LogWriter::start_with(move |_| {
            let _never = is_read.recv();
        })
        .unwrap();
        lines.write("last words".to_owned());
        lines.finish(Duration::from_millis(1));
    }
}
