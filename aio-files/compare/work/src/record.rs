use serde::{Deserialize, Serialize};

use crate::{InOrder, scatter};

/// What a record of the JSONL and of the CSV file holds.
#[derive(Debug, Deserialize, Serialize)]
pub struct Message {
    pub id: u64,
    pub sender: String,
    pub body: String,
    pub score: f64,
    pub at: i64,
}

impl Message {
    /// What it adds to the sum: every field of it.
    pub fn add_to(&self, sum: &mut InOrder) {
        let texts = (self.sender.len() as u64) << 32 | self.body.len() as u64;
        let numbers = self.score.to_bits() ^ self.at.cast_unsigned().rotate_left(32);
        sum.add(self.id ^ texts.rotate_left(8) ^ numbers);
    }
}

/// The n-th record. One in eight needs quotes in CSV and escapes in JSON.
pub fn message(n: usize) -> Message {
    let chance = scatter(n);
    let names = [
        "Alice", "Bob", "Carol", "Dave", "Eve", "Grace", "Heidi", "Ivan",
    ];
    let body = match chance % 8 {
        0 => format!("Bob said \"{n}\", and more"),
        _ => format!("I need your help with number {n}."),
    };
    Message {
        id: n as u64,
        sender: names[(chance >> 8) as usize % names.len()].to_owned(),
        body,
        // Quarters are exact, so that no parser can differ in the last digit.
        score: ((chance >> 16) % 4_000) as f64 / 4.0,
        at: 1_700_000_000 + n as i64,
    }
}
