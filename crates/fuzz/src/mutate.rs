//! Inputs made of other inputs: small damage, and pieces of one put into another.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::MAX_INPUT_BYTES;

/// Changes made to one input at most: most faults need few, and many make noise of it.
const MAX_CHANGES: u32 = 6;

/// Words taken from the corpus at most.
const MAX_WORDS: usize = 4_096;

/// Numbers and bytes at which readers go wrong, whatever they read.
const TELLING: [&[u8]; 20] = [
    b"\0",
    b"\xff",
    b"\x80",
    b"\r\n",
    b"\n",
    b"\r",
    b"..",
    b"../",
    b"%2e",
    b"%00",
    b"\\",
    b"\"",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x80",
    b"18446744073709551615",
    b"9223372036854775808",
    b"-1",
    "e\u{301}".as_bytes(),
    "\u{202e}\u{10ffff}".as_bytes(),
];

/// Makes inputs; the same ones for the same name and seeds.
pub(crate) struct Mutator {
    random: StdRng,
    seeds: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
}

impl Mutator {
    /// `seeds` are not empty.
    pub(crate) fn new(name: &str, seeds: Vec<Vec<u8>>) -> Self {
        let seed = name.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let words = words(&seeds);
        Self { random: StdRng::seed_from_u64(seed), seeds, words }
    }

    /// One more input.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let mut input = self.seed();
        for _ in 0..self.random.random_range(1..=MAX_CHANGES) {
            self.change(&mut input);
        }
        input.truncate(MAX_INPUT_BYTES);
        input
    }

    fn seed(&mut self) -> Vec<u8> {
        let at = self.random.random_range(0..self.seeds.len());
        self.seeds[at].clone()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let (from, to) = self.range(input.len());
        match self.random.random_range(0..8) {
            0 => flip(input, from, 1 << self.random.random_range(0..8)),
            1 => drop(input.drain(from..to)),
            2 => {
                let piece = input[from..to].to_vec();
                self.insert(input, &piece);
            }
            3 => {
                let other = self.seed();
                let (from, to) = self.range(other.len());
                self.insert(input, &other[from..to]);
            }
            4 => {
                let telling = TELLING[self.random.random_range(0..TELLING.len())];
                self.insert(input, telling);
            }
            5 => {
                let telling = TELLING[self.random.random_range(0..TELLING.len())];
                drop(input.splice(from..to, telling.iter().copied()));
            }
            6 => {
                let word = self.word();
                self.insert(input, &word);
            }
            _ => {
                let word = self.word();
                drop(input.splice(from..to, word));
            }
        }
    }

    fn word(&mut self) -> Vec<u8> {
        match self.words.len() {
            0 => self.random.random::<[u8; 2]>().to_vec(),
            count => self.words[self.random.random_range(0..count)].clone(),
        }
    }

    fn insert(&mut self, input: &mut Vec<u8>, piece: &[u8]) {
        let at = self.random.random_range(0..=input.len());
        drop(input.splice(at..at, piece.iter().copied()));
    }

    /// A range of so many bytes; short ones are likely.
    fn range(&mut self, len: usize) -> (usize, usize) {
        let from = self.random.random_range(0..=len);
        let most = if self.random.random_bool(0.7) { 8 } else { len };
        let to = from + self.random.random_range(0..=(len - from).min(most));
        (from, to)
    }
}

fn flip(input: &mut [u8], at: usize, bit: u8) {
    if let Some(byte) = input.get_mut(at) {
        *byte ^= bit;
    }
}

/// What stands between the separators of the seeds, with one of them: keys, names, numbers.
fn words(seeds: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
    let mut words = BTreeSet::new();
    for seed in seeds {
        for word in seed.split_inclusive(|byte| !is_letter(byte)) {
            if (2..=64).contains(&word.len()) && words.len() < MAX_WORDS {
                words.insert(word.to_vec());
            }
        }
    }
    words.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seeds_give_the_same_inputs_and_not_only_themselves() {
        let seeds = vec![b"{\"path\": \"src/a\"}".to_vec(), Vec::new()];
        let (mut one, mut other) = (Mutator::new("x", seeds.clone()), Mutator::new("x", seeds.clone()));
        let made: Vec<_> = (0..200).map(|_| one.next()).collect();
        assert_eq!(made, (0..200).map(|_| other.next()).collect::<Vec<_>>());
        assert!(made.iter().filter(|input| !seeds.contains(input)).count() > 150);
        assert!(made.iter().all(|input| input.len() <= MAX_INPUT_BYTES));
    }
}
