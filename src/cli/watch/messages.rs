//! What the loop of `huemill watch` hears of: changes in the folder, finished pictures, and signals. The channel is bounded;
//! who sends too fast waits. Changes that the system could not tell of are found by searching the folder.

use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread;

use notify::event::{ModifyKind, RenameMode};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::settling::Stamp;
use crate::cli::terminal::EXIT_INTERRUPTED;

/// Something that the loop reacts to.
#[derive(Debug)]
pub(super) enum Message {
    /// Something about this path has changed.
    Changed(PathBuf),
    /// This path was moved into place.
    Moved(PathBuf),
    /// Changes were lost, or a folder is new: search everything.
    Search,
    /// A picture is done.
    Done(Done),
    /// The process shall end.
    Stop,
}

/// What has become of a file.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) path: PathBuf,
    /// Its state when work on it began.
    pub(super) stamp: Stamp,
    pub(super) end: End,
}

/// How work on a file ended.
#[derive(Debug)]
pub(super) enum End {
    /// Its results are written; the path is that of the card, or of the JSON if there is no card.
    Written(PathBuf),
    /// Why it has no results.
    Failed(String),
    /// It is not a picture.
    NotAPicture,
    /// It has changed in the meantime, or is gone.
    Changed,
    /// The process is ending.
    Skipped,
}

/// Sends what changes below the folder, until the watcher is dropped.
pub(super) fn watch(folder: &Path, send: SyncSender<Message>) -> notify::Result<RecommendedWatcher> {
    let handle = move |event: notify::Result<Event>| {
        let messages = event.map_or_else(|_| vec![Message::Search], messages);
        // The loop has ended if nobody receives.
        for message in messages {
            let _ = send.send(message);
        }
    };
    // Links to folders are not followed, as in the search: one to / would have every folder of the machine watched.
    let config = Config::default().with_follow_symlinks(false);
    let mut watcher = RecommendedWatcher::new(handle, config)?;
    watcher.watch(folder, RecursiveMode::Recursive)?;
    Ok(watcher)
}

/// What an event means.
fn messages(event: Event) -> Vec<Message> {
    if event.need_rescan() {
        return vec![Message::Search];
    }
    let paths = event.paths.into_iter();
    match event.kind {
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => paths.map(Message::Moved).collect(),
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => paths.skip(1).map(Message::Moved).collect(),
        EventKind::Create(_) | EventKind::Modify(_) | EventKind::Any => paths.map(Message::Changed).collect(),
        EventKind::Access(_) | EventKind::Remove(_) | EventKind::Other => Vec::new(),
    }
}

/// Handles Ctrl-C and SIGTERM from now on: the first sets `stop` and is sent, a second one ends the process at once.
pub(super) fn handle_signals(stop: Arc<AtomicBool>, send: SyncSender<Message>) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _entered = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let listen = move || {
        for count in 0_usize.. {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            });
            if count > 0 {
                process::exit(i32::from(EXIT_INTERRUPTED));
            }
            stop.store(true, Ordering::Relaxed);
            // It only wakes the loop: if the channel is full, the loop is awake.
            let _ = send.try_send(Message::Stop);
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(listen).map(drop)
}

#[cfg(test)]
mod tests {
    use notify::event::{AccessKind, CreateKind, Flag};

    use super::*;

    fn text(event: Event) -> Vec<String> {
        messages(event).iter().map(|message| format!("{message:?}")).collect()
    }

    #[test]
    fn events_are_changes_moves_or_reasons_to_search() {
        let event = |kind| Event::new(kind).add_path("a".into());
        assert_eq!(text(event(EventKind::Create(CreateKind::File))), [r#"Changed("a")"#]);
        let renamed = |mode| EventKind::Modify(ModifyKind::Name(mode));
        assert_eq!(text(event(renamed(RenameMode::To))), [r#"Moved("a")"#]);
        assert_eq!(text(event(renamed(RenameMode::Both)).add_path("b".into())), [r#"Moved("b")"#]);
        assert_eq!(text(event(EventKind::Access(AccessKind::Read))), [""; 0]);
        assert_eq!(text(Event::new(EventKind::Other).set_flag(Flag::Rescan)), ["Search"]);
    }
}
