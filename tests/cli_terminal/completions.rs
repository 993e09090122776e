//! `huemill completions`: the script for bash completes commands in a bash, and every other shell has one too.

use std::process::Command;

use crate::{huemill, printed};

/// What bash offers for these words, the last of which is being typed.
fn offered(words: &[&str]) -> Vec<String> {
    let script = r#"
        eval "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
        function=$(complete -p huemill | sed 's/.*-F \([^ ]*\).*/\1/')
        "$function" huemill "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let output = Command::new("bash")
        .args(["--norc", "-c", script, "bash", &printed(&["completions", "bash"])])
        .args(words)
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_and_values() {
    assert_eq!(offered(&["huemill", "sub"]), ["submit"]);
    assert_eq!(offered(&["huemill", "jobs", "ca"]), ["cancel"]);
    assert_eq!(offered(&["huemill", "submit", "--cac"]), ["--cacert"]);
    assert_eq!(offered(&["huemill", "submit", "--priority", "h"]), ["high"]);
    assert_eq!(offered(&["huemill", "completions", "z"]), ["zsh"]);
    let all = offered(&["huemill", "submit", "--"]);
    for option in ["--server", "--api-key", "--cacert", "--config"] {
        assert!(all.iter().any(|offered| offered == option), "{option}: {all:?}");
    }
    for old in ["--ca", "--access-key"] {
        assert!(!all.iter().any(|offered| offered == old), "{old}: {all:?}");
    }
}

#[test]
fn every_shell_has_a_script_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&["completions", shell]);
        for word in ["submit", "healthcheck", "completions", "cacert"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(huemill(&["completions", "sh"]).output().unwrap().status.code(), Some(2));
}
