//! Secrets that a test plants, and the search for them in all that was printed: in plain text or in a form in which
//! programs print bytes. The search also finds a part of a secret, since a truncated secret is a leak too.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::sync::Mutex;

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;

/// This many characters of a secret are a leak.
const PART: usize = 12;

/// This many characters of a secret's bytes written as numbers are a leak.
const NUMBERS: usize = 24;

/// The planted secrets, each with a description.
#[derive(Default)]
pub struct Canaries(Mutex<Vec<(String, String)>>);

impl Canaries {
    /// Plants a new secret of letters and digits, which no notation changes.
    pub fn plant(&self, what: &str) -> String {
        let mut random = rand::random::<u128>();
        let mut text = "c".to_owned();
        for _ in 0..23 {
            text.push(char::from_digit((random % 36) as u32, 36).unwrap());
            random /= 36;
        }
        self.watch(what, &text);
        text
    }

    /// Adds a secret that came from elsewhere.
    pub fn watch(&self, what: &str, text: &str) {
        assert!(text.len() >= PART, "{what}: {text} is too short to tell from chance");
        self.0.lock().unwrap().push((what.to_owned(), text.to_owned()));
    }

    /// The lines that leak a secret, each with the description of that secret.
    pub fn found_in(&self, lines: &[String]) -> BTreeSet<String> {
        let (parts, numbers) = self.index();
        let mut leaks = BTreeSet::new();
        for line in lines {
            let text = line.to_lowercase();
            for (index, size) in [(&parts, PART), (&numbers, NUMBERS)] {
                let hit = text.as_bytes().windows(size).find_map(|window| index.get(window));
                if let Some(what) = hit {
                    leaks.insert(format!("{what}: {}", line.chars().take(600).collect::<String>()));
                }
            }
        }
        leaks
    }

    fn index(&self) -> (HashMap<Vec<u8>, String>, HashMap<Vec<u8>, String>) {
        let (mut parts, mut numbers) = (HashMap::new(), HashMap::new());
        for (what, text) in self.0.lock().unwrap().iter() {
            let mut add = |form: &str, text: &str| {
                for window in text.to_lowercase().as_bytes().windows(PART) {
                    parts.insert(window.to_vec(), format!("{what}{form}"));
                }
            };
            add("", text);
            add(
                " in hexadecimal",
                &text.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")),
            );
            for shift in 0..3 {
                let shifted = format!("{}{text}", &"xx"[..shift.min(2)]);
                let encoded = BASE64_STANDARD_NO_PAD.encode(&shifted);
                // The outer characters contain bits of their neighbours.
                add(" in base64", &encoded[4.min(encoded.len())..encoded.len().saturating_sub(2)]);
            }
            let list = text.bytes().fold(String::new(), |mut list, byte| {
                let _ = write!(list, "{byte}, ");
                list
            });
            for window in list.as_bytes().windows(NUMBERS) {
                numbers.insert(window.to_vec(), format!("{what} as numbers"));
            }
        }
        (parts, numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(canaries: &Canaries, line: &str) -> Vec<String> {
        let lines = ["nothing".to_owned(), line.to_owned(), String::new()];
        canaries
            .found_in(&lines)
            .into_iter()
            .map(|leak| leak.split(": ").next().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn every_form_of_a_secret_is_found_and_named() {
        let canaries = Canaries::default();
        let (token, other) = (canaries.plant("the token"), canaries.plant("the other"));
        assert_ne!(token, other);
        let hex = token.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        for (line, what) in [
            (format!("{{\"cause\":\"token={token}&x\"}}"), "the token"),
            (token.to_uppercase(), "the token"),
            (token[5..5 + PART].to_owned(), "the token"),
            (format!("{other}!"), "the other"),
            (hex.clone(), "the token in hexadecimal"),
            (hex[10..10 + 2 * PART].to_uppercase(), "the token in hexadecimal"),
            (BASE64_STANDARD_NO_PAD.encode(&token), "the token in base64"),
            (BASE64_STANDARD_NO_PAD.encode(format!("u:{token}@host")), "the token in base64"),
            (BASE64_STANDARD_NO_PAD.encode(format!("u{token}")), "the token in base64"),
            (format!("{:?}", token.as_bytes()), "the token as numbers"),
        ] {
            assert_eq!(found(&canaries, &line), [what], "{line}");
        }
    }

    #[test]
    fn other_text_is_not_reported_as_a_leak() {
        let canaries = Canaries::default();
        let token = canaries.plant("the token");
        let part = token[..PART - 1].to_owned();
        for line in [part, token.chars().rev().collect(), "a".repeat(1000), "100, 100, 100, 100".to_owned()] {
            assert!(found(&canaries, &line).is_empty(), "{line}");
        }
    }
}
