//! What is said in the head of a frame is short, whatever user code has to say.

use crate::wire::Ending;

/// What is longer is cut.
const LONGEST: usize = 64 << 10;

/// The longest beginning that does not split a character.
pub(super) fn cut(said: &str) -> &str {
    let end = (0..=LONGEST.min(said.len()))
        .rev()
        .find(|&end| said.is_char_boundary(end))
        .unwrap_or(0);
    &said[..end]
}

/// The same ending with no word too many.
pub(super) fn shortened(mut ending: Ending) -> Ending {
    match &mut ending {
        Ending::InputRejected { reason } | Ending::OutputRejected { reason } => {
            reason.truncate(cut(reason).len());
        }
        Ending::Panicked { message, location } => {
            message.truncate(cut(message).len());
            if let Some(location) = location {
                location.truncate(cut(location).len());
            }
        }
        Ending::Output | Ending::Error | Ending::Cancelled | Ending::UnknownTask => {}
    }
    ending
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = "é".repeat(LONGEST);
        assert_eq!(cut(&format!("x{long}")).len(), LONGEST - 1);
        let reason = long.clone();
        match shortened(Ending::OutputRejected { reason }) {
            Ending::OutputRejected { reason } => assert_eq!(reason.len(), LONGEST),
            other => panic!("{other:?}"),
        }
    }
}
