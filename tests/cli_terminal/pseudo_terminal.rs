//! A pseudo-terminal at which a test runs a command, and reads what a person would see.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::support::wait_until;

/// A command that runs at a terminal. It is killed when it is dropped.
pub struct AtTerminal {
    child: Child,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl AtTerminal {
    /// Starts a command with its standard output and error at a terminal.
    pub fn start(command: Command) -> Self {
        let terminal = Terminal::open();
        let (output, errors) = (terminal.stream(), terminal.stream());
        Self::spawn(command, terminal, output.into(), errors.into())
    }

    /// Starts a command with only its standard error at a terminal.
    pub fn start_with_errors(command: Command, output: Stdio) -> Self {
        let terminal = Terminal::open();
        let errors = terminal.stream();
        Self::spawn(command, terminal, output, errors.into())
    }

    fn spawn(mut command: Command, terminal: Terminal, output: Stdio, errors: Stdio) -> Self {
        let child = command.stdout(output).stderr(errors).spawn().unwrap();
        // The command holds the terminal's other side: reading ends when the process does.
        drop(command);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (mut controller, into) = (File::from(terminal.0), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = controller.read(&mut bytes) {
                into.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
        });
        Self { child, seen }
    }

    /// What was printed so far, with the line breaks of files.
    pub fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).replace("\r\n", "\n")
    }

    /// Waits until this was printed, and returns all that was.
    #[track_caller]
    pub fn wait_for(&self, text: &str) -> String {
        wait_until(&format!("{text:?} is printed"), || self.seen().contains(text));
        self.seen()
    }

    /// Waits until the command has ended, and returns all that it printed.
    pub fn finish(mut self) -> String {
        self.child.wait().unwrap();
        let mut last = String::new();
        wait_until("all is read", || {
            let seen = self.seen();
            let is_all = seen == last && Arc::strong_count(&self.seen) == 1;
            last = seen;
            is_all
        });
        last
    }

    /// Stops the command with a signal that it can handle, and returns all that it printed.
    pub fn stop(self) -> String {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        self.finish()
    }
}

impl Drop for AtTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The side of a pseudo-terminal that a person looks at.
struct Terminal(OwnedFd);

impl Terminal {
    fn open() -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        Self(controller)
    }

    /// The side that a command writes to.
    fn stream(&self) -> OwnedFd {
        let name = ptsname(&self.0, Vec::new()).unwrap();
        rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap()
    }
}
