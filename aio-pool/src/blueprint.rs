//! What a worker process is started from: all that is decided before there is
//! one. The supervisor has it, and each worker is made by it, the first and
//! those that take its place.

use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::environment::Change;
use crate::output::{Feeder, Output};
use crate::setup::Setup;

/// What the workers of a pool have in common, and what each place has of its
/// own.
#[derive(Debug)]
pub(crate) struct Blueprint {
    /// How far below the program the workers are.
    pub(crate) depth: u32,
    /// The changes to the environment, by place.
    pub(crate) environments: Vec<Vec<Change>>,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
    /// Where lines go, if there are any. Dropping the last of these ends the
    /// streams.
    pub(crate) lines: Option<Arc<Feeder>>,
    /// What each worker is told first, but for its place.
    pub(crate) setup: Setup,
}

impl Blueprint {
    /// The greeting of the worker at this place.
    pub(crate) fn setup(&self, place: usize) -> Setup {
        Setup {
            place: u32::try_from(place).unwrap_or(u32::MAX),
            ..self.setup.clone()
        }
    }

    /// Gives the command its environment, and the outputs that are no pipes.
    pub(crate) fn dress(&self, command: &mut Command, place: usize) {
        for change in self.environments.get(place).into_iter().flatten() {
            change.apply(command);
        }
        if self.stdout == Output::Discard {
            command.stdout(Stdio::null());
        }
        if self.stderr == Output::Discard {
            command.stderr(Stdio::null());
        }
    }
}
