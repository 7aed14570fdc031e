//! Plays worlds against the controller until a time is over, or one of them breaks a rule.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{ArgGroup, Parser};
use tke_direct_access_core::mutant::{Mutant, put_in};
use tke_direct_access_worlds::{
    Found, GoOn, Outcome, Perturbation, Story, Tally, broken, find, page, perturb, play, play_many, shrink, tell,
};

/// Plays worlds against the controller. Each story follows from a seed; seeds go up from --seed, which is 1 unless it is given.
#[derive(Parser)]
#[command(group = ArgGroup::new("faults").args(["mutants", "story"]).multiple(true))]
struct Arguments {
    /// For so many minutes.
    #[arg(long, default_value = "1", value_parser = minutes, allow_negative_numbers = true)]
    minutes: Duration,
    /// The first seed; the next story has the next one.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Plays this story instead.
    #[arg(long)]
    story: Option<PathBuf>,
    /// One point of the story goes another way, such as `17:crash-before`.
    #[arg(long, requires = "story", value_name = "NUMBER:WAY")]
    perturb: Option<Perturbation>,
    /// Plays each of these stories once for each point and each way in which it can go: files, or folders of them.
    #[arg(long, num_args = 1.., value_name = "PATH")]
    perturbations: Vec<PathBuf>,
    /// The most perturbations of one story.
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    most: usize,
    /// Puts faults in, one after another, and says how many steps it takes to find each.
    #[arg(long)]
    mutants: bool,
    /// Looks for this fault only. May be given several times. With `--story`, the first one is put in.
    #[arg(long, requires = "faults")]
    mutant: Vec<Mutant>,
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
    run(&Arguments::parse())
}

/// Reads minutes.
fn minutes(text: &str) -> Result<Duration, String> {
    let minutes: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
    Duration::try_from_secs_f64(minutes * 60.0).map_err(|error| error.to_string())
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if let Some(file) = &arguments.story {
        put_in(arguments.mutant.first().copied());
        let told = tell_story(file, arguments.perturb);
        put_in(None);
        return told;
    }
    if !arguments.perturbations.is_empty() {
        return perturbations(arguments);
    }
    let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = arguments.threads.unwrap_or_else(cores);
    if arguments.mutants { mutants(arguments, threads) } else { worlds(arguments, threads) }
}

fn read(file: &Path) -> anyhow::Result<Story> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    text.parse().with_context(|| file.display().to_string())
}

/// Tells a story.
///
/// # Errors
/// When it breaks a rule, or has no such point.
fn tell_story(file: &Path, perturbation: Option<Perturbation>) -> anyhow::Result<()> {
    let story = read(file)?;
    let undisturbed = perturbation.map(|_| play(&story));
    if let (Some(perturbation), Some(undisturbed)) = (perturbation, &undisturbed) {
        let points = undisturbed.points.len();
        anyhow::ensure!(perturbation.at <= points, "there is no point {}: the story has {points}", perturbation.at);
    }
    let mut outcome = tell(&story, perturbation);
    println!("{}", outcome.telling.join("\n"));
    println!("{} steps, {} points\n{}", outcome.steps, outcome.points.len(), outcome.end);
    if let Some(undisturbed) = undisturbed
        && let Ok(found) = broken(&undisturbed, &outcome)
    {
        outcome.violations = found.into_iter().collect();
    }
    for violation in &outcome.violations {
        println!("{violation}");
    }
    anyhow::ensure!(outcome.violations.is_empty(), "a rule is broken");
    Ok(())
}

/// The stories of these paths: files, or folders of them.
fn stories(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
        let is_story = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "story");
        let found: Vec<_> = entries.into_iter().map(|entry| entry.path()).filter(is_story).collect();
        anyhow::ensure!(!found.is_empty(), "no file in {} ends in .story", path.display());
        files.extend(found);
    }
    files.sort();
    Ok(files)
}

/// Plays stories with all their perturbations.
fn perturbations(arguments: &Arguments) -> anyhow::Result<()> {
    let begun = Instant::now();
    let files = stories(&arguments.perturbations)?;
    let (mut plays, mut steps, mut failures) = (0, 0, 0);
    for file in &files {
        let perturbed = perturb(&read(file)?, arguments.most, arguments.seed);
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let (points, incomparable) = (perturbed.points, perturbed.incomparable);
        println!(
            "{name}: {points} points, {} plays, {incomparable} with another end by other acts, {} failures",
            perturbed.plays,
            perturbed.failures.len()
        );
        for (perturbation, violation) in &perturbed.failures {
            println!("  --perturb {perturbation}: {violation}");
        }
        plays += perturbed.plays;
        steps += perturbed.steps;
        failures += perturbed.failures.len();
    }
    let seconds = begun.elapsed().as_secs_f64();
    let rate = steps as f64 / seconds;
    println!("{} stories, {plays} plays, {steps} steps, {rate:.0} steps a second, {failures} failures", files.len());
    anyhow::ensure!(failures == 0, "{failures} perturbations break a rule");
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
        let is_over = begun.elapsed() >= arguments.minutes;
        if is_over || trouble.is_err() { GoOn::No } else { GoOn::Yes }
    };
    let tally = play_many(arguments.seed, threads, after);
    progress(&tally);
    trouble?;
    println!("{} stories end as without their misfortunes, and {} need not", tally.same, tally.other);
    println!("{}", tally.reached.report().join("\n"));
    let (unexcused, reached) = tally.reached.surprises();
    for (of, name) in &reached {
        println!("reached after all, although UNREACHED has it: {of} {name}");
    }
    for (of, name) in unexcused.iter().filter(|_| tally.steps >= ENOUGH) {
        println!("not reached, and UNREACHED does not say why: {of} {name}");
    }
    anyhow::ensure!(tally.failures == 0, "{} stories break a rule", tally.failures);
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
    let telling = tell(&shortest, None).telling.join("\n");
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(format!("{seed}.story")), shortest.to_string())?;
    std::fs::write(folder.join(format!("{seed}.txt")), format!("{found}\n{shortest}\n{telling}\n"))?;
    Ok(())
}

/// The faults that are asked for: all, where none is.
fn wanted(arguments: &Arguments) -> impl Iterator<Item = Mutant> {
    Mutant::ALL.iter().copied().filter(|mutant| arguments.mutant.is_empty() || arguments.mutant.contains(mutant))
}

fn mutants(arguments: &Arguments, threads: usize) -> anyhow::Result<()> {
    let all: Vec<Mutant> = wanted(arguments).collect();
    let begun = Instant::now();
    let found = find(&all, arguments.seed, arguments.steps, threads, |mutant, by, violation| {
        println!("{:.0} s: {mutant:?} by {by}: {}", begun.elapsed().as_secs_f64(), violation.rule);
    });
    for Found { mutant, steps, by } in &found {
        match by {
            Some((by, violation)) => println!("{mutant:?}: {steps} steps: {} ({by})", violation.rule),
            None => println!("{mutant:?}: not found in {steps} steps"),
        }
    }
    if let Some(file) = &arguments.write {
        let before = std::fs::read_to_string(file).unwrap_or_default();
        std::fs::write(file, page(&found, &before)).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let missed = found.iter().filter(|found| found.by.is_none()).count();
    anyhow::ensure!(missed == 0 && !found.is_empty(), "{missed} of {} faults are not found", found.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/worlds/tests/recorded/a-listener-moves.story");

    fn parse(arguments: &[&str]) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(std::iter::once(&"worlds").chain(arguments))
    }

    fn fault(arguments: &[&str]) -> String {
        let parsed = parse(arguments).unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        run(&parsed).err().unwrap_or_else(|| panic!("{arguments:?} ends well")).to_string()
    }

    #[test]
    fn words_that_mean_nothing_are_refused() {
        for arguments in [
            &["--mutants", "--mutant", "nofloor"][..],
            &["--mutant", "NoFloor"],
            &["--story", STORY, "--mutant", "nothing"],
            &["--story", STORY, "--perturb", "0:late"],
            &["--minutes=-1"],
            &["--minutes", "-1"],
            &["--minutes", "nan"],
            &["--minutes", "1e300"],
        ] {
            assert!(parse(arguments).is_err(), "{arguments:?}");
        }
        let error = parse(&["--mutants", "--mutant", "nofloor"]).err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.contains("NoFloor")), "it names those that exist");
        assert_eq!(parse(&["--minutes", "0.5"]).ok().map(|parsed| parsed.minutes), Some(Duration::from_secs(30)));
        assert!(parse(&["--mutants", "--mutant", "NoFloor", "--mutant", "LastGoes"]).is_ok());
    }

    #[test]
    fn what_is_not_there_is_not_played() {
        let beyond = fault(&["--story", STORY, "--perturb", "99999:late"]);
        assert!(beyond.starts_with("there is no point 99999: the story has "), "{beyond}");
        fault(&["--perturbations", "no/such/folder"]);
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");
        assert!(fault(&["--perturbations", folder]).contains("ends in .story"));
    }

    #[test]
    fn a_story_that_breaks_a_rule_ends_as_a_failure() {
        assert!(parse(&["--story", STORY]).is_ok_and(|parsed| run(&parsed).is_ok()), "it breaks none by itself");
        assert_eq!(fault(&["--story", STORY, "--mutant", "DrainsForEver"]), "a rule is broken");
        let perturbed = ["--story", STORY, "--perturb", "6:answer-lost"];
        assert!(parse(&perturbed).is_ok_and(|parsed| run(&parsed).is_ok()), "nor then");
        assert_eq!(fault(&[&perturbed[..], &["--mutant", "LostAnswerWaits"]].concat()), "a rule is broken");
    }
}
