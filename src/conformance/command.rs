//! What the program does with its arguments.

use std::fs::{self, File};
use std::io::{self, BufRead, Write};
use std::path::Path;

use anyhow::{Context, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::belief::{Conclusion, conclusion, judge};
use super::journal::{Journal, StateError};
use super::kit::{Ended, Kit, Trouble};
use super::leftovers::Leftovers;
use super::options::{Arguments, Output};
use super::pace::Times;
use super::recording::{Inputs, Recording, has_load_balancer};
use super::report::{document, plan, table};
use super::step::{RUN_DIGITS, actions, service};
use crate::clb::Credentials;
use crate::clb::rights::policy;
use crate::stdout::print;

/// Does what the arguments ask for.
///
/// # Errors
/// When it could not be run, or not as a whole.
pub async fn execute(arguments: &Arguments) -> anyhow::Result<Conclusion> {
    if arguments.cam_policy {
        // With all that a run can be given.
        let own_load_balancer = arguments.load_balancer.is_none();
        let inputs = Inputs { own_load_balancer, dynamic_vip: false, has_target: true, has_certificate: true };
        print(&format!("{:#}\n", policy(actions(&inputs).into_iter().map(|action| (service(action), action)))))?;
        return Ok(Conclusion::Agrees);
    }
    let Ended { recording, trouble } = match &arguments.replay {
        Some(path) => {
            let recording = Recording::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            Ended { recording, trouble: None }
        }
        None if arguments.resume => return resume(arguments).await.map(|()| Conclusion::Agrees),
        None => run(arguments).await?,
    };
    let judged = judge(&recording);
    let text = match arguments.output {
        Output::Text => table(&judged, &recording),
        Output::Json => serde_json::to_string_pretty(&document(&judged, &recording))? + "\n",
    };
    let printed = print(&text);
    if let Some(trouble) = trouble {
        // That something may be left counts more than a table that nobody can read.
        return Err(trouble.into());
    }
    printed?;
    if !has_load_balancer(&recording) {
        bail!("there was no load balancer to ask, so that most was not asked");
    }
    Ok(conclusion(&judged))
}

async fn run(arguments: &Arguments) -> anyhow::Result<Ended> {
    let run: String = uuid::Uuid::new_v4().simple().to_string().chars().take(RUN_DIGITS).collect();
    let asked = arguments.asked(&run).map_err(anyhow::Error::msg)?;
    let credentials = Credentials::from_environment()?;
    if let Some(journal) = Journal::open(&arguments.state)? {
        let file = format!("{}\n{}", StateError::Exists(arguments.state.clone()), journal.state().words());
        return Err(Trouble::Left(file.trim_end().to_owned()).into());
    }
    // A run must not end without its recording because of a folder that is not there.
    let _empty = arguments.record.as_deref().map(EmptyFile::make).transpose()?;
    let mut kit = Kit::new(arguments, credentials, Times::default())?.with_notes(note);
    let origin = kit.origin(&asked.run, asked.load_balancer.as_deref()).await;
    eprint!("{}", plan(&asked, &origin));
    // Reads that are refused now would leave no way to see what is left afterwards.
    let others = kit.left(asked.load_balancer.as_deref()).await?;
    if !others.is_empty() {
        note(&of_others(&others));
    }
    confirm(arguments, "Begin?")?;
    let state = arguments.state.clone();
    let ended = until_interrupted(|stop| async move { kit.run(&asked, &state, &stop).await }).await??;
    let Some(path) = &arguments.record else { return Ok(ended) };
    // The table is printed whatever becomes of it.
    let written =
        ended.recording.write(path).map_err(|error| Trouble::Recording(format!("{}: {error}", path.display())));
    Ok(Ended { trouble: ended.trouble.or(written.err()), ..ended })
}

/// Stops what runs when the program is asked to end, and waits for its end: what was made is taken away before.
async fn until_interrupted<T, F: Future<Output = T>>(run: impl FnOnce(CancellationToken) -> F) -> io::Result<T> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = CancellationToken::new();
    let mut running = std::pin::pin!(run(stop.clone()));
    tokio::select! {
        result = &mut running => return Ok(result),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    stop.cancel();
    note("Stopping, and taking away what was made. It takes some seconds.");
    Ok(running.await)
}

async fn resume(arguments: &Arguments) -> anyhow::Result<()> {
    let mut kit = Kit::new(arguments, Credentials::from_environment()?, Times::default())?.with_notes(note);
    let file = arguments.state.display();
    match (&arguments.run, Journal::open(&arguments.state)?) {
        (None, Some(journal)) => {
            let gone = kit.clean(journal).await?;
            let gone = if gone.is_empty() { "nothing: it had made nothing that was left\n" } else { &gone };
            note(&format!("Of the run of the state file, this is gone now:\n{}", gone.trim_end()));
        }
        (None, None) => {
            note(&format!("There is no state file {file} here. Runs that have left one elsewhere are resumed there."))
        }
        (Some(run), Some(journal)) if journal.state().origin.run == *run => {
            bail!("{file} is the state file of the run {run}: leave --run out");
        }
        (Some(run), _) => return resume_without_file(arguments, &mut kit, run).await,
    }
    let left = kit.left(arguments.load_balancer.as_deref()).await?;
    note(&match left.is_empty() {
        true => nothing_shown(arguments),
        false => of_others(&left),
    });
    Ok(())
}

/// Takes away what is shown of a run that has left no state file.
async fn resume_without_file(arguments: &Arguments, kit: &mut Kit, run: &str) -> anyhow::Result<()> {
    let left = kit.left(arguments.load_balancer.as_deref()).await?.of(run);
    if left.is_empty() {
        note(&nothing_shown(arguments));
        return Ok(());
    }
    note(&format!("This is left of the run {run}:\n{}", left.words().trim_end()));
    confirm(arguments, "Take it away?")?;
    let gone = kit.clean_confirmed(&left).await?;
    note(&format!("This is gone now:\n{}", gone.trim_end()));
    Ok(())
}

fn nothing_shown(arguments: &Arguments) -> String {
    let (region, run) = (&arguments.region, arguments.run.as_ref());
    let whose = run.map_or_else(|| "another run".to_owned(), |run| format!("the run {run}"));
    let listeners = match &arguments.load_balancer {
        Some(id) => format!(", and no listener of one on {id}"),
        None => "; listeners on a load balancer that was given are looked for with --load-balancer only".to_owned(),
    };
    format!("No load balancer of {whose} is shown in {region}{listeners}.")
}

/// What is there of other runs, and how it is taken away.
fn of_others(left: &Leftovers) -> String {
    let commands: String = left.runs().iter().map(|run| format!("  clb-conformance --resume --run {run}\n")).collect();
    format!(
        "This is shown of other runs:\n{}They may be going on elsewhere: a run takes up to a quarter of an hour. Of one that does not, this takes \
         it away, with the same other flags:\n{}",
        left.words(),
        commands.trim_end(),
    )
}

/// How it goes, for who waits. That nobody reads it any more is no reason to stop: what was made is taken away nevertheless.
fn note(words: &str) {
    // There is nobody left to be informed when this cannot be written.
    let _ = writeln!(io::stderr(), "{}", words.trim_end());
}

/// A file that can be written, and that is taken away again when nothing was written into it.
struct EmptyFile<'a> {
    path: &'a Path,
    is_ours: bool,
}

impl<'a> EmptyFile<'a> {
    fn make(path: &'a Path) -> anyhow::Result<Self> {
        let is_ours = !path.exists();
        let made = File::options().append(true).create(true).open(path);
        made.map(|_| Self { path, is_ours }).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Drop for EmptyFile<'_> {
    fn drop(&mut self) {
        if self.is_ours && fs::metadata(self.path).is_ok_and(|file| file.len() == 0) {
            // Where it cannot be removed, it is in nobody's way.
            let _ = fs::remove_file(self.path);
        }
    }
}

fn confirm(arguments: &Arguments, question: &str) -> anyhow::Result<()> {
    if arguments.yes {
        return Ok(());
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => bail!("nothing was done: it was not confirmed"),
    }
}
