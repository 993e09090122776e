//! A service that cannot be reached: on a terminal, a command shows how long it still tries.

use std::net::TcpListener;

use crate::huemill;
use crate::pseudo_terminal::AtTerminal;

#[test]
fn the_time_that_is_left_is_counted_down_on_a_terminal_and_nowhere_else() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let command = |term: &str| {
        let mut command = huemill(&["queue", "status", "--token", "x", "--server", &server]);
        command.env("TERM", term);
        command
    };
    let seen = AtTerminal::start(command("xterm")).finish();
    for text in [
        "; trying up to 2 more times in the next 3 s\n",
        "trying again for another 3 s",
        "trying again for another 2 s",
        "trying again for another 1 s",
    ] {
        assert!(seen.contains(text), "{text}: {seen:?}");
    }
    let seen = AtTerminal::start(command("dumb")).finish();
    let lines: Vec<_> = seen.lines().collect();
    assert!(lines.len() == 2 && lines.iter().all(|line| line.contains(" cannot be reached: ")), "{seen:?}");
}
