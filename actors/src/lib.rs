//! Who does what, and what happens when one fails: one noun a file, one actor a noun.

pub mod fault;
