//! Plays worlds against the controller until a time is over, or one of them breaks a rule.

use std::num::NonZero;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use tke_direct_access_core::mutant::Mutant;
use tke_direct_access_worlds::{GoOn, Outcome, Story, Tally, find, for_each, page, play, play_many, shrink, tell};

/// Plays worlds against the controller.
#[derive(Parser)]
struct Arguments {
    /// For so many minutes.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// The first seed; the next story has the next one.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Plays this story instead.
    #[arg(long)]
    story: Option<PathBuf>,
    /// Puts faults in, one after another, and says how many steps it takes to find each.
    #[arg(long)]
    mutants: bool,
    /// Looks for this fault only. May be given several times.
    #[arg(long, requires = "mutants")]
    mutant: Vec<String>,
    /// Writes the page that lists the faults into this file. What it says of faults that are not looked for stays.
    #[arg(long, requires = "mutants")]
    write: Option<PathBuf>,
    /// The most steps in which each fault is to be found.
    #[arg(long, requires = "mutants", default_value_t = 3_000_000)]
    steps: u64,
    /// Goes on after a story that breaks a rule, and leaves what is short of it in this folder.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Plays so many stories at once. Default: as many as there are cores.
    #[arg(long)]
    threads: Option<usize>,
}

/// How often it is said how far it is.
const PROGRESS: Duration = Duration::from_secs(10);
/// After so many steps, what was not reached is not to be reached.
const ENOUGH: u64 = 2_000_000;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(file) = &arguments.story {
        return tell_story(file);
    }
    let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = arguments.threads.unwrap_or_else(cores);
    if arguments.mutants { mutants(&arguments, threads) } else { worlds(&arguments, threads) }
}

fn tell_story(file: &std::path::Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let story: Story = text.parse()?;
    let outcome = tell(&story);
    println!("{}", outcome.telling.join("\n"));
    println!("{} steps\n{}", outcome.steps, outcome.end);
    for violation in &outcome.violations {
        println!("{violation}");
    }
    Ok(())
}

fn worlds(arguments: &Arguments, threads: usize) -> anyhow::Result<()> {
    let begun = Instant::now();
    let (mut said, mut trouble) = (begun, Ok(()));
    let progress = |tally: &Tally| {
        let (seconds, Tally { stories, steps, failures, .. }) = (begun.elapsed().as_secs_f64(), tally);
        println!(
            "{stories} stories, {steps} steps, {:.0} steps a second, {failures} failures",
            *steps as f64 / seconds
        );
    };
    let after = |story: &Story, outcome: &Outcome, tally: &Tally| {
        if said.elapsed() >= PROGRESS {
            said = Instant::now();
            progress(tally);
        }
        if !outcome.violations.is_empty() {
            trouble = failed(story, outcome, arguments);
        }
        let is_over = begun.elapsed() >= Duration::from_secs_f64(arguments.minutes * 60.0);
        if is_over || trouble.is_err() { GoOn::No } else { GoOn::Yes }
    };
    let tally = play_many(arguments.seed, threads, after);
    progress(&tally);
    trouble?;
    println!("{}", tally.reached.report().join("\n"));
    let (unexcused, reached) = tally.reached.surprises();
    for (of, name) in &reached {
        println!("reached after all, although UNREACHED has it: {of} {name}");
    }
    for (of, name) in unexcused.iter().filter(|_| tally.steps >= ENOUGH) {
        println!("not reached, and UNREACHED does not say why: {of} {name}");
    }
    anyhow::ensure!(tally.steps < ENOUGH || unexcused.is_empty(), "{} variants are not reached", unexcused.len());
    Ok(())
}

/// A story breaks a rule: it is made shorter, and kept or printed.
fn failed(story: &Story, outcome: &Outcome, arguments: &Arguments) -> anyhow::Result<()> {
    let Some(violation) = outcome.violations.first() else { return Ok(()) };
    let (seed, shortest) = (story.seed, shrink(story));
    let found = play(&shortest).violations.first().map_or_else(|| violation.to_string(), ToString::to_string);
    println!("seed {seed}: {found}");
    let Some(folder) = &arguments.keep else {
        println!("{shortest}");
        anyhow::bail!("a rule is broken");
    };
    let telling = tell(&shortest).telling.join("\n");
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(format!("{seed}.story")), shortest.to_string())?;
    std::fs::write(folder.join(format!("{seed}.txt")), format!("{found}\n{shortest}\n{telling}\n"))?;
    Ok(())
}

fn mutants(arguments: &Arguments, threads: usize) -> anyhow::Result<()> {
    let is_wanted = |mutant: &&Mutant| {
        arguments.mutant.is_empty() || arguments.mutant.iter().any(|name| format!("{mutant:?}") == *name)
    };
    let all: Vec<Mutant> = Mutant::ALL.iter().filter(is_wanted).copied().collect();
    let found = for_each(&all, threads, |mutant| {
        let found = find(*mutant, arguments.seed, arguments.steps);
        match &found.by {
            Some((seed, violation)) => println!("{mutant:?}: {} steps: {} (seed {seed})", found.steps, violation.rule),
            None => println!("{mutant:?}: not found in {} steps", found.steps),
        }
        found
    });
    if let Some(file) = &arguments.write {
        let before = std::fs::read_to_string(file).unwrap_or_default();
        std::fs::write(file, page(&found, &before)).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let missed = found.iter().filter(|found| found.by.is_none()).count();
    anyhow::ensure!(missed == 0 && !found.is_empty(), "{missed} of {} faults are not found", found.len());
    Ok(())
}
