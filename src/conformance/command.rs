//! What the program does with its arguments.

use std::fs::File;
use std::io::{self, BufRead};

use anyhow::{Context, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::belief::judge;
use super::journal::Journal;
use super::kit::{Ended, Kit, Trouble};
use super::options::{Arguments, Output};
use super::pace::Times;
use super::recording::{Recording, has_load_balancer};
use super::report::{differences, document, plan, table};
use super::step::{ACTIONS, RUN_DIGITS, service};
use crate::clb::Credentials;
use crate::clb::rights::policy;
use crate::stdout::print;

/// Does what the arguments ask for. True when something differs.
///
/// # Errors
/// When it could not be run, or not as a whole.
pub async fn execute(arguments: &Arguments) -> anyhow::Result<bool> {
    if arguments.cam_policy {
        print(&format!("{:#}\n", policy(ACTIONS.iter().map(|action| (service(action), *action)))))?;
        return Ok(false);
    }
    let Ended { recording, trouble } = match &arguments.replay {
        Some(path) => {
            let recording = Recording::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            Ended { recording, trouble: None }
        }
        None if arguments.resume => return resume(arguments).await.map(|()| false),
        None => run(arguments).await?,
    };
    let judged = judge(&recording);
    let text = match arguments.output {
        Output::Text => table(&judged),
        Output::Json => serde_json::to_string_pretty(&document(&judged))? + "\n",
    };
    print(&text)?;
    if let Some(trouble) = trouble {
        return Err(trouble.into());
    }
    if !has_load_balancer(&recording) {
        bail!("there was no load balancer to ask, so that most was not asked");
    }
    Ok(differences(&judged) > 0)
}

async fn run(arguments: &Arguments) -> anyhow::Result<Ended> {
    let run: String = uuid::Uuid::new_v4().simple().to_string().chars().take(RUN_DIGITS).collect();
    let asked = arguments.asked(&run).map_err(anyhow::Error::msg)?;
    let credentials = Credentials::from_environment()?;
    if Journal::read(&arguments.state)?.is_some() {
        let words = format!("there is the state file {}", arguments.state.display());
        return Err(Trouble::Left(words).into());
    }
    if let Some(path) = &arguments.record {
        // A run must not end without its recording because of a folder that is not there.
        File::options()
            .append(true)
            .create(true)
            .open(path)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    eprint!("{}", plan(&asked, &arguments.region));
    confirm(arguments, "Begin?")?;
    let mut kit = Kit::new(arguments, credentials, Times::default())?;
    let left = kit.left(asked.load_balancer.as_deref()).await?;
    if !left.is_empty() {
        return Err(Trouble::Left(left.words()).into());
    }
    let state = arguments.state.clone();
    let ended = until_interrupted(|stop| async move { kit.run(&asked, state, &stop).await }).await??;
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
    Ok(running.await)
}

async fn resume(arguments: &Arguments) -> anyhow::Result<()> {
    let mut kit = Kit::new(arguments, Credentials::from_environment()?, Times::default())?;
    if let Some(journal) = Journal::read(&arguments.state)? {
        if journal.made.region != arguments.region {
            bail!("the earlier run was in {}: give it with --region", journal.made.region);
        }
        let removed = kit.clean(journal).await?;
        eprint!("Of the run of the state file, this was taken away:\n{}", words_or_nothing(&removed.words()));
    }
    let left = kit.left(arguments.load_balancer.as_deref()).await?;
    if left.is_empty() {
        eprintln!("Nothing is left of any run.");
        return Ok(());
    }
    eprint!("This is left of other runs, which may still go on elsewhere:\n{}", left.words());
    confirm(arguments, "Take it away?")?;
    kit.clean_confirmed(arguments.load_balancer.as_deref(), &left).await?;
    eprintln!("It was taken away.");
    Ok(())
}

fn words_or_nothing(words: &str) -> String {
    if words.is_empty() { "nothing\n".to_owned() } else { words.to_owned() }
}

fn confirm(arguments: &Arguments, question: &str) -> anyhow::Result<()> {
    if arguments.yes {
        return Ok(());
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => bail!("nothing was done: it was not confirmed"),
    }
}
