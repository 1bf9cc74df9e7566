//! Who has not logged in yet: any process of the machine can connect, and keep a connection open for
//! nothing.

use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::oneshot;

use crate::proc::lock;

/// So many at once. When one more comes, the one that has been here longest goes: who has the key is
/// in within a moment.
const MOST: usize = 256;

#[derive(Debug, Clone, Default)]
pub(super) struct PendingLogins(Arc<Mutex<LoginQueue>>);

#[derive(Debug, Default)]
struct LoginQueue {
    next: u64,
    waiting: VecDeque<(u64, oneshot::Sender<()>)>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct PendingLogin {
    guests: PendingLogins,
    number: u64,
}

/// Tells when it has to go.
pub(super) type Leave = oneshot::Receiver<()>;

impl PendingLogins {
    /// Takes one in, and sends another away when there are too many.
    pub(super) fn enter(&self) -> (PendingLogin, Leave) {
        let (tell, leave) = oneshot::channel();
        let mut queue = lock(&self.0);
        let number = queue.next;
        queue.next += 1;
        queue.waiting.push_back((number, tell));
        if queue.waiting.len() > MOST
            && let Some((_, oldest)) = queue.waiting.pop_front()
        {
            // It may have gone by itself.
            let _ = oldest.send(());
        }
        let guests = self.clone();
        (PendingLogin { guests, number }, leave)
    }
}

impl Drop for PendingLogin {
    fn drop(&mut self) {
        let mut queue = lock(&self.guests.0);
        queue.waiting.retain(|(number, _)| *number != self.number);
    }
}

/// The time that a guest has.
pub(super) struct LoginDeadline {
    /// The same connection as the session's.
    connection: TcpStream,
    leave: Leave,
    time: Duration,
}

impl LoginDeadline {
    pub(super) fn of(stream: &impl AsFd, leave: Leave, time: Duration) -> io::Result<Self> {
        Ok(Self {
            connection: stream.as_fd().try_clone_to_owned()?.into(),
            leave,
            time,
        })
    }

    /// Goes on with its session, and shuts the connection when the guest must go.
    pub(super) async fn watch(self, session: impl Future<Output = ()>) {
        let Self {
            connection,
            leave,
            time,
        } = self;
        let must_go = async {
            tokio::select! {
                () = tokio::time::sleep(time) => true,
                // Dropped when it has logged in.
                told = leave => told.is_ok(),
            }
        };
        tokio::pin!(session);
        tokio::select! {
            () = &mut session => return,
            must_go = must_go => if must_go {
                // Whatever reads from it finds its end.
                let _ = connection.shutdown(Shutdown::Both);
            },
        }
        drop(connection);
        session.await;
    }
}

/// Lets this process have as many files open as it may: each connection takes several.
pub(super) fn raise_open_files() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    // Where it may not, there are fewer.
    let _ = setrlimit(Resource::Nofile, raised);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_leaves_when_too_many_come() {
        let guests = PendingLogins::default();
        let (first, mut leave) = guests.enter();
        let mut others: Vec<_> = (1..MOST).map(|_| guests.enter()).collect();
        assert!(leave.try_recv().is_err());
        // One that has logged in is no guest any more.
        let (_, mut logged_in) = others.swap_remove(0);
        assert!(logged_in.try_recv().is_err());
        others.push(guests.enter());
        assert!(leave.try_recv().is_err());
        others.push(guests.enter());
        assert!(leave.try_recv().is_ok());
        drop(first);
        assert_eq!(lock(&guests.0).waiting.len(), MOST);
    }
}
