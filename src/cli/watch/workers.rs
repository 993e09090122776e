//! The threads of `huemill watch`: each has an engine, takes a file from the queue, writes its results and reports. A file
//! that fails is a report like any other. When the process ends, the files in work are finished and the rest is skipped.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use super::messages::{Done, End, Message};
use super::results::Results;
use super::settling::Stamp;
use crate::cli::file_processor::{FileProcessor, ProcessError};
use crate::cli::picture_folder::is_picture;

/// A file to process, in the state in which it was complete.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
}

/// Processes jobs until there is no one left who sends some.
pub(super) fn run(
    jobs: &Mutex<Receiver<Job>>,
    results: &Results,
    stop: &AtomicBool,
    send: &SyncSender<Message>,
) {
    let mut processor = FileProcessor::of_regular_files();
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(job) = next() {
        let end =
            if stop.load(Ordering::Relaxed) { End::Skipped } else { process(&mut processor, &job, results) };
        let done = Done { path: job.path, stamp: job.stamp, end };
        if send.send(Message::Done(done)).is_err() {
            return;
        }
    }
}

fn process(processor: &mut FileProcessor, job: &Job, results: &Results) -> End {
    match is_picture(&job.path) {
        Ok(true) => {}
        Ok(false) => return End::NotAPicture,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return End::Changed,
        Err(source) => {
            return End::Failed(ProcessError::Read { path: job.path.clone(), source }.to_string());
        }
    }
    if let Err(error) = results.restore_folder() {
        return End::Failed(format!("the folder for the results cannot be used: {error}"));
    }
    let result = processor.process(&job.path, &results.options, &results.outputs(&job.path));
    if stamp(&job.path) != Some(job.stamp) {
        return End::Changed;
    }
    let processed = match result {
        Ok(processed) => processed,
        Err(error) => return End::Failed(error.to_string()),
    };
    match results.record(&job.path, job.stamp, &processed) {
        Ok(record) => End::Written(processed.card.unwrap_or(record)),
        Err(error) => End::Failed(format!("cannot write its results: {error}")),
    }
}

/// The state of a file, if there is one.
pub(super) fn stamp(path: &std::path::Path) -> Option<Stamp> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|metadata| Stamp::of(&metadata))
}
