/// Adler-32 over bytes in their order; Python has the same as `zlib.adler32`.
#[derive(Debug)]
pub struct Adler {
    a: u64,
    b: u64,
}

const MODULUS: u64 = 65_521;

/// So many bytes can be added up before the sums must be reduced.
const PIECE: usize = 1 << 20;

impl Default for Adler {
    fn default() -> Self {
        Adler { a: 1, b: 0 }
    }
}

impl Adler {
    pub fn add(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE) {
            self.add_few(piece.iter());
        }
    }

    /// Adds at most 1 Mi of bytes.
    pub fn add_few<'a>(&mut self, bytes: impl Iterator<Item = &'a u8>) {
        for &byte in bytes {
            self.a += u64::from(byte);
            self.b += self.a;
        }
        self.a %= MODULUS;
        self.b %= MODULUS;
    }

    pub fn sum(&self) -> u64 {
        (self.b << 16) | self.a
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_adler_of_everybody_else_in_any_pieces() {
        let mut adler = Adler::default();
        adler.add(b"Wikipedia");
        assert_eq!(adler.sum(), 0x11E6_0398); // the example of RFC 1950's algorithm in Wikipedia
        let bytes = vec![255; 3 * PIECE + 1];
        let (mut whole, mut parts) = (Adler::default(), Adler::default());
        whole.add(&bytes);
        bytes.chunks(1000).for_each(|part| parts.add(part));
        assert_eq!(whole.sum(), parts.sum());
    }
}
