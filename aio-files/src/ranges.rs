//! Which pieces of a file to read for many ranges, and the ranges out of those.

use std::ops::Range;

use bytes::Bytes;

/// Reading so much that nobody asked for costs less than another system call.
const GAP: u64 = 4096;

/// Ranges, merged to pieces that neither touch nor nearly touch.
#[derive(Debug)]
pub(crate) struct Merged {
    pieces: Vec<Range<u64>>,
}

impl Merged {
    /// None of the ranges may end before it starts. Empty ones need no piece.
    pub(crate) fn of(ranges: &[Range<u64>]) -> Self {
        let mut ranges: Vec<_> = ranges
            .iter()
            .filter(|range| !range.is_empty())
            .cloned()
            .collect();
        ranges.sort_unstable_by_key(|range| range.start);
        let mut pieces: Vec<Range<u64>> = Vec::new();
        for range in ranges {
            match pieces.last_mut() {
                Some(last) if range.start <= last.end.saturating_add(GAP) => {
                    last.end = last.end.max(range.end);
                }
                _ => pieces.push(range),
            }
        }
        Self { pieces }
    }

    /// In ascending order.
    pub(crate) fn pieces(&self) -> &[Range<u64>] {
        &self.pieces
    }

    /// Cuts the ranges out of what was read of the pieces: less where the file ends.
    pub(crate) fn cut(&self, ranges: &[Range<u64>], read: Vec<Vec<u8>>) -> Vec<Bytes> {
        let read: Vec<_> = read.into_iter().map(Bytes::from).collect();
        let cut = |range: &Range<u64>| {
            let after = self
                .pieces
                .partition_point(|piece| piece.start <= range.start);
            let index = after.checked_sub(1)?;
            let (piece, bytes) = (self.pieces.get(index)?, read.get(index)?);
            let within = |at: u64| {
                let offset = usize::try_from(at - piece.start).unwrap_or(usize::MAX);
                offset.min(bytes.len())
            };
            Some(bytes.slice(within(range.start)..within(range.end)))
        };
        ranges
            .iter()
            .map(|range| match range.is_empty() {
                true => Bytes::new(),
                false => cut(range).unwrap_or_default(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of 64 KiB in which every byte says where it is.
    fn content() -> Vec<u8> {
        (0..65_536_u32).map(|at| (at ^ (at >> 8)) as u8).collect()
    }

    fn part(content: &[u8], range: &Range<u64>) -> Vec<u8> {
        let within =
            |at: u64| usize::try_from(at).map_or(content.len(), |at| at.min(content.len()));
        content[within(range.start)..within(range.end)].to_vec()
    }

    #[test]
    fn whatever_is_merged_each_range_gets_its_own_bytes() {
        let content = content();
        let mut seed = 1_u64;
        let mut below = |bound: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % bound
        };
        let mut merges = 0;
        for _ in 0..3000 {
            let ranges: Vec<_> = (0..below(12))
                .map(|_| {
                    let start = below(70_000);
                    start..start + below(3000) * below(3)
                })
                .collect();
            let merged = Merged::of(&ranges);
            let pieces = merged.pieces();
            for (one, next) in pieces.iter().zip(pieces.iter().skip(1)) {
                assert!(one.end + GAP < next.start, "{pieces:?} touch");
            }
            let read = pieces.iter().map(|piece| part(&content, piece)).collect();
            let expected: Vec<_> = ranges.iter().map(|range| part(&content, range)).collect();
            assert_eq!(merged.cut(&ranges, read), expected, "{ranges:?}");
            let asked = ranges.iter().filter(|range| !range.is_empty()).count();
            merges += usize::from(pieces.len() < asked);
        }
        assert!(merges > 1000, "{merges}");
    }

    #[test]
    fn the_largest_ranges_are_one_piece() {
        let merged = Merged::of(&[0..u64::MAX, 5..6, u64::MAX - 1..u64::MAX]);
        assert_eq!(merged.pieces(), std::slice::from_ref(&(0..u64::MAX)));
    }
}
