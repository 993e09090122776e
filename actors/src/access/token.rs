//! The text form of access keys: `hm_<id>_<secret><checksum>`. The secret has 256 random bits in base 62, and the checksum,
//! a CRC-32 of all before it in six characters, lets scanners of published code tell real keys from words that look alike.
//! Only the digest of the secret is ever stored.

use huemill_store::KeyId;
use rand::Rng;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::delivery::hex;

const PREFIX: &str = "hm_";

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const ID_DIGITS: usize = 12;

/// 62^43 is more than 2^256.
const SECRET_DIGITS: usize = 43;

const CHECKSUM_DIGITS: usize = 6;

/// An access key as its holder sends it.
pub struct Token {
    /// The key's id.
    pub id: KeyId,
    secret: SecretString,
}

impl Token {
    /// A new key.
    ///
    /// # Panics
    /// Never: an id is made of digits that ids have.
    #[must_use]
    pub fn generate(random: &mut impl Rng) -> Self {
        let id: String = (0..ID_DIGITS).map(|_| digit(random.random_range(0..62))).collect();
        let id = KeyId::parse(&id).expect("twelve letters and digits");
        Self { id, secret: base62(random.random()).into() }
    }

    /// Parses a key. Returns `None` if it has not the form of one, or if its checksum is wrong.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (signed, checksum) = text.split_at_checked(text.len().checked_sub(CHECKSUM_DIGITS)?)?;
        let (id, secret) = signed.strip_prefix(PREFIX)?.split_once('_')?;
        let is_secret =
            secret.len() == SECRET_DIGITS && secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let id = KeyId::parse(id).filter(|_| is_secret && checksum_of(signed) == checksum)?;
        Some(Self { id, secret: secret.into() })
    }

    /// The text that its holder sends.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        let signed = format!("{PREFIX}{}_{}", self.id, self.secret.expose_secret());
        format!("{signed}{}", checksum_of(&signed)).into()
    }

    /// The digest of the secret, in hex.
    #[must_use]
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(self.secret.expose_secret()))
    }

    /// Whether this is the digest of the secret, in hex. Takes as long whether it is or not.
    #[must_use]
    pub fn matches(&self, digest: &str) -> bool {
        let own = Sha256::digest(self.secret.expose_secret());
        from_hex(digest).is_some_and(|digest| own.as_slice().ct_eq(&digest).into())
    }
}

/// The 32 bytes that [`hex`] writes as this text.
fn from_hex(text: &str) -> Option<[u8; 32]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let mut bytes = [0; 32];
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?;
    }
    Some(bytes)
}

fn digit(value: usize) -> char {
    char::from(DIGITS[value])
}

/// A number of 256 bits in base 62, the most significant digit first.
fn base62(mut number: [u8; 32]) -> String {
    let mut digits = Vec::with_capacity(SECRET_DIGITS);
    for _ in 0..SECRET_DIGITS {
        let mut rest = 0_usize;
        for byte in &mut number {
            let value = rest * 256 + usize::from(*byte);
            // The quotient of a rest below 62 and a byte is below 256.
            *byte = (value / 62) as u8;
            rest = value % 62;
        }
        digits.push(digit(rest));
    }
    digits.iter().rev().collect()
}

fn checksum_of(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes()) as usize;
    let mut digits = ['0'; CHECKSUM_DIGITS];
    for place in digits.iter_mut().rev() {
        *place = digit(rest % 62);
        rest /= 62;
    }
    digits.iter().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Expected values were computed with another program.
    #[test]
    fn the_largest_number_fits() {
        assert_eq!(base62([0; 32]), "0".repeat(43));
        assert_eq!(base62([255; 32]), "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1");
    }

    #[test]
    fn the_checksum_is_that_of_another_program() {
        let text = "hm_0123456789AB_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx44erms";
        assert_eq!(Token::parse(text).unwrap().to_text().expose_secret(), text);
    }

    #[test]
    fn a_key_is_parsed_as_it_was_written() {
        let key = Token::generate(&mut rand::rng());
        let text = key.to_text();
        let text = text.expose_secret();
        assert_eq!(text.len(), 3 + 12 + 1 + 43 + 6);
        let parsed = Token::parse(text).unwrap();
        assert_eq!((parsed.id, parsed.digest()), (key.id, key.digest()));
        assert!(key.matches(&parsed.digest()));
        assert!(!key.matches(&Token::generate(&mut rand::rng()).digest()));
        let digest = key.digest();
        assert_eq!(hex(&from_hex(&digest).unwrap()), digest);
        for wrong in
            ["", &digest[1..], &digest[2..], &format!("{digest}00"), &"g".repeat(64), &"ä".repeat(32)]
        {
            assert!(!key.matches(wrong), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_key_is_none(place in 0_usize..65, other in "[0-9A-Za-z_ä]") {
            let key = Token::generate(&mut rand::rng()).to_text();
            let mut letters: Vec<char> = key.expose_secret().chars().collect();
            let changed = letters[place].to_string() != other;
            letters[place] = other.chars().next().unwrap();
            let text: String = letters.into_iter().collect();
            prop_assert_eq!(Token::parse(&text).is_none(), changed);
        }

        #[test]
        fn any_text_is_parsed(text in ".{0,80}") {
            let _ = Token::parse(&text);
            let _ = Token::parse(&format!("hm_{text}"));
        }
    }
}
