//! What the laws don't say about running values, slices and filters.
