//! Futures that run a stream to its end: the free functions.
//!
//! Each is a method of [`AioItertools`](crate::AioItertools) as well, unless a
//! popular extension trait has a method of that name. They take the stream by
//! value; pass `&mut stream` to go on with the rest of it afterwards.
//!
//! An item that is an `Err` is an item like another here. To stop at the first
//! one, `futures` has `try_collect` and `try_fold`.

mod all_equal;
mod counts;
mod dict;
mod eq;
mod exactly_one;
mod extremes;
mod group_map;
mod is_sorted;
mod join;
mod k_smallest;
mod list;
mod minmax;
mod position;
mod reduce;
mod set;
mod sorted;
mod sum;

pub use all_equal::all_equal;
pub use counts::{counts, counts_by_key};
pub use dict::dict;
pub use eq::eq;
pub use exactly_one::{MoreThanOne, NotOne, at_most_one, exactly_one};
pub use extremes::{max, max_by, max_by_key, min, min_by, min_by_key};
pub use group_map::{group_map, group_map_by_key};
pub use is_sorted::{is_sorted, is_sorted_by, is_sorted_by_key};
pub use join::join;
pub use k_smallest::{
    k_largest, k_largest_by, k_largest_by_key, k_smallest, k_smallest_by, k_smallest_by_key,
};
pub use list::list;
pub use minmax::{MinMax, minmax, minmax_by, minmax_by_key};
pub use position::{first, last, nth};
pub use reduce::reduce;
pub use set::set;
pub use sorted::{sorted, sorted_by, sorted_by_key};
pub use sum::{prod, sum};
