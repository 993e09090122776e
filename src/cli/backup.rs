//! `huemill backup` and `huemill restore`: copy the embedded store and its pictures to a folder, and back.
//!
//! Both commands complete as a whole or leave nothing behind.

mod command;
mod create;
mod file_tree;
mod restore;

pub(super) use create::{BackupArgs, run as run_backup};
pub(super) use restore::{RestoreArgs, run as run_restore};
