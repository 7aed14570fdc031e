//! The image, built by `tools/image` and run by runc as the Deployment says, against a real control plane and the simulated cloud.
//!
//! This needs root, Buildah and runc; as root they are installed where apt-get is. What cannot be tried is counted as ignored, with the
//! reason. The program is that of the other tests, without its symbols: its size is nothing to judge, and `tools/image` itself refuses a
//! release that is too large.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test, a failure here is the failure of the test"
)]

#[path = "../support/mod.rs"]
mod support;

mod build;
mod container;
mod contents;
mod dns;
mod needs;
#[path = "../install/place.rs"]
mod place;
#[path = "../install/program.rs"]
mod program;
mod run;
mod seccomp;

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Trial};

use build::Image;
use needs::Need;

/// Long enough for a busy machine; a test that gets this far has failed.
const DEADLINE: Duration = Duration::from_secs(150);

/// The image that all tests look at, built by the first. It goes with the last.
type Shared = Arc<OnceLock<Result<Image, String>>>;

fn main() -> ExitCode {
    let image = Shared::default();
    let trial = |name, needs, test| trial(&image, name, needs, test);
    let contents = &[Need::Buildah];
    let start = &[Need::Buildah, Need::Runc];
    let work = &[Need::Buildah, Need::Runc, Need::Memory];
    let trials = vec![
        trial("two_builds_have_one_digest", contents, contents::two_builds_have_one_digest),
        trial(
            "it_has_the_program_its_libraries_certificates_time_zones_and_no_shell",
            contents,
            contents::nothing_else_is_in_it,
        ),
        trial(
            "the_bill_of_materials_names_everything_that_is_linked",
            contents,
            contents::everything_is_in_the_bill_of_materials,
        ),
        trial("nothing_but_the_program_can_be_started", start, run::nothing_else_can_be_started),
        trial("it_runs_as_the_deployment_says", work, |image| blocking(run::it_runs_as_the_deployment_says(image))),
        trial("beyond_its_memory_it_is_killed_and_goes_on", work, |image| {
            blocking(run::beyond_its_memory_it_is_killed_and_goes_on(image));
        }),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A test of the image; ignored where something that it needs is neither there nor can be installed.
fn trial(image: &Shared, name: &str, needs: &'static [Need], test: fn(&Image)) -> Trial {
    let image = Shared::clone(image);
    Trial::ignorable_test(format!("image::{name}"), move || {
        if let Some(missing) = needs.iter().find_map(|need| need.missing()) {
            return Ok(Completion::ignored_with(missing));
        }
        test(image.get_or_init(Image::built).as_ref()?);
        Ok(Completion::Completed)
    })
}

fn blocking(test: impl Future<Output = ()>) {
    tokio::runtime::Runtime::new().unwrap().block_on(test);
}
