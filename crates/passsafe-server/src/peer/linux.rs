//! Finding the process at the other end of a connection, on Linux.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use passsafe_peer::proc_fd::{self, Holder, Wanted};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::safe::caller::Process;
use crate::safe::consent::{Asker, Identity};

/// For finding a process, the wait for other searches included.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(2);

/// Adds the process `pid` to an asker, if it is the one that connected at `connected`.
pub(super) fn name_process(asker: Asker, pid: u32, account: u32, connected: Duration) -> Asker {
    let process = proc_fd::process(pid, account, connected);
    with_holder(asker, process.map_or(Holder::Unknown, Holder::Process))
}

fn with_holder(mut asker: Asker, holder: Holder) -> Asker {
    match holder {
        Holder::Process(proc_fd::Process { pid, started, command, program }) => {
            asker.caller.process = Some(Process::new(pid, &command, program.as_deref()));
            asker.identity = Identity::Process { pid, started };
        }
        Holder::Hidden => asker.caller.is_protected = true,
        Holder::Unknown => {}
    }
    asker
}

/// Searches `/proc` for the processes that hold sockets: one search at a time, each for all
/// requests that wait when it starts.
pub(super) struct ProcessSearch {
    running: Semaphore,
    queue: Mutex<Vec<Request>>,
}

struct Request {
    wanted: Wanted,
    /// The receiver is dropped when the request is given up.
    result: oneshot::Sender<Holder>,
}

impl Default for ProcessSearch {
    fn default() -> Self {
        Self { running: Semaphore::new(1), queue: Mutex::default() }
    }
}

impl ProcessSearch {
    /// Adds the process that holds the socket `inode` to an asker, if it is found in time.
    pub(super) async fn name_holder(
        &self,
        asker: Asker,
        inode: u64,
        account: u32,
        connected: Duration,
        is_wanted: impl Fn() -> bool,
    ) -> Asker {
        let until = Instant::now() + SEARCH_TIMEOUT;
        let mut result = self.enqueue(Wanted { inode, account, connected });
        let search = async {
            // The search of another connection may be for this socket, too.
            let _permit = tokio::select! {
                biased;
                holder = &mut result => return holder.ok(),
                permit = self.running.acquire() => permit,
            };
            if !is_wanted() {
                return None;
            }
            let requests = std::mem::take(&mut *self.queue());
            // The blocking task sends the results, because this connection may end before the
            // search does, and the others still wait.
            spawn_blocking(move || search_for(requests, until)).await.ok()?;
            result.await.ok()
        };
        let holder = timeout(SEARCH_TIMEOUT, search).await.ok().flatten();
        with_holder(asker, holder.unwrap_or(Holder::Unknown))
    }

    fn enqueue(&self, wanted: Wanted) -> oneshot::Receiver<Holder> {
        let (result, receiver) = oneshot::channel();
        let mut queue = self.queue();
        queue.retain(|request| !request.result.is_closed());
        queue.push(Request { wanted, result });
        receiver
    }

    fn queue(&self) -> MutexGuard<'_, Vec<Request>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn search_for(requests: Vec<Request>, until: Instant) {
    let open = requests.into_iter().filter(|request| !request.result.is_closed());
    let (wanted, mut results): (Vec<_>, HashMap<_, _>) =
        open.map(|it| (it.wanted, (it.wanted.inode, it.result))).unzip();
    proc_fd::holders(&wanted, until, |inode, holder| {
        if let Some(result) = results.remove(&inode) {
            let _given_up = result.send(holder);
        }
    });
}
