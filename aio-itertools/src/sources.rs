//! Streams out of values: the functions and their types.

mod combinations;
mod count;
mod iter;
mod permutations;
mod powerset;
mod product;
mod repeat;

pub use combinations::{
    Combinations, CombinationsWithReplacement, combinations, combinations_with_replacement,
};
pub use count::{Count, Number, count};
pub use iter::{Iter, iter};
pub use permutations::{Permutations, permutations};
pub use powerset::{Powerset, powerset};
pub use product::{Product, product};
pub use repeat::{Repeat, repeat};
